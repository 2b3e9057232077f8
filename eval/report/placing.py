"""Texts in two dimensions, by the words they share: TF-IDF, then a truncated SVD.

The figures are scikit-learn's (TfidfVectorizer with sublinear_tf, TruncatedSVD), which takes longer to import than a
report of a small run takes to make.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.text.words import words


class Placed(NamedTuple):
    """Where the texts lie."""

    at: npt.NDArray[np.float64]
    """Shape (texts, 2)."""
    explained: float
    """Share of the variance of all words that the two dimensions hold."""


def placed(texts: Sequence[str], seed: int) -> Placed | None:
    """Places of the texts, the same for the same seed; None where they have too few words for two dimensions.

    A word that stands n times in a text and in d of N texts weighs (1 + ln n) (1 + ln((1 + N) / (1 + d))) there; a
    text's weights have length 1.
    """
    counts = [Counter(words(text)) for text in texts]
    spread = Counter(word for found in counts for word in found)
    column = {word: place for place, word in enumerate(sorted(spread))}
    if min(len(counts), len(column)) < 3:
        return None
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import svds

    rare = {word: 1 + math.log((1 + len(counts)) / (1 + texts_with)) for word, texts_with in spread.items()}
    weights, columns, ends = [], [], [0]
    for found in counts:
        row = np.array([(1 + math.log(count)) * rare[word] for word, count in found.items()])
        weights.append(row / (np.linalg.norm(row) or 1))
        columns += [column[word] for word in found]
        ends.append(len(columns))
    table = csr_array((np.concatenate(weights), columns, ends), shape=(len(counts), len(column)))
    start = np.random.default_rng(seed).uniform(0.5, 1, min(table.shape))
    _, sizes, directions = svds(table, k=2, v0=start)
    axes = directions[np.argsort(-sizes)]
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])[:, None]  # the sign of an axis is free
    at = table @ axes.T
    squares = np.asarray((table * table).mean(0)) - np.asarray(table.mean(0)) ** 2
    return Placed(at, float(at.var(0).sum() / squares.sum()) if squares.sum() else 1.0)
