"""Has a run lost against a baseline by more than is tolerated? Paired by prompt; run-to-run variation counted in.

    H0: now >= baseline - margin.   t = (now - baseline + margin) / SE, one-sided; Holm over the measures.

Two estimates of SE, and the larger one decides:

- over runs, where the baseline holds three or more: SE = s * sqrt(1 + 1/k), s the standard deviation of the k runs'
  figures and k - 1 degrees of freedom (Crawford and Howell 1998: one case against a small sample). All runs answered
  the same prompts, so the prompts' own difficulty is in none of it.
- over prompts: SE = s / sqrt(n), s the standard deviation of each prompt's part in the difference. By itself it knows
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
    """Two-sided interval of the difference."""
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
    signed: bool = False,
    family: int = 1,
) -> Loss:
    """Compare one run with the baseline's runs, all over the same prompts in the same order.

    `signed`: the measure is a difference in itself (wins minus losses) and may be as low as -1. `family`: measures that
    Holm's correction goes over.
    """
    found = _scored(baseline, now, margin, lower_is_worse, confidence, family)
    gone = sum(
        any(_known(run, i) for run in baseline) if not _known(now, i) else not all(_known(run, i) for run in baseline)
        for i in range(len(now.values))
    )
    if not gone:
        return found
    values = [value for run in (*baseline, now) for value in run.values if value is not None]
    low, high = min([-1.0 if signed else 0.0, *values]), max([1.0, *values])
    bad, good = (low, high) if lower_is_worse else (high, low)
    worst, best = (
        _scored([_filled(run, now, then) for run in baseline], _filled_now(baseline, now, today), margin,
                lower_is_worse, confidence, family)
        for today, then in ((bad, good), (good, bad))
    )  # fmt: skip
    if worst.difference is None or best.difference is None:
        return found
    method = f"{found.method}; {gone} prompts have a value on one side only: with them the difference lies between "
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
    baseline: Sequence[Values], now: Values, margin: float, lower_is_worse: bool, confidence: float, family: int
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
    figures, parts = zip(*(_figure(run, known) for run in everything), strict=True)
    if not all(map(math.isfinite, figures)):
        return nothing.model_copy(update={"method": "a run has no unit to measure on"})
    before, turn = float(np.mean(figures[:-1])), 1.0 if lower_is_worse else -1.0
    difference = turn * (figures[-1] - before)
    error, freedom, method = _error(figures[:-1], parts[-1] - np.mean(parts[:-1], axis=0))
    critical = stats.t.ppf(0.5 + confidence / 2, freedom)
    p = float(stats.t.cdf((difference + margin) / error, freedom)) if error else float(difference >= -margin)
    one_sided, power = stats.t.isf((1 - confidence) / family, freedom), stats.t.ppf(POWER, freedom)
    low, high = difference - critical * error, difference + critical * error
    return Loss(
        baseline=before,
        now=figures[-1],
        difference=difference,
        low=float(low),
        high=float(high),
        p=p,
        shown=bool(low >= -margin),
        visible=float(margin + (one_sided + power) * error) if error else None,
        n=n,
        unscored=unscored,
        runs=runs,
        method=method,
    )


def _known(run: Values, i: int) -> bool:
    """A prompt that has no unit in a run (no pair to order, say) has nothing unknown; it weighs nothing there."""
    return run.values[i] is not None or bool(run.weights and run.weights[i] == 0)


def _figure(run: Values, known: Sequence[bool]) -> tuple[float, Array]:
    """The weighted mean over the known prompts, and each prompt's part in its deviation (they average 0)."""
    chosen = np.asarray(known)
    values = np.asarray([0.0 if v is None else v for v in run.values], dtype=np.float64)[chosen]
    weights = np.asarray(run.weights or [1.0] * len(known), dtype=np.float64)[chosen]
    if weights.sum() <= 0:
        return math.nan, values
    figure = float((weights * values).sum() / weights.sum())
    return figure, weights * (values - figure) / weights.mean()


def _error(figures: Sequence[float], parts: Array) -> tuple[float, float, str]:
    n, k = len(parts), len(figures)
    over_prompts = float(np.std(parts, ddof=1) / math.sqrt(n))
    if k >= FEWEST_RUNS:
        over_runs = float(np.std(figures, ddof=1) * math.sqrt(1 + 1 / k))
        if over_runs >= over_prompts:
            return over_runs, k - 1, f"t over {k} runs"
        return over_prompts, n - 1, f"t over {n} prompts (the {k} runs differ by less)"
    few = "one run" if k == 1 else f"{k} runs"
    return over_prompts, n - 1, f"t over {n} prompts; the baseline is {few}, so training's own variation is unknown"


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
