"""Intervals, tests and agreement: expected values written out, and a slow reference for every tie."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.stats import agreement
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


def test_a_lower_rank_and_a_higher_score_are_both_better() -> None:
    ranks, scores = (0, 1, 2), (5.0, 3.0, 1.0)
    assert agreement.pairwise_accuracy(ranks, scores) == agreement.Counted(hits=3, total=3)
    assert agreement.spearman(ranks, scores) == pytest.approx(1)
    assert agreement.kendall(ranks, scores) == pytest.approx(1)
    assert agreement.exact_match(ranks, scores) is True
    assert agreement.spearman(ranks, scores[::-1]) == pytest.approx(-1)


def test_a_judges_tie_is_wrong_or_half() -> None:
    assert agreement.pairwise_accuracy((0, 1), (3.0, 3.0)) == agreement.Counted(hits=0, total=1)
    assert agreement.pairwise_accuracy((0, 1), (3.0, 3.0), tie=0.5) == agreement.Counted(hits=0.5, total=1)


def test_pairs_that_people_tied_are_not_compared() -> None:
    assert agreement.pairwise_accuracy((0, 0, 1), (1.0, 5.0, 0.0)) == agreement.Counted(hits=2, total=2)
    assert agreement.exact_match((0, 0, 1), (1.0, 5.0, 0.0)) is True
    assert agreement.exact_match((0, 0, 1), (5.0, 5.0, 0.0)) is True
    assert agreement.exact_match((0, 0, 1), (5.0, 0.0, 0.0)) is False


def test_an_answer_without_a_score_is_counted_and_never_guessed() -> None:
    ranks, scores = (0, 1, 2), (5.0, None, 1.0)
    assert agreement.pairwise_accuracy(ranks, scores) == agreement.Counted(hits=1, total=1, unscored=2)
    assert agreement.five_best(ranks, scores) == agreement.Counted(hits=1, total=1, unscored=1)
    assert agreement.exact_match(ranks, scores) is None
    assert agreement.spearman(ranks, scores) is None
    assert agreement.kendall(ranks, scores) is None


def test_five_best_counts_answers_and_a_shared_first_rank_is_first() -> None:
    assert agreement.five_best((0, 0, 1, 2), (5.0, 4.9, 5.0, 5.0)) == agreement.Counted(hits=1, total=3)
    assert agreement.five_best((0, 1), (4.0, 4.0)) == agreement.Counted(hits=0, total=0)


@pytest.mark.parametrize(("ranks", "scores"), [((0, 0), (1.0, 2.0)), ((0, 1), (2.0, 2.0))])
def test_a_correlation_with_a_constant_side_is_undefined(ranks: tuple[int, ...], scores: tuple[float, ...]) -> None:
    assert agreement.spearman(ranks, scores) is None
    assert agreement.kendall(ranks, scores) is None


def _average_ranks(values: list[float]) -> list[float]:
    return [sum(v < x for v in values) + (sum(v == x for v in values) + 1) / 2 for x in values]


def _pearson(a: list[float], b: list[float]) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    top = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    return top / math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.5, 4.0, 5.0])), min_size=2, max_size=6))
def test_agreement_equals_a_slow_reference_with_ties(rows: list[tuple[int, float]]) -> None:
    ranks, scores = [r for r, _ in rows], [s for _, s in rows]
    pairs = list(itertools.combinations(rows, 2))
    same = sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in pairs)
    turned = sum((a[0] - b[0]) * (a[1] - b[1]) > 0 for a, b in pairs)
    ordered = sum(a[0] != b[0] for a, b in pairs)
    judged = sum(a[1] != b[1] for a, b in pairs)
    both = sum(a[0] != b[0] and a[1] == b[1] for a, b in pairs)
    assert agreement.pairwise_accuracy(ranks, scores) == agreement.Counted(hits=same, total=ordered)
    assert agreement.pairwise_accuracy(ranks, scores, tie=0.5).hits == same + both / 2
    assert agreement.exact_match(ranks, scores) == (same == ordered if ordered else None)
    if ordered and judged:
        assert agreement.kendall(ranks, scores) == pytest.approx((same - turned) / math.sqrt(ordered * judged))
        expected = _pearson(_average_ranks([-float(r) for r in ranks]), _average_ranks(scores))
        assert agreement.spearman(ranks, scores) == pytest.approx(expected)
    else:
        assert agreement.kendall(ranks, scores) is agreement.spearman(ranks, scores) is None
