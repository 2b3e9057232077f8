"""What a judge said of two answers of a ranked set, in both orders of showing."""

from typing import NamedTuple


class RankedPair(NamedTuple):
    """Two answers of a set, by place; preferences are those for the first of them."""

    set: int
    first: int
    second: int
    listed: float | None
    """Asked with the first shown first: 1 = the first is better, 0.5 = equal, 0 = the second. None: unscored."""
    turned: float | None
    chance: float | None = None
    """Mean over both orders of the judge's probability that the first is better. None: it does not say."""
