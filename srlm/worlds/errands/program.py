"""The exact program of the errands: what an answer is worth, and the review a careful person writes of it.

    prompt    Write these words in reverse order: lamp, bread, soap.
    answer    soap, lamp, bread
    review    soap: soap, yes. bread: lamp, no. lamp: bread, no.
              On topic: yes. Complete: yes. Right: no. Nothing else: yes.
              Score: 3

An answer is a list of words or numbers, with or without a lead (`Sure, here it is:`) and a closing sentence. Points:
on topic 1 (an item is right), right 2 (all are, and none is missing or too much), complete 1 (as many as asked),
nothing else 1; all 0 where it is not on topic. The program plays the person who ranked the seed answers, and measures;
it is never the judge in the loop (only the `oracle_scores` arm asks it).
"""

import random
import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from srlm.bounded.quote import quoted
from srlm.errors import DataError
from srlm.records import Record
from srlm.worlds.errands.kinds import Errand, parse

NOTHING = "nothing"
"""Stands in a review where an item is missing, or where none is asked for."""


class Grade(Record):
    """What the exact program says of an answer."""

    relevant: bool
    """A list in which an item is right."""
    complete: bool
    """On topic, and as many items as asked."""
    correct: bool
    """All that is asked for, in its order, and no item more."""
    clean: bool
    """On topic, and not a word beside the items."""
    score: int
    """relevant 1 + complete 1 + correct 2 + clean 1; 0 where it is not on topic."""


class ParsedAnswer(NamedTuple):
    """An answer, parsed."""

    items: tuple[str, ...]
    """Empty where the answer is no list."""
    clean: bool


_ITEM = r"[\"'*`]*(?:[A-Za-z]+|[0-9]+)[\"'*`]*"
_LIST = re.compile(
    rf"(?:(?:[-*•]|[0-9]+[.)])\s+)?({_ITEM})(?:(?:,\s*(?:and\s+)?|\s+and\s+|\s*\n+\s*(?:(?:[-*•]|[0-9]+[.)])\s+)?)({_ITEM}))*[.!]?"
)
_LEAD = re.compile(r"\A[^:\n]{1,200}:\s+")
_CLOSING = re.compile(r"(?<=[.!\n])\s*[^\s.!?][^.!?\n]*\s[^.!?\n]*[.!?]\s*\Z")
_MARKS = re.compile(r"^(?:[-*•]|[0-9]+[.)])\s+", re.MULTILINE)


def parse_answer(text: str) -> ParsedAnswer:
    """The items of an answer: separated by commas, `and` or lines, numbered or not, quoted or not."""
    core = text.strip()
    whole = core
    if lead := _LEAD.match(core):
        core = core[lead.end() :]
    if not _LIST.fullmatch(core) and (closing := _CLOSING.search(core)):
        core = core[: closing.start()].strip()
    if not _LIST.fullmatch(core):
        return ParsedAnswer((), False)
    items = tuple(re.findall(r"[A-Za-z]+|[0-9]+", re.sub(r"\band\b", " ", _MARKS.sub("", core))))
    return ParsedAnswer(items, core == whole)


def grade(prompt: str, response: str) -> Grade:
    """Grade an answer exactly. Raises DataError where `prompt` is no prompt of this world."""
    answer = parse_answer(response)
    return _points(answer, _marks(read(prompt).target(), answer.items), len(read(prompt).target()))


def oracle_score(prompt: str, response: str) -> float:
    """Points of the exact program, 0 to 5."""
    return float(grade(prompt, response).score)


def review(prompt: str, response: str, mistaken: random.Random | None = None) -> str:
    """The review a careful person writes: each item that is asked for, what is given in its place, then the points.

    `mistaken`: the person errs about `correct`: one right item taken for wrong (which one, it draws), or all wrong ones
    for right.
    """
    target, answer = read(prompt).target(), parse_answer(response)
    marks = _marks(target, answer.items)
    if mistaken is not None:
        marks = _turned(marks, mistaken)
    points = _points(answer, marks, len(target))
    lines = [
        f"{asked}: {given}, {_yes(mark)}."
        for asked, given, mark in zip(*_beside(target, answer.items), marks, strict=True)
    ]
    return (
        f"{' '.join(lines)}\nOn topic: {_yes(points.relevant)}. Complete: {_yes(points.complete)}. "
        f"Right: {_yes(points.correct)}. Nothing else: {_yes(points.clean)}.\nScore: {points.score}"
    )


def read(prompt: str) -> Errand:
    """The errand behind a prompt. Raises DataError where it is none."""
    errand = parse(prompt)
    if errand is None:
        raise DataError(
            f"not a prompt of the errands world: {quoted(prompt)}; its exact program can grade no other (for other "
            "prompts, give data, evaluation.judge and reward that do not need it)"
        )
    return errand


def _beside(target: Sequence[str], items: Sequence[str]) -> tuple[list[str], list[str]]:
    """The asked and the given items, place by place, NOTHING where one has no more."""
    pairs = list(zip_longest(target, items, fillvalue=NOTHING))
    return [asked for asked, _ in pairs], [given for _, given in pairs]


def _marks(target: Sequence[str], items: Sequence[str]) -> list[bool]:
    """Whether what is given is what is asked for, place by place."""
    return [asked == given for asked, given in zip(*_beside(target, items), strict=True)]


def _turned(marks: Sequence[bool], chance: random.Random) -> list[bool]:
    """Marks with the opposite verdict on `correct`."""
    if not all(marks):
        return [True] * len(marks)
    wrong = chance.randrange(len(marks))
    return [place != wrong for place in range(len(marks))]


def _points(answer: ParsedAnswer, marks: Sequence[bool], asked: int) -> Grade:
    relevant = bool(answer.items) and any(marks)
    complete = relevant and len(answer.items) == asked
    correct = relevant and all(marks)
    clean = relevant and answer.clean
    return Grade(
        relevant=relevant,
        complete=complete,
        correct=correct,
        clean=clean,
        score=relevant + complete + 2 * correct + clean,
    )


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


class Criteria(Record):
    """The verdicts of a review, as its writer put them."""

    relevant: bool
    complete: bool
    correct: bool
    clean: bool


_CRITERIA = re.compile(r"On topic: (yes|no)\. Complete: (yes|no)\. Right: (yes|no)\. Nothing else: (yes|no)\.")


def criteria(review: str) -> Criteria | None:
    """The four verdicts a review ends with, the last ones where it gives several; None where it gives none."""
    found = _CRITERIA.findall(review)
    if not found:
        return None
    relevant, complete, correct, clean = (word == "yes" for word in found[-1])
    return Criteria(relevant=relevant, complete=complete, correct=correct, clean=clean)


def form(review: str) -> float | None:
    """The points a review gives for form alone, `complete` and `clean` (the `form_scores` arm); None: it has none."""
    found = criteria(review)
    return None if found is None else float(found.complete + found.clean)
