"""Means over seeds, and differences paired by seed: the seed is the unit, and each gives one number.

A seed's number is itself a mean over prompts, and so near to normal; the intervals and tests are Student's. A
permutation of signs, exact under weaker assumptions, gives 8 seeds no p below 2 / 2^8, which no correction over a dozen
methods leaves below 5%. Interval and p of a difference are of one t, and always agree.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from srlm.text.counts import counted

from ..records import MetricValue
from .bounded import Bounds
from .intervals import Estimate
from .power import ALPHA, POWER
from .significance import holm


def mean_over_seeds(values: Sequence[float], confidence: float, bounds: Bounds | None = None) -> Estimate:
    """The mean with Student's interval, cut at what no value can leave."""
    return _estimate("mean over seeds", values, confidence, bounds)


def paired_over_seeds(
    differences: Sequence[float], confidence: float, bounds: Bounds | None = None
) -> tuple[Estimate, float | None]:
    """The mean of differences by seed, and the two-sided p of the paired t test; None where there is no spread.

    `bounds`: of a difference.
    """
    found = _estimate("paired difference of means over seeds", differences, confidence, bounds)
    error = standard_error(differences)
    if not error:
        return found, None
    return found, float(2 * stats.t.sf(abs(math.fsum(differences) / len(differences)) / error, len(differences) - 1))


def standard_error(values: Sequence[float]) -> float | None:
    """Of the mean; None where fewer than two values, or equal ones, show none."""
    if len(values) < 2 or np.ptp(values) <= 1e-12 * max(map(abs, values)):
        return None
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))


def visible(values: Sequence[float], level: float = ALPHA, power: float = POWER) -> float | None:
    """The smallest mean difference that as many seeds, spread like these, show with this power at this level."""
    error = standard_error(values)
    if error is None:
        return None
    free = len(values) - 1
    return float((stats.t.isf(level / 2, free) + stats.t.ppf(power, free)) * error)


def corrected(
    metrics: Sequence[MetricValue],
    differences: Sequence[Sequence[float]],
    size: Callable[[float], str] = "{:.3g}".format,
) -> list[MetricValue]:
    """Figures of one measure with Holm's correction over those that have a p; one that shows nothing says what its
    seeds could have shown, at the level at which it would have been called. `size`: such a difference in words."""
    ps = [one.p for one in metrics if one.p is not None]
    adjusted = holm(ps)
    level = ALPHA / max(1, sum(p >= ALPHA for p in adjusted))
    each = iter(adjusted)
    found = []
    for one, own in zip(metrics, differences, strict=True):
        if one.p is None:
            found.append(one)
            continue
        p, note, seen = next(each), one.note, visible(own, level)
        if p >= ALPHA and seen is not None:
            said = (
                f"no difference shown: {counted(one.n, 'seeds')} show one of {size(seen)} with {100 * POWER:g}% power"
            )
            if level < ALPHA:
                said += f" (at {100 * level:.2g}%, for {counted(round(ALPHA / level), 'comparisons')} share 5%)"
            note = f"{note}; {said}" if note else said
        found.append(one.model_copy(update={"p_adjusted": p, "note": note}))
    return found


def _estimate(label: str, values: Sequence[float], confidence: float, bounds: Bounds | None) -> Estimate:
    n = len(values)
    if not n:
        return Estimate(value=None, low=None, high=None, n=0, method=f"{label}; no seed has it")
    value, error = math.fsum(values) / n, standard_error(values)
    if error is None:
        why = "one seed" if n == 1 else "all seeds equal, so nothing shows its width"
        return Estimate(value=value, low=None, high=None, n=n, method=f"{label}; no interval: {why}")
    half = float(stats.t.isf((1 - confidence) / 2, n - 1)) * error
    low, high = value - half, value + half
    if bounds is not None:
        low, high = max(low, bounds.low), min(high, bounds.high)
    method = f"{label}; {100 * confidence:g}% Student's t over seeds"
    return Estimate(value=value, low=low, high=high, n=n, method=method, confidence=confidence)
