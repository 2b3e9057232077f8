"""Examples of a batch as tensors: each in a padded row of its own, or packed end to end into as few rows as will do.

Packed, the loss and its gradient are those of the padded batch, for no example sees another: positions start again at 0
with each example, from which transformers makes a block-diagonal attention mask (`masking_utils`, where no attention
mask is given). Which examples share a step is the same, too, unlike with packing over the whole data set.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from srlm.errors import SettingsError

IGNORED = -100
"""Label of a token without loss."""

Batch = dict[str, torch.Tensor]
"""input_ids, labels, attention_mask or position_ids, and weight where examples have one (that of each token's example);
each (rows, tokens of the longest example)."""
Collator = Callable[[Sequence[Mapping[str, Any]]], Batch]
"""Takes examples as dicts of `input_ids`, `labels` and, if all have one, `weight`."""


def collator(pad: int, packing: bool) -> Collator:
    """How examples become a batch."""
    return Packed(pad) if packing else Padded(pad)


class Padded:
    """TRL's collator, and weights."""

    def __init__(self, pad: int) -> None:
        from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

        self._collate = DataCollatorForLanguageModeling(pad_token_id=pad)

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> Batch:
        batch: Batch = self._collate([{key: example[key] for key in ("input_ids", "labels")} for example in examples])
        if "weight" in examples[0]:
            weights = torch.tensor([example["weight"] for example in examples])
            # Numbers of its own, no view of one a row: that could not be copied into the memory that GPUs read from.
            batch["weight"] = weights[:, None].repeat(1, batch["labels"].shape[1])
        return batch


class Packed:
    """Examples laid end to end."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> Batch:
        width = max(len(example["input_ids"]) for example in examples)
        rows = packed([len(example["input_ids"]) for example in examples], width)
        shape = (len(rows), width)
        batch = {
            "input_ids": torch.full(shape, self._pad),
            "labels": torch.full(shape, IGNORED),
            "position_ids": torch.zeros(shape, dtype=torch.long),
        }
        if "weight" in examples[0]:
            batch["weight"] = torch.zeros(shape)
        for number, row in enumerate(rows):
            start = 0
            for index in row:
                example = examples[index]
                length = len(example["input_ids"])
                place = (number, slice(start, start + length))
                batch["input_ids"][place] = torch.tensor(example["input_ids"])
                # The first token of an example would be foretold by the last one of the example before it.
                batch["labels"][place] = torch.tensor([IGNORED, *example["labels"][1:]])
                batch["position_ids"][place] = torch.arange(length)
                if "weight" in batch:
                    batch["weight"][place] = example["weight"]
                start += length
        return batch


def packed(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Indices of the examples in each row of at most `width` tokens: longest first, into the first row with room."""
    rows: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        row = next((number for number, left in enumerate(room) if left >= lengths[index]), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(width)
        rows[row].append(index)
        room[row] -= lengths[index]
    return rows


@torch.no_grad()  # type: ignore[untyped-decorator]
def refuse_leaks(model: Any, first: Sequence[int], second: Sequence[int]) -> None:
    """Raise SettingsError where the model lets one example of a packed row see another.

    Models that mix tokens by other means than attention do (state spaces, convolutions), and those that make their
    masks themselves.
    """
    training = model.training
    model.eval()
    device = model.device
    alone = model(input_ids=torch.tensor([second], device=device), use_cache=False).logits[0]
    together = model(
        input_ids=torch.tensor([[*first, *second]], device=device),
        position_ids=torch.tensor([[*range(len(first)), *range(len(second))]], device=device),
        use_cache=False,
    ).logits[0, len(first) :]
    model.train(training)
    leak = (alone.float().log_softmax(-1) - together.float().log_softmax(-1)).abs().max().item()
    if leak > 0.01 * (1 if alone.dtype == torch.float32 else 10):
        raise SettingsError(
            f"packing: a {type(model).__name__} lets examples in one row see each other "
            f"(log-probabilities move by {leak:.2g}); set packing: false"
        )
