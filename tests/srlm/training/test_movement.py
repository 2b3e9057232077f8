"""How far a training moved a model: shares of weights by hand, margins by hand, and what is warned of."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from srlm.engines.weights import load_chat, load_model, load_tokenizer, save
from srlm.records import Prompt, RankedSet, Response
from srlm.settings import DpoSettings, LoraSettings, ModelSettings
from srlm.training import dpo, movement
from srlm.training.movement import Changes, changes, held_out, margin

NARROW = ModelSettings(base="unused", dtype="bfloat16")
WIDE = ModelSettings(base="unused", dtype="float32")
PAIRS = [dpo.PairExample([2, 4, 16 + n % 3, 5], [26, 6 + n, 3], [26, 17 - n, 27, 3]) for n in range(12)]


@pytest.fixture
def m0(bead_model: Path, tmp_path: Path) -> Path:
    """A model whose weights are bfloat16."""
    save(load_model(bead_model, NARROW), load_tokenizer(bead_model, NARROW), tmp_path / "M0")
    return tmp_path / "M0"


def ranked(*ranks: int, same: bool = False) -> RankedSet:
    prompt = Prompt.of("a gold b red c blue copy", "beads")
    texts = ["1 gold .", "1 red .", "1 gold 2 red 3 blue ."]
    answers = [Response.of(prompt.id, texts[0 if same else n], "person", n) for n in range(len(ranks))]
    return RankedSet.of(prompt, tuple(answers), ranks)


def shifted(folder: Path, target: Path, by: float, times: float = 1.0) -> Path:
    """The model in a folder, in float32, its first layer's query projection (1,024 weights) `times` as large and `by`
    added."""
    model = load_model(folder, NARROW, dtype="float32")
    with torch.no_grad():
        weight = model.model.layers[0].self_attn.q_proj.weight
        weight.copy_(weight * times + by)
    save(model, load_tokenizer(folder, NARROW), target, served="bfloat16")
    return target


def moved(parent: Path, folder: Path, settings: ModelSettings = NARROW) -> dict[str, Any]:
    return movement.movement("M1", parent, folder, settings, load_chat(folder, settings), [ranked(2, 1, 3)], 96)


def test_weights_are_compared_as_they_lie_and_as_they_are_served(tmp_path: Path) -> None:
    """1 + 2^-9 is less than half a bfloat16 step of 1 (2^-8), 1 + 2^-7 is a step; 0 moves by whatever is added."""
    save_file({"a": torch.tensor([1.0, 1.0, 1.0, 0.0]), "b": torch.ones(2)}, tmp_path / "old.safetensors")
    new = {"a": torch.tensor([1.0, 1 + 2**-9, 1 + 2**-7, 1e-9]), "b": torch.ones(3), "c": torch.ones(1)}
    save_file(new, tmp_path / "new.safetensors")
    found = changes([tmp_path / "old.safetensors"], [tmp_path / "new.safetensors"], torch.bfloat16)
    assert found == Changes(weights=4, changed=3, served=2, unmatched=2)


def test_a_tensor_is_compared_some_rows_at_a_time(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(5, 3), "b": torch.tensor(1.0)}, tmp_path / "old.safetensors")
    save_file({"a": torch.eye(5, 3), "b": torch.tensor(2.0)}, tmp_path / "new.safetensors")
    found = changes([tmp_path / "old.safetensors"], [tmp_path / "new.safetensors"], torch.float32, at_once=6)
    assert found == Changes(weights=16, changed=4, served=4, unmatched=0)


def test_held_out_pairs_are_peoples_best_and_worst_answers(bead_model: Path) -> None:
    chat = load_chat(bead_model, WIDE)
    sets = [ranked(1, 1), ranked(1, 2, same=True), ranked(2, 1, 3)]  # a tie, two equal texts, and one that serves
    (pair,) = held_out(sets, chat, 96)
    assert chat.tokenizer.decode(pair.chosen_ids) == "1 red . <eos>"
    assert chat.tokenizer.decode(pair.rejected_ids) == "1 gold 2 red 3 blue . <eos>"
    assert held_out(sets, chat, 5) == []
    assert len(held_out([ranked(2, 1, 3)] * 20, chat, 96)) == movement.PAIRS == 8


def test_the_margin_is_the_difference_of_log_ratios(bead_model: Path, m0: Path, tmp_path: Path) -> None:
    """Of one pair, from the raw logits of four unpadded sequences."""
    shifted(m0, tmp_path / "M1", 0.01)
    pair, total = PAIRS[1], 0.0
    for folder, sign in ((tmp_path / "M1", 1), (m0, -1)):
        model = load_model(folder, WIDE).eval()
        for ids, side in ((pair.chosen_ids, 1), (pair.rejected_ids, -1)):
            logs = model(torch.tensor([pair.prompt_ids + ids])).logits[0].detach().log_softmax(-1)
            total += sign * side * sum(float(logs[len(pair.prompt_ids) + n - 1, token]) for n, token in enumerate(ids))
    assert abs(total) > 1e-4
    assert margin(m0, tmp_path / "M1", NARROW, [pair]) == pytest.approx(total, abs=1e-5)


def test_a_training_that_changed_nothing_is_warned_of(m0: Path, tmp_path: Path) -> None:
    found = moved(m0, shifted(m0, tmp_path / "M1", 0.0))
    assert found["share of weights changed"] == 0
    assert found["log-ratio margin"] == 0
    assert found["share of the margin lost to bfloat16"] is None
    assert found["warning"].startswith("the training of M1 did not change any weight: raise the learning rate")


def test_changes_that_rounding_takes_are_warned_of(m0: Path, tmp_path: Path) -> None:
    """A 4,096th of each weight is more than float32 can tell, and less than half a bfloat16 step, a 512th at least."""
    found = moved(m0, shifted(m0, tmp_path / "M1", 0, times=1 + 2**-12))
    assert found["share of weights changed"] == pytest.approx(1024 / found["weights"], rel=0.01)
    assert found["share of weights changed, in bfloat16"] == 0
    assert found["warning"].startswith("M1 generates exactly like its parent model: rounding to bfloat16 removes")


def test_a_training_that_moved_its_model_is_no_warning(m0: Path, tmp_path: Path) -> None:
    found = moved(m0, shifted(m0, tmp_path / "M1", 0.25))
    assert found["share of weights changed, in bfloat16"] == pytest.approx(1024 / found["weights"], rel=0.01)
    assert found["log-ratio margin, in bfloat16"] == pytest.approx(found["log-ratio margin"], rel=0.1)
    assert "warning" not in found
    wide = moved(m0, tmp_path / "M1", WIDE)
    assert set(wide) == {"weights", "share of weights changed", "held-out pairs", "log-ratio margin"}


@pytest.mark.parametrize("lora", [None, LoraSettings(rank=4, alpha=8, dropout=0)], ids=["all weights", "adapters"])
def test_of_what_dpo_at_the_papers_rates_learns_all_is_handed_on_and_bfloat16_loses_much(
    lora: LoraSettings | None, m0: Path, tmp_path: Path
) -> None:
    """30 steps of 1e-6, most of them smaller than half a bfloat16 step of a weight of 0.05."""
    model, reference = (load_model(m0, NARROW, dtype="float32") for _ in range(2))
    settings = DpoSettings.model_validate(
        {"batch_size": 4, "micro_batch_size": 4, "max_steps": 30, "learning_rate": 1e-6 if lora is None else 1e-5}
        | {"lora": lora}
    )
    trained: list[float] = []

    def report(done: int, total: int) -> None:
        if done == total:
            model.eval()
            with torch.no_grad():
                trained.extend(
                    movement.log_preference(model, pair) - movement.log_preference(reference, pair) for pair in PAIRS
                )

    dpo.optimise(
        model, None if lora else reference, load_tokenizer(m0, NARROW), PAIRS, (), settings,
        seed=3, dtype="bfloat16", work=tmp_path / "work", target=tmp_path / "M1", report=report,
    )  # fmt: skip
    learnt = sum(trained) / len(trained)
    assert learnt > 1e-4
    assert margin(m0, tmp_path / "M1", NARROW, PAIRS) == pytest.approx(learnt, rel=0.01)
    (before,), (after,) = m0.glob("*.safetensors"), (tmp_path / "M1").glob("*.safetensors")
    found = changes([before], [after], torch.bfloat16)
    assert found.changed / found.weights > 0.5
    assert found.served / found.weights < 0.5
    assert {weight.dtype for weight in load_file(after).values()} == {torch.float32}
