"""Intervals over prompts: the prompt is what was sampled, so the prompt is what is resampled.

Percentile bootstrap, and not BCa: what is estimated here are means, pooled shares and differences of them over a
hundred prompts or more, where the two agree closely; the data are coarse (wins, ties, points), so many resamples equal
the estimate, and BCa's bias correction, which counts the resamples below it, is then arbitrary, and undefined where its
jackknife has no spread. Percentile intervals never leave the range of the statistic. A share with one yes or no a
prompt has Wilson's interval instead, which holds its coverage near 0 and 1, where any bootstrap is too narrow.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from srlm.records import Record, seed_for

Array = npt.NDArray[np.float64]


class Resampling(Record):
    """How intervals are made."""

    resamples: int
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


def share(flags: Sequence[bool], how: Resampling) -> Estimate:
    """The share of prompts that say yes, with Wilson's interval."""
    n, yes = len(flags), sum(flags)
    if n < 2:
        return _few([float(flag) for flag in flags], "share")
    interval = stats.binomtest(yes, n).proportion_ci(how.confidence, method="wilson")
    return Estimate(
        value=yes / n, low=float(interval.low), high=float(interval.high), n=n, method=f"share; {_level(how)} Wilson"
    )


def mean(values: Sequence[float], how: Resampling) -> Estimate:
    """The mean over prompts, with a percentile bootstrap interval."""
    if len(values) < 2:
        return _few(values, "mean")
    data = np.asarray(values, dtype=np.float64)
    return _bootstrapped("mean", (data,), lambda x, axis: x.mean(axis=axis), how)


def pooled(hits: Sequence[float], totals: Sequence[float], how: Resampling) -> Estimate:
    """sum(hits) / sum(totals): a share over units (pairs, answers) that come in prompts; whole prompts are resampled.

    Prompts without a unit (total 0) are left out. Where every prompt says 0, or every prompt says 1, resamples have no
    spread; the interval is then Clopper and Pearson's with one trial a prompt, which is cautious.
    """
    rows = [(h, t) for h, t in zip(hits, totals, strict=True) if t > 0]
    if len(rows) < 2:
        return _few([h / t for h, t in rows], "pooled share")
    hit, total = (np.asarray(column, dtype=np.float64) for column in zip(*rows, strict=True))
    value = float(hit.sum() / total.sum())
    if value in (0.0, 1.0):
        n = len(rows)
        exact = stats.binomtest(round(value * n), n).proportion_ci(how.confidence, method="exact")
        method = f"pooled share; {_level(how)} Clopper-Pearson, one trial a prompt (all prompts equal)"
        return Estimate(value=value, low=float(exact.low), high=float(exact.high), n=n, method=method)
    return _bootstrapped("pooled share", (hit, total), _ratio, how)


def balanced(
    met: tuple[Sequence[float], Sequence[float]], unmet: tuple[Sequence[float], Sequence[float]], how: Resampling
) -> Estimate:
    """Balanced accuracy: the mean of two pooled shares, each given as (hits, totals) over the same prompts.

    `met` are the units that have a property, a hit is one that was said to have it; `unmet` those that have it not, a
    hit is one that was said not to. None where either kind is absent. Always saying the same gives 0.5.
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (*met, *unmet)]
    counted = (columns[1] > 0) | (columns[3] > 0)
    a, a_all, b, b_all = (column[counted] for column in columns)
    if not (a_all.sum() and b_all.sum()):
        method = "balanced accuracy; one of the two kinds is absent"
        return Estimate(value=None, low=None, high=None, n=int(counted.sum()), method=method)
    return _bootstrapped(
        "balanced accuracy",
        (a, a_all, b, b_all),
        lambda w, x, y, z, axis: (_ratio(w, x, axis) + _ratio(y, z, axis)) / 2,
        how,
    )


def paired_mean_difference(model: Sequence[float], baseline: Sequence[float], how: Resampling) -> Estimate:
    """mean(model - baseline) over the same prompts in the same order."""
    estimate = mean([a - b for a, b in zip(model, baseline, strict=True)], how)
    return estimate.model_copy(update={"method": f"paired difference of means; {estimate.method.partition('; ')[2]}"})


def paired_pooled_difference(
    model: tuple[Sequence[float], Sequence[float]], baseline: tuple[Sequence[float], Sequence[float]], how: Resampling
) -> Estimate:
    """Difference of two pooled shares, each given as (hits, totals) over the same prompts, resampled together."""
    label = "paired difference of pooled shares"
    columns = [np.asarray(column, dtype=np.float64) for column in (*model, *baseline)]
    if len({len(column) for column in columns}) != 1:
        raise ValueError("a paired difference needs the same prompts on both sides")
    counted = (columns[1] > 0) | (columns[3] > 0)
    a, a_all, b, b_all = (column[counted] for column in columns)
    n = int(counted.sum())
    if a_all.sum() == 0 or b_all.sum() == 0:
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; one side has no unit")
    if n < 2:
        return _few([float(a.sum() / a_all.sum() - b.sum() / b_all.sum())], label)
    return _bootstrapped(
        label, (a, a_all, b, b_all), lambda w, x, y, z, axis: _ratio(w, x, axis) - _ratio(y, z, axis), how
    )


def _ratio(hit: Array, total: Array, axis: int) -> Any:
    units = total.sum(axis=axis)
    # A resample may miss every prompt that has a unit; its share is undefined and is left out below.
    return np.divide(hit.sum(axis=axis), units, out=np.full(np.shape(units), np.nan), where=units > 0)


def _bootstrapped(label: str, data: tuple[Array, ...], statistic: Callable[..., Any], how: Resampling) -> Estimate:
    n = len(data[0])
    value = float(statistic(*data, axis=-1))
    # Not scipy.stats.bootstrap: it warns, and gives no interval, where a single resample has no unit.
    index = np.random.default_rng(how.seed).integers(n, size=(how.resamples, n))
    drawn = statistic(*(column[index] for column in data), axis=-1)
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < len(drawn) / 2:
        method = f"{label}; no interval: most resamples have no unit"
        return Estimate(value=value, low=None, high=None, n=n, method=method)
    low, high = np.quantile(defined, [(1 - how.confidence) / 2, (1 + how.confidence) / 2])
    method = f"{label}; {_level(how)} percentile bootstrap over prompts, {how.resamples} resamples"
    if len(defined) < len(drawn):
        method += f", {len(drawn) - len(defined)} without a unit left out"
    if np.ptp(defined) < 1e-12:  # equal but for the last digits of a sum
        method, low, high = f"{label}; all resamples equal, so the data give no width", value, value
    return Estimate(value=value, low=float(low), high=float(high), n=n, method=method)


def _few(values: Sequence[float], label: str) -> Estimate:
    value = float(values[0]) if values else None
    return Estimate(value=value, low=None, high=None, n=len(values), method=f"{label}; no interval below two prompts")


def _level(how: Resampling) -> str:
    return f"{100 * how.confidence:g}%"
