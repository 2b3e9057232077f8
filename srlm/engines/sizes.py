"""How many numbers a model's weights are, from the heads of its files: nothing of the weights is read."""

import json
import math
from pathlib import Path

HEAD = 8
"""Bytes that say how long the head of a safetensors file is."""
LONGEST = 100_000_000
"""Bytes; safetensors allows no longer head."""


def numbers_in(folder: Path, names: list[str]) -> int | None:
    """Numbers in these safetensors files together; None where one of them is broken."""
    total = 0
    for name in names:
        try:
            with (folder / name).open("rb") as file:
                length = int.from_bytes(file.read(HEAD), "little")
                head = json.loads(file.read(min(length, LONGEST)))
            total += sum(math.prod(one["shape"]) for key, one in head.items() if key != "__metadata__")
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
    return total
