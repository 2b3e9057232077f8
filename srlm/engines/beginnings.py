"""Which rows of tokens begin alike, so that what they share is read once for all of them."""

from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple

Tokens = Sequence[int]


class Alike(NamedTuple):
    """Rows that begin alike."""

    rows: list[int]
    """Their numbers."""
    shared: int
    """Tokens that all of them begin with and that are worth reading apart; 0: none are."""


def beginnings(rows: Sequence[Tokens], worth: int) -> list[Alike]:
    """The rows in groups that begin alike, at least `worth` tokens each, so that the fewest tokens are read.

    A group is divided where its parts, each with what it shares itself, save more. (Of one subject's questions all
    begin with the subject's examples, of all subjects' questions with a few words.) The last token of a row is never
    shared: what comes behind a row is found by reading it.
    """
    order = sorted(range(len(rows)), key=lambda row: (list(rows[row]), row))
    # How much each row shares with the next one in this order: rows between two share no less than these do.
    steps = [_shared(rows[one], rows[other]) for one, other in pairwise(order)]
    found: list[Alike] = []
    waiting = [(0, len(order))]
    while waiting:
        start, end = waiting.pop()
        if start == end:
            continue
        saved, shared = _saving(steps, start, end, worth)
        parts = _parts(steps, start, end)
        if len(parts) > 1 and sum(_saving(steps, *part, worth)[0] for part in parts) >= saved:
            waiting += reversed(parts)
        else:
            found.append(Alike(order[start:end], shared if saved else 0))
    return _together(found)


def _saving(steps: Sequence[int], start: int, end: int, worth: int) -> tuple[int, int]:
    """Tokens that need not be read where these rows share what all of them begin with, and how many they share."""
    shared = min(steps[start : end - 1], default=0)
    return (end - start - 1) * shared if shared >= worth else 0, shared


def _parts(steps: Sequence[int], start: int, end: int) -> list[tuple[int, int]]:
    """The rows divided wherever they share least."""
    least = min(steps[start : end - 1], default=0)
    cuts = [start, *(place + 1 for place in range(start, end - 1) if steps[place] == least), end]
    return list(pairwise(cuts))


def _together(found: Sequence[Alike]) -> list[Alike]:
    """Rows that share nothing are one group: they may be read in any batch."""
    alone = [row for group in found if not group.shared for row in group.rows]
    return [*(group for group in found if group.shared), *([Alike(sorted(alone), 0)] if alone else [])]


def _shared(one: Tokens, other: Tokens) -> int:
    """Tokens that both begin with, without the last of either."""
    return common_tokens([one[:-1], other[:-1]])


def common_tokens(rows: Sequence[Tokens]) -> int:
    """How many tokens all rows begin with."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False)))
