"""Is a difference of two figures on the same prompts below -margin? An interval, and the one-sided p that goes with it.

    over runs:     t with k - 1 degrees of freedom; SE = s sqrt(1 + 1/k), s the standard deviation of the k figures
    over prompts:  the score interval of stats/bounded.py, where no value can leave a range
                   Student's t, where there is no range, and 15 prompts or more

A score interval has width where all prompts differ alike. A t interval has none there, and near 0 or 1 it covers too
little (benchmarks/statistics/gate_coverage.py). Where neither holds there is no interval.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from srlm.text.counts import counted

from . import bounded
from .bounded import Bounds
from .intervals import FEWEST_FOR_T

Array = npt.NDArray[np.float64]


class Held(NamedTuple):
    """A difference held against a margin; negative is worse."""

    low: float | None
    """Two-sided interval of the difference."""
    high: float | None
    p: float | None
    """One-sided p of a loss no larger than the margin. None: nothing tells."""
    error: float
    """Standard error; 0: unknown."""
    freedom: float
    """Degrees of freedom of its quantiles; infinite: normal."""
    method: str

    @property
    def width(self) -> float:
        """Of the interval; below 0: there is none."""
        return -1.0 if self.low is None or self.high is None else self.high - self.low


def over_runs(difference: float, figures: Sequence[float], margin: float, confidence: float) -> Held:
    """One run against k runs whose figures are given (Crawford and Howell 1998)."""
    k = len(figures)
    if np.ptp(figures) <= 1e-12 * max(map(abs, figures)):
        return Held(None, None, None, 0.0, k - 1, f"no interval: the {k} runs are equal, so nothing shows its width")
    error = float(np.std(figures, ddof=1) * math.sqrt(1 + 1 / k))
    half = float(stats.t.ppf(0.5 + confidence / 2, k - 1)) * error
    p = float(stats.t.cdf((difference + margin) / error, k - 1))
    return Held(difference - half, difference + half, p, error, k - 1, f"t over {k} runs")


def over_prompts(
    difference: float, parts: Array, size: float, margin: float, confidence: float, bounds: Bounds | None
) -> Held:
    """By each prompt's part in the deviation of the difference; these average 0.

    `size`: prompts of equal weight that it rests on. `bounds`: of the difference; None: a quantity without a range.
    """
    n = len(parts)
    if bounds is not None:
        variance = float((parts * parts).sum()) / n**2
        low, high = bounded.interval(difference, variance, size, confidence, bounds)
        p = bounded.chance_below(difference, variance, size, -margin, bounds)
        share = min(1.0, max(0.0, (difference - bounds.low) / (bounds.high - bounds.low)))
        counting = bounded.prompts_that_count(share, variance / (bounds.high - bounds.low) ** 2, size)
        error = (bounds.high - bounds.low) * math.sqrt(share * (1 - share) / counting)
        return Held(low, high, p, error, math.inf, f"score interval over {counted(n, 'prompts')}")
    if n < FEWEST_FOR_T:
        why = f"no interval: fewer than {FEWEST_FOR_T} prompts of a quantity without a range"
        return Held(None, None, None, 0.0, math.inf, why)
    if np.ptp(parts) < 1e-12:
        # As many prompts as there are have lost the same, or none has: the sign test needs no width.
        p = 0.5**n if difference < -margin else 1.0
        why = f"no interval: all {counted(n, 'prompts differ')} alike, so nothing shows its width; p: exact sign test"
        return Held(None, None, p, 0.0, math.inf, why)
    error = float(np.std(parts, ddof=1)) / math.sqrt(n)
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * error
    p = float(stats.t.cdf((difference + margin) / error, n - 1))
    return Held(difference - half, difference + half, p, error, n - 1, f"t over {counted(n, 'prompts')}")
