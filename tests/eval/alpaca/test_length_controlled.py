"""The length-controlled regression on made-up rows; test_scoring.py holds it against the official figures."""

import numpy as np
import pytest

from eval.data.alpaca_eval import Gamed
from eval.stats import length_controlled
from eval.stats.length_controlled import LengthRows

N = 300


@pytest.fixture(scope="module")
def gamed() -> Gamed:
    """A concise and a verbose baseline: the longer answer is preferred."""
    random = np.random.default_rng(5)
    length = np.concatenate([random.normal(1.5, 1, N), random.normal(-1.5, 1, N)])
    difficulty = np.tile(random.normal(0, 1, N), 2)
    return Gamed(1 / (1 + np.exp(1.7 * np.tanh(length) - 0.2 * difficulty)), length, difficulty, "made up")


@pytest.fixture(scope="module")
def rows() -> LengthRows:
    """A model that is preferred on one prompt in four, more often where its answer is longer."""
    random = np.random.default_rng(6)
    delta, difficulty = np.round(random.normal(300, 900, N)), random.normal(0, 1, N)
    odds = -1.2 - 1.7 * np.tanh(delta / 900) + 0.8 * difficulty + random.normal(0, 2, N)
    return LengthRows(1 / (1 + np.exp(-odds)), delta, difficulty)


def resampled(seed: int, resamples: int) -> length_controlled.Array:
    return np.random.default_rng(seed).multinomial(N, np.full(N, 1 / N), size=resamples).astype(np.float64)


def test_the_standard_error_of_the_fit_is_the_spread_of_its_refits(rows: LengthRows, gamed: Gamed) -> None:
    again = length_controlled.refit(rows, gamed, resampled(0, 1000))
    # Of 1,000 refits the standard deviation itself is known to 1 / sqrt(2 * 1000) = 2.2%.
    assert length_controlled.fit(rows, gamed).error[0] == pytest.approx(again.win_rate.std(), rel=0.08)
    assert again.error.mean() == pytest.approx(again.win_rate.std(), rel=0.08)


def test_a_refit_is_the_fit_of_the_rows_that_were_drawn(rows: LengthRows, gamed: Gamed) -> None:
    drawn = np.random.default_rng(1).integers(N, size=N)
    times = np.bincount(drawn, minlength=N).astype(np.float64)[None]
    found = length_controlled.refit(rows, gamed, times)
    expected = length_controlled.fit(LengthRows(*(column[drawn] for column in rows)), gamed)
    assert found.win_rate == pytest.approx(expected.win_rate, abs=1e-10)
    assert found.error == pytest.approx(expected.error, rel=1e-4)


def test_refits_do_not_depend_on_what_they_are_fitted_with(rows: LengthRows, gamed: Gamed) -> None:
    times = resampled(2, 150)
    together = length_controlled.refit(rows, gamed, times).win_rate
    alone = [length_controlled.refit(rows, gamed, one[None]).win_rate[0] for one in times[::50]]
    assert together[::50] == pytest.approx(alone, abs=1e-10)


def test_the_fit_is_the_maximum_of_the_weighted_likelihood(rows: LengthRows, gamed: Gamed) -> None:
    """scikit-learn's solver on rows doubled for each outcome, weighted by the preference, finds the same weights."""
    from sklearn.linear_model import LogisticRegression

    length = np.concatenate([rows.delta / rows.delta.std(ddof=1), gamed.std_delta_len])
    difficulty = np.concatenate([rows.difficulty, gamed.difficulty])
    own = np.concatenate([np.ones(N), np.zeros(2 * N)])
    features = np.stack([np.tanh(length), difficulty, own], axis=1)
    preference = np.concatenate([rows.preference, gamed.preference])
    weight = np.where(own == 1, 1.0, 0.2 / 2)
    solver = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=1000)
    outcome = np.repeat([1, 0], 3 * N)
    solver.fit(np.tile(features, (2, 1)), outcome, np.concatenate([weight * preference, weight * (1 - preference)]))
    assert length_controlled.fit(rows, gamed).weights[0] == pytest.approx(solver.coef_[0], abs=1e-4)


def test_a_model_that_wins_by_length_alone_is_half_as_good_at_equal_length(gamed: Gamed) -> None:
    random = np.random.default_rng(8)
    delta, difficulty = random.normal(-900, 900, 5000), random.normal(0, 1, 5000)
    said = 1 / (1 + np.exp(1.7 * np.tanh(delta / delta.std(ddof=1))))
    assert said.mean() > 0.65
    assert length_controlled.fit(LengthRows(said, delta, difficulty), gamed).win_rate[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("preference", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("delta", [0.0, 100.0])
def test_the_fit_is_finite_where_all_judgements_and_all_lengths_are_the_same(
    gamed: Gamed, preference: float, delta: float
) -> None:
    same = LengthRows(np.full(N, preference), np.full(N, delta), np.random.default_rng(9).normal(0, 1, N))
    found = length_controlled.refit(same, gamed, resampled(3, 5))
    assert np.isfinite(found.weights).all()
    if delta == 0:
        assert found.win_rate == pytest.approx(np.full(5, preference), abs=0.05)
