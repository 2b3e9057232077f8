"""Has a run lost against a baseline by more than is tolerated? Paired by prompt; run-to-run variation counted in.

    H0: now >= baseline - margin, one-sided; Holm over the measures.

Two intervals, and the wider one decides (stats/margins.py):

- over runs, where the baseline holds three or more: t with k - 1 degrees of freedom (Crawford and Howell 1998: one case
  against a small sample). All runs answered the same prompts, so the prompts' own difficulty is in none of it.
- over prompts: the score interval where values have a range, a t interval where they have none. By itself it knows
  nothing of how differently the same code trains from another seed.

A prompt without a value is left out, and what it could hide is bounded both ways: the worst case has what is missing
now at the measure's worst and what was missing then at its best, the best case the other way round. `no worse` must
hold in the worst case too. Where the worst case would be a regression, the scored prompts cannot clear the run:
`unread`. A prompt that has no value in any run tells neither way.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from srlm.records import Record
from srlm.text.counts import counted

from .bounded import SHARE, Bounds, equal_prompts
from .margins import Held, over_prompts, over_runs
from .significance import holm

FEWEST_RUNS = 3
POWER = 0.8
Array = npt.NDArray[np.float64]


class Values(NamedTuple):
    """One run's values by prompt; an empty `weights` is 1 each."""

    values: Sequence[float | None]
    weights: Sequence[float] = ()


class Loss(Record):
    """A measure, then and now."""

    baseline: float | None
    """Mean of the baseline's runs."""
    now: float | None
    difference: float | None
    """now - baseline, turned so that negative is worse."""
    low: float | None
    """Two-sided interval of the difference. None: `method` says why there is none."""
    high: float | None
    p: float | None
    """One-sided p of a loss no larger than the margin."""
    shown: bool
    """The whole interval lies above -margin: that it is not worse has been shown."""
    visible: float | None
    """The smallest loss that would be called with 80% power where every measure of the family is tested. None: nothing
    tells."""
    n: int
    """Prompts with a value in every run."""
    unscored: int
    runs: int
    method: str
    worst: float | None = None
    """The difference, were every missing value as bad for this run as it can be. None: no value is missing."""
    best: float | None = None
    hidden: float | None = None
    """p in the worst case: below alpha, the missing values could hide a regression."""


def loss(
    baseline: Sequence[Values],
    now: Values,
    margin: float,
    *,
    lower_is_worse: bool = True,
    confidence: float = 0.95,
    bounds: Bounds | None = None,
    family: int = 1,
) -> Loss:
    """Compare one run with the baseline's runs, all over the same prompts in the same order.

    `bounds`: what no value can leave. None: a quantity without a range, or yes and no where all values are 1 or 0.
    `family`: measures that Holm's correction goes over.
    """
    values = [value for run in (*baseline, now) for value in run.values if value is not None]
    if bounds is None and set(values) <= set(SHARE):
        bounds = SHARE
    found = _scored(baseline, now, margin, lower_is_worse, confidence, bounds, family)
    gone = sum(
        any(_known(run, i) for run in baseline) if not _known(now, i) else not all(_known(run, i) for run in baseline)
        for i in range(len(now.values))
    )
    if not gone:
        return found
    low, high = bounds or (min([0.0, *values]), max([1.0, *values]))
    bad, good = (low, high) if lower_is_worse else (high, low)
    worst, best = (
        _scored([_filled(run, now, then) for run in baseline], _filled_now(baseline, now, today), margin,
                lower_is_worse, confidence, bounds, family)
        for today, then in ((bad, good), (good, bad))
    )  # fmt: skip
    if worst.difference is None or best.difference is None:
        return found
    method = (
        f"{found.method}; {counted(gone, 'prompts have')} a value on one side only: with them the "
        "difference lies between "
    )
    return found.model_copy(
        update={
            "method": f"{method}{worst.difference:+.3f} and {best.difference:+.3f}",
            "shown": found.shown and worst.shown,
            "worst": worst.difference,
            "best": best.difference,
            "hidden": worst.p,
        }
    )


def _filled(run: Values, now: Values, value: float) -> Values:
    """A run of the baseline with `value` where it has none and this run has one."""
    own = [value if not _known(run, i) and _known(now, i) else one for i, one in enumerate(run.values)]
    return Values(own, run.weights)


def _filled_now(baseline: Sequence[Values], now: Values, value: float) -> Values:
    """This run with `value` where it has none and the baseline has one."""
    own = [
        value if not _known(now, i) and any(_known(run, i) for run in baseline) else one
        for i, one in enumerate(now.values)
    ]
    return Values(own, now.weights)


def _scored(
    baseline: Sequence[Values],
    now: Values,
    margin: float,
    lower_is_worse: bool,
    confidence: float,
    bounds: Bounds | None,
    family: int,
) -> Loss:
    """By the prompts that have a value in every run."""
    everything = [*baseline, now]
    known = [all(_known(run, i) for run in everything) for i in range(len(now.values))]
    n, runs = sum(known), len(baseline)
    unscored = len(known) - n
    nothing = Loss(
        baseline=None, now=None, difference=None, low=None, high=None, p=None, shown=False, visible=None,
        n=n, unscored=unscored, runs=runs, method="fewer than two prompts have a value in every run",
    )  # fmt: skip
    if n < 2:
        return nothing
    figures, parts, sizes = zip(*(_figure(run, known) for run in everything), strict=True)
    if not all(map(math.isfinite, figures)):
        return nothing.model_copy(update={"method": "a run has no unit to measure on"})
    before, turn = float(np.mean(figures[:-1])), 1.0 if lower_is_worse else -1.0
    difference = turn * (figures[-1] - before)
    of_difference = None if bounds is None else Bounds(bounds.low - bounds.high, bounds.high - bounds.low)
    apart = turn * (parts[-1] - np.mean(parts[:-1], axis=0))
    held = over_prompts(difference, apart, min(sizes), margin, confidence, of_difference)
    held = _wider(held, difference, figures[:-1], margin, confidence)
    visible = None
    if held.error:
        one_sided = stats.t.isf((1 - confidence) / family, held.freedom)
        visible = float(margin + (one_sided + stats.t.ppf(POWER, held.freedom)) * held.error)
    return Loss(
        baseline=before,
        now=figures[-1],
        difference=difference,
        low=held.low,
        high=held.high,
        p=held.p,
        shown=held.low is not None and held.low >= -margin,
        visible=visible,
        n=n,
        unscored=unscored,
        runs=runs,
        method=held.method,
    )


def _wider(held: Held, difference: float, figures: Sequence[float], margin: float, confidence: float) -> Held:
    """The interval over prompts, or that over the baseline's runs where it is wider; `method` says what was left."""
    k = len(figures)
    if held.p is None:  # with so few prompts the runs' spread covers 88 to 94%
        return held
    if k < FEWEST_RUNS:
        few = "one run" if k == 1 else f"{k} runs"
        return held._replace(method=f"{held.method}; the baseline is {few}, so training's own variation is unknown")
    by_runs = over_runs(difference, figures, margin, confidence)
    if by_runs.error and by_runs.width >= held.width:
        return by_runs
    return held._replace(method=f"{held.method} (the {k} runs differ by less)")


def _known(run: Values, i: int) -> bool:
    """A prompt that has no unit in a run (no pair to order, say) has nothing unknown; it weighs nothing there."""
    return run.values[i] is not None or bool(run.weights and run.weights[i] == 0)


class _Figure(NamedTuple):
    """The weighted mean over the known prompts."""

    value: float
    parts: Array
    """Each prompt's part in its deviation; they average 0."""
    size: float
    """Prompts of equal weight that it rests on."""


def _figure(run: Values, known: Sequence[bool]) -> _Figure:
    chosen = np.asarray(known)
    values = np.asarray([0.0 if v is None else v for v in run.values], dtype=np.float64)[chosen]
    weights = np.asarray(run.weights or [1.0] * len(known), dtype=np.float64)[chosen]
    if weights.sum() <= 0:
        return _Figure(math.nan, values, 0.0)
    figure = float((weights * values).sum() / weights.sum())
    return _Figure(figure, weights * (values - figure) / weights.mean(), equal_prompts(weights))


class GateVerdict(NamedTuple):
    """What is said of one measure."""

    p_adjusted: float | None
    said: str
    """`regression`, `no worse` (shown), `not shown` (no loss beyond the margin seen, none excluded), `unread` (too few
    values, or those that are missing could hide a regression)."""


def verdicts(losses: Sequence[Loss], alpha: float = 0.05) -> list[GateVerdict]:
    """A verdict on each measure of one comparison; the chance of any false `regression` is at most `alpha`."""
    adjusted = iter(holm([one.p for one in losses if one.p is not None]))
    found = []
    for one in losses:
        if one.p is None:
            found.append(GateVerdict(None, "unread"))
            continue
        p = next(adjusted)
        hidden = one.hidden is not None and one.hidden < alpha
        found.append(
            GateVerdict(
                p, "regression" if p < alpha else "unread" if hidden else "no worse" if one.shown else "not shown"
            )
        )
    return found
