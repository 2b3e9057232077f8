"""Intervals and tests: expected values written out."""

import math

import numpy as np
import pytest
from scipy import stats

from eval.stats.bounded import SHARE, SIGNED
from eval.stats.intervals import (
    Resampling,
    mean,
    paired_mean_difference,
    paired_pooled_difference,
    pooled,
    share,
)
from eval.stats.significance import agreeing, holm, paired_test, sign_test, sign_test_of

HOW = Resampling(resamples=2000, confidence=0.95, seed=7)


def acceptability(yes: int, n: int, rate: float) -> float:
    """Blaker 2000, by its definition: the chance of a count whose smaller tail is no larger than that of `yes`."""
    chance = stats.binom.pmf(range(n + 1), n, rate)
    tails = [min(chance[: k + 1].sum(), chance[k:].sum()) for k in range(n + 1)]
    return float(sum(p for p, tail in zip(chance, tails, strict=True) if tail <= tails[yes] * (1 + 1e-12)))


@pytest.mark.parametrize(("yes", "n"), [(3, 10), (1, 5), (0, 20), (49, 50), (7, 256)])
def test_a_share_has_blakers_interval(yes: int, n: int) -> None:
    found = share([True] * yes + [False] * (n - yes), HOW)
    assert found.value == yes / n and found.low is not None and found.high is not None
    for end, inward in ((found.low, 1e-5), (found.high, -1e-5)):
        if 0 < end < 1:
            assert acceptability(yes, n, end + inward) > 0.05 > acceptability(yes, n, end - inward)
    assert (found.low == 0) == (yes == 0)


def test_a_share_without_a_single_yes_still_has_width() -> None:
    found = share([False] * 10, HOW)
    assert found.low == 0 and found.high is not None
    # Just beyond it, six of ten are less likely than none, and the tail of both is below 5%.
    assert found.high == pytest.approx(0.28293, abs=1e-5)
    assert stats.binom.sf(5, 10, found.high) == pytest.approx((1 - found.high) ** 10, abs=1e-4)


@pytest.mark.parametrize("n", [5, 10, 20, 50, 100])
def test_the_interval_of_a_share_covers_every_rate_as_often_as_it_says(n: int) -> None:
    """Exactly: the chance of each count, times whether its interval holds the rate."""
    ends = [share([True] * yes + [False] * (n - yes), HOW) for yes in range(n + 1)]
    for rate in (0.005, 0.013, 0.02, 0.05, 0.11, 0.2, 0.35, 0.5, 0.8, 0.95, 0.995):
        chance = stats.binom.pmf(range(n + 1), n, rate)
        covered = sum(p for p, e in zip(chance, ends, strict=True) if (e.low or 0) <= rate <= (e.high or 0))
        assert covered >= 0.95 - 1e-9, rate


def test_the_interval_of_a_mean_without_a_range_is_students_t_and_repeats() -> None:
    values = [float(x % 10) for x in range(500)]  # mean 4.5, standard deviation sqrt(8.25)
    found = mean(values, HOW)
    half = 1.96 * math.sqrt(8.25 / 500)
    assert found == mean(values, HOW)
    assert found.value == 4.5
    assert found.low == pytest.approx(4.5 - half, abs=0.03)
    assert found.high == pytest.approx(4.5 + half, abs=0.03)


def test_a_difference_of_two_skewed_quantities_has_students_t_as_it_is_and_covers() -> None:
    held = 0
    for world in range(400):
        draws = np.random.default_rng(world)
        prompt = draws.normal(size=20)
        one, other = (np.exp(0.5 * prompt + 0.5 * draws.normal(size=20)) for _ in range(2))
        found = paired_mean_difference((1.2 * one).tolist(), other.tolist(), HOW)
        assert found.low is not None and found.high is not None
        held += found.low <= 0.2 * np.exp(0.25) <= found.high
    # 95% of 400 is 380. With Hall's transformation, which a mean of one skewed quantity has, it is about 362.
    assert held >= 372
    values = [1.0, 4.0, 2.0, 8.0] * 5
    plain = paired_mean_difference(values, [0.0] * 20, HOW)
    half = stats.t.ppf(0.975, 19) * np.std(values, ddof=1) / np.sqrt(20)
    assert plain.low == pytest.approx(3.75 - half) and plain.high == pytest.approx(3.75 + half)
    assert plain.method == "paired difference of means; 95% Student's t over prompts"


def test_equal_values_give_no_interval_and_say_so() -> None:
    found = mean([2.0, 2.0, 2.0], HOW)
    assert (found.value, found.low, found.high) == (2.0, None, None)
    assert "no interval: fewer than 15 prompts" in found.method
    assert "no interval: all prompts equal" in mean([2.0] * 15, HOW).method


def test_the_interval_of_skewed_lengths_reaches_farther_up_and_covers() -> None:
    random = np.random.default_rng(1)
    held = farther_up = 0
    for _ in range(1000):
        found = mean(random.exponential(size=20).tolist(), HOW)
        assert found.low is not None and found.high is not None and found.value is not None
        held += found.low <= 1 <= found.high
        farther_up += found.high - found.value > found.value - found.low
    assert farther_up > 900
    # 95% of 1,000 is 950; Student's t alone holds 917.
    assert held >= 930


def test_unanimous_values_within_a_range_have_width() -> None:
    found = mean([1.0] * 5, HOW, SIGNED)  # five wins of five
    assert found.value == found.high == 1
    # Blaker's of 5 of 5, from -1 to 1: where P(X = 5) = p^5 meets the lower tail, at p = .5; 2 * .5 - 1 = 0
    assert found.low == pytest.approx(0.0, abs=1e-4)
    ties = mean([0.0] * 20, HOW, SIGNED)
    assert ties.low is not None and ties.high is not None
    assert ties.low == pytest.approx(-ties.high) and 0.05 < ties.high < 0.25


@pytest.mark.parametrize("values", [[], [1.0]])
def test_below_two_prompts_there_is_no_interval(values: list[float]) -> None:
    for found in (mean(values, HOW), pooled(values, [1.0] * len(values), HOW), share([v == 1 for v in values], HOW)):
        assert (found.low, found.high) == (None, None)
        assert found.value == (1.0 if values else None)


def test_a_pooled_share_weighs_units_not_prompts() -> None:
    found = pooled([1, 0, 2], [1, 3, 2], HOW)
    assert found.value == 3 / 6  # the mean of the prompts' shares would be (1 + 0 + 1) / 3
    assert found.n == 3


def test_prompts_without_a_unit_are_left_out_of_a_pooled_share() -> None:
    assert pooled([1, 0, 0], [2, 0, 2], HOW).n == 2


def test_a_pooled_share_of_one_has_the_interval_of_as_many_prompts() -> None:
    found = pooled([3] * 10, [3] * 10, HOW)
    assert found.value == found.high == 1
    z = 1.959963984540054
    assert found.low == pytest.approx(10 / (10 + z * z))  # Wilson's of 10 of 10, not of 30 of 30


def test_resampling_prompts_is_wider_than_resampling_pairs_that_agree_within_a_prompt() -> None:
    clustered = pooled([10.0, 0.0] * 20, [10.0] * 40, HOW)
    as_if_independent = pooled([1.0, 0.0] * 200, [1.0] * 400, HOW)
    assert clustered.high is not None and as_if_independent.high is not None
    assert clustered.high - 0.5 > 2.5 * (as_if_independent.high - 0.5)  # sqrt(10) = 3.16 in theory


def test_a_paired_difference_of_a_constant_shift_of_yes_or_no_keeps_width() -> None:
    found = paired_mean_difference([1.0] * 20, [0.0] * 20, HOW, SHARE)
    assert found.value == found.high == 1.0
    assert found.low is not None and 0.6 < found.low < 0.9


def test_a_paired_difference_leaves_the_spread_between_prompts_out() -> None:
    baseline = [float(x) for x in range(20)]
    found = paired_mean_difference([x + 1 + x % 2 for x in baseline], baseline, HOW)
    # Differences of 1 and 2: mean 1.5, standard deviation .513, t(19) = 2.093
    assert found.value == 1.5
    assert found.low == pytest.approx(1.5 - 2.093 * 0.51299 / math.sqrt(20), abs=1e-4)


def test_a_difference_of_pooled_shares_counts_prompts_of_either_side() -> None:
    found = paired_pooled_difference(([1, 0, 0], [1, 0, 0]), ([0, 1, 1], [1, 1, 1]), HOW)
    assert found.value == pytest.approx(1 / 1 - 2 / 3)
    assert found.n == 3
    assert found.low is not None and found.low < 0  # one prompt against three shows nothing


def test_two_perfect_judges_differ_by_nothing_and_few_prompts_say_so() -> None:
    found = paired_pooled_difference(([1, 2, 3], [1, 2, 3]), ([2, 2, 1], [2, 2, 1]), HOW)
    assert found.value == 0
    assert found.low is not None and found.high is not None
    assert found.low == pytest.approx(-found.high) and found.high > 0.4


def test_a_difference_with_a_side_without_units_is_missing() -> None:
    assert paired_pooled_difference(([0, 0], [0, 0]), ([1, 1], [1, 1]), HOW).value is None


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        pytest.param(5, 0, 2 * 0.5**5, id="all-wins"),
        pytest.param(1, 1, 1.0, id="even"),
        pytest.param(0, 0, 1.0, id="nothing-but-ties"),
        pytest.param(4, 1, 2 * (1 + 5) / 32, id="four-to-one"),
        pytest.param(5, 23, 0.0009124, id="few-wins"),
    ],
)
def test_the_sign_test_is_exact(wins: int, losses: int, p: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(p, rel=1e-3)


def test_equal_prompts_say_nothing_in_a_sign_test() -> None:
    assert sign_test_of([0.0] * 50 + [1.0] * 5) == 2 * 0.5**5


@pytest.mark.parametrize("wins", range(11))
@pytest.mark.parametrize("ties", [0, 3, 30])
def test_the_interval_of_wins_minus_losses_leaves_out_0_just_where_the_sign_test_rejects(wins: int, ties: int) -> None:
    points = [1.0] * wins + [-1.0] * (10 - wins) + [0.0] * ties
    p = sign_test(wins, 10 - wins)
    found = agreeing(mean(points, HOW, SIGNED), p)
    assert found.low is not None and found.high is not None
    assert (p < 0.05) == (found.low > 0 or found.high < 0)


def test_a_p_of_exactly_5_percent_does_not_reject_and_leaves_0_inside() -> None:
    one = mean([0.25, -0.25] * 20, HOW, SIGNED)  # 500 of 10,000 sign changes can be as far from 0
    assert agreeing(one.model_copy(update={"value": 0.1}), 0.05).low == one.low


def test_differences_of_several_sizes_are_tested_by_their_mean_and_not_by_their_signs() -> None:
    differences = [0.9] * 6 + [-0.01] * 14  # the mean is far above 0; most signs are below
    assert paired_test(differences, 1).test == "permutation test of signs"
    assert paired_test(differences, 1).p < 0.05
    assert sign_test_of(differences) > 0.1
    assert paired_test([1.0, -1.0, 0.0, 1.0], 1) == (1.0, "exact sign test")


def test_holm_steps_down_and_keeps_the_order() -> None:
    # sorted .01 x3 = .03, .02 x2 = .04, .9 x1 = .9
    assert holm([0.02, 0.9, 0.01]) == pytest.approx([0.04, 0.9, 0.03])


def test_holm_never_falls_below_an_earlier_step_nor_rises_above_one() -> None:
    assert holm([0.03, 0.02]) == pytest.approx([0.04, 0.04])  # .02 x2 = .04, then max(.04, .03)
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
