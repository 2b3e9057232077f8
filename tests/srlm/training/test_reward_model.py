"""The reward model through TRL's trainer against the formula worked out by hand, and as it is read afterwards.

With r(x, y) the head's output at the last token of the conversation:

    loss = mean over pairs of -log sigmoid(r(x, y_w) - r(x, y_l)) + center * mean of (r(x, y_w) + r(x, y_l))^2
"""

import datetime
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.engines.weights import load_chat
from srlm.errors import ModelError
from srlm.judge.reward_model import RewardModel
from srlm.methods.stages_online import human_pairs
from srlm.records import Message, PreferencePair, Prompt, RankedSet, Response, user
from srlm.settings import LoraSettings, ModelSettings, RewardModelSettings
from srlm.training import reward_model
from tests.srlm.training import families
from tests.tiny_tokenizers import byte_level

MODEL = ModelSettings(base="unused")
PAIRS = (
    reward_model.RankedExample([2, 4, 16, 6, 5, 26, 7, 27, 8, 50, 3], [2, 4, 16, 6, 5, 26, 9, 3]),
    reward_model.RankedExample([2, 4, 16, 6, 17, 9, 5, 26, 12, 3], [2, 4, 16, 6, 17, 9, 5, 26, 13, 27, 7, 3]),
)
"""Token ids: one pair whose better answer is the longer one, one whose worse answer is. All end with the end token."""


def settings(**changes: Any) -> RewardModelSettings:
    return RewardModelSettings.model_validate(
        {"batch_size": 2, "micro_batch_size": 2, "max_steps": 1, "learning_rate": 1e-3, **changes}
    )


def fit(base: Path, folder: Path, wanted: RewardModelSettings, tokenizer: Any = None) -> list[dict[str, float]]:
    """Train on PAIRS and return the loss history; the reward model is saved to `folder`/model."""
    return reward_model.fit(
        reward_model.load_classifier(base, MODEL, seed=5),
        tokenizer or load_chat(base, MODEL).tokenizer,
        PAIRS,
        wanted,
        seed=7,
        dtype="float32",
        work=folder / "work",
        target=folder / "model",
    )


def pair_of(prompt: Prompt, better: str, worse: str) -> PreferencePair:
    """Two answers that a person ranked 0 and 1."""
    first, second = (Response.of(prompt.id, text, "human", draw) for draw, text in enumerate((better, worse)))
    return PreferencePair.of(prompt, first, second, 0, -1)


@torch.no_grad()  # type: ignore[untyped-decorator]
def outputs(base: Path) -> list[tuple[float, float]]:
    """r of the better and of the worse answer, before training: the head's weights times the last hidden state of one
    unpadded sequence."""
    model = reward_model.load_classifier(base, MODEL, seed=5).eval()

    def reward(ids: list[int]) -> float:
        last = model.model(torch.tensor([ids])).last_hidden_state[0, -1]
        return float(model.score.weight[0] @ last)

    return [(reward(pair.chosen_ids), reward(pair.rejected_ids)) for pair in PAIRS]


@pytest.mark.parametrize("center", [0.0, 0.5])
def test_the_loss_is_bradley_and_terrys(bead_model: Path, tmp_path: Path, center: float) -> None:
    first, *_ = fit(bead_model, tmp_path, settings(center=center))
    (a, b), (c, d) = outputs(bead_model)
    expected = (math.log(1 + math.exp(b - a)) + math.log(1 + math.exp(d - c))) / 2
    expected += center * ((a + b) ** 2 + (c + d) ** 2) / 2
    assert first["loss"] == pytest.approx(expected, abs=2e-6)
    assert abs(a - b) > 1e-3  # the formula was put to work
    assert first["accuracy"] == ((a > b) + (c > d)) / 2


def test_a_pad_token_that_also_ends_turns_shortens_no_conversation(bead_model: Path, tmp_path: Path) -> None:
    """transformers takes the output at the last token that is not the pad token; here that would be one before it."""
    tokenizer = load_chat(bead_model, MODEL).tokenizer
    tokenizer.pad_token = tokenizer.eos_token
    first, *_ = fit(bead_model, tmp_path, settings(), tokenizer)
    (a, b), (c, d) = outputs(bead_model)
    expected = (math.log(1 + math.exp(b - a)) + math.log(1 + math.exp(d - c))) / 2
    assert first["loss"] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("lora", [None, LoraSettings(rank=2)], ids=["all-weights", "adapters"])
def test_what_was_trained_prefers_what_it_was_trained_to_and_is_read_alike(
    bead_model: Path, tmp_path: Path, lora: LoraSettings | None
) -> None:
    wanted = settings(max_steps=30, learning_rate=2e-2, final_learning_rate=0, lora=lora)
    prompts = [Prompt.of("a black b white mate", "beads"), Prompt.of("a green b gold copy", "beads")]
    answers = [("1 white 2 black .", "1 black ."), ("1 green 2 gold .", "1 gold 2 gold 3 gold .")]
    pairs = [pair_of(prompt, *two) for prompt, two in zip(prompts, answers, strict=True)]
    tokenizer = reward_model.reading_tokenizer(load_chat(bead_model, MODEL))
    rows, left_out = reward_model.examples(tokenizer, pairs, 64)
    assert left_out == 0
    model = reward_model.load_classifier(bead_model, MODEL, seed=5)
    history = reward_model.fit(
        model, tokenizer, rows, wanted, seed=7, dtype="float32", work=tmp_path / "work", target=tmp_path / "model"
    )
    assert history[-1]["loss"] < 0.5 < history[0]["loss"]
    opened = RewardModel.load(str(tmp_path / "model"), MODEL, batch_size=4)
    for pair, row in zip(pairs, rows, strict=True):
        assert opened.ids(pair.prompt, pair.chosen[0].content) == row.chosen_ids  # trained on what it is asked with
        better, worse = opened.scores([(pair.prompt, turn.content) for turn in (pair.chosen[0], pair.rejected[0])])
        assert better is not None and worse is not None and better > worse
    opened.close()


def test_an_interrupted_training_ends_with_the_same_bytes(bead_model: Path, tmp_path: Path) -> None:
    wanted = settings(max_steps=5, batch_size=1, micro_batch_size=1, save_steps=2)
    fit(bead_model, tmp_path / "whole", wanted)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    work, target = tmp_path / "work", tmp_path / "cut" / "model"
    target.parent.mkdir()
    tokenizer = load_chat(bead_model, MODEL).tokenizer
    for report in (stop, lambda done, total: None):
        model = reward_model.load_classifier(bead_model, MODEL, seed=5)
        try:
            reward_model.fit(
                model, tokenizer, PAIRS, wanted, seed=7, dtype="float32", report=report, work=work, target=target
            )
        except KeyboardInterrupt:
            assert (tmp_path / "work/checkpoint-2/whole").is_file()
    for name in ("model/model.safetensors", "model/config.json", "training.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_pairs_of_a_ranked_set_and_ties_that_give_none() -> None:
    """Ranks 1, 0, 1, 2: a pair of any two that differ, 6 - 1 = 5 of them; the best against the worst is one."""
    prompt = Prompt.of("?", "people")
    responses = tuple(Response.of(prompt.id, text, "human", draw) for draw, text in enumerate(["c", "a", "b", "d"]))
    ranked = RankedSet.of(prompt, responses, (1, 0, 1, 2))
    texts = [(pair.chosen[0].content, pair.rejected[0].content) for pair in human_pairs([ranked], "all")]
    assert texts == [("a", "c"), ("a", "b"), ("a", "d"), ("c", "d"), ("b", "d")]
    (pair,) = human_pairs([ranked], "best_worst")
    assert (pair.chosen[0].content, pair.rejected[0].content, pair.margin) == ("a", "d", 2.0)
    tied = RankedSet.of(prompt, responses, (0, 0, 0, 0))
    assert human_pairs([tied], "all") == human_pairs([tied], "best_worst") == []


def test_answers_that_are_too_long_or_read_alike_are_left_out(bead_model: Path) -> None:
    prompt = Prompt.of("a black mate", "beads")
    texts = {"long": ("1 black .", "1 " * 40), "alike": ("1 black .", " 1 black ."), "kept": ("1 black .", "2 .")}
    pairs = [pair_of(prompt, *two) for two in texts.values()]
    tokenizer = load_chat(bead_model, MODEL).tokenizer
    rows, left_out = reward_model.examples(tokenizer, pairs, 32)
    assert (len(rows), left_out) == (1, 2)
    assert tokenizer.decode(rows[0].rejected_ids) == "<bos> <user> a black mate <asst> 2 . <eos>"


def test_a_template_with_a_clock_is_saved_with_the_runs_date(bead_model: Path) -> None:
    chat = load_chat(bead_model, MODEL.model_copy(update={"date": datetime.date(2026, 2, 3)}))
    chat.tokenizer.chat_template = "{{ strftime_now('%d %b') }} " + chat.tokenizer.chat_template
    tokenizer = reward_model.reading_tokenizer(chat)
    text = tokenizer.apply_chat_template([{"role": m.role, "content": m.content} for m in user("a")], tokenize=False)
    assert text.startswith("03 Feb ")
    assert chat.tokenizer.chat_template.startswith("{{ strftime_now")


@pytest.mark.parametrize(
    "name",
    ["qwen2", *(pytest.param(name, marks=pytest.mark.soak) for name in ("gpt2", "gemma3_text", "opt", "mixtral"))],
)
def test_real_architectures_are_trained_saved_and_opened(tmp_path: Path, name: str) -> None:
    families.make(name, tmp_path / "base")
    first, *_ = fit(tmp_path / "base", tmp_path, settings())
    model = reward_model.load_classifier(tmp_path / "base", MODEL, seed=5).eval()
    with torch.no_grad():
        rewards = [[float(model(torch.tensor([ids])).logits[0, 0]) for ids in pair] for pair in PAIRS]
    expected = sum(math.log(1 + math.exp(worse - better)) for better, worse in rewards) / 2
    assert first["loss"] == pytest.approx(expected, abs=2e-5)
    opened = RewardModel.load(str(tmp_path / "model"), MODEL, batch_size=4)
    (score,) = opened.scores([(user("a black mate"), "1 black .")])
    assert score is not None
    opened.close()


def test_an_architecture_without_a_classifier_is_refused_before_weights_are_read(tmp_path: Path) -> None:
    families.make("mamba", tmp_path / "base")
    (tmp_path / "base/model.safetensors").unlink()
    with pytest.raises(ModelError, match="transformers has no sequence classifier for a mamba"):
        reward_model.check_classifier(tmp_path / "base", MODEL)


IN_PARTS = (
    "{{ bos_token }}{% for m in messages %}{{ '<' + m['role'] + '>' }}"
    "{% for part in m['content'] %}{{ part['text'] }}{% endfor %}{{ eos_token }}{% endfor %}"
)
ALTERNATES = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{{ m['content'] }}{{ eos_token }}{% endfor %}"
)


def test_a_template_that_takes_words_in_parts_is_read_with_them() -> None:
    tokenizer = byte_level(["<user>", "<assistant>"], "<eos>", bos_token="<bos>", chat_template=IN_PARTS)
    prompt = Prompt.of("Which is better?", "x")
    ((chosen, rejected),), left_out = reward_model.examples(tokenizer, [pair_of(prompt, "月亮", "")], 64)
    assert [tokenizer.decode(ids) for ids in (chosen, rejected)] == [
        "<bos><user>Which is better?<eos><assistant>月亮<eos>",
        "<bos><user>Which is better?<eos><assistant><eos>",
    ]
    assert left_out == 0


def test_a_conversation_that_the_template_refuses_is_an_error_with_its_roles() -> None:
    tokenizer = byte_level([], "<eos>", chat_template=ALTERNATES)
    prompt = Prompt.of("Hello!", "x", before=(Message(role="system", content="Be brief."),))
    with pytest.raises(
        ModelError,
        match="reward model's chat template cannot render a conversation of system, user, assistant: System role not "
        "supported; use data without such conversations",
    ):
        reward_model.examples(tokenizer, [pair_of(prompt, "Hi.", "No.")], 64)
