"""Rows drawn at random, so that no row a model is measured on stands, in any order, in any training text."""

import random
from collections.abc import Sequence
from itertools import cycle

from srlm.records import digest, seed_for
from srlm.worlds.beads.program import COLOURS, LETTERS, OPERATIONS, Bead, BeadRow, read_row, targets


class FreshRows:
    """Fresh rows without end, operations in equal shares.

    The colours of a row, in any order, fall in one of three parts for good: a row of the `evaluation` or `heldout` part
    is no permutation of any row of another part, whatever its operation. No exact row is drawn twice.
    """

    def __init__(self, seed: int, part: str) -> None:
        self._random = random.Random(seed_for(seed, "rows", part))
        self._part = part
        self._seen: set[str] = set()
        self._operations = cycle(OPERATIONS)

    def draw(self) -> BeadRow:
        """A row of this part, not drawn before."""
        operation = next(self._operations)
        while True:
            colours = self._random.choices(COLOURS, k=self._random.choice((3, 4, 5)))
            row = BeadRow(tuple(map(Bead, LETTERS, colours)), operation)
            if part_of(colours) == self._part and row.text() not in self._seen:
                self._seen.add(row.text())
                return row


def changed(prompt: str, seed: int) -> str:
    """The same beads with another operation, drawn among those that ask for another answer; `copy` and `mate` never
    ask for the same. Raises DataError where `prompt` is no prompt of this world."""
    row = read_row(prompt)
    others = [BeadRow(row.beads, operation) for operation in OPERATIONS]
    apart = [other for other in others if _colours(other) != _colours(row)]
    return random.Random(seed_for(seed, "changed", prompt)).choice(apart).text()


def _colours(row: BeadRow) -> list[str]:
    return [bead.colour for bead in targets(row)]


def part_of(colours: Sequence[str]) -> str:
    """`evaluation` and `heldout` get a tenth of all bags of colours each, `training` the rest, in every run."""
    return {0: "evaluation", 1: "heldout"}.get(int(digest("part", sorted(colours)), 16) % 10, "training")
