"""The length-controlled win rate corrected by human labels: the same regression, its equations rectified.

With x a row of the regression and p its fitted probability, PPI++ (Angelopoulos, Duchi and Zrnic 2023) solves

    weight * mean over the rest of x (judge - p) + mean over labels of x ((label - p) - weight * (judge - p)) = 0

beside the rows of the gamed baseline and the ridge, which weigh what they do without labels. Weight 0 is the fit of the
labels alone, and 1 that of the judge with its errors on the labelled prompts taken off. The weight makes the variance
of the win rate the smallest there is, by the prompts' parts in it at the judge's own fit:

    weight = cov(a x (label - p), a x (judge - p)) / ((1 + n / N) var(a x (judge - p))), kept in 0..1

benchmarks/statistics/lc_labels_coverage.py shows what the interval covers.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from srlm.text.counts import counted

from ..data.alpaca_eval import Gamed
from .length_controlled import CONVERGED, GAMED_WEIGHT, LONGEST_STEP, RIDGE, STEPS, LengthRows
from .rates import COEFFICIENTS

FARTHEST = 50.0
"""Of a coefficient: beyond, the likelihood has no maximum."""

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class LabelledFit(NamedTuple):
    """A length-controlled win rate, 0..1."""

    value: float
    error: float
    """Standard error, by the prompts' influence; small samples are allowed for."""
    weight: float
    """Of the judge, 0..1."""


def corrected(
    rows: LengthRows, labels: Array, known: Flags, gamed: Gamed, weight: float | None = None
) -> LabelledFit | None:
    """`rows` as the judge has them, `labels` of those that are `known`, in their order. None: there is no fit.

    `weight`: of the judge; 0: the labels alone; None: the one that makes the interval the narrowest. Raises ValueError
    where every row is labelled, or too few are.
    """
    n, rest = int(known.sum()), int((~known).sum())
    if n <= COEFFICIENTS + 1 or not rest:
        raise ValueError(f"{counted(n, 'labels')} of {counted(n + rest, 'rows')}")
    deviation = float(np.std(rows.delta, ddof=1)) or 1.0
    x = np.column_stack([np.tanh(rows.delta / deviation), rows.difficulty, np.ones(n + rest)])
    if weight is None:
        weight = _weight(x, rows.preference, labels, known, gamed)
    if weight is None:
        return None
    # One weighted regression says the same: of the rest by the judge, and of the labels by what is rectified.
    total = n + rest
    counts = np.where(known, (1 - weight) * total / n, weight * total / rest)
    pulled = np.zeros(total)
    pulled[known] = (labels - weight * rows.preference[known]) * total / n
    pulled[~known] = weight * rows.preference[~known] * total / rest
    fitted = _solved(x, pulled, counts, gamed)
    if fitted is None:
        return None
    p, at_equal = expit(x @ fitted), expit(x[:, 1:] @ fitted[1:])
    influence = x @ _toward(x, fitted, counts, gamed)
    parts = (at_equal - at_equal.mean()) / total + influence * (pulled - counts * p)
    parts = np.where(known, parts - parts[known].mean(), parts - parts[~known].mean())
    # The coefficients and the weight are fitted to the labels.
    variance = float(parts @ parts) * n / (n - COEFFICIENTS - 1)
    return LabelledFit(float(at_equal.mean()), float(np.sqrt(variance)), weight)


def _weight(x: Array, judge: Array, labels: Array, known: Flags, gamed: Gamed) -> float | None:
    """By the prompts' parts in the win rate at the judge's own fit. None: there is none."""
    n, rest = int(known.sum()), int((~known).sum())
    once = np.ones(len(x))
    fitted = _solved(x, judge, once, gamed)
    if fitted is None:
        return None
    influence, p = x @ _toward(x, fitted, once, gamed), expit(x @ fitted)
    ours, theirs = influence[known] * (labels - p[known]), influence * (judge - p)
    spread = float(theirs.var())
    together = float(((ours - ours.mean()) * (theirs[known] - theirs[known].mean())).sum() / (n - 1))
    return min(1.0, max(0.0, together / (spread * (1 + n / rest)))) if spread else 0.0


def _solved(x: Array, pulled: Array, counts: Array, gamed: Gamed) -> Array | None:
    """The coefficients at which sum x (pulled - counts p) and the gamed rows' equations are 0, by Newton's method."""
    held = np.stack([np.tanh(gamed.std_delta_len), gamed.difficulty])
    w = np.zeros(COEFFICIENTS)
    for _ in range(STEPS):
        gradient = x.T @ (pulled - counts * expit(x @ w)) - RIDGE * w
        gradient[:2] += GAMED_WEIGHT * held @ (gamed.preference - expit(w[:2] @ held))
        step = np.linalg.solve(_information(x, w, counts, gamed), gradient)
        longest = float(np.abs(step).max())
        w = w + step * min(1.0, LONGEST_STEP / max(longest, LONGEST_STEP))
        if longest < CONVERGED:
            return w
        if np.abs(w).max() > FARTHEST:
            return None
    return None


def _information(x: Array, w: Array, counts: Array, gamed: Gamed) -> Array:
    held = np.stack([np.tanh(gamed.std_delta_len), gamed.difficulty])
    p, q = expit(x @ w), expit(w[:2] @ held)
    found = (x * (counts * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(COEFFICIENTS)
    found[:2, :2] += GAMED_WEIGHT * (held * (q * (1 - q))) @ held.T
    return np.asarray(found)


def _toward(x: Array, w: Array, counts: Array, gamed: Gamed) -> Array:
    """How the win rate at equal length moves with what pulls at the coefficients."""
    at_equal = expit(x[:, 1:] @ w[1:])
    slope = np.concatenate([[0.0], (at_equal * (1 - at_equal)) @ x[:, 1:] / len(x)])
    return np.asarray(np.linalg.solve(_information(x, w, counts, gamed), slope))
