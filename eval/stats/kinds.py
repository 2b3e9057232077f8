"""Whether a value differs from kind to kind of prompt, or all kinds are alike."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from .significance import PERMUTATIONS

Array = npt.NDArray[np.float64]


class Spread(NamedTuple):
    """How much of the variance between prompts lies between their kinds."""

    explained: float
    """0..1; above 0 by chance, too."""
    p: float
    """One-sided: as much or more where the kinds are dealt out to the prompts at random."""


def spread(groups: Sequence[Sequence[float]], seed: int) -> Spread | None:
    """Of the values of each kind. None: fewer than two kinds with a value, or all values are equal."""
    samples = [np.asarray(group, dtype=np.float64) for group in groups if len(group)]
    whole = np.concatenate(samples) if samples else np.empty(0)
    total = float(((whole - whole.mean()) ** 2).sum()) if len(whole) else 0.0
    if len(samples) < 2 or total < 1e-12:
        return None
    centred = [sample - whole.mean() for sample in samples]
    tested = stats.permutation_test(
        centred,
        _between,
        permutation_type="independent",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        batch=max(1, 2_000_000 // len(whole)),
        alternative="greater",
        rng=np.random.default_rng(seed),
    )
    return Spread(min(1.0, float(tested.statistic) / total), float(tested.pvalue))  # rounding


def _between(*samples: Array, axis: int = -1) -> Array:
    """Sum of squares between the kinds, of values whose mean over all is 0."""
    return np.asarray(sum(sample.shape[axis] * sample.mean(axis=axis) ** 2 for sample in samples))
