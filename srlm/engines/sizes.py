"""How many numbers a model's weights are, from the heads of its files: nothing of the weights is read."""

import math
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open


def shapes_in(folder: Path, names: Sequence[str]) -> list[tuple[int, ...]] | None:
    """Shapes of all tensors in these safetensors files; None where one of them is broken."""
    found: list[tuple[int, ...]] = []
    for name in names:
        try:
            with safe_open(folder / name, framework="numpy") as weights:
                found += [tuple(weights.get_slice(tensor).get_shape()) for tensor in weights.keys()]  # noqa: SIM118
        except (OSError, SafetensorError):
            return None
    return found


def numbers_in(folder: Path, names: Sequence[str]) -> int | None:
    """Numbers in these safetensors files together; None where one of them is broken."""
    shapes = shapes_in(folder, names)
    return None if shapes is None else sum(map(math.prod, shapes))
