"""Supervised fine-tuning through TRL's trainer against losses worked out by hand.

With n_i tokens of answer in example i, each of weight w_i:

    loss = - sum over i, t of w_i * log p(token t of answer i) / sum over i of w_i * n_i
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.engines.weights import load_model, load_tokenizer
from srlm.records import Demonstration
from srlm.settings import LoraSettings, ModelSettings, SftSettings
from srlm.text.chat import Chat
from srlm.training import scratch, sft
from srlm.training.batches import IGNORED
from srlm.worlds.beads import program

MODEL = ModelSettings(base="unused")
PROMPTS = ([2, 4, 16, 6, 5], [2, 4, 16, 6, 17, 9, 5], [2, 4, 18, 5], [2, 4, 19, 5])
ANSWERS = ([26, 7, 27, 8, 50, 3], [26, 12, 3], [27, 3], [26, 14, 27, 15, 3])


def data(*weights: float) -> list[sft.Example]:
    return [
        sft.Example(prompt + answer, [IGNORED] * len(prompt) + answer, weight)
        for prompt, answer, weight in zip(PROMPTS, ANSWERS, weights, strict=True)
    ]


def fine_tune(model: Path, folder: Path, examples: list[sft.Example], **changes: Any) -> dict[str, float]:
    """Train, and return the first line of the history; the model is saved to `folder`/model."""
    wanted = {"batch_size": 4, "micro_batch_size": 4, "max_steps": 1, "learning_rate": 1e-3, **changes}
    history = sft.fine_tune(
        load_model(model, MODEL),
        load_tokenizer(model, MODEL),
        examples,
        SftSettings.model_validate(wanted),
        seed=7,
        dtype="float32",
        work=folder / "work",
        target=folder / "model",
    )
    return history[0]


@torch.no_grad()  # type: ignore[untyped-decorator]
def by_hand(folder: Path, weights: tuple[float, ...]) -> float:
    """The formula above, from raw logits of unpadded sequences; those at place i foretell the token at i + 1."""
    model = load_model(folder, MODEL)
    total = norm = 0.0
    for prompt, answer, weight in zip(PROMPTS, ANSWERS, weights, strict=True):
        logs = model(torch.tensor([prompt + answer])).logits[0].float().log_softmax(-1)
        total -= weight * sum(logs[len(prompt) + i - 1, token].item() for i, token in enumerate(answer))
        norm += weight * len(answer)
    return total / norm


PACKING = pytest.mark.parametrize("packing", [pytest.param(False, id="padded"), pytest.param(True, id="packed")])


@PACKING
def test_the_loss_is_on_the_answers_tokens_alone(bead_model: Path, tmp_path: Path, packing: bool) -> None:
    """6 + 3 + 2 + 5 = 16 tokens with loss."""
    first = fine_tune(bead_model, tmp_path, data(1, 1, 1, 1), packing=packing)
    assert first["step"] == 1
    assert first["loss"] == pytest.approx(by_hand(bead_model, (1, 1, 1, 1)), abs=1e-5)


@PACKING
def test_a_weighted_example_counts_as_often_as_its_weight(bead_model: Path, tmp_path: Path, packing: bool) -> None:
    """Weights 3, 1, 3, 1 on 6, 3, 2 and 5 tokens: the divisor is 18 + 3 + 6 + 5 = 32."""
    first = fine_tune(bead_model, tmp_path, data(3, 1, 3, 1), packing=packing)
    assert first["loss"] == pytest.approx(by_hand(bead_model, (3, 1, 3, 1)), abs=1e-5)
    assert first["loss"] != pytest.approx(by_hand(bead_model, (1, 1, 1, 1)), abs=1e-4)


def test_equal_weights_give_the_plain_loss(bead_model: Path, tmp_path: Path) -> None:
    # Two numbers that are one in float32: the weighted trainer is taken, with equal weights.
    weighted = fine_tune(bead_model, tmp_path / "weighted", data(1, 1, 1, 1 + 1e-9))
    plain = fine_tune(bead_model, tmp_path / "plain", data(1, 1, 1, 1))
    assert weighted["loss"] == pytest.approx(plain["loss"], rel=1e-6)
    assert weighted["grad_norm"] == pytest.approx(plain["grad_norm"], rel=1e-5)


@pytest.mark.parametrize("weights", [pytest.param((1, 1, 1, 1), id="plain"), pytest.param((3, 1, 3, 1), id="weighted")])
@pytest.mark.parametrize("micro", [1, 2])
def test_micro_batches_give_the_loss_and_the_update_of_the_whole_batch(
    bead_model: Path, tmp_path: Path, weights: tuple[float, ...], micro: int
) -> None:
    whole = fine_tune(bead_model, tmp_path / "whole", data(*weights))
    parts = fine_tune(bead_model, tmp_path / "parts", data(*weights), micro_batch_size=micro)
    assert parts["loss"] == pytest.approx(by_hand(bead_model, weights), abs=1e-5)
    assert parts["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-5)
    one, other = (load_model(tmp_path / name / "model", MODEL).state_dict() for name in ("whole", "parts"))
    # Adam's first step is the learning rate times the gradient's sign, nearly: 1e-3 where a gradient is not almost 0.
    assert all(torch.allclose(one[name], other[name], atol=2e-5) for name in one)


def test_lora_is_merged_into_a_plain_model(bead_model: Path, tmp_path: Path) -> None:
    first = fine_tune(
        bead_model, tmp_path, data(3, 1, 3, 1), max_steps=2, lora=LoraSettings(rank=4, alpha=8, dropout=0)
    )
    assert first["loss"] == pytest.approx(by_hand(bead_model, (3, 1, 3, 1)), abs=1e-5)
    parent, merged = (load_model(folder, MODEL).state_dict() for folder in (bead_model, tmp_path / "model"))
    assert set(parent) == set(merged)
    assert not all(torch.equal(parent[name], merged[name]) for name in parent)


DEMONSTRATIONS = [
    Demonstration.of("ift", "a gold b red c blue copy", "1 gold 2 red 3 blue .", "r1"),
    Demonstration.of("eft", "review : a gold b red c blue copy response : 1 gold .", "asked three \n score : 2", "j1"),
]


def test_an_example_is_the_prompt_without_loss_and_the_answer_with_its_end() -> None:
    words = scratch.tokenizer(program.vocabulary())
    (ift, eft), left_out = sft.examples(Chat(words), DEMONSTRATIONS, max_length=96, ift_weight=3.0)
    shown = " ".join(words.convert_ids_to_tokens(ift.input_ids))
    assert shown == "<bos> <user> a gold b red c blue copy <asst> 1 gold 2 red 3 blue . <eos>"
    assert ift.labels == [-100] * 10 + ift.input_ids[10:]
    assert (ift.weight, eft.weight) == (3.0, 1.0)
    learnt = [token for token in eft.labels if token != -100]
    assert words.convert_ids_to_tokens(learnt) == ["asked", "three", "\n", "score", ":", "2", "<eos>"]
    assert left_out == 0


@pytest.mark.parametrize(("max_length", "kept"), [(24, 2), (23, 1), (17, 0)])
def test_an_example_longer_than_the_limit_is_left_out_and_counted(max_length: int, kept: int) -> None:
    """The IFT example has 10 + 8 tokens, the EFT example 17 + 7."""
    made, left_out = sft.examples(Chat(scratch.tokenizer(program.vocabulary())), DEMONSTRATIONS, max_length)
    assert (len(made), left_out) == (kept, 2 - kept)
