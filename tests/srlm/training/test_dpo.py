"""DPO through TRL's trainer against the formula worked out by hand, and what the reference is.

With log pi(y|x) the sum over the answer's tokens of the log-softmax at the place before each token:

    margin = [log pi(y_w|x) - log ref(y_w|x)] - [log pi(y_l|x) - log ref(y_l|x)]
    loss   = mean over pairs of -log sigmoid(beta * margin)
"""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from srlm.contents import weights_digest
from srlm.engines.weights import load_model, load_tokenizer, save
from srlm.errors import DataError
from srlm.records import PreferencePair, Prompt, Response
from srlm.settings import DpoSettings, LoraSettings, ModelSettings, ScratchModel
from srlm.text.chat import Chat
from srlm.training import dpo, scratch, sft
from srlm.training.batches import collator
from srlm.worlds.beads import program

MODEL = ModelSettings(base="unused")
PAIRS = (
    dpo.PairExample([2, 4, 16, 6, 5], [26, 7, 27, 8, 50, 3], [26, 9, 3]),
    dpo.PairExample([2, 4, 16, 6, 17, 9, 5], [26, 12, 3], [26, 13, 27, 7, 3]),
)
"""Token ids: a short prompt with a long and a short answer, a longer prompt with a short and a long one."""
EFT = (
    sft.Example([2, 4, 30, 5, 40, 41, 3], [-100, -100, -100, -100, 40, 41, 3]),
    sft.Example([2, 4, 31, 32, 33, 5, 42, 3], [-100, -100, -100, -100, -100, -100, 42, 3]),
)


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with other random weights of the same shape."""
    words = scratch.tokenizer(program.vocabulary())
    shape = ScratchModel(width=32, layers=1, heads=2, feed_forward=64, max_positions=96)
    folder = tmp_path_factory.mktemp("other model") / "model"
    save(scratch.random_model(shape, words, seed=2), words, folder)
    return folder


def settings(**changes: Any) -> DpoSettings:
    return DpoSettings.model_validate(
        {"batch_size": 2, "micro_batch_size": 2, "max_steps": 1, "learning_rate": 1e-3, "beta": 0.5, **changes}
    )


def optimise(
    policy: Any, reference: Path | None, folder: Path, wanted: DpoSettings, replay: tuple[sft.Example, ...] = ()
) -> list[dict[str, float]]:
    """Train on PAIRS and return the loss history; the model is saved to `folder`/model."""
    return dpo.optimise(
        load_model(policy, MODEL) if isinstance(policy, Path) else policy,
        load_model(reference, MODEL) if reference is not None else None,
        load_tokenizer(reference or policy, MODEL),
        PAIRS,
        replay,
        wanted,
        seed=7,
        dtype="float32",
        work=folder / "work",
        target=folder / "model",
    )


@torch.no_grad()  # type: ignore[untyped-decorator]
def token_logs(model: Any, prompt: list[int], answer: list[int]) -> list[float]:
    """log p of each token of the answer, from the raw logits of one unpadded sequence.

    The logits at place i foretell the token at place i + 1.
    """
    logs = model(torch.tensor([prompt + answer])).logits[0].float().log_softmax(-1)
    return [logs[len(prompt) + i - 1, token].item() for i, token in enumerate(answer)]


def by_hand(policy: Any, reference: Any, beta: float) -> float:
    """-log sigmoid(beta * margin), averaged over PAIRS."""
    losses = []
    for pair in PAIRS:
        chosen, rejected = (
            sum(token_logs(policy, pair.prompt_ids, ids)) - sum(token_logs(reference, pair.prompt_ids, ids))
            for ids in (pair.chosen_ids, pair.rejected_ids)
        )
        losses.append(-math.log(1 / (1 + math.exp(-beta * (chosen - rejected)))))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_the_loss_is_the_papers_formula(bead_model: Path, other_model: Path, tmp_path: Path, beta: float) -> None:
    first, *_ = optimise(bead_model, other_model, tmp_path, settings(beta=beta))
    policy, reference = load_model(bead_model, MODEL), load_model(other_model, MODEL)
    assert first["step"] == 1
    assert first["loss"] == pytest.approx(by_hand(policy, reference, beta), abs=2e-6)
    assert first["loss"] != pytest.approx(math.log(2), abs=1e-3)  # the models differ: the formula was put to work
    logs = [sum(token_logs(policy, pair.prompt_ids, pair.chosen_ids)) for pair in PAIRS]
    assert first["logps/chosen"] == pytest.approx(sum(logs) / 2, abs=1e-4)


def test_pairs_in_micro_batches_give_the_loss_of_the_whole_batch(
    bead_model: Path, other_model: Path, tmp_path: Path
) -> None:
    first, *_ = optimise(bead_model, other_model, tmp_path, settings(micro_batch_size=1))
    expected = by_hand(load_model(bead_model, MODEL), load_model(other_model, MODEL), 0.5)
    assert first["loss"] == pytest.approx(expected, abs=2e-6)


def test_the_likelihood_term_is_a_mean_over_all_tokens_of_the_chosen_answers(
    bead_model: Path, other_model: Path, tmp_path: Path
) -> None:
    """TRL's `sft` loss: - (sum of log p over the 6 + 3 tokens of both chosen answers, end tokens too) / 9.

    A mean over tokens of the micro batch, so a long answer weighs more than a short one; rejected answers have no part.
    """
    first, *_ = optimise(bead_model, other_model, tmp_path, settings(nll_weight=0.2))
    policy, reference = load_model(bead_model, MODEL), load_model(other_model, MODEL)
    logs = [log for pair in PAIRS for log in token_logs(policy, pair.prompt_ids, pair.chosen_ids)]
    assert len(logs) == 9
    assert first["loss"] == pytest.approx(by_hand(policy, reference, 0.5) + 0.2 * -sum(logs) / 9, abs=2e-6)


@pytest.mark.parametrize("packing", [pytest.param(False, id="padded"), pytest.param(True, id="packed")])
def test_eft_replay_adds_the_weighted_likelihood_of_its_batch(
    bead_model: Path, other_model: Path, tmp_path: Path, packing: bool
) -> None:
    """Two examples, batches of two: every batch holds both, 3 + 2 tokens with loss."""
    first, *_ = optimise(bead_model, other_model, tmp_path, settings(eft_replay=0.3, packing=packing), EFT)
    policy, reference = load_model(bead_model, MODEL), load_model(other_model, MODEL)
    logs = token_logs(policy, [2, 4, 30, 5], [40, 41, 3]) + token_logs(policy, [2, 4, 31, 32, 33, 5], [42, 3])
    assert first["loss"] == pytest.approx(by_hand(policy, reference, 0.5) + 0.3 * -sum(logs) / 5, abs=2e-6)


def test_a_replayed_batch_depends_on_step_and_place_alone() -> None:
    data = [sft.Example([2, number, 3], [-100, number, 3]) for number in range(10, 60)]
    one, again = (dpo.Replay(data, 4, 0.3, seed=1, collate=collator(0, packing=False)) for _ in range(2))
    again.batch(5, 0, "cpu")  # what was drawn before does not matter
    batches = {at: one.batch(*at, "cpu")["input_ids"].tolist() for at in [(0, 0), (0, 1), (1, 0)]}
    assert again.batch(1, 0, "cpu")["input_ids"].tolist() == batches[1, 0]
    assert batches[0, 0] != batches[0, 1]
    assert batches[0, 0] != batches[1, 0]


def test_the_reference_is_the_parent_wherever_its_configuration_came_from(
    bead_model: Path, other_model: Path, tmp_path: Path
) -> None:
    """TRL on its own would load the reference from config._name_or_path; here that folder holds other weights."""
    m1 = tmp_path / "M1" / "model"
    optimise(bead_model, bead_model, m1.parent, settings(max_steps=3))
    assert weights_digest(m1) != weights_digest(bead_model)
    digests = []
    for run, named in (("named", other_model), ("gone", tmp_path / "nowhere")):
        policy = load_model(m1, MODEL)
        policy.config._name_or_path = str(named)
        policy.name_or_path = str(named)
        history = optimise(policy, m1, tmp_path / run, settings(max_steps=3))
        assert history[0]["loss"] == pytest.approx(math.log(2), abs=1e-7)
        assert history[0]["rewards/margins"] == 0
        assert history[0]["rewards/chosen"] == 0
        assert history[-1]["rewards/margins"] > 0
        digests.append(weights_digest(tmp_path / run / "model"))
    assert digests[0] == digests[1]


def test_the_reference_stays_as_it_was(bead_model: Path, tmp_path: Path) -> None:
    history = optimise(bead_model, bead_model, tmp_path, settings(max_steps=4, save_steps=1))
    trained, parent = load_model(tmp_path / "model", MODEL), load_model(bead_model, MODEL)
    assert [line["step"] for line in history] == [1, 2, 3, 4]
    assert history[-1]["loss"] > by_hand(trained, parent, 0.5)  # logged before the last update, against the parent
    assert history[-1]["loss"] < math.log(2)


def lora(dropout: float) -> DpoSettings:
    return settings(max_steps=3, learning_rate=1e-2, lora=LoraSettings(rank=4, alpha=8, dropout=dropout))


def test_lora_trains_and_is_merged_into_a_plain_model(bead_model: Path, tmp_path: Path) -> None:
    history = optimise(bead_model, None, tmp_path, lora(dropout=0.0))
    assert history[0]["loss"] == pytest.approx(math.log(2), abs=1e-7)
    assert history[0]["rewards/margins"] == 0
    assert history[-1]["rewards/margins"] > 0
    parent, merged = (load_model(folder, MODEL).state_dict() for folder in (bead_model, tmp_path / "model"))
    assert set(parent) == set(merged)
    changed = {name.split(".")[-2] for name in parent if not torch.equal(parent[name], merged[name])}
    assert changed == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert not [path.name for path in (tmp_path / "model").iterdir() if "adapter" in path.name]


def test_the_adapters_dropout_is_in_force_and_leaves_the_reference_alone(bead_model: Path, tmp_path: Path) -> None:
    history = optimise(bead_model, None, tmp_path / "a", lora(dropout=0.5))
    optimise(bead_model, None, tmp_path / "b", lora(dropout=0.0))
    assert history[0]["rewards/margins"] == 0
    assert weights_digest(tmp_path / "a" / "model") != weights_digest(tmp_path / "b" / "model")


# Examples -----------------------------------------------------------------------------------------------------------

PROMPT = Prompt.of("a gold b red c blue copy", "beads")


def example(chosen: Response, rejected: Response, max_length: int = 96) -> tuple[list[dpo.PairExample], int]:
    pair = PreferencePair.of(PROMPT, chosen, rejected, 5, 1)
    return dpo.examples(Chat(scratch.tokenizer(program.vocabulary())), [pair], max_length)


def response(text: str, draw: int, finish: Any = "stop") -> Response:
    return Response.of(PROMPT.id, text, "M1", draw, finish)


def words(ids: list[int]) -> str:
    return " ".join(scratch.tokenizer(program.vocabulary()).convert_ids_to_tokens(ids))


def test_a_pair_is_rendered_as_generation_sees_it() -> None:
    (made,), left_out = example(response("1 gold 2 red 3 blue .", 0), response("1 gold .", 1))
    assert words(made.prompt_ids) == "<bos> <user> a gold b red c blue copy <asst>"
    assert words(made.chosen_ids) == "1 gold 2 red 3 blue . <eos>"
    assert words(made.rejected_ids) == "1 gold . <eos>"
    assert left_out == 0


def test_an_answer_cut_at_the_limit_gets_no_end_token() -> None:
    (made,), _ = example(response("1 gold .", 0), response("1 gold 1 gold 1", 1, "length"))
    assert words(made.chosen_ids) == "1 gold . <eos>"
    assert words(made.rejected_ids) == "1 gold 1 gold 1"


def test_an_answer_whose_end_nobody_saw_is_taken_as_ended() -> None:
    (made,), _ = example(response("1 gold .", 0, None), response("1 red .", 1))
    assert words(made.chosen_ids) == "1 gold . <eos>"


def test_an_empty_answer_that_stopped_is_an_end_token() -> None:
    (made,), left_out = example(response("1 gold .", 0), response("", 1))
    assert words(made.rejected_ids) == "<eos>"
    assert left_out == 0


def test_an_empty_answer_that_was_cut_is_left_out_and_counted() -> None:
    assert example(response("1 gold .", 0), response("", 1, "length")) == ([], 1)


@pytest.mark.parametrize(("max_length", "left_out"), [(18, 0), (17, 1)])
def test_a_pair_longer_than_the_limit_is_left_out_and_counted(max_length: int, left_out: int) -> None:
    """Ten tokens of prompt, eight of the longer answer (the end token included): 18."""
    made, counted = example(response("1 gold .", 0), response("1 gold 2 red 3 blue .", 1), max_length)
    assert (len(made), counted) == (1 - left_out, left_out)


def test_a_reference_folder_that_vanishes_during_training_changes_nothing(bead_model: Path, tmp_path: Path) -> None:
    """The reference is in memory: no step reads its folder again."""
    copy = tmp_path / "copy"
    shutil.copytree(bead_model, copy)
    policy, reference, tokenizer = load_model(copy, MODEL), load_model(copy, MODEL), load_tokenizer(copy, MODEL)
    shutil.rmtree(copy)
    made = dpo.optimise(
        policy, reference, tokenizer, PAIRS, (), settings(),
        seed=7, dtype="float32", work=tmp_path / "work", target=tmp_path / "model",
    )  # fmt: skip
    assert made[0]["loss"] == pytest.approx(math.log(2), abs=1e-7)


def test_a_pair_that_an_older_srlm_kept_says_what_to_do() -> None:
    old = json.loads(PreferencePair.of(PROMPT, response("1 gold .", 0), response("1 red .", 1), 5, 1).model_dump_json())
    now = {"prompt", "chosen", "rejected", "chosen_finish", "rejected_finish", "chosen_thought", "rejected_thought"}
    pair = PreferencePair.model_validate({name: value for name, value in old.items() if name not in now})
    assert (pair.id, pair.prompt, pair.chosen) == (old["id"], (), ())
    with pytest.raises(DataError, match=f"pair {pair.id}: has no messages, .* delete its pairs.jsonl"):
        dpo.examples(Chat(scratch.tokenizer(program.vocabulary())), [pair], 96)


def test_a_pair_with_half_of_its_messages_is_no_pair() -> None:
    whole = json.loads(
        PreferencePair.of(PROMPT, response("1 gold .", 0), response("1 red .", 1), 5, 1).model_dump_json()
    )
    with pytest.raises(ValidationError, match="or none of the three"):
        PreferencePair.model_validate(whole | {"rejected": []})
