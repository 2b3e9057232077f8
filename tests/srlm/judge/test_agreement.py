"""Agreement of scores with ranks: expected values written out, and a slow reference for every tie and gap."""

import itertools
import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from srlm.judge.agreement import NAMES, Measure, gathered, measure

Told = tuple[float, int, int]
"""Hits, units, units that could not be told."""


def one(ranks: Sequence[int], scores: Sequence[float | None]) -> dict[str, Told]:
    """Every measure of one set."""
    found = measure([ranks], [scores])
    return {name: (float(m.hits[0]), int(m.total[0]), int(m.unscored[0])) for name, m in found.items()}


def test_a_lower_rank_and_a_higher_score_are_both_better() -> None:
    found = one((0, 1, 2), (5.0, 3.0, 1.0))
    assert found["pairwise_accuracy"] == (3, 3, 0)
    assert found["spearman"] == found["kendall"] == found["exact_match"] == (1, 1, 0)
    assert one((0, 1, 2), (1.0, 3.0, 5.0))["spearman"] == (-1, 1, 0)


def test_a_judges_tie_is_wrong_or_half() -> None:
    found = one((0, 1), (3.0, 3.0))
    assert found["pairwise_accuracy"] == (0, 1, 0)
    assert found["pairwise_accuracy_half"] == (0.5, 1, 0)


@pytest.mark.parametrize(
    ("scores", "exact"),
    [((1.0, 5.0, 0.0), 1), ((5.0, 5.0, 0.0), 1), ((5.0, 0.0, 0.0), 0)],
)
def test_pairs_that_people_tied_are_not_compared(scores: tuple[float, ...], exact: int) -> None:
    found = one((0, 0, 1), scores)
    assert found["pairwise_accuracy"][1] == 2
    assert found["exact_match"] == (exact, 1, 0)


def test_an_answer_without_a_score_is_counted_and_never_guessed() -> None:
    found = one((0, 1, 2), (5.0, None, 1.0))
    assert found["pairwise_accuracy"] == (1, 1, 2)
    assert found["five_best"] == (1, 1, 1)
    assert found["exact_match"] == found["spearman"] == found["kendall"] == (0, 0, 1)
    assert found["spearman_undefined_as_0"] == (0, 1, 0)


def test_five_means_five_and_a_shared_first_rank_is_first() -> None:
    assert one((0, 0, 1, 2), (5.0, 4.9, 5.0, 5.0))["five_best"] == (1, 3, 0)
    assert one((0, 1), (4.0, 4.0))["five_best"] == (0, 0, 0)


def test_a_correlation_with_a_constant_side_is_undefined_and_0_only_where_people_ordered() -> None:
    judge_tied, people_tied = one((0, 1), (2.0, 2.0)), one((0, 0), (1.0, 2.0))
    assert judge_tied["kendall"] == people_tied["kendall"] == (0, 0, 1)
    assert judge_tied["kendall_undefined_as_0"] == (0, 1, 0)
    assert people_tied["kendall_undefined_as_0"] == (0, 0, 1)


def test_no_sets_give_every_measure_without_a_value() -> None:
    found = measure([], [])
    assert tuple(found) == NAMES
    assert all(m.value is None for m in found.values())


def test_ranks_and_scores_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"set 0: 2 ranks and 1 score$"):
        measure([(0, 1)], [(1.0,)])


def test_sets_of_one_prompt_are_added_up() -> None:
    found = {"m": Measure(np.array([1.0, 0, 1]), np.array([1.0, 1, 2]), np.array([0.0, 1, 0]))}
    together = gathered(found, ["p", "q", "p"])["m"]
    assert (together.hits.tolist(), together.total.tolist(), together.unscored.tolist()) == ([2, 0], [3, 1], [0, 1])


SETS = st.lists(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([None, 0.0, 1.0, 2.5, 4.0, 5.0, 5.0, 1e300])),
        min_size=2,
        max_size=6,
    ),
    min_size=1,
    max_size=5,
)


@given(SETS)
def test_every_measure_equals_a_slow_reference_set_by_set(sets: list[list[tuple[int, float | None]]]) -> None:
    found = measure([[r for r, _ in rows] for rows in sets], [[s for _, s in rows] for rows in sets])
    for place, rows in enumerate(sets):
        told = {name: (m.hits[place], m.total[place], m.unscored[place]) for name, m in found.items()}
        expected = _slow(rows)
        for name in NAMES:
            assert told[name] == pytest.approx(expected[name], abs=1e-12), name


def _slow(rows: list[tuple[int, float | None]]) -> dict[str, tuple[float, int, int]]:
    right = tied = ordered = lost = 0
    for (rank, score), (other, second) in itertools.combinations(rows, 2):
        if rank == other:
            continue
        if score is None or second is None:
            lost += 1
            continue
        ordered += 1
        right += (rank < other) == (score > second) and score != second
        tied += score == second
    best = min(rank for rank, _ in rows)
    fives = [rank for rank, score in rows if score == 5]
    unknown = sum(score is None for _, score in rows)
    measurable = len({rank for rank, _ in rows}) > 1
    whole = measurable and not unknown
    told = whole and len({score for _, score in rows}) > 1
    found = {
        "pairwise_accuracy": (float(right), ordered, lost),
        "pairwise_accuracy_half": (right + tied / 2, ordered, lost),
        "five_best": (float(sum(rank == best for rank in fives)), len(fives), unknown),
        "exact_match": (float(whole and right == ordered), int(whole), int(not whole)),
    }
    people, judge = [-rank for rank, _ in rows], [score for _, score in rows]
    for name, function in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        value = 0.0
        if told:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = float(function(people, judge).statistic)
        found[name] = (value, int(told), int(not told))
        found[f"{name}_undefined_as_0"] = (value, int(measurable), int(not measurable))
    return found
