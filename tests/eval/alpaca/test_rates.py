"""Intervals of win rates, tests of their differences, and what so many prompts can show."""

import math

import numpy as np
import pytest
from scipy import stats

from eval.benchmarks.measuring import excluded, figure, with_holm
from eval.stats import rates
from eval.stats.intervals import Estimate, Resampling, share
from eval.stats.power import smallest, visible
from eval.stats.significance import permutation_test, wald_test
from srlm.errors import SettingsError

HOW = Resampling(resamples=1000, confidence=0.95, seed=7)


def test_the_interval_of_an_ordinary_rate_is_near_the_normal_one() -> None:
    values = np.random.default_rng(1).beta(2, 2, size=800).tolist()
    found = rates.mean_rate(values, HOW)
    middle, half = float(np.mean(values)), 1.96 * float(np.std(values, ddof=1)) / math.sqrt(800)
    assert found.value == pytest.approx(middle)
    assert found.low == pytest.approx(middle - half, abs=0.002)
    assert found.high == pytest.approx(middle + half, abs=0.002)
    assert "95% score interval over prompts" in found.method


def test_a_rate_of_yes_and_no_has_the_interval_of_a_share() -> None:
    found = rates.mean_rate([1.0] * 3 + [0.0] * 7, HOW)
    expected = share([True] * 3 + [False] * 7, HOW)
    assert (found.low, found.high) == (expected.low, expected.high)


def test_a_rate_of_one_draw_among_losses_keeps_an_interval_near_wilsons() -> None:
    found = rates.mean_rate([0.5] + [0.0] * 99, HOW)  # says next to nothing of its own spread
    # (p + z^2/2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n) with p = .005, n = 100
    z = 1.959963984540054
    middle, half = 0.005 + z * z / 200, z * math.sqrt(0.005 * 0.995 / 100 + z * z / 40_000)
    assert found.low is not None and found.high is not None
    assert 0 < found.low < (middle - half) / (1 + z * z / 100)
    assert found.high == pytest.approx((middle + half) / (1 + z * z / 100), rel=0.3)


def test_a_length_controlled_rate_of_next_to_no_spread_does_not_explode() -> None:
    """Bootstrap-t divided by each resample's own error: 2.06 [0.32, 98.25] at 50 prompts."""
    found = rates.rate("LC", 0.0206, 0.004, 50, HOW)
    assert found.low is not None and found.high is not None
    assert 0 <= found.low < 0.0206 < found.high < 0.2
    assert "no interval: fewer than 20 prompts" in rates.rate("LC", 0.0206, 0.004, 19, HOW).method


@pytest.mark.parametrize(("values", "value"), [([], None), ([0.25], 0.25)], ids=["no-prompt", "one-prompt"])
def test_below_two_prompts_there_is_no_interval(values: list[float], value: float | None) -> None:
    found = rates.mean_rate(values, HOW)
    assert (found.value, found.low, found.high) == (value, None, None)


def test_equal_preferences_keep_width() -> None:
    found = rates.mean_rate([0.5] * 20, HOW)
    assert found.low is not None and found.high is not None
    assert found.low == pytest.approx(1 - found.high) and 0.02 < found.high - 0.5 < 0.2


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """300 worlds of a rate of 3%, where percentile intervals are too low; benchmarks/statistics has more."""
    population = np.random.default_rng(2).beta(0.06, 1.94, size=100_000)
    random = np.random.default_rng(3)
    covered = 0
    for world in range(300):
        found = rates.mean_rate(random.choice(population, size=256).tolist(), HOW.using(world))
        assert found.low is not None and found.high is not None
        covered += found.low <= population.mean() <= found.high
    # 95% of 300 is 285; a fair coin of 95% lands below 272 once in 10,000 times.
    assert covered >= 272


def test_the_error_of_the_judge_pools_draws_and_leaves_out_what_has_one() -> None:
    # Variances .5 (k = 2) and .25 (k = 3): pooled (1 * .5 + 2 * .25) / 3 = 1/3; sqrt(1/3 * (1/2 + 1/3)) / 2
    assert rates.judge_error([0.5, 0.25], [2, 3]) == pytest.approx(math.sqrt((1 / 3) * (1 / 2 + 1 / 3)) / 2)
    assert rates.judge_error([0.0, 0.0], [1, 1]) is None
    assert rates.judge_error([], []) is None


def test_draws_of_a_judge_are_in_the_interval_by_way_of_their_prompt() -> None:
    """A judge that tosses a coin for each prompt: three tosses a prompt narrow the interval by sqrt(3) and no more."""
    random = np.random.default_rng(4)
    once = rates.mean_rate((random.binomial(1, 0.5, 800) * 0.999).tolist(), HOW)
    thrice = rates.mean_rate((random.binomial(3, 0.5, 800) / 3).tolist(), HOW)
    assert once.high is not None and once.low is not None and thrice.high is not None and thrice.low is not None
    assert (once.high - once.low) / (thrice.high - thrice.low) == pytest.approx(math.sqrt(3), rel=0.1)


def test_a_permutation_test_of_few_prompts_is_exact() -> None:
    # Of the 2^5 sign changes of five equal differences two are as far from 0.
    assert permutation_test([0.3] * 5, 9_999, seed=1) == pytest.approx(2 / 32)
    assert permutation_test([0.2, -0.2], 9_999, seed=1) == 1
    assert permutation_test([0.0, 0.0], 9_999, seed=1) == 1


def test_a_permutation_test_of_many_prompts_agrees_with_the_t_test() -> None:
    differences = np.random.default_rng(5).normal(0.1, 1, size=400).tolist()
    found = permutation_test(differences, 9_999, seed=1)
    assert found == pytest.approx(float(stats.ttest_1samp(differences, 0).pvalue), abs=0.01)
    assert found == permutation_test(differences, 9_999, seed=1)


def test_a_wald_test_is_normal_and_bears_no_spread() -> None:
    assert wald_test(-1.96, 1.0) == pytest.approx(0.05, abs=1e-4)
    assert (wald_test(0.0, 0.0), wald_test(0.1, 0.0)) == (1.0, 0.0)


def test_the_smallest_visible_difference_is_seen_with_the_power_it_says() -> None:
    found = smallest(256, 0.3)
    assert found.up == pytest.approx(0.1185, abs=1e-4)
    assert found.down == pytest.approx(0.1065, abs=1e-4)
    assert found.up is not None
    random = np.random.default_rng(6)
    a, b = random.binomial(256, 0.3, size=20_000) / 256, random.binomial(256, 0.3 + found.up, size=20_000) / 256
    middle = (a + b) / 2
    seen = np.abs(a - b) / np.sqrt(2 * middle * (1 - middle) / 256) > 1.959964
    assert seen.mean() == pytest.approx(0.8, abs=0.015)


def test_the_difference_from_a_fixed_rate_of_a_half_is_the_textbook_one() -> None:
    # d = (1.96 * .5 + .84 * sqrt(.25 - d^2)) / sqrt(400): .0698 by iteration
    found = smallest(400, 0.5, "a fixed rate")
    assert found.up == found.down == pytest.approx(0.0698, abs=1e-4)


def test_models_that_agree_on_most_prompts_show_smaller_differences() -> None:
    apart, alike = smallest(256, 0.3), smallest(256, 0.3, correlation=0.75)
    assert apart.up is not None and alike.up is not None
    assert alike.up == pytest.approx(apart.up / 2, rel=0.06)


def test_a_fall_below_nothing_is_not_seen() -> None:
    assert smallest(20, 0.05).down is None


def test_a_standard_error_shows_2_8_times_itself() -> None:
    assert visible(1.0) == pytest.approx(1.959964 + 0.841621, abs=1e-5)


@pytest.mark.parametrize(
    ("value_unit", "p", "note"),
    [
        # The interval is 3.92 standard errors wide, .1 each; 2.8 of them are seen.
        pytest.param("", 0.5, "judge j; no difference shown: 40 prompts show one of 0.28 with 80% power", id="number"),
        pytest.param("percent", 0.5, "judge j; no difference shown: 40 prompts show one of 0.3 points", id="percent"),
        pytest.param("", 0.01, "judge j", id="shown"),
    ],
)
def test_a_comparison_that_shows_nothing_says_what_it_could_have_shown(value_unit: str, p: float, note: str) -> None:
    estimate = Estimate(value=0.05, low=0.05 - 0.196, high=0.05 + 0.196, n=40, method="")
    one = figure("a", "x", "y", estimate, baseline="b", p=p, value_unit=value_unit, note="judge j")
    (found,) = with_holm([one], HOW)
    assert found.p_adjusted == p
    assert found.note.startswith(note) and (p > 0.05 or found.note == note)
    (of_shares,) = with_holm([one.model_copy(update={"value_unit": ""})], HOW, shares=True)
    assert p < 0.05 or "40 prompts show one of 28.0 points with 80% power" in of_shares.note


def test_the_difference_that_could_have_been_shown_is_that_of_the_level_holms_correction_tests_at() -> None:
    estimate = Estimate(value=0.05, low=0.05 - 0.196, high=0.05 + 0.196, n=40, method="")
    found = with_holm([figure("a", "x", "y", estimate, baseline="b", p=p) for p in (0.5, 0.4, 0.3, 0.001)], HOW)
    # One of four is shown; the other three share 5%: (2.394 + .842) * .1
    assert "show one of 0.32 with 80% power (at 1.7%, for 3 comparisons share 5%)" in found[0].note
    assert found[3].note == ""


def test_an_interval_that_excludes_0_without_a_verdict_by_holm_is_explained() -> None:
    beside = Estimate(value=0.2, low=0.01, high=0.39, n=40, method="")
    across = Estimate(value=0.05, low=-0.1, high=0.2, n=40, method="")
    given = [(beside, 0.04), (across, 0.5), (across, 0.6)]
    found = with_holm([figure("a", "x", "y", one, baseline="b", p=p) for one, p in given], HOW)
    assert found[0].p_adjusted == pytest.approx(0.12)  # 3 x .04
    assert found[0].note.endswith("; its own interval excludes 0, which among 3 comparisons may be chance")
    assert excluded(found) == ["a minus b, y: its own interval excludes 0, which among 3 comparisons may be chance"]
    alone = with_holm([figure("a", "x", "y", beside, baseline="b", p=0.04)], HOW)
    assert alone[0].note == ""


@pytest.mark.parametrize(
    ("n", "rate", "correlation", "alpha", "power", "message"),
    [
        (1, 0.3, 0.0, 0.05, 0.8, "--n 1: must be at least 2"),
        (256, 0.0, 0.0, 0.05, 0.8, "--rate 0: must be between 0 and 1"),
        (256, 30.0, 0.0, 0.05, 0.8, "--rate 30: must be between 0 and 1"),
        (256, math.nan, 0.0, 0.05, 0.8, "--rate nan: must be between"),
        (256, 0.3, 1.0, 0.05, 0.8, "--correlation 1: must be at least 0 and below 1"),
        (256, 0.3, 0.0, 0.0, 0.8, "--alpha 0: must be between"),
        (256, 0.3, 0.0, 0.05, 0.05, "--power 0.05: must be between 0.05 and 1"),
    ],
)
def test_what_has_no_answer_is_told(
    n: int, rate: float, correlation: float, alpha: float, power: float, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        smallest(n, rate, "another model", correlation, alpha, power)
