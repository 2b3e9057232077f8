"""No interval without a width: where data show no spread, either an interval that is honest, or none and the reason."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from eval.benchmarks import arena_hard, arena_hard_style
from eval.benchmarks.alpaca_eval import bridge_errors
from eval.benchmarks.beads import study
from eval.benchmarks.head_to_head.measure import compared
from eval.benchmarks.measuring import figure
from eval.data.arena_hard import ArenaJudgement, Game
from eval.data.arena_hard_answers import Style
from eval.records import MetricValue, Verdict, verdict_id
from eval.stats import labels, margins, rates, seeds, votes
from eval.stats.bounded import SHARE, SIGNED, Bounds
from eval.stats.intervals import (
    Estimate,
    Resampling,
    balanced,
    mean,
    of_sums,
    paired_mean_difference,
    paired_pooled_difference,
    pooled,
    share,
    with_width,
)
from srlm.judge.pairwise import outcome_of
from srlm.records import Response

HOW = Resampling(resamples=200, confidence=0.95, seed=1)
WON, LOST = Game(1.0, 1), Game(0.0, 1)
COUNTS = (1, 2, 3, 10, 15, 40)
ALIKE: Mapping[str, float] = {"all lost": 0.0, "all ties": 0.5, "all won": 1.0}

ESTIMATORS: Mapping[str, Callable[[list[float]], Estimate]] = {
    "share": lambda values: share([value == 1 for value in values], HOW),
    "mean of shares": lambda values: mean(values, HOW, SHARE),
    "mean of wins minus losses": lambda values: mean([2 * value - 1 for value in values], HOW, SIGNED),
    "mean of scores": lambda values: mean([1 + 9 * value for value in values], HOW, Bounds(1, 10)),
    "mean of a quantity": lambda values: mean(values, HOW),
    "pooled share": lambda values: pooled([2 * value for value in values], [2.0] * len(values), HOW),
    "balanced accuracy": lambda values: balanced((values, [1.0] * len(values)), (values, [1.0] * len(values)), HOW),
    "paired difference": lambda values: paired_mean_difference(values, [0.5] * len(values), HOW, SHARE),
    "paired difference of a quantity": lambda values: paired_mean_difference(values, [0.5] * len(values), HOW),
    "paired pooled difference": lambda values: paired_pooled_difference(
        (values, [1.0] * len(values)), ([0.0] * len(values), [1.0] * len(values)), HOW
    ),
    "ratio of sums": lambda values: of_sums(
        "ratio", (np.array(values), np.ones(len(values))), lambda sums: sums[..., 0] / sums[..., 1], HOW
    ),
    "fitted rate": lambda values: rates.rate("fit", 0.5, 0.0, len(values), HOW),
    "difference of rates": lambda values: rates.difference("d", 0.0, np.zeros(200), len(values), HOW),
    "mean over seeds": lambda values: seeds.mean_over_seeds(values, 0.95, SHARE),
    "difference over seeds": lambda values: seeds.paired_over_seeds(values, 0.95, SIGNED)[0],
    "corrected by labels": lambda values: (
        labels.corrected(values * 3, [*values, *[None] * (2 * len(values))], HOW).corrected
    ),
    "labels alone": lambda values: labels.corrected(values * 3, [*values, *[None] * (2 * len(values))], HOW).labels,
}


def reason(estimate: Estimate | MetricValue) -> str:
    """What is said in the place of an interval."""
    return estimate.method.partition("; ")[2]


@pytest.mark.parametrize("alike", ALIKE)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_gives_equal_values_an_interval_with_a_width_or_a_reason(name: str, alike: str) -> None:
    for n in COUNTS:
        found = ESTIMATORS[name]([ALIKE[alike]] * n)
        if found.low is None or found.high is None:
            assert reason(found), (n, found)
        else:
            assert found.value is not None
            assert found.low <= found.value <= found.high
            assert found.high - found.low > 0.01, (n, found)


def test_of_ten_prompts_all_won_the_interval_is_the_exact_one() -> None:
    found = share([True] * 10, HOW)
    # Within Clopper and Pearson's: the rate at which ten of ten have a chance of 2.5% is .025 ** (1 / 10), .6915.
    assert found.low is not None and 0.025**0.1 < found.low == pytest.approx(0.717, abs=0.001)
    assert found.high == 1.0


@pytest.mark.parametrize("n", [1, 2, 3, 12])
@pytest.mark.parametrize("preference", [0.0, 0.5, 1.0])
def test_a_head_to_head_of_equal_verdicts_has_no_interval_without_width(n: int, preference: float) -> None:
    answers = [[Response.of(f"p{i}", f"{model} {i}", model, 0, "stop") for i in range(n)] for model in ("M2", "M1")]
    said = [
        Verdict(
            id=verdict_id(a.id, b.id, "judge"), prompt_id=a.prompt_id, model_a="M2", model_b="M1", response_a_id=a.id,
            response_b_id=b.id, judge="judge", preference_ab=preference, preference_ba=preference,
            outcome=outcome_of(preference, preference), raw_ab="", raw_ba="",
        )
        for a, b in zip(*answers, strict=True)
    ]  # fmt: skip
    found = compared("M2", "M1", said, HOW)
    assert found
    for one in found:
        if one.low is None or one.high is None:
            assert one.value is None or "no interval" in one.method, one
        else:
            assert one.high - one.low > 0.05, one


def test_battles_that_are_all_alike_have_no_interval_as_published_and_say_why() -> None:
    judged = [
        ArenaJudgement(
            prompt=f"p{i}", model="m", judge="j", category="c", baseline="b", baseline_first=WON, model_first=WON
        )
        for i in range(8)
    ]
    found = {one.metric: one for one in arena_hard.scored(judged, HOW)}
    published = found["score, as published"]
    assert (published.value, published.low, published.high) == (1.0, None, None)
    assert "no interval: battles that are all alike" in published.method
    ours = found["score"]
    assert ours.low is not None and ours.high is not None and ours.high - ours.low > 0.1


def test_one_prompt_has_no_style_controlled_interval() -> None:
    judged = [
        ArenaJudgement(
            prompt="p", model="m", judge="j", category="c", baseline="b", baseline_first=LOST, model_first=WON
        )
    ]
    styles = {("m", "p"): Style(10, 0, 0, 0), ("b", "p"): Style(10, 0, 0, 0)}
    found = arena_hard_style.controlled(judged, styles, HOW)
    ours = next(one for one in found if one.metric == "score, style controlled")
    assert ours.value == pytest.approx(0.5)
    assert (ours.low, ours.high) == (None, None)
    assert "no interval" in ours.method


def test_errors_in_one_ratio_have_no_interval() -> None:
    found = bridge_errors._ratio(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]), 0.95)
    assert (found.value, found.low) == (0.5, None)
    assert "no interval: all models' errors are in one ratio" in found.method


def test_seeds_and_prompts_that_are_all_alike_have_no_interval() -> None:
    found = study._gained("gain", study._estimated([np.ones(4), np.ones(4)], 50), 2)
    assert (found.value, found.low) == (1.0, None)
    assert found.method == "mean over seeds and prompts; no interval: all seeds and prompts alike"


def test_equal_runs_give_the_gate_no_interval_of_their_own_and_it_takes_that_over_prompts() -> None:
    assert margins.over_runs(-0.1, [0.3, 0.3, 0.3], 0.05, 0.95).low is None
    # A sum in another order: equal but for rounding.
    assert margins.over_runs(-0.1, [0.3, 0.1 + 0.2, 0.3], 0.05, 0.95).p is None


def test_votes_that_agree_on_every_prompt_have_no_interval() -> None:
    assert votes.on_these_prompts([[[1.0, 1.0], [1.0, 1.0]]] * 5, 0.95) is None


def test_whatever_a_benchmark_estimates_no_figure_has_an_interval_without_width() -> None:
    flat = Estimate(value=0.5, low=0.5, high=0.5, n=9, method="mean; 95% something")
    one = figure("M1", "answers", "characters", flat)
    assert (one.low, one.high, one.method) == (
        None,
        None,
        "mean; no interval: nothing varies, so nothing shows its width",
    )
    narrow = flat.model_copy(update={"high": 0.5001})
    assert with_width(narrow, "") == narrow
