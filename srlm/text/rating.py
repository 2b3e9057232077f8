"""What FastChat's judges say: a rating in brackets, or which of two answers is better (MT-Bench, Zheng et al. 2023).

Its rules are kept to the letter, so that figures compare: of several ratings the first counts, and of several verdicts
the first in the order A, B, C. Beyond them, a rating that is not 1 to 10 is none: FastChat averages it as it stands.
"""

import re
from typing import Literal, NamedTuple

LOWEST, HIGHEST = 1.0, 10.0
_RATING = re.compile(r"\[\[([0-9]+(?:\.[0-9]*)?)\]\]")
_IN_SINGLE_BRACKETS = re.compile(r"\[([0-9]+(?:\.[0-9]*)?)\]")


class Rating(NamedTuple):
    """What a judge's words say of one answer."""

    points: float | None
    """1 to 10. None: unread."""
    unread: Literal["no score", "not on the scale"] | None = None


class Winner(NamedTuple):
    """What a judge's words say of two answers."""

    preference: float | None
    """1: the first answer is better; 0: the second is; 0.5: a tie. None: unread."""
    unread: Literal["no verdict"] | None = None


def read_rating(words: str) -> Rating:
    """The first `[[number]]`; without one, the first `[number]`."""
    found = _RATING.search(words) or _IN_SINGLE_BRACKETS.search(words)
    if found is None:
        return Rating(None, "no score")
    points = float(found[1])
    return Rating(points) if LOWEST <= points <= HIGHEST else Rating(None, "not on the scale")


def read_winner(words: str) -> Winner:
    """`[[A]]`, `[[B]]` or `[[C]]` (a tie), looked for in this order."""
    for mark, preference in (("[[A]]", 1.0), ("[[B]]", 0.0), ("[[C]]", 0.5)):
        if mark in words:
            return Winner(preference)
    return Winner(None, "no verdict")
