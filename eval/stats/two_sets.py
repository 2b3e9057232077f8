"""Whether two sets of vectors are alike: nearest neighbours with a permutation test, a classifier, near duplicates.

The nearest-neighbour test is Schilling's (1986, J. Amer. Statist. Ass. 81) with one neighbour: where both sets are
drawn alike, the nearest other text of a text of A is one of B as often as there are others of B.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .intervals import Estimate, Resampling, balanced, pooled, share
from .significance import PERMUTATIONS

Vectors = npt.NDArray[np.float32]
"""Shape (texts, dimensions), each of length 1."""
CHUNK = 512
"""Rows of a table of cosines that are held at once."""
FOLDS = 5
GROUPS = "over groups of texts with one nearest neighbour"


class Nearest(NamedTuple):
    """Where the nearest neighbours of the texts of one set lie, among all other texts of both."""

    share: Estimate
    """Of the first set's texts, those whose nearest neighbour is in the second set. Texts with the same neighbour count
    as one in its interval."""
    by_chance: float
    """The same where both sets are drawn alike."""
    p: float
    """Two-sided, by permutation of the sets' names."""

    @property
    def beyond_chance(self) -> Estimate:
        """The share less what chance gives: 0 where the sets are drawn alike, below where they lie apart."""
        ends = {
            name: None if (end := getattr(self.share, name)) is None else end - self.by_chance
            for name in ("value", "low", "high")
        }
        method = f"{self.share.method}, less the share by chance"
        return self.share.model_copy(update={**ends, "method": method})


def nearest(first: Vectors, second: Vectors, how: Resampling) -> Nearest | None:
    """See Nearest. None: a set is empty, or there are fewer than three texts."""
    n, total = len(first), len(first) + len(second)
    if min(n, len(second)) < 1 or total < 3:
        return None
    neighbours = _neighbours(np.concatenate([first, second]))
    crossing = neighbours[:n] >= n
    hubs, of = np.unique(neighbours[:n], return_inverse=True)
    hits = np.bincount(of, weights=crossing, minlength=len(hubs))
    estimate = pooled(hits.tolist(), np.bincount(of, minlength=len(hubs)).astype(float).tolist(), how)
    by_chance = len(second) / (total - 1)
    return Nearest(
        estimate.model_copy(update={"n": n, "method": estimate.method.replace("over prompts", GROUPS)}),
        by_chance,
        _p(neighbours, n, int(crossing.sum()), how.seed),
    )


def _neighbours(vectors: Vectors) -> npt.NDArray[np.intp]:
    """The place of the nearest other vector of each; of equally near ones the first."""
    found = np.empty(len(vectors), dtype=np.intp)
    for start in range(0, len(vectors), CHUNK):
        cosines = vectors[start : start + CHUNK] @ vectors.T
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -np.inf
        found[start : start + CHUNK] = cosines.argmax(1)
    return found


def _p(neighbours: npt.NDArray[np.intp], n: int, crossing: int, seed: int) -> float:
    """How often names dealt out at random cross as seldom, or as often."""
    rng, total = np.random.default_rng(seed), len(neighbours)
    names = np.arange(total) < n
    low = high = 1
    for _ in range(PERMUTATIONS):
        drawn = rng.permutation(names)
        crossed = int((drawn & ~drawn[neighbours]).sum())
        low, high = low + (crossed <= crossing), high + (crossed >= crossing)
    return min(1.0, 2 * min(low, high) / (PERMUTATIONS + 1))


def told_apart(first: Vectors, second: Vectors, how: Resampling) -> Estimate:
    """Balanced accuracy of a logistic regression that has to say which set a text is from, cross-validated.

    0.5: it cannot. Lopez-Paz and Oquab 2017, arXiv 1610.06545.
    """
    smaller = min(len(first), len(second))
    label = f"balanced accuracy of a logistic regression, {FOLDS}-fold cross-validation"
    if smaller < 2 * FOLDS:
        n = len(first) + len(second)
        method = f"{label}; a set has fewer than {2 * FOLDS} texts"
        return Estimate(value=None, low=None, high=None, n=n, method=method)
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    x = np.concatenate([first, second]).astype(np.float64)
    y = np.arange(len(x)) < len(first)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=how.seed)
    said = cross_val_predict(LogisticRegression(class_weight="balanced", max_iter=1000), x, y, cv=folds)
    met = ((said & y).astype(float).tolist(), y.astype(float).tolist())
    unmet = ((~said & ~y).astype(float).tolist(), (~y).astype(float).tolist())
    estimate = balanced(met, unmet, how)
    return estimate.model_copy(update={"method": estimate.method.replace("balanced accuracy", label, 1)})


class Duplicates(NamedTuple):
    """Texts of one set that are nearly in another."""

    share: Estimate
    """Of the first set's texts."""
    pairs: tuple[tuple[int, int, float], ...]
    """Place in the first set, place of the nearest in the second, their cosine; the nearest first."""


def near_duplicates(first: Vectors, second: Vectors, threshold: float, how: Resampling) -> Duplicates:
    """Those with a cosine of `threshold` or more to a text of the second set."""
    best, place = np.empty(len(first), dtype=np.float32), np.empty(len(first), dtype=np.intp)
    for start in range(0, len(first), CHUNK):
        cosines = first[start : start + CHUNK] @ second.T
        best[start : start + CHUNK], place[start : start + CHUNK] = cosines.max(1), cosines.argmax(1)
    near = best >= threshold - 1e-6  # a text and itself, in 32 bits
    found = [(int(row), int(place[row]), min(1.0, round(float(best[row]), 4))) for row in np.flatnonzero(near)]
    pairs = tuple(sorted(found, key=lambda pair: (-pair[2], pair)))
    return Duplicates(share(near.tolist(), how), pairs)
