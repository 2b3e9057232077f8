"""The loss of a pair with a weighted label and a length margin, and that without them nothing changes.

With m the log-ratio margin of a pair, C the weight of its label and |y| an answer's tokens, its end token among them:

    z    = beta * m + alpha * (|y_w| - |y_l|)
    loss = mean over pairs of C * -log sigmoid(z) + (1 - C) * -log sigmoid(-z)
"""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.contents import weights_digest
from srlm.engines.weights import load_model, load_tokenizer
from srlm.records import PreferencePair, Prompt, Response
from srlm.settings import LoraSettings
from srlm.text.chat import Chat
from srlm.training import dpo, scratch
from srlm.worlds.beads import program
from tests.srlm.training.test_dpo import MODEL, PAIRS, other_model, settings, token_logs

__all__ = ["other_model"]  # a fixture
CERTAIN = (1.0, 1.0)
UNSURE = (0.75, 0.4)


def l(z: float) -> float:  # noqa: E743
    return math.log1p(math.exp(-z))


def test_the_loss_of_two_pairs_with_the_sums_written_out() -> None:
    """beta .5, alpha .1. First pair: m = 3 - 1 = 2, 5 - 2 = 3 tokens: z = 1 + .3 = 1.3, C = .75.
    Second: m = -1 - 1 = -2, 3 - 7 = -4 tokens: z = -1 - .4 = -1.4, C = .4.

    l(1.3) = log(1 + e^-1.3) = .2410084, and l(-1.3) = .2410084 + 1.3 = 1.5410084
    l(-1.4) = log(1 + e^1.4) = 1.6204174, and l(1.4) = 1.6204174 - 1.4 = .2204174
    first  .75 * .2410084 + .25 * 1.5410084 = .5660084
    second .40 * 1.6204174 + .60 * .2204174 = .7804174
    mean   .6732128
    """
    ratios, lengths = torch.tensor([3.0, -1.0, 1.0, 1.0]), torch.tensor([5, 3, 2, 7])
    found = dpo.pair_loss(ratios, lengths, torch.tensor([0.75, 0.4]), beta=0.5, alpha=0.1)
    assert float(found) == pytest.approx(0.6732128, abs=1e-6)


def test_a_certain_label_gives_dpos_loss_and_an_even_one_is_least_where_nothing_is_preferred() -> None:
    ratios, lengths = torch.tensor([2.0, 0.5]), torch.tensor([4, 4])
    assert float(dpo.pair_loss(ratios, lengths, None, 1.0, 0.0)) == pytest.approx(l(1.5))
    assert float(dpo.pair_loss(ratios, lengths, torch.tensor([1.0]), 1.0, 0.0)) == pytest.approx(l(1.5))
    even = [float(dpo.pair_loss(torch.tensor([m, 0.0]), lengths, torch.tensor([0.5]), 1.0, 0.0)) for m in (-1, 0, 1)]
    assert even[1] == pytest.approx(math.log(2))
    assert even[0] == pytest.approx(even[2]) and even[0] > even[1]


def test_the_longer_a_chosen_answer_the_less_its_pair_teaches() -> None:
    """The gradient with respect to the log-ratio margin is -beta * sigmoid(-z): .5 at z = 0, and with alpha .2 and 5
    tokens more sigmoid(-1) = .2689, 5 tokens less sigmoid(1) = .7311."""

    def pull(longer: int) -> float:
        ratios = torch.tensor([0.0, 0.0], requires_grad=True)
        dpo.pair_loss(ratios, torch.tensor([10 + longer, 10]), None, 1.0, 0.2).backward()
        assert ratios.grad is not None
        return -float(ratios.grad[0])

    assert [pull(0), pull(5), pull(-5)] == pytest.approx([0.5, 0.2689414, 0.7310586])


def optimise(model: Path, reference: Path, folder: Path, weights: tuple[float, float], **changes: Any) -> Any:
    """Train on PAIRS with these weights of their labels; the loss history."""
    pairs = [pair._replace(label_weight=weight) for pair, weight in zip(PAIRS, weights, strict=True)]
    wanted = settings(**changes)
    return dpo.optimise(
        load_model(model, MODEL),
        None if wanted.lora else load_model(reference, MODEL),
        load_tokenizer(reference, MODEL),
        pairs,
        (),
        wanted,
        seed=7,
        dtype="float32",
        work=folder / "work",
        target=folder / "model",
    )


def by_hand(policy: Any, reference: Any, weights: tuple[float, float], beta: float = 0.5, alpha: float = 0.0) -> float:
    """From the raw logits of unpadded sequences."""
    losses = []
    for pair, weight in zip(PAIRS, weights, strict=True):
        chosen, rejected = (
            sum(token_logs(policy, pair.prompt_ids, ids)) - sum(token_logs(reference, pair.prompt_ids, ids))
            for ids in (pair.chosen_ids, pair.rejected_ids)
        )
        z = beta * (chosen - rejected) + alpha * (len(pair.chosen_ids) - len(pair.rejected_ids))
        losses.append(weight * l(z) + (1 - weight) * l(-z))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("micro", [1, 2])
@pytest.mark.parametrize(
    ("weights", "alpha"),
    [
        pytest.param(UNSURE, 0.0, id="weights"),
        pytest.param(CERTAIN, 0.3, id="margin"),
        pytest.param(UNSURE, 0.3, id="both"),
    ],
)
def test_the_trainer_computes_the_formula_on_a_batch(
    bead_model: Path, other_model: Path, tmp_path: Path, weights: tuple[float, float], alpha: float, micro: int
) -> None:
    first, *_ = optimise(bead_model, other_model, tmp_path, weights, length_margin=alpha, micro_batch_size=micro)
    policy, reference = load_model(bead_model, MODEL), load_model(other_model, MODEL)
    expected = by_hand(policy, reference, weights, alpha=alpha)
    assert first["loss"] == pytest.approx(expected, abs=2e-6)
    assert abs(expected - by_hand(policy, reference, CERTAIN)) > 1e-3


def test_the_likelihood_of_the_chosen_answers_stays_beside_it(
    bead_model: Path, other_model: Path, tmp_path: Path
) -> None:
    first, *_ = optimise(bead_model, other_model, tmp_path, UNSURE, nll_weight=0.2)
    policy, reference = load_model(bead_model, MODEL), load_model(other_model, MODEL)
    logs = [log for pair in PAIRS for log in token_logs(policy, pair.prompt_ids, pair.chosen_ids)]
    assert first["loss"] == pytest.approx(by_hand(policy, reference, UNSURE) - 0.2 * sum(logs) / 9, abs=2e-6)


def test_with_adapters_the_reference_is_the_model_without_them(bead_model: Path, tmp_path: Path) -> None:
    """Before the first step nothing is learnt, z = alpha * (lengths), 6 - 3 and 3 - 5 tokens: .3 * 3 = .9, -.6.

    C l(.9) + (1 - C) l(-.9) = .75 * .3411 + .25 * 1.2411 = .5661; .4 * 1.0375 + .6 * .4375 = .6775; mean .6218.
    """
    lora = LoraSettings(rank=4, alpha=8, dropout=0.5)
    history = optimise(
        bead_model, bead_model, tmp_path, UNSURE, lora=lora, length_margin=0.3, max_steps=3, learning_rate=1e-2
    )
    assert [len(one) for pair in PAIRS for one in (pair.chosen_ids, pair.rejected_ids)] == [6, 3, 3, 5]
    assert history[0]["loss"] == pytest.approx(0.6218, abs=1e-4)
    assert weights_digest(tmp_path / "model") != weights_digest(bead_model)


def test_the_same_loss_twice_trains_the_same_model(bead_model: Path, tmp_path: Path) -> None:
    """Labels that are almost certain give almost TRL's own training: the two ways to the loss agree."""
    sure = (1 - 1e-7, 1 - 1e-7)
    own = optimise(bead_model, bead_model, tmp_path / "own", sure, max_steps=4, save_steps=1)
    trls = optimise(bead_model, bead_model, tmp_path / "trl", CERTAIN, max_steps=4, save_steps=1)
    for one, other in zip(own, trls, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-6)
        assert one["rewards/margins"] == pytest.approx(other["rewards/margins"], abs=1e-6)


PROMPT = Prompt.of("a gold b red copy", "beads")


def preference_pair() -> PreferencePair:
    better, worse = (Response.of(PROMPT.id, f"1 {word} .", "M1", draw, "stop") for draw, word in enumerate("ab"))
    return PreferencePair.of(PROMPT, better, worse, 2.0, 1.0)


def test_a_certain_pair_is_written_as_it_was_before_labels_had_weights() -> None:
    pair = preference_pair()
    assert "label_weight" not in json.loads(pair.model_dump_json())
    unsure = pair.model_copy(update={"label_weight": 0.75})
    assert json.loads(unsure.model_dump_json())["label_weight"] == 0.75
    assert PreferencePair.model_validate_json(unsure.model_dump_json()) == unsure
    assert pair.fault() is None and unsure.fault() is None
    assert pair.model_copy(update={"label_weight": 1.5}).fault() == "a label weight of 1.5 is not within 0 to 1"


def test_the_weight_of_a_pair_reaches_its_example() -> None:
    pair = preference_pair().model_copy(update={"label_weight": 0.25})
    (example,), left_out = dpo.examples(Chat(scratch.tokenizer(program.vocabulary())), [pair], 96)
    assert (example.label_weight, left_out) == (0.25, 0)
