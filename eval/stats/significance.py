"""Is a difference more than chance: sign, permutation and Wald tests, and Holm's correction over several.

An interval and a p-value of one figure say the same: see `agreeing`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from .intervals import Estimate

PERMUTATIONS = 9_999


class Tested(NamedTuple):
    """A p-value and the name of its test."""

    p: float
    test: str


BESIDE = 1e-6
"""Where an end beside 0 lies, as a share of the estimate: it reads as 0 in a table, and is on the estimate's side."""


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact p of `wins` against `losses` under even chances; ties say nothing and are left out.

    On yes/no data of two models this is McNemar's exact test. Without a win or a loss p is 1.
    """
    return float(stats.binomtest(wins, wins + losses, 0.5).pvalue) if wins + losses else 1.0


def sign_test_of(differences: Sequence[float]) -> float:
    """The same from differences by prompt."""
    return sign_test(sum(d > 0 for d in differences), sum(d < 0 for d in differences))


def paired_test(differences: Sequence[float], seed: int) -> Tested:
    """Two-sided p of a mean of paired differences: each is as likely to have the other sign.

    Differences of one size (a win, a loss) are counted, the exact sign test; of several sizes that test would be one of
    another figure than the mean beside it.
    """
    sizes = {abs(one) for one in differences if one}
    if len(sizes) < 2:
        return Tested(sign_test_of(differences), "exact sign test")
    return Tested(permutation_test(differences, PERMUTATIONS, seed), "permutation test of signs")


def agreeing(estimate: Estimate, p: float) -> Estimate:
    """The interval of a difference with 0 inside just where its test does not reject at the interval's own level.

    The test is exact and decides; an end on its wrong side of 0 is moved to 0, and beside 0 where the test rejects. For
    a true difference of 0 the interval then covers as often as the test does not reject; for others it loses at most
    those between 0 and the end, on the side that the test has just excluded.
    """
    if estimate.confidence is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return estimate
    rejected, outside = p < round(1 - estimate.confidence, 12), not estimate.low <= 0 <= estimate.high
    if rejected == outside or (rejected and not estimate.value):
        return estimate
    side = "low" if estimate.value > 0 else "high"
    end = BESIDE * estimate.value if rejected else 0.0
    method = f"{estimate.method}, its {side} end at 0 as the test says"
    return estimate.model_copy(update={side: end, "method": method})


def permutation_test(differences: Sequence[float], permutations: int, seed: int) -> float:
    """Two-sided p of a mean of paired differences as far from 0, were each as likely to have the other sign.

    Exact where all sign changes are at most `permutations`; else drawn, and p is never below 1 / (permutations + 1).
    """
    if not any(differences):
        return 1.0

    def mean(values: Any, axis: int) -> Any:
        return values.mean(axis=axis)

    data, draw = (np.asarray(differences, dtype=np.float64),), np.random.default_rng(seed)
    found = stats.permutation_test(
        data, mean, permutation_type="samples", vectorized=True, n_resamples=permutations, batch=500, rng=draw
    )
    return float(found.pvalue)


def wald_test(difference: float, error: float) -> float:
    """Two-sided p of a difference with this standard error, by the normal distribution; without spread, 1 or 0."""
    if not error:
        return float(difference == 0)
    return float(2 * stats.norm.sf(abs(difference) / error))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (Holm 1979), in the order given.

    Rejecting those below alpha keeps the chance of any false rejection in the family below alpha.
    """
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = highest
    return adjusted
