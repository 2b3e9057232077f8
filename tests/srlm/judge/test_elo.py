"""Elo ratings of judgements, with the sums written out."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from srlm.judge.elo import (
    EVEN,
    Bout,
    Weights,
    equal_ends,
    equal_ratings,
    position_weights,
    ratings,
    win_weights,
)


def test_a_win_weighs_what_the_other_place_wins() -> None:
    """30 wins in the first place, 10 in the second: w_1 = 10 / 40, w_2 = 30 / 40."""
    assert position_weights(30, 10) == Weights(0.25, 0.75)
    assert position_weights(7, 0) == Weights(0.0, 1.0)  # what only ever the first place wins tells nothing
    assert position_weights(0, 0) == EVEN


def test_the_weights_of_wins_are_added_by_winner_and_loser() -> None:
    """0 beats 1 in both orders (.25 + .75); 1 and 2 each win when shown first (.25 each); a tie is nobody's win."""
    bouts = [Bout(0, 1, 1.0), Bout(1, 0, 0.0), Bout(1, 2, 1.0), Bout(2, 1, 1.0), Bout(0, 2, 0.5), Bout(2, 0, None)]
    assert win_weights(bouts, 3, Weights(0.25, 0.75)).tolist() == [[0, 1, 0], [0, 0, 0.25], [0, 0.25, 0]]
    assert win_weights(bouts, 3, EVEN).tolist() == [[0, 1, 0], [0, 0, 0.5], [0, 0.5, 0]]


def test_of_two_judgements_the_difference_is_the_logarithm_of_their_wins() -> None:
    """a log s(d) + b log s(-d) is highest at d = log(a / b); the ratings sum to 0, so each is half of it."""
    found = ratings(np.array([[0, 0.75], [0.25, 0]]), ridge=0)
    assert found is not None and found.finite
    assert found.elo == pytest.approx([math.log(3) / 2, -math.log(3) / 2], abs=1e-7)


def test_position_weights_change_who_is_rated_higher() -> None:
    """0 wins three of four, all in the first place, which wins 9 in 12; 1 wins one, in the second.

    Even weights: 1.5 against .5, d = log 3. With w = (3/12, 9/12): .75 against .75, d = 0.
    """
    bouts = [Bout(0, 1, 1.0)] * 3 + [Bout(0, 1, 0.0)]
    even = ratings(win_weights(bouts, 2, EVEN), ridge=0)
    weighed = ratings(win_weights(bouts, 2, position_weights(9, 3)), ridge=0)
    assert even is not None and weighed is not None
    assert even.elo == pytest.approx([math.log(3) / 2, -math.log(3) / 2], abs=1e-7)
    assert weighed.elo == pytest.approx([0, 0], abs=1e-7)
    assert equal_ends([one for one in weighed.elo if one is not None])


def test_three_judgements_in_a_circle_of_wins_solve_the_equations_of_the_maximum() -> None:
    """At the maximum each one's expected wins are its wins: sum over n of (B_mn + B_nm) s(e_m - e_n) = sum B_mn."""
    won = np.array([[0, 2, 1], [1, 0, 2], [1.5, 0.5, 0]])
    found = ratings(won, ridge=0)
    assert found is not None
    elo = [one for one in found.elo if one is not None]
    for m in range(3):
        expected = sum((won[m, n] + won[n, m]) / (1 + math.exp(elo[n] - elo[m])) for n in range(3) if n != m)
        assert expected == pytest.approx(won[m].sum(), abs=1e-6)
    assert sum(elo) == pytest.approx(0, abs=1e-7)


def test_one_that_wins_all_has_no_finite_rating_unless_there_is_a_ridge() -> None:
    """With a ridge r and e = d/2, -d/2 the slope of log s(d) - r d^2 / 4 is 0: s(-d) = r d / 2."""
    won = np.array([[0, 1.0], [0, 0]])
    assert ratings(won, ridge=0) is None
    for ridge in (0.01, 0.5):
        found = ratings(won, ridge)
        distance = brentq(lambda d, r=ridge: 1 / (1 + math.exp(d)) - r * d / 2, 0, 50)
        assert found is not None and not found.finite
        assert found.elo == pytest.approx([distance / 2, -distance / 2], abs=1e-6)


def test_a_ladder_is_rated_in_its_order_and_a_smaller_ridge_spreads_it() -> None:
    """0 beats 1 and 2, 1 beats 2: the middle one stays at 0 by symmetry."""
    won = np.triu(np.ones((3, 3)), 1)
    wide, narrow = ratings(won, 0.01), ratings(won, 0.1)
    assert wide is not None and narrow is not None
    assert wide.elo[1] == pytest.approx(0, abs=1e-7) and narrow.elo[1] == pytest.approx(0, abs=1e-7)
    assert wide.elo[0] is not None and narrow.elo[0] is not None and wide.elo[0] > narrow.elo[0] > 0


def test_a_small_ridge_does_not_move_a_maximum_that_is_there() -> None:
    won = np.array([[0, 2, 1], [1, 0, 2], [1.5, 0.5, 0]])
    free, held = ratings(won, 0), ratings(won, 1e-6)
    assert free is not None and held is not None and held.finite
    assert held.elo == pytest.approx(free.elo, abs=1e-5)


def test_a_judgement_that_no_winner_met_has_no_rating() -> None:
    """1 was in no comparison that was read."""
    found = ratings(np.array([[0, 0, 3.0], [0, 0, 0], [1.0, 0, 0]]), ridge=0)
    assert found is not None and found.elo[1] is None
    assert found.elo[0] == pytest.approx(math.log(3) / 2, abs=1e-7)


@pytest.mark.parametrize(
    "won",
    [
        pytest.param(np.zeros((3, 3)), id="nothing-was-read"),
        pytest.param(np.zeros((1, 1)), id="one-judgement"),
        pytest.param(np.kron(np.eye(2), np.array([[0, 1.0], [1.0, 0]])), id="two-groups-never-compared"),
    ],
)
def test_where_comparisons_do_not_tell_there_are_no_ratings(won: np.ndarray) -> None:
    assert ratings(won, ridge=0.01) is None


def test_ratings_are_equal_within_what_the_solver_can_tell() -> None:
    assert equal_ratings([0.3, -0.1, -0.1 + 1e-9, -0.2]) and not equal_ratings([0.3, -0.1, -0.2])
    assert not equal_ends([0.3, -0.1, -0.1, -0.2]) and equal_ends([0.3, 0.3, 0.1, 0.0]) and equal_ends([0.3, 0.1, 0.1])
