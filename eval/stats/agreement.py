"""How well a judge's scores follow people's ranks on one prompt's answers (the paper, section 3.1).

Ranks: 0 is best. Scores: higher is better, None where the judge gave none. Each function takes one prompt.

pairwise_accuracy        of the pairs people ordered, those the judge ordered the same way; a judge's tie is wrong
pairwise_accuracy_half   the same, a judge's tie counts half
five_best                of the answers the judge gave 5, those no other answer of the prompt is ranked above
exact_match              the judge orders every pair people ordered, strictly and the same way; a pair that people tied
                         may fall either way or tie
spearman, kendall        rank correlation (average ranks; tau-b); undefined where either side ties all answers

An answer without a score takes its pairs with it (they are counted), and leaves the whole-prompt measures undefined.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from srlm.records import Record

Scores = Sequence[float | None]


class Counted(Record):
    """Hits among units of one prompt, and units that could not be told."""

    hits: float
    total: int
    unscored: int = 0


def pairwise_accuracy(ranks: Sequence[int], scores: Scores, tie: float = 0.0) -> Counted:
    """Pairs ordered as people ordered them; a judge's tie counts `tie`."""
    hits, total, unscored = 0.0, 0, 0
    for i, j in combinations(range(len(ranks)), 2):
        if ranks[i] == ranks[j]:
            continue
        better, worse = (scores[i], scores[j]) if ranks[i] < ranks[j] else (scores[j], scores[i])
        if better is None or worse is None:
            unscored += 1
            continue
        total += 1
        hits += 1 if better > worse else tie if better == worse else 0
    return Counted(hits=hits, total=total, unscored=unscored)


def five_best(ranks: Sequence[int], scores: Scores) -> Counted:
    """Answers the judge gave 5 that people ranked first (or tied for first); answers without a score are unscored."""
    fives = [rank for rank, score in zip(ranks, scores, strict=True) if score == 5]
    best = min(ranks)
    return Counted(
        hits=sum(rank == best for rank in fives), total=len(fives), unscored=sum(score is None for score in scores)
    )


def measurable(ranks: Sequence[int]) -> bool:
    """Whether people ordered anything at all."""
    return len(set(ranks)) > 1


def exact_match(ranks: Sequence[int], scores: Scores) -> bool | None:
    """Whether every pair that people ordered is ordered the same way. None: a score is missing or people tied all."""
    if not measurable(ranks) or None in scores:
        return None
    counted = pairwise_accuracy(ranks, scores)
    return counted.hits == counted.total


def spearman(ranks: Sequence[int], scores: Scores) -> float | None:
    """Spearman's rho of people's order and the judge's, 1 = the same order. None: undefined."""
    known = _known(ranks, scores)
    if known is None:
        return None
    a, b = (stats.rankdata(column) for column in known)  # ties get their average rank
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))


def kendall(ranks: Sequence[int], scores: Scores) -> float | None:
    """Kendall's tau-b of people's order and the judge's. None: undefined."""
    known = _known(ranks, scores)
    return None if known is None else float(stats.kendalltau(*known, variant="b").statistic)


def _known(ranks: Sequence[int], scores: Scores) -> tuple[list[float], list[float]] | None:
    """Goodness by people (rank 0 is best, so the sign turns) and by the judge; None where undefined."""
    known = [score for score in scores if score is not None]
    if len(known) < len(scores) or not measurable(ranks) or len(set(known)) == 1:
        return None
    return [-float(rank) for rank in ranks], known
