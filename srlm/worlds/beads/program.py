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
from typing import NamedTuple

from srlm.bounded.quote import quoted
from srlm.errors import DataError
from srlm.records import Record

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


class BeadRow(NamedTuple):
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


def parse_prompt(text: str) -> BeadRow | None:
    """The row behind a prompt; None where the text is no prompt of this world."""
    words = text.split()
    letters, colours = words[0:-1:2], words[1:-1:2]
    if len(words) % 2 == 0 or not 3 <= len(letters) <= 5 or words[-1] not in OPERATIONS:
        return None
    if tuple(letters) != LETTERS[: len(letters)] or not set(colours) <= set(COLOURS):
        return None
    return BeadRow(tuple(map(Bead, letters, colours)), words[-1])


def targets(row: BeadRow) -> list[Bead]:
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


class ParsedAnswer(NamedTuple):
    """An answer, parsed: its items, and whether it is well formed and free of filler."""

    items: list[str]
    """Of a malformed answer those before the place where its form breaks."""
    well_formed: bool
    clean: bool
    broken: tuple[str, ...] = ()
    """The words at which the form breaks: one, or the right number and what stands there for a colour. Empty where the
    answer is well formed, or ends too early."""


def parse_answer(text: str) -> ParsedAnswer:
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
        return ParsedAnswer(items, True, start == 0 and not rest)
    if ended:
        rest = [word for word in rest if word not in FILLER]
    return ParsedAnswer(items, False, False, tuple(rest[: 2 if rest[:1] == [str(len(items) + 1)] and not ended else 1]))


def grade(prompt: str, response: str) -> Grade:
    """Grade an answer exactly. Raises DataError where `prompt` is no prompt of this world."""
    row, answer = read_row(prompt), parse_answer(response)
    return _points(row, answer, _marks(row, answer))


def oracle_score(prompt: str, response: str) -> float:
    """Points of the exact program, 0 to 5."""
    return float(grade(prompt, response).score)


def review(prompt: str, response: str, mistaken: random.Random | None = None) -> str:
    """The review a careful person writes: every item beside the bead it should be, then the points, then the score.

    Of a malformed answer the items up to where its form breaks, and what stands there, called `other`. `mistaken`: the
    person errs about `correct`, one right item taken for wrong (which one, it draws) or all wrong ones for right.
    """
    row, answer = read_row(prompt), parse_answer(response)
    right, marks = targets(row), _marks(row, answer)
    if mistaken is not None:
        marks = _turned(marks, mistaken)
    points = _points(row, answer, marks)
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


def read_row(prompt: str) -> BeadRow:
    """The row behind a prompt. Raises DataError where it is no prompt of this world."""
    row = parse_prompt(prompt)
    if row is None:
        raise DataError(
            f"not a prompt of the bead world: {quoted(prompt)}; its exact program can grade no other (for other "
            "prompts, give data, evaluation.judge and reward that do not need it)"
        )
    return row


def _marks(row: BeadRow, answer: ParsedAnswer) -> list[bool]:
    """Whether each given item is the right one."""
    right = targets(row)
    return [i < len(right) and item == right[i].colour for i, item in enumerate(answer.items)]


def _turned(marks: Sequence[bool], chance: random.Random) -> list[bool]:
    """Marks with the opposite verdict on `correct`; no items have none to turn."""
    if not all(marks):
        return [True] * len(marks)
    wrong = chance.randrange(len(marks)) if marks else None
    return [i != wrong for i in range(len(marks))]


def _points(row: BeadRow, answer: ParsedAnswer, marks: Sequence[bool]) -> Grade:
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
