"""Intervals of figures that cannot leave a range: shares, mean preferences, wins minus losses, kappas.

`of_count` is for one yes or no a prompt: Blaker's exact interval (2000), which never covers less than it says and lies
within Clopper and Pearson's. Wilson's falls to 90% coverage at a rate of .5% of 20 prompts, Jeffreys's to 88% at 5% of
50. A half is outside it just where the exact sign test rejects.

`interval` is for all else, from the figure and each prompt's part in its error. It puts the figure on 0..1, asks how
many yes-or-no prompts would say as much, and gives the score interval of so many:

    prompts that count = size / phi,   phi = (information * variance ratio + BELIEF) / (information + BELIEF)
    information = 4 size p (1 - p)

The variance ratio is the figure's variance over that of as many yes-or-no prompts, p (1 - p) / size. BELIEF is
a belief that prompts are yes or no: a sample near the edge says little of its own spread, a unanimous one nothing, and
both get the cautious interval (no width is ever 0). At the end that faces the edge the lower of
Wilson's and Jeffreys's bounds counts, for each is too narrow where the other is not.

benchmarks/statistics/intervals_coverage.py measures these and what was tried before.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Array = npt.NDArray[np.float64]

BELIEF = 1.5
"""Prompts' worth of belief that prompts are yes or no. With 1, intervals of wins, ties and losses on 10 prompts cover
92.8% at a rate of a half; with 1.5 at least 94.2% at all rates, exactly counted."""
STEPS = 400
"""Points of the search for an exact bound, twice: the bound is known to (range / STEPS)^2."""


class Bounds(NamedTuple):
    """The range that a figure cannot leave."""

    low: float
    high: float


SHARE = Bounds(0.0, 1.0)
SIGNED = Bounds(-1.0, 1.0)
"""Wins minus losses, correlations, kappas, differences of two shares."""


class Ends(NamedTuple):
    """Both ends of an interval."""

    low: float
    high: float


@lru_cache(maxsize=4096)
def of_count(yes: int, n: int, confidence: float) -> Ends:
    """Blaker's exact interval of a share: `yes` of `n` prompts, n at least 1."""
    low = 0.0 if yes == 0 else _lowest(yes, n, 1 - confidence)
    high = 1.0 if yes == n else 1 - _lowest(n - yes, n, 1 - confidence)
    return Ends(low, high)


def _lowest(yes: int, n: int, alpha: float) -> float:
    """The lowest rate at which `yes` of `n` is acceptable at `alpha`; Clopper and Pearson's bound is below it."""
    start, end = float(stats.beta.ppf(alpha / 2, yes, n - yes + 1)), yes / n
    for _ in range(2):
        rates = np.linspace(start, end, STEPS)
        first = int(np.argmax(_acceptability(yes, n, rates) > alpha))
        start, end = float(rates[max(0, first - 1)]), float(rates[first])
    return start  # the far side of the last step, so that no rate is left out by rounding


def _acceptability(yes: int, n: int, rates: Array) -> Array:
    """The chance of a count whose own tail is no likelier than that of `yes`, at rates of at most yes / n."""
    above = stats.binom.sf(yes - 1, n, rates)
    # The largest count below whose lower tail is no likelier than the upper tail of `yes`.
    count = stats.binom.ppf(above, n, rates) - 1
    count = np.where(stats.binom.cdf(count + 1, n, rates) <= above * (1 + 1e-12), count + 1, count)
    return np.asarray(np.minimum(above + np.where(count >= 0, stats.binom.cdf(count, n, rates), 0.0), 1.0))


def interval(value: float, variance: float, size: float, confidence: float, bounds: Bounds = SHARE) -> Ends:
    """The interval of a figure within `bounds`.

    `variance`: of the figure, in its own unit squared. `size`: how many prompts of equal weight it rests on, as
    `equal_prompts` gives them.
    """
    width = bounds.high - bounds.low
    p = min(1.0, max(0.0, (value - bounds.low) / width))
    n = prompts_that_count(p, variance / width**2, size)
    low, high = _score(p * n, n, confidence)
    return Ends(bounds.low + width * low, bounds.low + width * high)


def prompts_that_count(p: float, variance: float, size: float) -> float:
    """How many yes-or-no prompts say as much as a figure `p`, 0..1, of this variance over `size` prompts."""
    spread = p * (1 - p)
    ratio = variance * size / spread if spread > 0 else 1.0
    information = 4 * size * spread
    return size * (information + BELIEF) / (information * ratio + BELIEF)


def chance_below(value: float, variance: float, size: float, truth: float, bounds: Bounds = SHARE) -> float:
    """One-sided p of a figure as low as `value` where the truth is `truth`: the tail at which the upper end of its
    `interval` lies at `truth`. 0.5 or more where the figure is no lower."""
    width = bounds.high - bounds.low
    p, other = ((min(1.0, max(0.0, (one - bounds.low) / width))) for one in (value, truth))
    n = prompts_that_count(p, variance / width**2, size)
    spread = other * (1 - other) / n
    wilson = float(special.ndtr((p - other) / np.sqrt(spread))) if spread > 0 else float(p >= other)
    if p <= 0.5 or wilson == 0:
        return wilson
    # Above a half the upper end is the farther of Wilson's and Jeffreys's.
    return max(wilson, 1 - float(special.betainc(p * n + 0.5, (1 - p) * n + 0.5, other)))


def equal_prompts(weights: Array) -> float:
    """(sum of weights)^2 / sum of squares (Kish 1965): n where all weigh the same."""
    return float(weights.sum() ** 2 / (weights * weights).sum())


def _score(yes: float, n: float, confidence: float) -> Ends:
    """Of `yes` of `n`, no whole numbers: Wilson's, and at the end facing the nearer edge the farther of Jeffreys's."""
    z = float(special.ndtri(0.5 + confidence / 2))
    p = yes / n
    middle = p + z * z / (2 * n)
    half = z * float(np.sqrt(max(0.0, p * (1 - p) / n + z * z / (4 * n * n))))
    low, high = max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))
    tail = (1 - confidence) / 2
    if p < 0.5:
        low = 0.0 if yes <= 0 else min(low, float(special.betaincinv(yes + 0.5, n - yes + 0.5, tail)))
    elif p > 0.5:
        high = 1.0 if yes >= n else max(high, float(special.betaincinv(yes + 0.5, n - yes + 0.5, 1 - tail)))
    return Ends(low, high)
