"""Win rates, raw and length-controlled, and their differences on the same prompts.

A win rate may be a few percent, earned on a few prompts. Percentile intervals are then too low and too narrow, and
bootstrap-t ones explode where resamples of few prompts have next to no spread (2.06 [0.32, 98.25] at 50 prompts). The
score interval of stats/bounded.py holds, from the standard error of the sample alone. Only differences are resampled.

Several draws of the judge on one prompt count as their mean. The spread between prompts then holds the judge's own
noise in full; to draw again within the prompt would count it twice.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.text.counts import counted

from .bounded import SHARE, Bounds
from .intervals import Estimate, Resampling, mean, of_variance

FEWEST_DEFINED = 0.99
"""Of the resamples; below it too many fits did not converge."""
FEWEST = 20
"""Prompts that hold a length-controlled fit."""
COEFFICIENTS = 3
"""Of that fit."""

Array = npt.NDArray[np.float64]


class Drawn(NamedTuple):
    """A rate, 0..1, in the sample and in each resample: what a difference of two rates needs."""

    value: float
    values: Array
    """Shape (resamples,); NaN: undefined there."""


@lru_cache(maxsize=2)  # a leaderboard's models are resampled alike, one after the other
def counts(n: int, how: Resampling) -> Array:
    """How often each of `n` prompts is in each resample, shape (resamples, n); the same array for equal arguments."""
    drawn = np.random.default_rng(how.seed).multinomial(n, np.full(n, 1 / n), size=how.resamples).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def standard_error(values: Array) -> float:
    """Of the mean: sample standard deviation over the root of n. Needs two values."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def drawn_mean(values: Array, times: Array) -> Drawn:
    """The mean of `values` in the resamples that `times` describes."""
    return Drawn(float(values.mean()), times @ values / len(values))


def mean_rate(values: Sequence[float], how: Resampling) -> Estimate:
    """The mean of values in 0..1, a prompt each."""
    return mean(values, how, SHARE)


def rate(label: str, value: float, error: float, n: int, how: Resampling) -> Estimate:
    """A fitted rate over `n` prompts, 0..1, from its standard error; below FEWEST prompts it has no interval."""
    if not (0 < value < 1) or not np.isfinite(error):
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; the fit did not converge")
    if n < FEWEST:
        method = f"{label}; no interval: fewer than {FEWEST} prompts do not hold the fit"
        return Estimate(value=value, low=None, high=None, n=n, method=method)
    # The coefficients share the prompts: the sandwich formula needs n / (n - 3).
    return of_fit(label, value, error * float(np.sqrt(n / (n - COEFFICIENTS))), n, how)


def of_fit(label: str, value: float, error: float, n: int, how: Resampling) -> Estimate:
    """A fitted rate whose standard error allows for the fit; near 0 or 1 it rests on a third of its `n` prompts."""
    return of_variance(label, value, error**2, n, n / COEFFICIENTS, how)


def difference(label: str, value: float, differences: Array, n: int, how: Resampling, unit: float = 100.0) -> Estimate:
    """A paired difference of two rates, its variance that of resamples which both sides share; NaN are left out.

    `value` and `differences` are in `unit`s of a share (100: points of percent).
    """
    defined = differences[np.isfinite(differences)]
    if not np.isfinite(value):
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; a fit did not converge")
    if n < 2 or len(defined) < FEWEST_DEFINED * len(differences):
        return Estimate(value=value, low=None, high=None, n=n, method=f"{label}; no interval: too few prompts")
    found = of_variance(label, value, float(defined.var()), n, n, how, Bounds(-unit, unit))
    return found.model_copy(
        update={"method": f"{found.method}, its variance from {counted(how.resamples, 'resamples')}"}
    )


def judge_error(variances: Sequence[float], draws: Sequence[int]) -> float | None:
    """The part of the mean's standard error that asking the judge again would change; prompts keep their answers.

    `variances` of the draws of each prompt (k - 1), and how many `draws` it has. None: no prompt has two draws. Prompts
    with one draw take the mean variance of the others.
    """
    pairs = list(zip(variances, draws, strict=True))
    freedom = sum(k - 1 for _, k in pairs)
    if not freedom:
        return None
    pooled = sum((k - 1) * variance for variance, k in pairs) / freedom
    return float(np.sqrt(sum(pooled / k for _, k in pairs)) / len(pairs))
