"""The length-controlled win rate corrected by labels: its two ends, its equations, and a judge that is wrong."""

import numpy as np
import pytest
from scipy import optimize
from scipy.special import expit

from eval.data.alpaca_eval import Gamed
from eval.stats import length_controlled
from eval.stats.bounded import interval
from eval.stats.length_controlled import GAMED_WEIGHT, LengthRows
from eval.stats.length_controlled_labels import corrected

GAMED = Gamed(np.array([0.3, 0.6, 0.4, 0.7]), np.array([-1.0, 1.0, -0.5, 0.8]), np.array([0.2, -0.3, 0.5, 0.1]), "")


def world(seed: int, n: int = 400) -> tuple[LengthRows, np.ndarray]:
    """A judge that likes length, and people who do not so much, of n prompts."""
    draws = np.random.default_rng(seed)
    delta, difficulty = draws.normal(300, 800, n), draws.normal(0, 1, n)
    seen = draws.normal(0, 1, n)
    people = (seen + draws.normal(0, 0.5, n) + 0.6 * difficulty - 0.4 > 0.3 * np.tanh(delta / 800)).astype(float)
    judge = (seen + draws.normal(0, 0.5, n) + 0.6 * difficulty - 0.1 > 0.9 * np.tanh(delta / 800)).astype(float)
    return LengthRows(judge, delta, difficulty), people


def test_with_weight_0_the_labels_alone_are_fitted_and_the_gamed_rows_weigh_as_beside_all_prompts() -> None:
    rows, people = world(1)
    known = np.arange(400) < 100
    found = corrected(rows, people[known], known, GAMED, weight=0.0)
    assert found is not None
    # The same loss by a general optimiser: each label counts 4 times, for 400 prompts.
    x = np.column_stack([np.tanh(rows.delta / np.std(rows.delta, ddof=1)), rows.difficulty, np.ones(400)])
    held = np.column_stack([np.tanh(GAMED.std_delta_len), GAMED.difficulty, np.zeros(4)])

    def loss(w: np.ndarray) -> float:
        own, gamed = x[known] @ w, held @ w
        return float(
            4 * (np.logaddexp(0, own) - people[known] * own).sum()
            + GAMED_WEIGHT * (np.logaddexp(0, gamed) - GAMED.preference * gamed).sum()
        )

    w = optimize.minimize(loss, np.zeros(3), tol=1e-10).x
    assert found.value == pytest.approx(expit(x[:, 1:] @ w[1:]).mean(), abs=1e-5)


def test_a_judge_that_says_what_people_say_is_worth_all_prompts() -> None:
    rows, people = world(2)
    same = rows._replace(preference=people)
    known = np.arange(400) < 60
    found, alone = (corrected(same, people[known], known, GAMED, weight) for weight in (None, 0.0))
    whole = length_controlled.fit(same, GAMED)
    assert found is not None and alone is not None
    assert found.weight == pytest.approx(1 / (1 + 60 / 340), abs=0.25)  # people and judge covary as one
    assert abs(found.value - whole.win_rate[0]) < 0.03
    assert found.error < 0.6 * alone.error


def test_a_judge_that_tells_nothing_of_people_is_not_used() -> None:
    rows, people = world(3)
    noise = rows._replace(preference=np.random.default_rng(9).integers(0, 2, 400).astype(float))
    known = np.arange(400) < 100
    found, alone = (corrected(noise, people[known], known, GAMED, weight) for weight in (None, 0.0))
    assert found is not None and alone is not None
    assert found.weight < 0.25
    assert found.error < 1.1 * alone.error


def test_the_interval_covers_what_people_would_say_where_the_judge_does_not() -> None:
    rows, people = world(4, 20_000)
    truth = length_controlled.fit(rows._replace(preference=people), GAMED).win_rate[0]
    by_judge = length_controlled.fit(rows, GAMED).win_rate[0]
    assert abs(by_judge - truth) > 0.04
    covered = narrower = 0
    for seed in range(120):
        chosen = np.random.default_rng(seed).integers(20_000, size=400)
        own = LengthRows(*(column[chosen] for column in rows))
        known = np.arange(400) < 60
        found, alone = (corrected(own, people[chosen][known], known, GAMED, weight) for weight in (None, 0.0))
        assert found is not None and alone is not None
        low, high = interval(found.value, found.error**2, 20, 0.95)
        covered += low <= truth <= high
        narrower += found.error < alone.error
    assert covered >= 107  # of 120 at 95%: fewer has a chance of 1 in 200
    assert narrower > 100


def test_labels_of_every_prompt_leave_nothing_to_correct() -> None:
    rows, people = world(5)
    with pytest.raises(ValueError, match="400 labels of 400 rows"):
        corrected(rows, people, np.ones(400, dtype=np.bool_), GAMED)
