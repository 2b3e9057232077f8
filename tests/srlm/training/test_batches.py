"""A packed batch is the padded one without its padding: same loss, same gradient, no example in another's sight."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from transformers import MambaConfig, MambaForCausalLM

from srlm.engines.weights import load_model
from srlm.errors import SettingsError
from srlm.settings import ModelSettings
from srlm.training.batches import IGNORED, Padded, collator, packed, refuse_leaks

MODEL = ModelSettings(base="unused")


def example(*ids: int, prompt: int = 1, **more: Any) -> dict[str, Any]:
    return {"input_ids": list(ids), "labels": [IGNORED] * prompt + list(ids[prompt:]), **more}


EXAMPLES = [
    example(2, 4, 16, 6, 5, 26, 7, 3, prompt=5),
    example(2, 9, 10),
    example(2, 4, 18, 3, prompt=3),
    example(2, 11, 12, 13, 3),
]


def test_examples_lie_end_to_end_in_rows_as_long_as_the_longest_one() -> None:
    """8 | 5 + 3 | 4 tokens."""
    batch = collator(0, packing=True)(EXAMPLES)
    assert batch["input_ids"].tolist() == [
        [2, 4, 16, 6, 5, 26, 7, 3],
        [2, 11, 12, 13, 3, 2, 9, 10],
        [2, 4, 18, 3, 0, 0, 0, 0],
    ]
    assert batch["position_ids"].tolist() == [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [0, 1, 2, 3, 4, 0, 1, 2],
        [0, 1, 2, 3, 0, 0, 0, 0],
    ]
    assert batch["labels"].tolist() == [
        [-100, -100, -100, -100, -100, 26, 7, 3],
        [-100, 11, 12, 13, 3, -100, 9, 10],
        [-100, -100, -100, 3, -100, -100, -100, -100],
    ]
    assert set(batch) == {"input_ids", "position_ids", "labels"}


@pytest.mark.parametrize("packing", [False, True])
def test_a_batch_can_be_copied_into_memory_that_gpus_read_from(packing: bool) -> None:
    """torch's data loader pins each tensor as it lies: into memory with the same strides."""
    batch = collator(0, packing)([example(2, 9, 10, 11, weight=3.0), example(2, 4, weight=1.0)])
    assert "weight" in batch
    for tensor in batch.values():
        assert torch.equal(torch.empty_strided(tensor.size(), tensor.stride()).copy_(tensor), tensor.float())


@pytest.mark.parametrize("packing", [False, True])
def test_a_weight_stands_at_every_token_of_its_example(packing: bool) -> None:
    rows = [example(2, 9, 10, 11, weight=3.0), example(2, 4, weight=1.0), example(2, 5, weight=0.5)]
    batch = collator(0, packing)(rows)
    learnt = batch["labels"] != IGNORED
    found = dict(zip(batch["labels"][learnt].tolist(), batch["weight"][learnt].tolist(), strict=True))
    assert found == {9: 3.0, 10: 3.0, 11: 3.0, 4: 1.0, 5: 0.5}


def test_a_first_token_is_never_foretold_from_the_example_before_it() -> None:
    """Loss on every token, the first ones too: unpadded nothing stands before those, and they have no loss."""
    rows = [example(7, 8, 9, prompt=0), example(5, prompt=0), example(6, 3, prompt=0)]
    labels = collator(0, packing=True)(rows)["labels"].tolist()
    assert labels == [[-100, 8, 9], [-100, 3, -100]]


@given(some.lists(some.integers(1, 40), min_size=1, max_size=40))
def test_every_example_lies_in_one_row_and_no_row_is_too_long(lengths: list[int]) -> None:
    rows = packed(lengths, max(lengths))
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in row) <= max(lengths) for row in rows)
    assert len(rows) <= len(lengths)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_loss_and_its_gradient_are_those_of_the_padded_batch(bead_model: Path, attention: str) -> None:
    model = load_model(bead_model, MODEL)
    model.set_attn_implementation(attention)
    found = []
    for packing in (False, True):
        batch = collator(0, packing)(EXAMPLES)
        model.zero_grad()
        logs = model(**{key: batch[key] for key in batch if key != "labels"}, use_cache=False).logits.log_softmax(-1)
        goal = batch["labels"][:, 1:]
        loss = -logs[:, :-1].gather(-1, goal.clamp(min=0)[..., None])[..., 0][goal != IGNORED].sum()
        loss.backward()
        found.append((loss.item(), torch.cat([p.grad.flatten() for p in model.parameters()])))
    (padded, gradient), (dense, other) = found
    assert dense == pytest.approx(padded, rel=1e-6)
    assert torch.allclose(gradient, other, atol=1e-5)
    assert gradient.abs().max() > 0.01


def test_attention_keeps_packed_examples_apart(bead_model: Path) -> None:
    refuse_leaks(load_model(bead_model, MODEL), EXAMPLES[0]["input_ids"], EXAMPLES[1]["input_ids"])


def test_a_model_that_mixes_tokens_by_other_means_is_refused() -> None:
    torch.manual_seed(0)
    shape = MambaConfig(vocab_size=32, hidden_size=16, num_hidden_layers=1, state_size=4, initializer_range=0.5)
    with pytest.raises(SettingsError, match="MambaForCausalLM lets examples in one row see each other"):
        refuse_leaks(MambaForCausalLM(shape), EXAMPLES[0]["input_ids"], EXAMPLES[1]["input_ids"])


def test_what_is_not_packed_is_padded() -> None:
    assert isinstance(collator(0, packing=False), Padded)
    batch = collator(0, packing=False)(EXAMPLES)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (4, 8)
