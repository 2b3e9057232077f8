"""A judge's figure corrected by a few human labels: prediction-powered inference.

    corrected = mean over labels of (label - weight * judge) + weight * mean over the rest of (judge)

The judge may be wrong in any way: what it gets wrong on the labelled units is taken off. PPI++ (Angelopoulos, Duchi and
Zrnic 2023, arXiv 2311.01453) tunes the weight for the narrowest interval: near 0 for a judge that
tells nothing of people, below 0 for one that people contradict more often than not.

    weight = cov(label, judge) / ((1 + n / N) var(judge)), n labelled and N other units, kept in -1..1

The labelled units must be a random sample of all. At 20 to 50 labels a normal interval is too narrow: squares are
divided by n - 2, for the mean and the weight are both fitted, and the interval is the score interval of
stats/bounded.py, whose floor holds where all labels agree with the judge. benchmarks/statistics/labels_coverage.py
shows what it covers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.records import Record

from . import bounded
from .bounded import SHARE, Bounds
from .intervals import Estimate, Resampling, mean, of_parts, of_variance

FEWEST = 5
"""Labels below which nothing is corrected."""

Array = npt.NDArray[np.float64]


class Corrected(NamedTuple):
    """One figure, three ways."""

    judge: Estimate
    """Of all units that it gave a value."""
    labels: Estimate
    """Of the labelled units, by people alone."""
    corrected: Estimate
    weight: float | None
    """Of the judge, -1..1. None: nothing was corrected."""
    correlation: float | None
    """Of judge and label. None: one of them says the same of all."""


def corrected(
    judge: Sequence[float],
    labels: Sequence[float | None],
    how: Resampling,
    groups: Sequence[str] = (),
    bounds: Bounds = SHARE,
) -> Corrected:
    """`judge` has a value a unit within `bounds`, `labels` the same in the same unit or None where nobody labelled it.

    Units of one of `groups` were sampled together; empty: each by itself.
    """
    f = np.asarray(judge, dtype=np.float64)
    told = np.array([one is not None for one in labels], dtype=bool)
    y = np.array([one for one in labels if one is not None], dtype=np.float64)
    order = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    of = np.array([order[name] for name in groups], dtype=np.intp) if groups else np.arange(len(f))
    alone, people = _mean(f, of, how, bounds), _mean(y, of[told], how, bounds)
    known, others = f[told], f[~told]
    n = int(told.sum())
    correlation = float(np.corrcoef(y, known)[0, 1]) if n > 1 and np.ptp(y) > 0 and np.ptp(known) > 0 else None
    label = "judge corrected by human labels (PPI++)"
    if n < FEWEST or not len(others):
        why = f"fewer than {FEWEST} labels" if n < FEWEST else "every unit is labelled: the labels are the figure"
        nothing = Estimate(value=None, low=None, high=None, n=n, method=f"{label}; {why}")
        return Corrected(alone, people, nothing, None, correlation)
    weight = _weight(y, known, f, len(others))
    residuals = y - weight * known
    value = float(residuals.mean() + weight * others.mean())
    parts = np.zeros(len(f))
    parts[told] = (residuals - residuals.mean()) / n
    parts[~told] = weight * (others - others.mean()) / len(others)
    sizes = np.bincount(of[told]).astype(np.float64)
    clusters = int((sizes > 0).sum())
    variance = float((np.bincount(of, parts) ** 2).sum()) * clusters / max(1, clusters - 2)
    value = min(bounds.high, max(bounds.low, value))
    estimate = of_variance(label, value, variance, n, bounded.equal_prompts(sizes[sizes > 0]), how, bounds)
    return Corrected(alone, people, estimate, weight, correlation)


def _weight(y: Array, known: Array, f: Array, others: int) -> float:
    spread = float(f.var())
    if not spread:
        return 0.0
    together = float(((y - y.mean()) * (known - known.mean())).sum() / (len(y) - 1))
    return min(1.0, max(-1.0, together / (spread * (1 + len(y) / others))))


def _mean(values: Array, of: npt.NDArray[np.intp], how: Resampling, bounds: Bounds) -> Estimate:
    """The mean over units, whose groups were sampled together."""
    sizes = np.bincount(of).astype(np.float64) if len(of) else np.zeros(0)
    if len(values) < 2 or sizes.max() == 1:
        return mean(values.tolist(), how, bounds)
    value = float(values.mean())
    parts = np.bincount(of, (values - value) / len(values)).astype(np.float64)[sizes > 0]
    sizes = sizes[sizes > 0]
    return of_parts("mean over units", value, parts, len(values), bounded.equal_prompts(sizes), how, bounds)


class Bought(Record):
    """What a number of labels buys."""

    labels: int
    alone: float
    """Half-width of the interval of the labels by themselves, 0..1."""
    corrected: float
    """The same with the judge on all other units."""
    worth: float
    """Labels that would be as good without the judge."""


def bought(labels: int, n: int, rate: float, correlation: float, confidence: float) -> Bought:
    """What `labels` of `n` units buy at a rate, 0..1, with a judge of this correlation with people.

    Variance of yes-or-no labels, the widest there is: rate (1 - rate) / labels * (1 - correlation^2 (1 - labels / n)).
    """
    spread = rate * (1 - rate) / labels
    left = 1 - correlation**2 * (1 - labels / n)
    alone = bounded.interval(rate, spread, labels, confidence)
    with_judge = bounded.interval(rate, spread * left * labels / max(1, labels - 2), labels, confidence)
    return Bought(
        labels=labels,
        alone=(alone.high - alone.low) / 2,
        corrected=(with_judge.high - with_judge.low) / 2,
        worth=labels / left,
    )
