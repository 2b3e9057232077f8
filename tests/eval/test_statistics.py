"""Intervals and tests: expected values written out."""

import math

import pytest

from eval.stats.intervals import (
    Resampling,
    mean,
    paired_mean_difference,
    paired_pooled_difference,
    pooled,
    share,
)
from eval.stats.significance import holm, sign_test, sign_test_of

HOW = Resampling(resamples=2000, confidence=0.95, seed=7)


def test_a_share_has_wilsons_interval() -> None:
    found = share([True] * 3 + [False] * 7, HOW)
    z, n, k = 1.959963984540054, 10, 3
    # (k + z^2/2) / (n + z^2) -+ z / (n + z^2) * sqrt(k (n - k) / n + z^2 / 4)
    middle, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    assert found.value == 0.3
    assert found.low == pytest.approx(middle - half)
    assert found.high == pytest.approx(middle + half)


def test_a_share_without_a_single_yes_still_has_width() -> None:
    found = share([False] * 10, HOW)
    assert found.low == 0
    assert found.high == pytest.approx(1.959963984540054**2 / (10 + 1.959963984540054**2))


def test_a_bootstrap_of_a_mean_is_near_the_normal_interval_and_repeats() -> None:
    values = [float(x % 10) for x in range(500)]  # mean 4.5, standard deviation sqrt(8.25)
    found = mean(values, HOW)
    half = 1.96 * math.sqrt(8.25 / 500)
    assert found == mean(values, HOW)
    assert found.value == 4.5
    assert found.low == pytest.approx(4.5 - half, abs=0.03)
    assert found.high == pytest.approx(4.5 + half, abs=0.03)


def test_equal_values_give_no_width_and_say_so() -> None:
    found = mean([2.0, 2.0, 2.0], HOW)
    assert (found.value, found.low, found.high) == (2.0, 2.0, 2.0)
    assert "all resamples equal" in found.method


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


def test_a_pooled_share_of_one_has_clopper_and_pearsons_interval_over_prompts() -> None:
    found = pooled([3] * 10, [3] * 10, HOW)
    assert found.value == found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 10))


def test_resampling_prompts_is_wider_than_resampling_pairs_that_agree_within_a_prompt() -> None:
    clustered = pooled([10.0, 0.0] * 20, [10.0] * 40, HOW)
    as_if_independent = pooled([1.0, 0.0] * 200, [1.0] * 400, HOW)
    assert clustered.high is not None and as_if_independent.high is not None
    assert clustered.high - 0.5 > 2.5 * (as_if_independent.high - 0.5)  # sqrt(10) = 3.16 in theory


def test_a_paired_difference_of_a_constant_shift_has_no_width_where_unpaired_means_overlap() -> None:
    baseline = [float(x) for x in range(20)]
    found = paired_mean_difference([x + 1 for x in baseline], baseline, HOW)
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_a_difference_of_pooled_shares_leaves_out_resamples_without_a_unit() -> None:
    found = paired_pooled_difference(([1, 0, 0], [1, 0, 0]), ([0, 1, 1], [1, 1, 1]), HOW)
    assert found.value == pytest.approx(1 / 1 - 2 / 3)
    assert "without a unit left out" in found.method


def test_two_perfect_judges_differ_by_nothing_and_the_method_says_there_is_no_width() -> None:
    found = paired_pooled_difference(([1, 2, 3], [1, 2, 3]), ([2, 2, 1], [2, 2, 1]), HOW)
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert "no width" in found.method


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


def test_holm_steps_down_and_keeps_the_order() -> None:
    # sorted .01 x3 = .03, .02 x2 = .04, .9 x1 = .9
    assert holm([0.02, 0.9, 0.01]) == pytest.approx([0.04, 0.9, 0.03])


def test_holm_never_falls_below_an_earlier_step_nor_rises_above_one() -> None:
    assert holm([0.03, 0.02]) == pytest.approx([0.04, 0.04])  # .02 x2 = .04, then max(.04, .03)
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
