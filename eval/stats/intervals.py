"""Intervals over prompts: the prompt is what was sampled, so the prompt is what is resampled.

Percentile bootstrap, and not BCa: what is estimated here are means, pooled shares and differences of them over a
hundred prompts or more, where the two agree closely; the data are coarse (wins, ties, points), so many resamples equal
the estimate, and BCa's bias correction, which counts the resamples below it, is then arbitrary, and undefined where its
jackknife has no spread. Percentile intervals never leave the range of the statistic. A share with one yes or no a
prompt has Wilson's interval instead, which holds its coverage near 0 and 1, where any bootstrap is too narrow.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

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
    return bootstrapped("mean", (data, np.ones_like(data)), _ratio, how)


def pooled(hits: Sequence[float], totals: Sequence[float], how: Resampling) -> Estimate:
    """sum(hits) / sum(totals): a share over units (pairs, answers) that come in prompts; whole prompts are resampled.

    Prompts without a unit (total 0) are left out. Where every prompt says 0, or every prompt says 1, resamples have no
    spread; the interval is then Clopper and Pearson's with one trial a prompt, which is cautious.
    """
    return pooled_each({"": (hits, totals)}, how)[""]


def pooled_each(
    measures: Mapping[str, tuple[Sequence[float], Sequence[float]]], how: Resampling, means: Collection[str] = ()
) -> dict[str, Estimate]:
    """`pooled` of several measures of the same prompts, all read from the same resamples.

    `means` names measures that are no shares but means over units (a correlation a set, say): they may leave 0..1.
    Only prompts without a unit of any measure are left out.
    """
    table = np.array([[*hits, *totals] for hits, totals in measures.values()], dtype=np.float64)
    hit, total = table.reshape(len(measures), 2, -1).transpose(1, 2, 0)  # (prompts, measures) each
    met = (total > 0).any(1)
    hit, total = hit[met], total[met]
    sums, drawn = np.stack([hit.sum(0), total.sum(0)]), np.zeros((2, 0, 0))
    if len(hit) > 1:
        drawn = np.stack(np.split(_resampled(np.hstack([hit, total]), how), 2, axis=1))
    found = {}
    for place, name in enumerate(measures):
        label = "mean over units" if name in means else "pooled share"
        rows = total[:, place] > 0
        n = int(rows.sum())
        if n < 2:
            found[name] = _few(list(hit[rows, place] / total[rows, place]), label)
            continue
        value = float(sums[0, place] / sums[1, place])
        if name not in means and value in (0.0, 1.0):
            exact = stats.binomtest(round(value * n), n).proportion_ci(how.confidence, method="exact")
            method = f"{label}; {_level(how)} Clopper-Pearson, one trial a prompt (all prompts equal)"
            found[name] = Estimate(value=value, low=float(exact.low), high=float(exact.high), n=n, method=method)
        else:
            found[name] = _interval(label, value, _ratio(drawn[:, :, place].T), n, how)
    return found


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
    return bootstrapped(
        "balanced accuracy",
        (a, a_all, b, b_all),
        lambda sums: (_ratio(sums[..., :2]) + _ratio(sums[..., 2:])) / 2,
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
        raise ValueError("a paired difference needs the same prompts in both samples")
    counted = (columns[1] > 0) | (columns[3] > 0)
    a, a_all, b, b_all = (column[counted] for column in columns)
    n = int(counted.sum())
    if a_all.sum() == 0 or b_all.sum() == 0:
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; one side has no unit")
    if n < 2:
        return _few([float(a.sum() / a_all.sum() - b.sum() / b_all.sum())], label)
    return bootstrapped(label, (a, a_all, b, b_all), lambda sums: _ratio(sums[..., :2]) - _ratio(sums[..., 2:]), how)


def bootstrapped(
    label: str, columns: tuple[Array, ...], statistic: Callable[[Array], Array], how: Resampling
) -> Estimate:
    """A statistic of sums over prompts: `statistic` takes (..., columns) sums of the columns and gives (...) values.

    A resample on which it is not finite is left out.
    """
    data = np.stack(columns, axis=1)
    value = float(statistic(data.sum(0)))
    return _interval(label, value, statistic(_resampled(data, how)), len(data), how)


def _ratio(sums: Array) -> Array:
    """(..., 2) sums of hits and of units -> hits / units."""
    # A resample may miss every prompt that has a unit; its share is undefined and is left out of the interval.
    shares: Array = np.divide(sums[..., 0], sums[..., 1], out=np.full(sums.shape[:-1], np.nan), where=sums[..., 1] > 0)
    return shares


CELLS = 2**20
"""Drawn prompts in memory at once."""


def _resampled(columns: Array, how: Resampling) -> Array:
    """Sums of the columns (prompts, columns) in each resample of the prompts: (resamples, columns)."""
    # Not scipy.stats.bootstrap: it warns, and gives no interval, where a single resample has no unit; and counts times
    # columns need no copy of the data for each resample.
    n, generator = len(columns), np.random.default_rng(how.seed)
    sums, block = [], max(1, CELLS // n)
    for start in range(0, how.resamples, block):
        size = min(block, how.resamples - start)
        index = generator.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(index.ravel(), minlength=size * n).reshape(size, n)
        sums.append(counts @ columns)
    return np.concatenate(sums)


def _interval(label: str, value: float, drawn: Array, n: int, how: Resampling) -> Estimate:
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
