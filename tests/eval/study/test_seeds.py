"""Means over seeds and paired differences, the sums written out; three seeds, where Student's t has closed forms.

With two degrees of freedom P(|T| > t) = 1 - t / sqrt(2 + t^2), and the quantile of a = 2p - 1 is a sqrt(2 / (1 - a^2)).
"""

import pytest

from eval.benchmarks.base import MetricSpec
from eval.records import MetricValue
from eval.stats.bounded import SHARE, SIGNED
from eval.stats.seeds import corrected, mean_over_seeds, paired_over_seeds, visible
from eval.study.figures import Cells, differences, means
from eval.study.measures import Measured, Value


def test_a_mean_over_three_seeds_has_students_interval() -> None:
    # mean .85; squares .0025 + 0 + .0025, / 2 = .0025, sd .05, error .05 / sqrt(3) = .0288675; t = 4.3026527
    found = mean_over_seeds([0.80, 0.85, 0.90], 0.95, SHARE)
    assert found.value == pytest.approx(0.85)
    assert found.low == pytest.approx(0.725793, abs=1e-6)
    assert found.high == pytest.approx(0.974207, abs=1e-6)
    assert found.method == "mean over seeds; 95% Student's t over seeds"


def test_an_interval_ends_where_no_share_can_be() -> None:
    assert mean_over_seeds([0.9, 0.95, 1.0], 0.95, SHARE).high == 1.0
    assert mean_over_seeds([90.0, 95.0, 100.0], 0.95).high == pytest.approx(107.4207, abs=1e-4)


@pytest.mark.parametrize(
    ("values", "value", "why"),
    [
        pytest.param([], None, "mean over seeds; no seed has it", id="none"),
        pytest.param([0.5], 0.5, "mean over seeds; no interval: one seed", id="one"),
        pytest.param(
            [0.1 + 0.2, 0.3, 0.3],
            0.3,
            "mean over seeds; no interval: all seeds equal, so nothing shows its width",
            id="equal-but-for-rounding",
        ),
    ],
)
def test_without_spread_there_is_no_interval(values: list[float], value: float | None, why: str) -> None:
    found = mean_over_seeds(values, 0.95, SHARE)
    assert found.value == pytest.approx(value)
    assert (found.low, found.high, found.method) == (None, None, why)


def test_a_paired_difference_has_the_p_of_its_own_t() -> None:
    # mean .04, sd .02, error .0115470; t = 2 sqrt(3) = 3.4641016; p = 1 - t / sqrt(14) = .0741799
    found, p = paired_over_seeds([0.02, 0.04, 0.06], 0.95, SIGNED)
    assert p == pytest.approx(0.0741799, abs=1e-7)
    # .0115470 * 4.3026527 = .0496828
    assert found.low == pytest.approx(-0.0096828, abs=1e-7)
    assert found.high == pytest.approx(0.0896828, abs=1e-7)


@pytest.mark.parametrize(("level", "rejects"), [(0.0742, True), (0.0741, False)])
def test_interval_and_p_agree_at_every_level(level: float, rejects: bool) -> None:
    found, p = paired_over_seeds([0.02, 0.04, 0.06], 1 - level)
    assert p is not None
    assert found.low is not None
    assert (p < level, found.low > 0) == (rejects, rejects)


def test_equal_differences_are_not_tested() -> None:
    found, p = paired_over_seeds([0.1, 0.1, 0.1], 0.95)
    assert found.value == pytest.approx(0.1)
    assert (found.low, p) == (None, None)


def test_the_smallest_difference_that_seeds_show() -> None:
    # level 2.5%: a = .975, quantile .975 sqrt(2 / .049375) = 6.2053320; power: a = .6, .6 sqrt(2 / .64) = 1.0606602
    assert visible([0.02, 0.04, 0.06], 0.025) == pytest.approx(0.0115470 * (6.2053468 + 1.0606602), abs=1e-6)
    assert visible([0.1], 0.05) is None


NOTHING = MetricValue(
    model="x", benchmark="methods", metric="gain", value=0.0, low=None, high=None, n=3, unscored=0, unit="seeds",
    method="m", baseline="r",
)  # fmt: skip
APART = {"a": [0.02, 0.04, 0.06], "b": [0.09, 0.10, 0.11], "c": [-0.01, 0.0, 0.01]}


def test_holm_over_the_methods_of_a_measure() -> None:
    # p of b: t = 10 sqrt(3), 1 - sqrt(300 / 302) = .0033168; of a .0741799; of c 1
    figures = [
        NOTHING.model_copy(update={"model": name, "p": paired_over_seeds(own, 0.95)[1]}) for name, own in APART.items()
    ]
    found = {one.model: one for one in corrected(figures, list(APART.values()))}
    assert found["b"].p_adjusted == pytest.approx(3 * 0.0033168, abs=1e-6)
    assert found["a"].p_adjusted == pytest.approx(2 * 0.0741799, abs=1e-6)
    assert found["c"].p_adjusted == 1.0
    assert found["b"].note == ""
    assert found["a"].note == (
        "no difference shown: 3 seeds show one of 0.0839 with 80% power (at 2.5%, for 2 comparisons share 5%)"
    )


def test_what_has_no_p_is_not_in_the_family() -> None:
    figures = [NOTHING.model_copy(update={"p": 0.04}), NOTHING]
    found = corrected(figures, [[0.1, 0.2, 0.3], []])
    assert [one.p_adjusted for one in found] == [0.04, None]


# From runs to figures -------------------------------------------------------------------------------------------------

GAIN = Measured("gain", MetricSpec(label="gain", unit="share", signed=True), lambda run: Value(None))
SEEDS = (1, 2, 3, 4)
FOUND: dict[str, list[float | None]] = {
    "loop": [0.30, 0.32, 0.28, 0.30],
    "better": [0.35, 0.39, None, 0.36],
    "gone": [None, None, None, None],
}
CELLS = {
    (method, seed): {"gain": Value(value, "" if value is not None else f"stopped: {method} collapsed")}
    for method, own in FOUND.items()
    for seed, value in zip(SEEDS, own, strict=True)
}


def test_a_seed_without_a_value_is_left_out_and_named() -> None:
    loop, better, gone = means(list(FOUND), SEEDS, [GAIN], CELLS, 0.95)
    assert loop.value == pytest.approx(0.30)
    assert (loop.n, loop.unscored, loop.note) == (4, 0, "")
    # (.35 + .39 + .36) / 3
    assert better.value == pytest.approx(0.3666667)
    assert (better.n, better.unscored) == (3, 1)
    assert better.note == "no value of seed 3: stopped: better collapsed"
    assert (gone.value, gone.low, gone.n, gone.unscored) == (None, None, 0, 4)
    assert gone.note == "no value of seeds 1, 2, 3, 4: stopped: gone collapsed"


def test_differences_are_of_the_seeds_that_both_methods_have() -> None:
    better, gone = differences(list(FOUND), "loop", SEEDS, [GAIN], CELLS, 0.95)
    # seeds 1, 2 and 4: .05, .07, .06; mean .06, sd .01, t = 6 sqrt(3) = 10.3923048; p = 1 - sqrt(108 / 110) = .0091325
    assert (better.model, better.baseline) == ("better", "loop")
    assert better.value == pytest.approx(0.06)
    assert (better.n, better.unscored) == (3, 1)
    assert better.p == pytest.approx(1 - (108 / 110) ** 0.5)
    assert better.p_adjusted == better.p  # the only one that could be tested
    assert better.note == "no value of seed 3: stopped: better collapsed"
    assert (gone.value, gone.p, gone.p_adjusted, gone.n, gone.unscored) == (None, None, None, 0, 4)


def test_a_reference_that_lacks_a_seed_takes_it_from_every_difference() -> None:
    cells = CELLS | {("loop", 1): {"gain": Value(None, "not trained")}}
    better, _ = differences(list(FOUND), "loop", SEEDS, [GAIN], cells, 0.95)
    assert (better.n, better.unscored) == (2, 2)
    assert better.note == "no value of seed 1: loop: not trained; seed 3: stopped: better collapsed"


def test_a_difference_too_small_to_be_shown_is_in_the_words_of_its_measure() -> None:
    cells: Cells = {
        (method, seed): {"gain": Value(value), "tokens": Value(1000 * value)}
        for method, own in {"loop": (0.3, 0.3, 0.3), "other": (0.32, 0.30, 0.28)}.items()
        for seed, value in zip((1, 2, 3), own, strict=True)
    }
    tokens = Measured("tokens", MetricSpec(label="tokens", digits=0), lambda run: Value(None), is_cost=True)
    gain, cost = differences(["loop", "other"], "loop", (1, 2, 3), [GAIN, tokens], cells, 0.95)
    # sd .02, standard error .0115470; t of 2 degrees: 4.302653 (two-sided 5%) + 1.060660 (80%) = 5.363313; .0619302
    assert gain.note == "no difference shown: 3 seeds show one of 6.2 points with 80% power"
    assert cost.value == pytest.approx(0.0, abs=1e-9)
    assert (cost.p, cost.p_adjusted, cost.note) == (None, None, "")
    assert cost.low == pytest.approx(-49.68275)  # 20 / sqrt(3) * 4.302653
    assert cost.high == pytest.approx(49.68275)
