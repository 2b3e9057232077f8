"""Win rates, raw and length-controlled, with bootstrap-t intervals on the logit scale.

A win rate may be a few percent, earned on a few prompts. A percentile interval is then too low and too narrow (a rate
of 2.6% on 256 prompts: 92.2% coverage, and it misses on one side; benchmarks/statistics/coverage.py); dividing each
resample by its own standard error mends that (Efron and Tibshirani 1993, ch. 12), and the logit keeps it in 0..1.

Several draws of the judge on one prompt count as their mean, and a resampled prompt brings its draws along. The
spread between prompts then holds the judge's own noise in full; to draw again within the prompt would count it twice.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from .intervals import Estimate, Resampling, share

FEWEST_DEFINED = 0.99
"""Of the resamples; below it too many have no win, or no loss, at all."""

Array = npt.NDArray[np.float64]


class Drawn(NamedTuple):
    """A rate and its standard error, 0..1, in the sample and in each resample."""

    value: float
    error: float
    values: Array
    """Shape (resamples,); NaN: undefined there."""
    errors: Array


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
    n = len(values)
    means = times @ values / n
    spread = np.maximum(times @ (values * values) / n - means * means, 0)
    return Drawn(float(values.mean()), standard_error(values), means, np.sqrt(spread / (n - 1)))


def mean_rate(values: Sequence[float], how: Resampling) -> Estimate:
    """The mean of values in 0..1, a prompt each."""
    n = len(values)
    if n < 2:
        value = float(values[0]) if n else None
        return Estimate(value=value, low=None, high=None, n=n, method="mean; no interval below two prompts")
    if set(values) <= {0.0, 1.0}:
        return share([value == 1 for value in values], how)
    data = np.asarray(values, dtype=np.float64)
    if np.ptp(data) < 1e-12:
        method = "mean; all prompts are equal, so the data give no width"
        return Estimate(value=values[0], low=values[0], high=values[0], n=n, method=method)
    return rate("mean", drawn_mean(data, counts(n, how)), n, how)


def rate(label: str, drawn: Drawn, n: int, how: Resampling) -> Estimate:
    """A rate over `n` prompts with its bootstrap-t interval on the logit scale.

    Where more than one resample in a hundred has no win or no loss at all, Wilson's interval stands in, computed as if
    every prompt were a yes or a no: cautious, for nothing between 0 and 1 varies more.
    """
    level = f"{100 * how.confidence:g}%"
    if not (0 < drawn.value < 1):
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; the fit did not converge")
    defined = (drawn.values > 0) & (drawn.values < 1) & (drawn.errors > 0)
    if defined.mean() < FEWEST_DEFINED:
        low, high = _wilson(drawn.value, n, how.confidence)
        method = f"{label}; {level} Wilson, as if every prompt were a yes or a no (resamples without a win or a loss)"
        return Estimate(value=drawn.value, low=low, high=high, n=n, method=method)
    middle, error = _on_logit_scale(drawn.value, drawn.error)
    middles, errors = _on_logit_scale(drawn.values[defined], drawn.errors[defined])
    t = (middles - middle) / errors
    ends = np.quantile(t, [(1 + how.confidence) / 2, (1 - how.confidence) / 2])
    low, high = special.expit(middle - ends * error)
    method = f"{label}; {level} bootstrap-t over prompts on the logit scale, {how.resamples} resamples"
    if left_out := int((~defined).sum()):
        method += f", {left_out} without a value left out"
    return Estimate(value=drawn.value, low=float(low), high=float(high), n=n, method=method)


def difference(label: str, value: float, differences: Array, n: int, how: Resampling) -> Estimate:
    """A paired difference with a percentile interval over resamples that both sides share; NaN are left out."""
    defined = differences[np.isfinite(differences)]
    if not np.isfinite(value):
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; a fit did not converge")
    if n < 2 or len(defined) < FEWEST_DEFINED * len(differences):
        return Estimate(value=value, low=None, high=None, n=n, method=f"{label}; no interval: too few prompts")
    low, high = np.quantile(defined, [(1 - how.confidence) / 2, (1 + how.confidence) / 2])
    method = f"{label}; {100 * how.confidence:g}% percentile bootstrap over prompts, {how.resamples} resamples"
    return Estimate(value=value, low=float(low), high=float(high), n=n, method=method)


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


def _on_logit_scale(value: npt.ArrayLike, error: npt.ArrayLike) -> tuple[Array, Array]:
    p = np.asarray(value, dtype=np.float64)
    return special.logit(p), np.asarray(error, dtype=np.float64) / (p * (1 - p))


def _wilson(p: float, n: int, confidence: float) -> tuple[float, float]:
    z = stats.norm.ppf(0.5 + confidence / 2)
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return float((middle - half) / (1 + z * z / n)), float((middle + half) / (1 + z * z / n))
