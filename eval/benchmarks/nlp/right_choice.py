"""Where the right choice of a row as on the Hub stands: a row without one is refused, and never counted as wrong.

lm-eval tries the first document of a task. Of all others it takes whatever place their answer has: -1, as unlabelled
splits have it, is a choice that no model can make.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from srlm.errors import DataError


class Choices(NamedTuple):
    """The choices of a row, and which is right."""

    texts: Sequence[Any]
    right: int | None
    """None: its answer is none of them."""
    said: str
    """The answer as the row has it."""
    expected: str
    """What it may be."""


def refuse_unanswerable(place: str, task: str, row: Mapping[str, Any]) -> None:
    """Raises DataError where a row of a task of choices has no two choices, or an answer that is none of them."""
    if task not in READ:
        return
    found = READ[task](row)
    if len(found.texts) < 2 or not all(isinstance(one, str) and one for one in found.texts):
        raise DataError(f"{place}: a row of {task} needs two choices or more, each a text")
    if found.right is None or not 0 <= found.right < len(found.texts):
        raise DataError(
            f"{place}: the answer of {task} is {found.said}, which is none of its choices; expected {found.expected} "
            "(unlabelled rows cannot be scored)"
        )


def _lettered(row: Mapping[str, Any]) -> Choices:
    """ARC and OpenBookQA: letters beside the choices, and one of these as the answer."""
    texts, letters = row["choices"].get("text"), row["choices"].get("label")
    if not isinstance(texts, list) or not isinstance(letters, list) or len(texts) != len(letters):
        return Choices((), None, "", "")
    answer = row["answerKey"].lstrip()
    right = letters.index(answer) if answer in letters else None
    return Choices(texts, right, f"`answerKey` {row['answerKey']!r}", f"one of {', '.join(map(str, letters))}")


def _endings(row: Mapping[str, Any]) -> Choices:
    """HellaSwag: endings, and the place of one as a number or its digits."""
    last = len(row["endings"]) - 1
    return Choices(row["endings"], _number(row["label"]), f"`label` {row['label']!r}", f"0 to {last}")


def _solutions(row: Mapping[str, Any]) -> Choices:
    """PIQA: two solutions."""
    return Choices((row["sol1"], row["sol2"]), row["label"], f"`label` {row['label']}", "0 or 1")


def _answers(row: Mapping[str, Any]) -> Choices:
    """SIQA: three answers, counted from 1."""
    number = _number(row["label"])
    right = None if number is None else number - 1
    texts = tuple(row[f"answer{letter}"] for letter in "ABC")
    return Choices(texts, right, f"`label` {row['label']!r}", "1, 2 or 3")


def _number(label: str | int) -> int | None:
    if isinstance(label, int):
        return label
    return int(label) if label.isascii() and label.isdigit() else None


READ: Mapping[str, Callable[[Mapping[str, Any]], Choices]] = {
    "arc_easy": _lettered,
    "arc_challenge": _lettered,
    "hellaswag": _endings,
    "social_iqa": _answers,
    "piqa": _solutions,
    "openbookqa": _lettered,
}
"""By task."""
