"""The text from which M0 learns every skill of the bead world before anybody shows it an answer or a review."""

import random

from srlm.records import seed_for
from srlm.worlds.base import BaseLine
from srlm.worlds.beads.answers import numbered, spoilt
from srlm.worlds.beads.program import COLOURS, LETTERS, NUMBERS, OPERATIONS, Bead, BeadRow, parse_answer, targets
from srlm.worlds.beads.rows import part_of

SPOILT_LINES = 0.3
"""Share of the lines that read two rows in which the second one's form breaks somewhere."""


def base_lines(number: int, seed: int) -> list[BaseLine]:
    """Text in which M0 finds every skill: the five operations, reading two rows place by place, comparing, counting."""
    chance = random.Random(seed_for(seed, "base lines"))
    kinds = chance.choices((_operation_line, _reading_line, _pairs_line, _count_line), (46, 24, 24, 6), k=number)
    return [kind(chance) for kind in kinds]


def _training_row(chance: random.Random) -> BeadRow:
    while True:
        colours = chance.choices(COLOURS, k=chance.choice((3, 4, 5)))
        if part_of(colours) == "training":
            return BeadRow(tuple(map(Bead, LETTERS, colours)), chance.choice(OPERATIONS))


def _line(given: list[str], loss_parts: list[str]) -> BaseLine:
    return BaseLine(given + loss_parts, [False] * len(given) + [True] * len(loss_parts))


def _operation_line(chance: random.Random) -> BaseLine:
    row = _training_row(chance)
    return _line(row.text().split(), numbered([colour for _, colour in targets(row)]))


def _reading_line(chance: random.Random) -> BaseLine:
    """Two rows, and both read place by place, up to where the form of the second one breaks if it does."""
    row = _training_row(chance)
    items = [b.colour if chance.random() < 0.5 else chance.choice(COLOURS) for b in row.beads]
    second = " ".join(numbered(items))
    if chance.random() < SPOILT_LINES:
        second = spoilt(second, chance)
    read, loss_parts = parse_answer(second), []
    for number, item in enumerate(read.items):
        if number < len(row.beads):
            letter, colour = row.beads[number]
            loss_parts += [str(number + 1), item, letter, colour, "same" if item == colour else "other"]
        else:
            loss_parts += [str(number + 1), item, "other"]
    if not read.well_formed:
        loss_parts += [*read.broken, "other"]
    return _line([*row.text().split()[:-1], "row", *second.split()], loss_parts)


def _pairs_line(chance: random.Random) -> BaseLine:
    words, predictable = [], []
    for _ in range(6):
        first = chance.choice(COLOURS)
        second = first if chance.random() < 0.5 else chance.choice(COLOURS)
        words += [first, second, "same" if first == second else "other"]
        predictable += [False, False, True]
    return BaseLine(words, predictable)


def _count_line(chance: random.Random) -> BaseLine:
    items = chance.choices(COLOURS, k=chance.randint(1, 7))
    return _line([*numbered(items), "given"], [NUMBERS[len(items)]])
