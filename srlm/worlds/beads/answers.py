"""Answers as people of the bead world give them: right, lazy, sloppy, too short, too polite, malformed."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from srlm.worlds.beads.program import (
    CLOSINGS,
    COLOURS,
    OPENINGS,
    BeadRow,
    parse_answer,
    review,
    targets,
    vocabulary,
)


class Habits(NamedTuple):
    """How people of this world answer: the shares of each habit."""

    careful: float
    """All items right."""
    lazy: float
    """The row as it stands, whatever the operation."""
    sloppy: float
    """Each item a random colour with probability .4."""
    wrong_count: float
    """An item or two left out, or one added."""
    filler: float
    """Polite words before or after."""
    random: float
    """Random colours, or words that are no answer at all."""
    spoilt: float = 0.0
    """An answer that would do but for one word put in, left out, doubled or replaced, and so is malformed."""
    reviewer: float = 0.0
    """The words of a review where an answer is asked for, as models that learn to judge begin to write."""


DEMONSTRATORS = Habits(careful=0.40, lazy=0.35, sloppy=0.25, wrong_count=0.35, filler=0.35, random=0.05)
"""Noisy on purpose: the skill is in the base text, and the demonstrations hide it."""
RANKED = Habits(
    careful=0.45, lazy=0.15, sloppy=0.40, wrong_count=0.35, filler=0.35, random=0.10, spoilt=0.20, reviewer=0.05
)
"""More varied, so that the judge sees every kind of answer, malformed and off-task ones as models write them, too."""


def answer(row: BeadRow, habits: Habits, chance: random.Random) -> str:
    """An answer somebody with these habits gives."""
    if chance.random() < habits.random:
        return _stray(row, chance)
    if habits.reviewer and chance.random() < habits.reviewer:
        return _review_instead(row, chance)
    right = [colour for _, colour in targets(row)]
    match chance.choices(("careful", "lazy", "sloppy"), habits[:3])[0]:
        case "careful":
            items = right
        case "lazy":
            items = [b.colour for b in row.beads][: len(right)]
        case _:
            items = [chance.choice(COLOURS) if chance.random() < 0.4 else colour for colour in right]
    if chance.random() < habits.wrong_count:
        if len(items) > 1 and chance.random() < 0.7:
            items = items[: -chance.randint(1, min(2, len(items) - 1))]
        else:
            items = [*items, chance.choice(COLOURS)]
    words = " ".join(numbered(items))
    if chance.random() < habits.filler:
        words = f"{chance.choice(OPENINGS)} {words}" if chance.random() < 0.5 else f"{words} {chance.choice(CLOSINGS)}"
    return spoilt(words, chance) if habits.spoilt and chance.random() < habits.spoilt else words


def spoilt(answer: str, chance: random.Random) -> str:
    """The answer with one word put in, left out, doubled or replaced, so that it is malformed."""
    every = vocabulary()
    while True:
        words = answer.split()
        place = chance.randrange(len(words))
        match chance.randrange(4):
            case 0:
                words.insert(place, chance.choice(every))
            case 1:
                del words[place]
            case 2:
                words.insert(place, words[place])
            case _:
                words[place] = chance.choice(every)
        if "\n" not in words and not parse_answer(" ".join(words)).well_formed:
            return " ".join(words)


def numbered(items: Sequence[str]) -> list[str]:
    """The items behind their numbers, and the closing full stop."""
    return [word for number, item in enumerate(items, 1) for word in (str(number), item)] + ["."]


def _stray(row: BeadRow, chance: random.Random) -> str:
    """Not an answer: random colours, no numbers, wrong numbers, no end, the prompt again, or only filler."""
    items = chance.choices(COLOURS, k=chance.randint(1, 6))
    words = numbered(items)
    match chance.randrange(6):
        case 0:
            return " ".join(words)
        case 1:
            return " ".join(items) + " ."
        case 2:
            words[2 * chance.randrange(len(items))] = str(chance.randint(0, 8))
            return " ".join(words)
        case 3:
            return " ".join(words[:-1])
        case 4:
            return row.text()
        case _:
            return chance.choice(OPENINGS + CLOSINGS)


def _review_instead(row: BeadRow, chance: random.Random) -> str:
    """The beginning of an answer or none, and then the words of a review."""
    words = numbered([bead.colour for bead in targets(row)])[: 2 * chance.randrange(len(targets(row)))]
    said = review(row.text(), " ".join([*words, "."])).replace("\n ", "").split()
    start = said.index("asked") if chance.random() < 0.5 else 0
    middle = ["other"] if chance.random() < 0.5 else []
    return " ".join([*words, *middle, *said[start : start + chance.randint(4, 24)]])
