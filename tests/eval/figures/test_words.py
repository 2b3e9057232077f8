"""How figures read: one way of rounding, one minus, shares in per cent and their differences in points."""

import pytest

from eval.benchmarks.table import WORDS
from eval.figures.words import number, percent, points
from eval.records import MetricValue


def metric(value: float | None, low: float | None = None, high: float | None = None, **more: object) -> MetricValue:
    known = {"model": "M2", "benchmark": "beads", "metric": "correct", "n": 40, "unscored": 0, "method": "share"}
    return MetricValue.model_validate({**known, "value": value, "low": low, "high": high, **more})


@pytest.mark.parametrize(
    ("given", "digits", "signed", "said"),
    [
        (0.25, 1, False, "0.2"),
        (-3.25, 2, False, "\N{MINUS SIGN}3.25"),
        (3.25, 2, True, "+3.25"),
        (-0.04, 1, True, "0.0"),
        (0.04, 1, True, "0.0"),
        (0.0, 0, True, "0"),
        (12345.6, 0, False, "12346"),
    ],
)
def test_a_number_has_one_minus_and_none_where_it_is_rounded_to_0(
    given: float, digits: int, signed: bool, said: str
) -> None:
    assert number(given, digits, signed) == said


def test_a_share_reads_as_per_cent_and_a_difference_of_two_as_points() -> None:
    assert (percent(0.5551), points(-0.0151), points(0.2, unit=False)) == ("55.5%", "\N{MINUS SIGN}1.5 points", "+20.0")


@pytest.mark.parametrize(
    ("given", "value", "ends"),
    [
        pytest.param(metric(0.25, 0.125, 0.4), "25.0%", "12.5 to 40.0%", id="share"),
        pytest.param(
            metric(0.25, -0.125, 0.4, baseline="M1"),
            "+25.0 points",
            "\N{MINUS SIGN}12.5 to +40.0 points",
            id="difference",
        ),
        pytest.param(
            metric(-0.5, -0.75, 0.0, benchmark="head_to_head", metric="win_minus_lose", baseline="M1"),
            "\N{MINUS SIGN}50.0 points",
            "\N{MINUS SIGN}75.0 to 0.0 points",
            id="signed-in-itself",
        ),
        pytest.param(
            metric(0.5, 0.25, 0.75, benchmark="head_to_head", metric="win", baseline="M1"),
            "50.0%",
            "25.0 to 75.0%",
            id="share-of-a-pair",
        ),
        pytest.param(
            metric(12.5, 10.0, 15.0, benchmark="alpaca_eval", metric="win_rate", value_unit="percent"),
            "12.5%",
            "10.0 to 15.0%",
            id="percent-already",
        ),
        pytest.param(
            metric(-1.5, -3, 0.25, benchmark="judge_agreement", metric="spearman", baseline="M1"),
            "\N{MINUS SIGN}1.500",
            "\N{MINUS SIGN}3.000 to +0.250",
            id="no-share",
        ),
    ],
)
def test_a_value_and_its_interval_have_the_same_digits_and_one_unit_on_the_page_and_in_text(
    given: MetricValue, value: str, ends: str
) -> None:
    assert given.value is not None
    assert (WORDS.text_of(given, given.value), WORDS.ends_of(given)) == (value, ends)
    assert f": {value} ({ends}), n 40 prompts; share" in WORDS.sentence(given)
    assert WORDS.figure(given).striptags() == value
    assert WORDS.interval(given).striptags() == ends
    assert f'<data value="{given.low!r}">' in WORDS.interval(given)


def test_a_figure_without_an_interval_has_a_dash_and_says_nothing_of_ends() -> None:
    given = metric(0.25)
    assert (WORDS.ends_of(given), WORDS.interval(given).striptags()) == ("", "-")
    assert WORDS.sentence(given) == "M2: 25.0%, n 40 prompts; share"


def test_where_an_interval_should_stand_its_reason_does() -> None:
    few = metric(
        97.5,
        benchmark="alpaca_eval",
        metric="lc_win_rate",
        value_unit="percent",
        method="GLM; no interval: fewer than 20 prompts do not hold the fit; p: Wald test",
    )
    assert WORDS.interval(few).striptags() == "no interval: fewer than 20 prompts do not hold the fit"
    # Where the value is missing, too, its reason stands in its own place.
    assert WORDS.interval(few.model_copy(update={"value": None})).striptags() == "-"
