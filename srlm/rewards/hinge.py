"""Weights of rules by a margin on ordered pairs (Mu et al. 2024, section 4.2), solved exactly.

For pairs i of a better and a worse answer to one prompt, with difference of helpfulness r_i and of features x_i:

    minimise  (1/n) sum_i max(0, margin - r_i - w.x_i)  +  penalty sum_j |w_j|

The paper takes AdamW, whose result depends on its rate, its steps and the order of the pairs. This is a linear
programme: with slacks s_i >= 0 and w = u - v, u, v >= 0,

    minimise  (1/n) sum_i s_i + penalty sum_j (u_j + v_j)   subject to   s_i + x_i.(u - v) >= margin - r_i

scipy's HiGHS solves it. Without a penalty there may be many solutions; then the one with the least sum of |w_j| is
taken, by a second programme.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SLACK = 1e-9
"""By how much the second programme may miss the first one's optimum."""


class Fit(NamedTuple):
    """Weights, and the mean hinge loss that they have on the pairs of the fit."""

    weights: "Numbers"
    loss: float


class Ordering(NamedTuple):
    """How well rewards order pairs of a better and a worse answer."""

    pairs: int
    hinge: float | None
    """Mean of max(0, margin - difference). None: no pairs."""
    error: float | None
    """Share of the pairs in the wrong order, a tie counting half. None: no pairs."""


def fit(features: "Numbers", helpfulness: "Numbers", margin: float = 1.0, penalty: float = 0.0) -> Fit:
    """The weights for n pairs with k features each: `features` n x k and `helpfulness` n, better minus worse."""
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, hstack

    n, k = features.shape
    # Equal pairs, of which yes and no give many, stand once with their number.
    rows, times = np.unique(np.column_stack([features, helpfulness]), axis=0, return_counts=True)
    x, r, share = rows[:, :k], rows[:, k], times / n
    against = -hstack([csr_array(x), csr_array(-x), eye_array(len(rows))], format="csr")
    cost = np.concatenate([np.full(2 * k, penalty), share])
    first = linprog(cost, A_ub=against, b_ub=r - margin, method="highs")
    assert first.status == 0, first.message  # w = 0 is feasible, and the cost is bounded below by 0
    best = first.x
    if not penalty:
        sums = np.concatenate([np.zeros(2 * k), share])[None, :]
        least = linprog(
            np.concatenate([np.ones(2 * k), np.zeros(len(rows))]),
            A_ub=_stacked(against, sums),
            b_ub=np.concatenate([r - margin, [first.fun + SLACK]]),
            method="highs",
        )
        best = least.x if least.status == 0 else best
    weights = best[:k] - best[k : 2 * k]
    return Fit(weights, float(np.mean(np.maximum(0.0, margin - helpfulness - features @ weights))))


def _stacked(above: object, below: "Numbers") -> object:
    from scipy.sparse import csr_array, vstack

    return vstack([above, csr_array(below)], format="csr")


def ordering(differences: "Numbers", margin: float = 1.0) -> Ordering:
    """How well differences of rewards, better minus worse, keep the order."""
    import numpy as np

    if not len(differences):
        return Ordering(0, None, None)
    wrong = np.mean(differences < 0) + np.mean(differences == 0) / 2
    return Ordering(len(differences), float(np.mean(np.maximum(0.0, margin - differences))), float(wrong))
