"""Is a difference more than chance: the exact sign test, and Holm's correction where several are asked at once."""

from collections.abc import Sequence

from scipy import stats


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact p of `wins` against `losses` under even chances; ties say nothing and are left out.

    On yes/no data of two models this is McNemar's exact test. Without a win or a loss p is 1.
    """
    return float(stats.binomtest(wins, wins + losses, 0.5).pvalue) if wins + losses else 1.0


def sign_test_of(differences: Sequence[float]) -> float:
    """The same from differences by prompt."""
    return sign_test(sum(d > 0 for d in differences), sum(d < 0 for d in differences))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (Holm 1979), in the order given.

    Rejecting those below alpha keeps the chance of any false rejection in the family below alpha.
    """
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = highest
    return adjusted
