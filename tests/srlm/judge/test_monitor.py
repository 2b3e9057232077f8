"""What a manifest says of a new model as a judge."""

import math

import numpy as np
import pytest

from srlm.judge.agreement import Measure
from srlm.judge.monitor import monitor_counts
from srlm.judge.scores import collapse, entropy, ties
from srlm.records import Judgement, Prompt, RankedSet, Response
from srlm.settings import JudgeSettings


def ranked(number: int) -> RankedSet:
    prompt = Prompt.of(f"question {number}", "test")
    answers = tuple(Response.of(prompt.id, text, "human", draw) for draw, text in enumerate(("good", "fair", "poor")))
    return RankedSet.of(prompt, answers, (0, 1, 2))


SETS = [ranked(number) for number in range(2)]


def said(*scores: float | None) -> list[Judgement]:
    answers = [response for one in SETS for response in one.responses]
    return [Judgement.of(response.id, "M2", 0, "", score) for response, score in zip(answers, scores, strict=True)]


def test_a_judge_is_described_by_its_spread_and_its_agreement() -> None:
    found = monitor_counts(SETS, said(5, 4, 1, 5, 5, None))
    # pairs: three right of the first set; of the second one tie, and two without a score
    assert (found["pairs"], found["pairs unscored"], found["pairwise accuracy"]) == (4, 2, 3 / 4)
    # with half of the tie: 3 of 3 and 0.5 of 1
    assert found["pairwise accuracy, ties half"] == 3.5 / 4
    assert found["ties"] == 1 / 4
    assert found["share of fives"] == 3 / 5
    assert found["Spearman"] == pytest.approx(1)
    assert (found["judgements"], found["judgements unscored"]) == (6, 1)


def test_the_interval_of_the_agreement_is_over_sets() -> None:
    # 3 of 3 and 2 of 3 pairs are right: share 5/6, residuals 0.5 and -0.5, standard error sqrt(0.5 * 2) / 6 = 1/6, and
    # Student's t for one degree of freedom is 12.7: the interval is cut off at 0 and 1.
    found = monitor_counts(SETS, said(5, 4, 1, 5, 1, 3))
    assert found["accuracy interval"] == {"low": 0.0, "high": 1.0}
    # Sets alike leave no doubt.
    assert monitor_counts(SETS, said(5, 4, 1, 5, 4, 1))["accuracy interval"] == {"low": 1.0, "high": 1.0}
    assert monitor_counts(SETS[:1], said(5, 4, 1, 5, 4, 1)[:3])["accuracy interval"] is None


def test_the_interval_has_the_width_of_the_ratio_estimator() -> None:
    hits, total = np.array([2.0, 1.0, 3.0, 2.0]), np.full(4, 3.0)
    # share 8/12; residuals 0, -1, 1, 0; standard error sqrt(2 * 4 / 3) / 12; Student's t for three degrees 3.182446
    wide = 3.182446 * math.sqrt(8 / 3) / 12
    found = Measure(hits, total, np.zeros(4)).interval()
    assert found == pytest.approx((2 / 3 - wide, 1.0))  # 0.234 to 1.10, cut off at 1


def test_a_judge_that_gives_one_score_is_named_with_it() -> None:
    found = monitor_counts(SETS, said(4, 4, 4, 4, 4, 4))
    assert (found["ties"], found["score entropy"], found["Spearman"]) == (1, 0, None)
    assert collapse(found, JudgeSettings()) == "100% of its scores are 4 (judge.max_top_share 95%)"


def test_a_judge_without_a_score_has_no_spread() -> None:
    found = monitor_counts(SETS, said(*[None] * 6))
    assert found["score entropy"] is found["ties"] is found["share of fives"] is found["pairwise accuracy"] is None
    assert collapse(found, JudgeSettings()) == "none of its judgements has a score"


def test_entropy_is_in_bits() -> None:
    assert entropy({1.0: 3, 2.0: 3}) == 1
    assert entropy({5.0: 9}) == 0
    assert entropy({}) is None


def test_ties_are_counted_within_a_prompt() -> None:
    assert ties([[1, 1, 1, 2], [1, None], [2, 3]]) == 3 / (6 + 1)
    assert ties([[1], []]) is None
