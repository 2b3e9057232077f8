"""The length-controlled win rate (Dubois et al. 2024, arXiv 2404.04475): what would be won if answers were as long.

One logistic regression a model, without intercept, on every prompt's preference for the model:

    logit P(model is preferred) = length * tanh(delta / sd(delta)) + difficulty * (the prompt's) + not_gamed

delta = characters of the baseline's answer minus those of the model's. The baseline asked to be concise and to be
verbose enters with rows of weight 0.2 / 2 in which the last term is 0: they hold the length weight where the model's
own answers say little of it. The win rate is the mean over prompts of the fitted probability at delta = 0.

alpaca-eval chooses an L1 penalty by cross-validation over C = 1e-4 ... 1e4 besides. It is left out here: on official
annotations it moves the result by less than a tenth of a point (tests/eval/alpaca). RIDGE keeps the fit finite where
every judgement is the same. The likelihood is maximised by Newton's method over all resamples at once.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..data.alpaca_eval import Gamed, Weights

GAMED_WEIGHT = 0.2 / 2
"""Of one row of the concise or of the verbose baseline; a row of the model has 1."""
RIDGE = 1e-6
LONGEST_STEP = 2.0
CONVERGED = 1e-6
"""Largest last Newton step of a coefficient. Steps shrink quadratically: the next would be of the order of 1e-12."""
STEPS = 60
BLOCK = 64
"""Resamples fitted together: as many as stay in a processor's cache."""

Array = npt.NDArray[np.float64]


class LengthRows(NamedTuple):
    """What the regression sees of one model, a row a prompt."""

    preference: Array
    """0..1, for the model."""
    delta: Array
    """Characters of the baseline's answer minus the model's."""
    difficulty: Array


class Fitted(NamedTuple):
    """A fit of each resample; NaN where it did not converge."""

    weights: Array
    """Shape (resamples, 3): length, difficulty, not_gamed."""
    win_rate: Array
    """Share, 0..1, shape (resamples,)."""
    error: Array
    """Standard error of the share from the rows' influence on it (the sandwich formula), shape (resamples,)."""


def fit(rows: LengthRows, gamed: Gamed, deviation: float | None = None) -> Fitted:
    """The regression on the rows as they are: one resample that takes each row once.

    `deviation`: of delta, where more rows than these count in it. None: these do.
    """
    once = np.ones((1, len(rows.preference)))
    return _fit(rows, gamed, once, np.zeros((1, 3)), deviation)


def refit(rows: LengthRows, gamed: Gamed, counts: Array) -> Fitted:
    """The regression fitted again in each resample, sd(delta) and all.

    `counts` says how often each row is in each resample, shape (resamples, rows). The gamed rows are the
    regularisation and no sample: they are the same in every resample.
    """
    start = np.nan_to_num(fit(rows, gamed).weights)
    blocks = np.split(counts, range(BLOCK, len(counts), BLOCK))
    fits = [_fit(rows, gamed, block, start.repeat(len(block), axis=0)) for block in blocks]
    return Fitted(*(np.concatenate(parts) for parts in zip(*fits, strict=True)))


def at_equal_length(weights: Weights, difficulty: Array) -> Array:
    """The probability, 0..1, of each prompt's answer being preferred if it were as long as the baseline's.

    Its mean is the length-controlled win rate that the coefficients say; they may be published ones.
    """
    return _logistic(weights.difficulty * difficulty + weights.not_gamed)


def _fit(rows: LengthRows, gamed: Gamed, counts: Array, start: Array, deviation: float | None = None) -> Fitted:
    """Newton's method on every resample at once, from `start`, shape (resamples, 3)."""
    y, d = rows.preference, rows.difficulty
    x = np.tanh(rows.delta / (_deviation(rows.delta, counts) if deviation is None else np.full((1, 1), deviation)))
    xx, xd, dd = x * x, x * d, d * d
    held = np.stack([np.tanh(gamed.std_delta_len), gamed.difficulty])
    held_products = np.stack([held[0] ** 2, held[0] * held[1], held[1] ** 2])
    w = start.copy()
    for _ in range(STEPS):
        p = _logistic(w[:, :1] * x + w[:, 1:2] * d + w[:, 2:])
        q = _logistic(w[:, :2] @ held)
        residual, variance = counts * (y - p), counts * (p - p * p)
        gradient = -RIDGE * w
        gradient += np.stack([_rowwise(residual, x), residual @ d, residual.sum(axis=1)], axis=1)
        gradient[:, :2] += GAMED_WEIGHT * ((gamed.preference - q) @ held.T)
        of_gamed = GAMED_WEIGHT * ((q - q * q) @ held_products.T)
        h = np.empty((len(w), 3, 3))
        h[:, 0, 0] = _rowwise(variance, xx) + of_gamed[:, 0]
        h[:, 0, 1] = h[:, 1, 0] = _rowwise(variance, xd) + of_gamed[:, 1]
        h[:, 0, 2] = h[:, 2, 0] = _rowwise(variance, x)
        h[:, 1, 1] = variance @ dd + of_gamed[:, 2]
        h[:, 1, 2] = h[:, 2, 1] = variance @ d
        h[:, 2, 2] = variance.sum(axis=1)
        h[:, range(3), range(3)] += RIDGE
        step = np.linalg.solve(h, gradient[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1)
        # Where nearly all judgements are the same the likelihood is flat far out, and a full step overshoots.
        w += step * np.minimum(1, LONGEST_STEP / np.maximum(longest, LONGEST_STEP))[:, None]
        if longest.max() < CONVERGED:
            break
    w[longest >= CONVERGED] = np.nan
    return Fitted(w, *_win_rate(w, h, residual, counts, x, d))


def _win_rate(w: Array, h: Array, residual: Array, counts: Array, x: Array, d: Array) -> tuple[Array, Array]:
    """The share at equal lengths, and its error: a row moves it by its own probability and by moving the fit."""
    n = counts.sum(axis=1)
    p = _logistic(w[:, 1:2] * d + w[:, 2:])
    share = _rowwise(counts, p) / n
    slope = counts * (p - p * p) / n[:, None]
    toward = np.stack([np.zeros_like(n), slope @ d, slope.sum(axis=1)], axis=1)
    a = np.linalg.solve(h, toward[:, :, None])[:, :, 0]
    # `residual` has the counts in it; the square of what n copies do together is n times that of one, n * n / n.
    moved = counts * (p - share[:, None]) / n[:, None] + residual * (a[:, :1] * x + a[:, 1:2] * d + a[:, 2:])
    squares = np.divide(moved * moved, counts, out=np.zeros_like(moved), where=counts > 0)
    return share, np.sqrt(squares.sum(axis=1) * n / np.maximum(n - 1, 1))


def _rowwise(a: Array, b: Array) -> Array:
    """The dot product of each row of one with the same row of the other."""
    return np.asarray(np.einsum("ij,ij->i", a, b))


def _deviation(delta: Array, counts: Array) -> Array:
    """Standard deviation (n - 1) of each resample, shape (resamples, 1)."""
    n = counts.sum(axis=1, keepdims=True)
    centred = delta - delta.mean()
    total, squares = counts @ centred[:, None], counts @ (centred * centred)[:, None]
    variance = (squares - total * total / n) / np.maximum(n - 1, 1)
    # No spread: every answer is longer, or every one shorter, by the same; the floor makes tanh(delta / sd) its sign.
    return np.asarray(np.sqrt(np.maximum(variance, 1e-12)))


def _logistic(x: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x))
