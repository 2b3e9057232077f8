"""The bead world: a tiny language in which a model trained in minutes can do, and judge, what can be checked exactly.

A prompt is a lettered row of three to five beads and one operation; an answer is the numbered result. A review quotes
each item beside the bead it should be, says yes or no, and ends with an additive score of 0 to 5. The exact program in
this file plays the person who ranked the seed answers, and measures; it is never the judge in the loop (only the
`oracle_scores` arm asks it).

    prompt    a gold b black c brown mate
    answer    1 gray 2 white 3 yellow .
    review    1 gray a gray yes ... asked three given three relevant yes correct yes count yes clean yes
              score : 5

Points: relevant 1, correct 2, count 1, clean 1; all 0 where it is not relevant.
"""

import random
import re
from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

from srlm.data.seed import SeedData
from srlm.records import Demonstration, Prompt, RankedSet, Record, Response, digest, seed_for
from srlm.settings import BeadsData

PARTNERS = (("gold", "gray"), ("black", "white"), ("brown", "yellow"), ("red", "green"), ("blue", "pink"))
COLOURS = tuple(colour for pair in PARTNERS for colour in pair)
_PARTNER = {a: b for pair in PARTNERS for a, b in (pair, pair[::-1])}
OPERATIONS = ("copy", "reverse", "skip", "turn", "mate")
LETTERS = ("a", "b", "c", "d", "e")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
DIGITS = tuple(str(n) for n in range(9))
OPENINGS = ("sure here you go", "well let me see", "here is my answer")
CLOSINGS = ("hope this helps", "thanks for asking", "let me see")
REVIEW_WORDS = ("review", "response", "asked", "given", "relevant", "correct", "count", "clean", "score", "yes", "no")
BASE_WORDS = ("same", "other", "row")
PUNCTUATION = (".", ":", "\n")
FILLER = tuple(sorted({word for phrase in OPENINGS + CLOSINGS for word in phrase.split()}))


def vocabulary() -> list[str]:
    """Every word of the world, in a fixed order; special tokens are the tokenizer's."""
    words = (*COLOURS, *OPERATIONS, *LETTERS, *DIGITS, *NUMBERS, *REVIEW_WORDS, *BASE_WORDS, *PUNCTUATION, *FILLER)
    return list(dict.fromkeys(words))


class Bead(NamedTuple):
    """A bead of a row and the letter it hangs under."""

    letter: str
    colour: str


class Row(NamedTuple):
    """A prompt, parsed."""

    beads: tuple[Bead, ...]
    operation: str

    def text(self) -> str:
        return " ".join(f"{b.letter} {b.colour}" for b in self.beads) + f" {self.operation}"


class Grade(Record):
    """What the exact program says of an answer."""

    relevant: bool
    """Numbered items in order, at least one of them right."""
    correct: bool
    """Relevant, and every given item right."""
    count: bool
    """As many items as asked."""
    clean: bool
    """Not a word beside the items and the closing full stop."""
    score: int
    """relevant 1 + correct 2 + count 1 + clean 1; 0 where it is not relevant."""


def parse_prompt(text: str) -> Row | None:
    """The row behind a prompt; None where the text is no prompt of this world."""
    words = text.split()
    letters, colours = words[0:-1:2], words[1:-1:2]
    if len(words) % 2 == 0 or not 3 <= len(letters) <= 5 or words[-1] not in OPERATIONS:
        return None
    if tuple(letters) != LETTERS[: len(letters)] or not set(colours) <= set(COLOURS):
        return None
    return Row(tuple(map(Bead, letters, colours)), words[-1])


def targets(row: Row) -> list[Bead]:
    """The right items in order: the colour, and the letter of the bead each comes from."""
    beads = list(row.beads)
    match row.operation:
        case "copy":
            return beads
        case "reverse":
            return beads[::-1]
        case "skip":
            return beads[::2]
        case "turn":
            return beads[1:] + beads[:1]
        case _:
            return [Bead(b.letter, _PARTNER[b.colour]) for b in beads]


class Answer(NamedTuple):
    """An answer, parsed: its items, and whether it is well formed and free of filler."""

    items: list[str]
    """Of a malformed answer those before the place where its form breaks."""
    well_formed: bool
    clean: bool
    broken: tuple[str, ...] = ()
    """The words at which the form breaks: one, or the right number and what stands there for a colour. Empty where the
    answer is well formed, or ends too early."""


def parse_answer(text: str) -> Answer:
    """Items `1 COLOUR 2 COLOUR ... .` with or without filler around them.

    Well formed: after leading filler words the items are numbered 1, 2, ... and closed by a full stop, and only filler
    follows.
    """
    words = text.split()
    start = next((i for i, word in enumerate(words) if word not in FILLER), len(words))
    items: list[str] = []
    place = start
    while (
        words[place : place + 1] == [str(len(items) + 1)]
        and words[place + 1 : place + 2]
        and words[place + 1] in COLOURS
    ):
        items.append(words[place + 1])
        place += 2
    ended = bool(items) and words[place : place + 1] == ["."]
    rest = words[place + 1 :] if ended else words[place:]
    if ended and set(rest) <= set(FILLER):
        return Answer(items, True, start == 0 and not rest)
    if ended:
        rest = [word for word in rest if word not in FILLER]
    return Answer(items, False, False, tuple(rest[: 2 if rest[:1] == [str(len(items) + 1)] and not ended else 1]))


def grade(prompt: str, response: str) -> Grade:
    """Grade an answer exactly. Raises ValueError where `prompt` is no prompt of this world."""
    row, answer = _row(prompt), parse_answer(response)
    return _points(row, answer, _marks(row, answer))


def oracle_score(prompt: str, response: str) -> float:
    """Points of the exact program, 0 to 5."""
    return float(grade(prompt, response).score)


def review(prompt: str, response: str) -> str:
    """The review a careful person writes: every item beside the bead it should be, then the points, then the score.

    Of a malformed answer the items up to where its form breaks, and what stands there, called `other`.
    """
    row, answer = _row(prompt), parse_answer(response)
    return _review(row, answer, _marks(row, answer))


def _row(prompt: str) -> Row:
    row = parse_prompt(prompt)
    if row is None:
        raise ValueError(f"not a bead prompt: {prompt!r}")
    return row


def _marks(row: Row, answer: Answer) -> list[bool]:
    """Whether each given item is the right one."""
    right = targets(row)
    return [i < len(right) and item == right[i].colour for i, item in enumerate(answer.items)]


def _mistaken(marks: Sequence[bool], chance: random.Random) -> list[bool]:
    """The marks of a reviewer who errs about `correct`: one right item taken for wrong, or all wrong ones for right."""
    if not all(marks):
        return [True] * len(marks)
    wrong = chance.randrange(len(marks)) if marks else None
    return [i != wrong for i in range(len(marks))]


def _points(row: Row, answer: Answer, marks: Sequence[bool]) -> Grade:
    relevant = answer.well_formed and any(marks)
    correct = relevant and all(marks)
    counted = relevant and len(marks) == len(targets(row))
    clean = relevant and answer.clean
    return Grade(
        relevant=relevant,
        correct=correct,
        count=counted,
        clean=clean,
        score=relevant + 2 * correct + counted + clean,
    )


def _review(row: Row, answer: Answer, marks: Sequence[bool]) -> str:
    right, points = targets(row), _points(row, answer, marks)
    words: list[str] = []
    for number, (item, mark) in enumerate(zip(answer.items, marks, strict=True)):
        beside = right[number] if number < len(right) else ()
        words += [str(number + 1), item, *beside, _yes(mark)]
    if not answer.well_formed:
        words += [*answer.broken, "other"]
    words += ["asked", NUMBERS[len(right)], "given", NUMBERS[min(len(answer.items), 8)]]
    words += ["relevant", _yes(points.relevant), "correct", _yes(points.correct)]
    words += ["count", _yes(points.count), "clean", _yes(points.clean)]
    return " ".join(words) + f" \n score : {points.score}"


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


class Criteria(Record):
    """The verdicts of a review, as its writer put them."""

    relevant: bool
    correct: bool
    count: bool
    clean: bool


_CRITERIA = re.compile(r"\brelevant (yes|no) correct (yes|no) count (yes|no) clean (yes|no)(?= |$)")


def criteria(review: str) -> Criteria | None:
    """The four verdicts a review ends with, the last ones where it gives several; None where it gives none."""
    found = _CRITERIA.findall(review)
    if not found:
        return None
    relevant, correct, count, clean = (word == "yes" for word in found[-1])
    return Criteria(relevant=relevant, correct=correct, count=count, clean=clean)


def form(review: str) -> float | None:
    """The points a review gives for form alone, `count` and `clean` (the `form_scores` arm); None where it has none."""
    found = criteria(review)
    return None if found is None else float(found.count + found.clean)


# Data -------------------------------------------------------------------------------------------------------------


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


DEMONSTRATORS = Habits(careful=0.40, lazy=0.35, sloppy=0.25, wrong_count=0.35, filler=0.35, random=0.05)
"""Noisy on purpose: the skill is in the base text, and the demonstrations hide it."""
RANKED = Habits(careful=0.45, lazy=0.15, sloppy=0.40, wrong_count=0.35, filler=0.35, random=0.10, spoilt=0.20)
"""More varied, so that the judge sees every kind of answer, and malformed ones like those that models write."""


def answer(row: Row, habits: Habits, chance: random.Random) -> str:
    """An answer somebody with these habits gives."""
    if chance.random() < habits.random:
        return _stray(row, chance)
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


EXAM = 0
"""Seed of what models are measured on: the same for all runs, so that they compare by prompt."""


def beads(settings: BeadsData, seed: int) -> SeedData:
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


def fresh_prompts(settings: BeadsData, seed: int, iteration: int, number: int) -> list[Prompt]:
    """New prompts for M_iteration (from 2), in no other training set and no permutation of an evaluation prompt."""
    rows = Rows(seed, "training")
    for _ in range(settings.ift + settings.eft_sets + settings.validation_prompts + (iteration - 2) * number):
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
    scores, reviews = [], []
    for read in map(parse_answer, texts):
        marks = _marks(row, read)
        if chance.random() < wrong:
            marks = _mistaken(marks, chance)
        scores.append(_points(row, read, marks).score)
        reviews.append(_review(row, read, marks))
    order = sorted(set(scores), reverse=True)
    return RankedSet.of(
        prompt,
        tuple(Response.of(prompt.id, text, "human", draw, "stop") for draw, text in enumerate(texts)),
        tuple(order.index(score) for score in scores),
        tuple(reviews),
    )
