"""Intervals over prompts: the prompt is what was sampled, so what stands together in a prompt counts as one.

A figure that cannot leave a range (a share, a mean preference, a correlation, a difference of shares) has a score
interval within that range; stats/bounded.py says which and why. A mean of a quantity without a range (characters,
seconds, dollars) has Student's t with Hall's transformation, for lengths are skewed; a difference of two has Student's
t as it is, for the skewness of both cancels out. None of these resamples: a bootstrap of a few prompts is too narrow,
and of unanimous ones has no width at all (benchmarks/statistics). Where no interval holds there is none, and `method`
says why.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from srlm.records import Record, seed_for

from . import bounded
from .bounded import SHARE, SIGNED, Bounds

Array = npt.NDArray[np.float64]

FEWEST_FOR_T = 15
"""Prompts below which the mean of a quantity without a range has no interval: of ten skewed ones it covers 92%."""

NO_WIDTH = 1e-12


class Resampling(Record):
    """How intervals are made."""

    resamples: int
    """Of prompts, for the few figures whose variance has no formula here (stats/rates.py, judge cards)."""
    confidence: float
    seed: int

    def using(self, *use: object) -> "Resampling":
        """The same with a seed of its own for one use."""
        return self.model_copy(update={"seed": seed_for(self.seed, *use)})


class Estimate(Record):
    """A value with its interval."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Prompts."""
    method: str
    confidence: float | None = None
    """Of the interval; None where a caller made it otherwise."""


def with_width(estimate: Estimate, why: str) -> Estimate:
    """The same; without an interval that has no width, which would pass for certainty. `why` it has none."""
    if estimate.low is None or estimate.high is None or estimate.high - estimate.low > NO_WIDTH:
        return estimate
    method = f"{estimate.method.partition('; ')[0]}; no interval: {why}"
    return estimate.model_copy(update={"low": None, "high": None, "method": method, "confidence": None})


def share(flags: Sequence[bool], how: Resampling) -> Estimate:
    """The share of prompts that say yes, with Blaker's exact interval."""
    n, yes = len(flags), sum(flags)
    if n < 2:
        return _few([float(flag) for flag in flags], "share")
    low, high = bounded.of_count(yes, n, how.confidence)
    return Estimate(
        value=yes / n, low=low, high=high, n=n, method=f"share; {_level(how)} Blaker", confidence=how.confidence
    )


def mean(values: Sequence[float], how: Resampling, bounds: Bounds | None = None) -> Estimate:
    """The mean over prompts. `bounds`: what no value can leave; None: a quantity without a range, Student's t."""
    if bounds is not None and set(values) <= set(bounds):
        whole = _rescaled(share([value == bounds.high for value in values], how), bounds)
        return whole.model_copy(update={"value": sum(values) / len(values) if values else None})
    return _ratio_of("mean", np.asarray(values, dtype=np.float64), np.ones(len(values)), how, bounds)


def pooled(hits: Sequence[float], totals: Sequence[float], how: Resampling) -> Estimate:
    """sum(hits) / sum(totals): a share over units (pairs, answers) that come in prompts, which are what was sampled.

    Prompts without a unit (total 0) are left out.
    """
    return pooled_each({"": (hits, totals)}, how)[""]


def pooled_each(
    measures: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    how: Resampling,
    means: Collection[str] = (),
    correlations: Collection[str] = (),
) -> dict[str, Estimate]:
    """`pooled` of several measures. `means` are means over units of a quantity without a range, `correlations` those of
    one in -1..1."""
    return {
        name: _ratio_of(
            "mean over units" if name in means or name in correlations else "pooled share",
            np.asarray(hits, dtype=np.float64),
            np.asarray(totals, dtype=np.float64),
            how,
            None if name in means else SIGNED if name in correlations else SHARE,
        )
        for name, (hits, totals) in measures.items()
    }


def balanced(
    met: tuple[Sequence[float], Sequence[float]], unmet: tuple[Sequence[float], Sequence[float]], how: Resampling
) -> Estimate:
    """Balanced accuracy: the mean of two pooled shares, each given as (hits, totals) over the same prompts.

    `met` are the units that have a property, a hit is one that was said to have it; `unmet` those that have it not, a
    hit is one that was said not to. None where either kind is absent. Always saying the same gives 0.5.
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (*met, *unmet)]
    n = int(((columns[1] > 0) | (columns[3] > 0)).sum())
    if not (columns[1].sum() and columns[3].sum()):
        method = "balanced accuracy; one of the two kinds is absent"
        return Estimate(value=None, low=None, high=None, n=n, method=method)
    one, other = _part(*columns[:2]), _part(*columns[2:])
    # Two shares of their own prompts: as many prompts count as would give both together their largest variance.
    size = 4 / (1 / bounded.equal_prompts(columns[1]) + 1 / bounded.equal_prompts(columns[3]))
    return of_parts("balanced accuracy", (one.value + other.value) / 2, (one.parts + other.parts) / 2, n, size, how)


def paired_mean_difference(
    model: Sequence[float], baseline: Sequence[float], how: Resampling, bounds: Bounds | None = None
) -> Estimate:
    """mean(model - baseline) over the same prompts in the same order; `bounds`: of the values of either."""
    apart = [a - b for a, b in zip(model, baseline, strict=True)]
    if bounds is None:
        # Where nothing skews one side more than the other, Hall's transformation turns by chance: 88 to 94% coverage.
        estimate = _ratio_of("", np.asarray(apart, dtype=np.float64), np.ones(len(apart)), how, None, skewed=False)
    else:
        estimate = mean(apart, how, Bounds(bounds.low - bounds.high, bounds.high - bounds.low))
    return estimate.model_copy(update={"method": f"paired difference of means; {estimate.method.partition('; ')[2]}"})


def paired_pooled_difference(
    model: tuple[Sequence[float], Sequence[float]], baseline: tuple[Sequence[float], Sequence[float]], how: Resampling
) -> Estimate:
    """Difference of two pooled shares, each given as (hits, totals) over the same prompts."""
    label = "paired difference of pooled shares"
    columns = [np.asarray(column, dtype=np.float64) for column in (*model, *baseline)]
    if len({len(column) for column in columns}) != 1:
        raise ValueError("a paired difference needs the same prompts in both samples")
    n = int(((columns[1] > 0) | (columns[3] > 0)).sum())
    if columns[1].sum() == 0 or columns[3].sum() == 0:
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; one side has no unit")
    one, other = _part(*columns[:2]), _part(*columns[2:])
    size = min(bounded.equal_prompts(columns[1]), bounded.equal_prompts(columns[3]))
    return of_parts(label, one.value - other.value, one.parts - other.parts, n, size, how, SIGNED)


def of_sums(
    label: str,
    columns: tuple[Array, ...],
    statistic: Callable[[Array], Array],
    how: Resampling,
    bounds: Bounds = SIGNED,
) -> Estimate:
    """A smooth statistic of sums over prompts, within `bounds`; its variance by leaving out one prompt at a time.

    `statistic` takes (..., columns) sums of the columns and gives (...) values.
    """
    data = np.stack(columns, axis=1)
    n, whole = len(data), data.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing may be left; what is not finite is answered below
        value, without = float(statistic(whole)), statistic(whole - data)
    if not np.isfinite(value):
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; undefined")
    if n < 2 or not np.isfinite(without).all():
        method = f"{label}; no interval: {'below two prompts' if n < 2 else 'undefined without one of the prompts'}"
        return Estimate(value=value, low=None, high=None, n=n, method=method)
    return of_parts(label, value, (value - without) * (n - 1) / n, n, float(n), how, bounds)


def of_parts(
    label: str, value: float, parts: Array, n: int, size: float, how: Resampling, bounds: Bounds = SHARE
) -> Estimate:
    """A figure within `bounds` from each prompt's part in its deviation; `size` as `bounded.interval` takes it."""
    if n < 2:
        return _few([value], label)
    # Not n / (n - 1) times that: a yes-or-no prompt's variance is p (1 - p), and the score interval is made for it.
    return of_variance(label, value, float((parts * parts).sum()), n, size, how, bounds)


def of_variance(
    label: str, value: float, variance: float, n: int, size: float, how: Resampling, bounds: Bounds = SHARE
) -> Estimate:
    """A figure within `bounds` from its variance."""
    low, high = bounded.interval(value, variance, size, how.confidence, bounds)
    method = f"{label}; {_level(how)} score interval over prompts"
    return Estimate(value=value, low=low, high=high, n=n, method=method, confidence=how.confidence)


class _Part(NamedTuple):
    """A ratio of sums and each prompt's part in its deviation."""

    value: float
    parts: Array


def _part(hits: Array, totals: Array) -> _Part:
    value = float(hits.sum() / totals.sum())
    return _Part(value=value, parts=(hits - value * totals) / totals.sum())


def _ratio_of(
    label: str, hits: Array, totals: Array, how: Resampling, bounds: Bounds | None, *, skewed: bool = True
) -> Estimate:
    met = totals > 0
    hits, totals = hits[met], totals[met]
    n = len(hits)
    if n < 2:
        return _few(list(hits / totals), label)
    one = _part(hits, totals)
    if bounds is SHARE and set(totals) == {1.0} and set(hits) <= {0.0, 1.0}:
        exact = share([hit == 1 for hit in hits], how)
        return exact.model_copy(update={"method": f"{label}; {_level(how)} Blaker"})
    if bounds is not None:
        return of_parts(label, one.value, one.parts, n, bounded.equal_prompts(totals), how, bounds)
    if n < FEWEST_FOR_T or np.ptp(hits / totals) < 1e-12:
        why = (
            f"fewer than {FEWEST_FOR_T} prompts"
            if n < FEWEST_FOR_T
            else "all prompts equal, so nothing shows its width"
        )
        return Estimate(value=one.value, low=None, high=None, n=n, method=f"{label}; no interval: {why}")
    method = f"{label}; {_level(how)} Student's t over prompts"
    if skewed:
        low, high = _of_skewed(one.value, one.parts * n, how.confidence)
        method += ", with Hall's transformation"
    else:
        half = float(stats.t.ppf(0.5 + how.confidence / 2, n - 1) * np.std(one.parts * n, ddof=1) / np.sqrt(n))
        low, high = one.value - half, one.value + half
    return Estimate(value=one.value, low=low, high=high, n=n, method=method, confidence=how.confidence)


def _of_skewed(value: float, deviations: Array, confidence: float) -> tuple[float, float]:
    """Student's interval of a mean, its ends turned by the sample's skewness g (Hall 1992, J. R. Statist. Soc. B 54).

    t = T + g T^2 / 3 + g^2 T^3 / 27 + g / (6 n) with T = (mean - truth) / s is next to free of skewness; solved for T.
    """
    n = len(deviations)
    s = float(np.std(deviations, ddof=1))
    g = float((deviations**3).mean() / np.std(deviations) ** 3)
    quantile = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) / np.sqrt(n)

    def turned(t: float) -> float:
        if abs(g) < 1e-6:
            return t
        return float(np.cbrt(1 + g * (t - g / (6 * n))) - 1) * 3 / g

    return value - s * turned(quantile), value - s * turned(-quantile)


def _rescaled(of_share: Estimate, bounds: Bounds) -> Estimate:
    """A share of prompts at the upper bound as the mean of values that are all at one of the bounds."""

    def at(end: float | None) -> float | None:
        return None if end is None else bounds.low + (bounds.high - bounds.low) * end

    method = of_share.method.replace("share", "mean", 1)
    return of_share.model_copy(
        update={"value": at(of_share.value), "low": at(of_share.low), "high": at(of_share.high), "method": method}
    )


def _few(values: Sequence[float], label: str) -> Estimate:
    value = float(values[0]) if values else None
    return Estimate(value=value, low=None, high=None, n=len(values), method=f"{label}; no interval below two prompts")


def _level(how: Resampling) -> str:
    return f"{100 * how.confidence:g}%"
