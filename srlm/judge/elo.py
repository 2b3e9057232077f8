"""Elo ratings of the judgements of one answer, from comparisons in both orders (Wu et al. 2024, section 2.3).

A judge likes one place more than the other. With win_1 and win_2 the wins of the judgement shown first and second, over
all comparisons of an iteration, a win weighs

    w_1 = win_2 / (win_1 + win_2)   in the first place,      w_2 = win_1 / (win_1 + win_2)   in the second.

B_mn is the sum of the weights of m's wins against n, and the ratings e maximise

    sum over m != n of B_mn log sigmoid(e_m - e_n)  -  ridge / 2 * sum over m of e_m^2

The paper has no ridge. Without it there is no finite maximum where the judgements fall into two groups of which one
never loses to the other (Ford 1957), as when one of them wins all: the ridge then decides how far apart they are.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIE = 1e-6
"""Ratings that differ by no more are equal: the maximum is found to about 1e-9."""


class Weights(NamedTuple):
    """What a win weighs, by the place in which the winner was shown."""

    first: float
    second: float


EVEN = Weights(0.5, 0.5)
"""Without a correction for the place."""


def position_weights(first_wins: int, second_wins: int) -> Weights:
    """w_1 and w_2; even ones where nobody won."""
    wins = first_wins + second_wins
    return Weights(second_wins / wins, first_wins / wins) if wins else EVEN


class Bout(NamedTuple):
    """One comparison: two places in a list of judgements, and which of them is better."""

    first: int
    second: int
    preference: float | None
    """1 the first, 0 the second, 0.5 neither. None: unread."""


class Ratings(NamedTuple):
    """Ratings of judgements, in units of log-odds, with a sum of 0."""

    elo: list[float | None]
    """None: no comparison with a winner had this judgement in it."""
    finite: bool
    """Whether there is a maximum without the ridge, too."""


def win_weights(bouts: Sequence[Bout], size: int, weights: Weights) -> "NDArray[np.float64]":
    """B, of shape (size, size): the weight of the wins of m (row) against n (column). A tie is nobody's win."""
    won = np.zeros((size, size))
    for first, second, preference in bouts:
        if preference == 1:
            won[first, second] += weights.first
        elif preference == 0:
            won[second, first] += weights.second
    return won


def ratings(won: "NDArray[np.float64]", ridge: float) -> Ratings | None:
    """The ratings that `won` (B) gives, or None where it gives none.

    None: fewer than two judgements were in a comparison with a winner; those that were fall into groups which were
    never compared; or `ridge` is 0 and there is no finite maximum.
    """
    from scipy.sparse.csgraph import connected_components  # slow to import

    rated = np.flatnonzero(won.any(axis=0) | won.any(axis=1))
    own = won[np.ix_(rated, rated)]
    if len(rated) < 2 or connected_components(own, connection="weak", return_labels=False) > 1:
        return None
    finite = connected_components(own, connection="strong", return_labels=False) == 1
    if not finite and not ridge:
        return None
    found: dict[int, float] = dict(zip(rated.tolist(), _maximum(own, ridge), strict=True))
    return Ratings([found.get(place) for place in range(len(won))], bool(finite))


def _maximum(won: "NDArray[np.float64]", ridge: float) -> list[float]:
    """Where the objective is highest. Both its parts are concave, and the sum of the ratings is held at 0."""
    from scipy.optimize import minimize
    from scipy.special import expit, log_expit

    size = len(won)

    def loss(elo: Any) -> float:
        apart = elo[:, None] - elo[None, :]
        return float(-(won * log_expit(apart)).sum() + ridge / 2 * (elo**2).sum() + elo.sum() ** 2 / 2)

    def slope(elo: Any) -> Any:
        pull = won * expit(elo[None, :] - elo[:, None])
        return pull.sum(axis=0) - pull.sum(axis=1) + ridge * elo + elo.sum()

    def curvature(elo: Any) -> Any:
        chance = expit(elo[:, None] - elo[None, :])
        steep = (won + won.T) * chance * (1 - chance)
        return np.diag(steep.sum(axis=1) + ridge) - steep + np.ones((size, size))

    found = minimize(loss, np.zeros(size), jac=slope, hess=curvature, method="trust-exact", options={"gtol": 1e-10})
    return [round(float(one), 9) + 0.0 for one in found.x]


def equal_ratings(elo: Sequence[float]) -> bool:
    """Whether any two of them are equal."""
    ordered = sorted(elo)
    return any(high - low <= TIE for low, high in pairwise(ordered))


def equal_ends(elo: Sequence[float]) -> bool:
    """Whether the highest, or the lowest, is several judgements' rating."""
    ordered = sorted(elo)
    return ordered[1] - ordered[0] <= TIE or ordered[-1] - ordered[-2] <= TIE
