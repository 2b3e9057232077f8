"""Advantages and gradients of online training, as TRL's trainers really compute them, against sums worked out by hand.

Answers are sampled from a tiny real model; a scorer gives them rewards that stand below.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.engines.base import Engine
from srlm.engines.transformers import TransformersEngine
from srlm.engines.weights import load_chat, load_model, save
from srlm.errors import SettingsError
from srlm.records import seed_for, user
from srlm.settings import LoraSettings, ModelSettings, OnlineSettings, Sampling, ScratchModel
from srlm.training import online, scratch
from srlm.worlds.beads import program
from tests.srlm.training import families

MODEL = ModelSettings(base="unused")
WARM = Sampling(temperature=0.8, top_p=1.0, max_new_tokens=6)
TEXTS = ("a black b white mate", "a green copy", "b gold a red mate", "a blue b gray c red copy", "c white mate")
REWARDS: tuple[float | None, ...] = (1.0, 2.0, 3.0, None, 5.0, None, None, None)
"""Of four answers to each of two prompts: three scored ones, and one that has nothing to be compared with."""


class Scores:
    """Gives each step's answers REWARDS, in turn, and keeps what comes of it."""

    def __init__(self, rewards: Sequence[float | None] = REWARDS, stop: int = -1) -> None:
        self._rewards, self._stop = rewards, stop
        self.sampled: dict[int, list[online.Sampled]] = {}
        self.advantages: dict[int, list[float]] = {}

    def rewards(self, step: int, sampled: Sequence[online.Sampled], policy: Engine | None) -> list[float | None]:
        if step == self._stop:
            raise KeyboardInterrupt
        self.sampled[step] = list(sampled)
        return list(self._rewards)

    def keep(self, step: int, advantages: Sequence[float]) -> None:
        self.advantages[step] = list(advantages)


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with other random weights of the same shape."""
    words = scratch.tokenizer(program.vocabulary())
    shape = ScratchModel(width=32, layers=1, heads=2, feed_forward=64, max_positions=96)
    folder = tmp_path_factory.mktemp("other model") / "model"
    save(scratch.random_model(shape, words, seed=2), words, folder)
    return folder


def settings(**changes: Any) -> OnlineSettings:
    return OnlineSettings.model_validate(
        {
            **{"batch_size": 8, "micro_batch_size": 4, "max_steps": 1, "learning_rate": 1e-3, "beta": 0.0},
            **{"max_grad_norm": 1e9, **changes},
        }
    )


def learn(
    base: Path, folder: Path, wanted: OnlineSettings, scores: Scores, reference: Path | None = None, prompts: int = 2
) -> list[dict[str, float]]:
    """Train the model in `base` with four answers a prompt; it is saved to `folder`/model."""
    chat = load_chat(base, MODEL)
    asked = [online.Asked(place, chat.prompt_ids(user(text))) for place, text in enumerate(TEXTS[:prompts])]
    folder.mkdir(exist_ok=True)
    return online.learn(
        load_model(base, MODEL),
        reference,
        chat,
        online.Plan(asked, 4, WARM, 16),
        wanted,
        scores,
        name="M2",
        seed=7,
        dtype="float32",
        work=folder / "work",
        target=folder / "model",
    )


def answers(base: Path, scores: Scores) -> list[tuple[list[int], list[int]]]:
    """Prompt and answer token ids of what was sampled in the first step, the end token among them: drawn again by the
    engine with the seed of the step, as the words do not tell of special tokens."""
    engine = TransformersEngine.load(base, "M2", MODEL, 16)
    places = [one.place for one in scores.sampled[0][::4]]
    prompts = [engine.chat.prompt_ids(user(TEXTS[place])) for place in places]
    drawn = engine.draw_ids(prompts, [4, 4], WARM, seed_for(7, "answers", 0, 0))
    found = []
    for (place, written), ids in zip(scores.sampled[0], [ids for own in drawn for ids in own], strict=True):
        assert written.tokens is not None
        ended = written.finish == "stop"
        assert engine.chat.read(prompts[places.index(place)], ids[: written.tokens]).answer == written.text
        found.append((prompts[places.index(place)], ids[: written.tokens + ended]))
    return found


def log_probabilities(model: Any, prompt: list[int], answer: list[int]) -> torch.Tensor:
    """log pi of each token of the answer at the temperature of sampling, from one unpadded sequence."""
    logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].float()
    logs: torch.Tensor = (logits / WARM.temperature).log_softmax(-1)[range(len(answer)), answer]
    return logs


def gradient_norm(model: Any, loss: torch.Tensor) -> float:
    model.zero_grad()
    loss.backward()
    return math.sqrt(sum(float((weight.grad**2).sum()) for weight in model.parameters() if weight.grad is not None))


def test_rloo_compares_an_answer_with_the_mean_of_the_others(bead_model: Path, tmp_path: Path) -> None:
    """1 - (2 + 3) / 2 = -1.5, 2 - (1 + 3) / 2 = 0, 3 - (1 + 2) / 2 = 1.5; the unscored one is in no sum, and gets 0.
    The one scored answer to the second prompt has nothing to be compared with."""
    scores = Scores()
    learn(bead_model, tmp_path, settings(), scores)
    assert scores.advantages == {0: [-1.5, 0.0, 1.5, 0.0, 0.0, 0.0, 0.0, 0.0]}


def test_grpo_divides_by_the_standard_deviation_within_a_prompt(bead_model: Path, tmp_path: Path) -> None:
    """Mean (1 + 2 + 3) / 3 = 2, standard deviation sqrt((1 + 0 + 1) / 2) = 1: -1 / 1.0001, 0, 1 / 1.0001."""
    scores = Scores()
    learn(bead_model, tmp_path, settings(algorithm="grpo"), scores)
    assert scores.advantages[0] == pytest.approx([-0.99990001, 0.0, 0.99990001, 0.0, 0.0, 0.0, 0.0, 0.0], abs=1e-7)


def test_rloo_takes_the_kl_divergence_off_the_reward(bead_model: Path, other_model: Path, tmp_path: Path) -> None:
    """R = r - beta * sum over tokens of (log pi - log ref), then as above."""
    scores = Scores()
    learn(bead_model, tmp_path, settings(beta=0.5), scores, other_model)
    policy, reference = load_model(bead_model, MODEL), load_model(other_model, MODEL)
    with torch.no_grad():
        kl = [
            float((log_probabilities(policy, *one) - log_probabilities(reference, *one)).sum())
            for one in answers(bead_model, scores)
        ]
    r = [reward - 0.5 * divergence for reward, divergence in zip([1.0, 2.0, 3.0], kl[:3], strict=True)]
    expected = [r[0] - (r[1] + r[2]) / 2, r[1] - (r[0] + r[2]) / 2, r[2] - (r[0] + r[1]) / 2, 0, 0, 0, 0, 0]
    assert scores.advantages[0] == pytest.approx(expected, abs=1e-5)
    assert max(map(abs, kl[:3])) > 0.1  # the models differ


def test_the_gradient_of_rloo_is_that_of_whole_answers(bead_model: Path, tmp_path: Path) -> None:
    """- (1 / 8) sum of A log pi(y): the norm that the trainer reports, from plain passes over unpadded sequences."""
    scores = Scores()
    first, *_ = learn(bead_model, tmp_path, settings(), scores)
    model = load_model(bead_model, MODEL)
    every = answers(bead_model, scores)
    loss = -(1.5 * log_probabilities(model, *every[2]).sum() - 1.5 * log_probabilities(model, *every[0]).sum()) / 8
    assert first["grad_norm"] == pytest.approx(gradient_norm(model, loss), rel=1e-4)


@pytest.mark.parametrize("context", [64, 12])
def test_a_short_prompt_beside_a_long_one_is_read_as_by_itself(context: int, tmp_path: Path) -> None:
    """GPT-2 counts positions from a row's first token; prompts are of 8 and 6 tokens, answers of up to 6. With 12
    positions it has none for a row as long as the longest prompt and the longest answer together."""
    families.make("gpt2", tmp_path / "base", n_positions=context)
    scores = Scores([1.0, 2.0, 3.0, None] * 2)
    first, *_ = learn(tmp_path / "base", tmp_path, settings(), scores)
    assert scores.advantages == {0: [-1.5, 0.0, 1.5, 0.0] * 2}
    model = load_model(tmp_path / "base", MODEL).eval()
    every = answers(tmp_path / "base", scores)
    assert len({len(prompt) for prompt, _ in every}) == 2
    logs = [log_probabilities(model, *one).sum() for one in every]
    loss = -1.5 * (logs[2] - logs[0] + logs[6] - logs[4]) / 8
    assert first["grad_norm"] == pytest.approx(gradient_norm(model, loss), rel=1e-4)


def test_rows_are_moved_to_their_left_ends_and_their_values_back() -> None:
    """Prompts of 1 and 3 tokens with answers of 3 and 1: 4 tokens each, in rows of 6."""
    ids = torch.tensor([[0, 0, 11, 12, 13, 14], [21, 22, 23, 24, 0, 0]])
    rows = online._Rows.of(ids, (ids > 0).long(), 3)
    assert rows.ids.tolist() == [[11, 12, 13, 14], [21, 22, 23, 24]]
    assert rows.mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]
    assert rows.kept == 3
    assert rows.back(rows.ids[:, -rows.kept :]).tolist() == [[12, 13, 14], [24, 0, 0]]


def test_the_gradient_of_grpo_is_that_of_tokens_and_its_kl_term_spares_the_unscored(
    bead_model: Path, other_model: Path, tmp_path: Path
) -> None:
    """(1 / 8) sum over scored answers of the mean over tokens of (beta (ref / pi - log(ref / pi) - 1) - A) pi / pi'.

    pi' is pi, and no part of the gradient.
    """
    scores = Scores()
    first, *_ = learn(bead_model, tmp_path, settings(algorithm="grpo", beta=0.5), scores, other_model)
    policy, reference = load_model(bead_model, MODEL), load_model(other_model, MODEL)
    every = answers(bead_model, scores)
    losses = []
    for place, advantage in {0: -1 / 1.0001, 1: 0.0, 2: 1 / 1.0001, 4: 0.0}.items():
        logs = log_probabilities(policy, *every[place])
        ratio = log_probabilities(reference, *every[place]).detach() - logs
        losses.append((((0.5 * (ratio.exp() - ratio - 1)) - advantage) * (logs - logs.detach()).exp()).mean())
    assert first["grad_norm"] == pytest.approx(gradient_norm(policy, torch.stack(losses).sum() / 8), rel=1e-4)


@pytest.mark.parametrize("algorithm", ["rloo", "grpo"])
def test_answers_without_a_reward_move_no_weight(
    bead_model: Path, other_model: Path, tmp_path: Path, algorithm: str, caplog: pytest.LogCaptureFixture
) -> None:
    scores = Scores([None] * 8)
    learn(bead_model, tmp_path, settings(algorithm=algorithm, beta=0.5, max_steps=2), scores, other_model)
    before, after = load_model(bead_model, MODEL).state_dict(), load_model(tmp_path / "model", MODEL).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert "returned None" not in caplog.text  # TRL would show the answers


def test_a_reward_for_one_word_makes_it_likelier(bead_model: Path, tmp_path: Path) -> None:
    class Shorter(Scores):
        def rewards(self, step: int, sampled: Sequence[online.Sampled], policy: Engine | None) -> list[float | None]:
            self.sampled[step] = list(sampled)
            return [-float(one.written.tokens or 0) for one in sampled]

    scores = Shorter()
    wanted = settings(max_steps=25, learning_rate=1e-2, final_learning_rate=1e-2, save_steps=100)
    learn(bead_model, tmp_path, wanted, scores)
    tokens = {step: sum(one.written.tokens or 0 for one in scores.sampled[step]) for step in (0, 24)}
    assert tokens[24] < tokens[0] / 2


def test_every_step_draws_answers_of_its_own(bead_model: Path, tmp_path: Path) -> None:
    """The same prompt twice, and no reward that moves a weight: nothing but the step's seed is another."""
    scores = Scores([None] * 4)
    learn(bead_model, tmp_path, settings(batch_size=4, max_steps=2), scores, prompts=1)
    assert [[one.place for one in own] for own in scores.sampled.values()] == [[0] * 4] * 2
    assert scores.sampled[0] != scores.sampled[1]


@pytest.mark.parametrize(
    ("algorithm", "lora"),
    [
        pytest.param("rloo", None, id="rloo"),
        pytest.param("grpo", LoraSettings(rank=2), id="grpo-adapters"),
        pytest.param("grpo", None, id="grpo", marks=pytest.mark.soak),
        pytest.param("rloo", LoraSettings(rank=2), id="rloo-adapters", marks=pytest.mark.soak),
    ],
)
def test_an_interrupted_training_samples_the_same_and_ends_with_the_same_bytes(
    bead_model: Path, other_model: Path, tmp_path: Path, algorithm: str, lora: LoraSettings | None
) -> None:
    """Five prompts in steps of two, for two passes: it is interrupted in the second one, which TRL would draw anew."""
    wanted = settings(
        algorithm=algorithm, epochs=2, max_steps=None, save_steps=2, beta=0.1, lora=lora, micro_batch_size=2
    )
    reference = None if lora else other_model
    whole = Scores()
    learn(bead_model, tmp_path / "whole", wanted, whole, reference, prompts=5)
    assert sorted(whole.sampled) == [0, 1, 2, 3, 4]
    first, second = Scores(stop=3), Scores()
    with pytest.raises(KeyboardInterrupt):
        learn(bead_model, tmp_path / "cut", wanted, first, reference, prompts=5)
    learn(bead_model, tmp_path / "cut", wanted, second, reference, prompts=5)
    assert sorted(second.sampled) == [2, 3, 4]
    assert {**first.sampled, **second.sampled} == whole.sampled
    for name in ("model/model.safetensors", "model/config.json", "training.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_every_pass_has_every_prompt_once() -> None:
    places = online.passes(5, 12, seed=3)
    assert len(places) == 12
    assert sorted(places[:5]) == sorted(places[5:10]) == [0, 1, 2, 3, 4]
    assert places[:5] != places[5:10]
    assert online.passes(5, 7, seed=3) == places[:7]
    assert online.passes(5, 12, seed=4) != places


@pytest.mark.parametrize(
    ("changes", "count", "sampling", "said"),
    [
        pytest.param({}, 1, WARM, "candidates.count 1", id="one-answer"),
        pytest.param({}, 3, WARM, "online.batch_size 8 is no multiple of candidates.count 3", id="parted"),
        pytest.param({}, 4, Sampling(temperature=0), "temperature 0", id="greedy"),
        pytest.param({"lora": {}, "beta": 0.1}, 4, WARM, "online.reference `first`", id="adapters"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    changes: dict[str, Any], count: int, sampling: Sampling, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        online.check(settings(**changes), count, sampling)
