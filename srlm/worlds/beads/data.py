"""Data of the bead world, drawn as in any world (srlm/worlds/drawing.py).

No row of an evaluation prompt, in any order, stands in any training text.
"""

from collections.abc import Iterator

from srlm.records import Prompt, SeedData
from srlm.worlds import drawing
from srlm.worlds.beads.answers import DEMONSTRATORS, RANKED, answer
from srlm.worlds.beads.program import BeadRow, review
from srlm.worlds.beads.rows import FreshRows
from srlm.worlds.beads.settings import BeadsData
from srlm.worlds.drawing import EXAM, People, Streams


def _prompt(row: BeadRow) -> Prompt:
    return Prompt.of(row.text(), "beads", row.operation)


PEOPLE = People(
    asked=_prompt,
    demonstrated=lambda row, chance: answer(row, DEMONSTRATORS, chance),
    answered=lambda row, chance: answer(row, RANKED, chance),
    review=review,
)


def _rows(seed: int, part: str) -> Iterator[BeadRow]:
    return iter(FreshRows(seed, part).draw, None)


def seed_data(settings: BeadsData, seed: int) -> SeedData:
    """All seed data of a run in the bead world."""
    rows = Streams(_rows(seed, "training"), _rows(EXAM, "heldout"), _rows(EXAM, "evaluation"))
    return drawing.seed_data(settings, seed, PEOPLE, rows)


def fresh_prompts(settings: BeadsData, seed: int, before: int, number: int) -> list[Prompt]:
    """The next `number` new prompts after `before`, in no other training set and no evaluation prompt permuted."""
    return drawing.fresh_prompts(settings, _prompt, _rows(seed, "training"), before, number)
