"""Data of the bead world (`beads.py`): M0's text, noisy demonstrations, ranked and reviewed answers, fresh prompts.

Everything is drawn from the run's seed, but for what models are measured on, which is the same for all runs. No row of
an evaluation prompt, in any order, stands in any training text.
"""

import random
from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

from srlm.data.beads import (
    CLOSINGS,
    COLOURS,
    LETTERS,
    NUMBERS,
    OPENINGS,
    OPERATIONS,
    Bead,
    Row,
    parse_answer,
    review,
    targets,
    vocabulary,
)
from srlm.data.seed import SeedData
from srlm.records import Demonstration, Prompt, RankedSet, Response, digest, seed_for
from srlm.settings import BeadsData
from srlm.text.score import parse_score


class Rows:
    """Fresh rows without end, operations in equal shares.

    The colours of a row, in any order, fall in one of three parts for good: a row of the `evaluation` or `heldout` part
    is no permutation of any row of another part, whatever its operation. No exact row is drawn twice.
    """

    def __init__(self, seed: int, part: str) -> None:
        self._random = random.Random(seed_for(seed, "rows", part))
        self._part = part
        self._seen: set[str] = set()
        self._operations = cycle(OPERATIONS)

    def draw(self) -> Row:
        """A row of this part, not drawn before."""
        operation = next(self._operations)
        while True:
            colours = self._random.choices(COLOURS, k=self._random.choice((3, 4, 5)))
            row = Row(tuple(map(Bead, LETTERS, colours)), operation)
            if part_of(colours) == self._part and row.text() not in self._seen:
                self._seen.add(row.text())
                return row


def part_of(colours: Sequence[str]) -> str:
    """`evaluation` and `heldout` get a tenth of all bags of colours each, `training` the rest, in every run."""
    return {0: "evaluation", 1: "heldout"}.get(int(digest("part", sorted(colours)), 16) % 10, "training")


SPOILT_LINES = 0.3
"""Share of the lines that read two rows in which the second one's form breaks somewhere."""


class BaseLine(NamedTuple):
    """A line of M0's training text and which of its words can be foretold (only those carry loss)."""

    words: list[str]
    predictable: list[bool]


def base_lines(number: int, seed: int) -> list[BaseLine]:
    """Text in which M0 finds every skill: the five operations, reading two rows place by place, comparing, counting."""
    chance = random.Random(seed_for(seed, "base lines"))
    kinds = chance.choices((_operation_line, _reading_line, _pairs_line, _count_line), (46, 24, 24, 6), k=number)
    return [kind(chance) for kind in kinds]


def _training_row(chance: random.Random) -> Row:
    while True:
        colours = chance.choices(COLOURS, k=chance.choice((3, 4, 5)))
        if part_of(colours) == "training":
            return Row(tuple(map(Bead, LETTERS, colours)), chance.choice(OPERATIONS))


def _line(given: list[str], told: list[str]) -> BaseLine:
    return BaseLine(given + told, [False] * len(given) + [True] * len(told))


def _operation_line(chance: random.Random) -> BaseLine:
    row = _training_row(chance)
    return _line(row.text().split(), _numbered([colour for _, colour in targets(row)]))


def _reading_line(chance: random.Random) -> BaseLine:
    """Two rows, and both read place by place, up to where the form of the second one breaks if it does."""
    row = _training_row(chance)
    items = [b.colour if chance.random() < 0.5 else chance.choice(COLOURS) for b in row.beads]
    second = " ".join(_numbered(items))
    if chance.random() < SPOILT_LINES:
        second = _spoilt(second, chance)
    read, told = parse_answer(second), []
    for number, item in enumerate(read.items):
        if number < len(row.beads):
            letter, colour = row.beads[number]
            told += [str(number + 1), item, letter, colour, "same" if item == colour else "other"]
        else:
            told += [str(number + 1), item, "other"]
    if not read.well_formed:
        told += [*read.broken, "other"]
    return _line([*row.text().split()[:-1], "row", *second.split()], told)


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
    return _line([*_numbered(items), "given"], [NUMBERS[len(items)]])


def _numbered(items: Sequence[str]) -> list[str]:
    return [word for number, item in enumerate(items, 1) for word in (str(number), item)] + ["."]


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


def answer(row: Row, habits: Habits, chance: random.Random) -> str:
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
    words = " ".join(_numbered(items))
    if chance.random() < habits.filler:
        words = f"{chance.choice(OPENINGS)} {words}" if chance.random() < 0.5 else f"{words} {chance.choice(CLOSINGS)}"
    return _spoilt(words, chance) if habits.spoilt and chance.random() < habits.spoilt else words


def _spoilt(answer: str, chance: random.Random) -> str:
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


def _stray(row: Row, chance: random.Random) -> str:
    """Not an answer: random colours, no numbers, wrong numbers, no end, the prompt again, or only filler."""
    items = chance.choices(COLOURS, k=chance.randint(1, 6))
    numbered = _numbered(items)
    match chance.randrange(6):
        case 0:
            return " ".join(numbered)
        case 1:
            return " ".join(items) + " ."
        case 2:
            numbered[2 * chance.randrange(len(items))] = str(chance.randint(0, 8))
            return " ".join(numbered)
        case 3:
            return " ".join(numbered[:-1])
        case 4:
            return row.text()
        case _:
            return chance.choice(OPENINGS + CLOSINGS)


def _review_instead(row: Row, chance: random.Random) -> str:
    """The beginning of an answer or none, and then the words of a review."""
    words = _numbered([bead.colour for bead in targets(row)])[: 2 * chance.randrange(len(targets(row)))]
    said = review(row.text(), " ".join([*words, "."])).replace("\n ", "").split()
    start = said.index("asked") if chance.random() < 0.5 else 0
    middle = ["other"] if chance.random() < 0.5 else []
    return " ".join([*words, *middle, *said[start : start + chance.randint(4, 24)]])


EXAM = 0
"""Seed of what models are measured on: the same for all runs, so that they compare by prompt."""


def seed_data(settings: BeadsData, seed: int) -> SeedData:
    """All seed data of a run in the bead world, drawn from its seed; what it is measured on is the same for all."""
    training, heldout, evaluation = Rows(seed, "training"), Rows(EXAM, "heldout"), Rows(EXAM, "evaluation")
    chance, exam = random.Random(seed_for(seed, "seed data")), random.Random(seed_for(EXAM, "exam"))
    ift = [_demonstration(training.draw(), chance) for _ in range(settings.ift)]
    data = SeedData(
        ift=tuple(demonstration for demonstration, _ in ift),
        seed_prompts=tuple(prompt for _, prompt in ift),
        eft_sets=tuple(_ranked(training.draw(), chance, settings.wrong_verdicts) for _ in range(settings.eft_sets)),
        validation_prompts=tuple(_prompt(training.draw()) for _ in range(settings.validation_prompts)),
        heldout_sets=tuple(_ranked(heldout.draw(), exam, 0.0) for _ in range(settings.heldout_sets)),
        evaluation_prompts=tuple(_prompt(evaluation.draw()) for _ in range(settings.evaluation_prompts)),
        account={},
    )
    sizes = {
        "ift": len(data.ift),
        "eft sets": len(data.eft_sets),
        "heldout sets": len(data.heldout_sets),
        "evaluation prompts": len(data.evaluation_prompts),
        "validation prompts": len(data.validation_prompts),
    }
    return data.model_copy(update={"account": sizes})


def fresh_prompts(settings: BeadsData, seed: int, before: int, number: int) -> list[Prompt]:
    """The next `number` new prompts after `before`, in no other training set and no evaluation prompt permuted."""
    rows = Rows(seed, "training")
    for _ in range(settings.ift + settings.eft_sets + settings.validation_prompts + before):
        rows.draw()
    return [_prompt(rows.draw()) for _ in range(number)]


def _prompt(row: Row) -> Prompt:
    return Prompt.of(row.text(), "beads", row.operation)


def _demonstration(row: Row, chance: random.Random) -> tuple[Demonstration, Prompt]:
    prompt = _prompt(row)
    response = Response.of(prompt.id, answer(row, DEMONSTRATORS, chance), "human", 0, "stop")
    return Demonstration.of("ift", prompt.text, response.text, response.id), prompt


def _ranked(row: Row, chance: random.Random, wrong: float) -> RankedSet:
    """Four different answers, reviewed, and ranked by the reviewer's scores (equal scores tie).

    The reviewer errs about `correct` in this share of the answers that have items.
    """
    prompt = _prompt(row)
    texts: list[str] = []
    while len(texts) < 4:
        text = answer(row, RANKED, chance)
        if text not in texts:
            texts.append(text)
    reviews = [review(prompt.text, text, chance if chance.random() < wrong else None) for text in texts]
    scores = [parse_score(text) or 0 for text in reviews]
    order = sorted(set(scores), reverse=True)
    return RankedSet.of(
        prompt,
        tuple(Response.of(prompt.id, text, "human", draw, "stop") for draw, text in enumerate(texts)),
        tuple(order.index(score) for score in scores),
        tuple(reviews),
    )
