"""Addresses of lists of prompts that stand behind a figure."""

import re
from html import escape

import pytest
from markupsafe import Markup

from eval.figures.charts import Chart
from eval.figures.words import MetricWords
from eval.records import MetricValue
from eval.report.lists import Lists

LISTS = Lists(
    pairs=frozenset({("head_to_head", "M2", "M1"), ("head_to_head", "M&2", "M1")}),
    kinds={
        "slices": {"category: coding": "category: coding"},
        "breakdown": {"category: coding": "category: coding (by kind)"},
    },
    answering=frozenset({"answers", "head_to_head"}),
    answered=frozenset({"SFT", "M1", "M2"}),
    prompts={"Who?": "abc"},
)  # fmt: skip


def of(benchmark: str, metric: str, model: str, baseline: str | None, value: float | None = 0.5) -> MetricValue:
    return MetricValue(
        model=model, benchmark=benchmark, metric=metric, value=value, low=None, high=None, n=2, unscored=0,
        method="mean", note="", baseline=baseline,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "address"),
    [
        pytest.param(of("head_to_head", "win", "M2", "M1"), "#prompts&pair=M2&pair=M1&outcome=win", id="wins"),
        pytest.param(of("head_to_head", "p", "M2", "M1"), "#prompts&pair=M2&pair=M1", id="a-pair"),
        pytest.param(of("head_to_head", "tie", "M&2", "M1"), "#prompts&pair=M%262&pair=M1&outcome=tie", id="names"),
        pytest.param(of("human", "win", "M2", "M1"), "", id="verdicts-that-are-not-in-the-browser"),
        pytest.param(
            of("slices", "category: coding", "M2", "M1"),
            "#prompts&kind=category%3A%20coding&pair=M2&pair=M1",
            id="a-kind",
        ),
        pytest.param(
            of("breakdown", "wins, category: coding", "M2", "SFT"),
            "#prompts&kind=category%3A%20coding%20%28by%20kind%29",
            id="a-kind-of-models-without-verdicts",
        ),
        pytest.param(
            of("breakdown", "prompts, category: coding", "judge", None),
            "#prompts&kind=category%3A%20coding%20%28by%20kind%29",
            id="a-share",
        ),
        pytest.param(of("answers", "characters", "M2", "M1"), "#prompts&from=M1&to=M2", id="a-difference-of-answers"),
        pytest.param(of("answers", "characters", "M2", "M0"), "", id="a-model-without-answers"),
        pytest.param(of("answers", "characters", "M2", None), "", id="one-model"),
        pytest.param(of("nlp", "accuracy", "M2", "M1"), "", id="other-prompts"),
    ],
)
def test_a_figure_has_the_address_of_its_prompts(metric: MetricValue, address: str) -> None:
    assert LISTS.behind(metric) == address


def test_a_figure_with_prompts_is_a_link_and_a_missing_one_is_not() -> None:
    link = LISTS.linked(lambda metric: Markup("<b>50%</b>"))
    assert (
        link(of("head_to_head", "win", "M2", "M1"))
        == '<a class="behind" href="#prompts&amp;pair=M2&amp;pair=M1&amp;outcome=win"><b>50%</b></a>'
    )
    assert link(of("head_to_head", "win", "M2", "M1", None)) == "<b>50%</b>"
    assert link(of("nlp", "accuracy", "M2", "M1")) == "<b>50%</b>"


def test_a_mark_that_says_a_figure_or_is_a_prompt_has_the_address_of_its_prompts() -> None:
    win, tie = of("head_to_head", "win", "M2", "M1"), of("nlp", "accuracy", "M2", "M1")
    words = MetricWords(())
    said = ["evaluation: Who?", f"win: {words.sentence(win)}", words.sentence(tie)]
    svg = "<svg>" + "".join(f'<path d="M0,0"><title>{escape(one)}</title></path>' for one in said) + "</svg>"
    chart = Chart(title="", svg=svg, header=(), rows=(), prompts={"evaluation: Who?": "Who?"})
    drawn = str(LISTS.pictures([win, tie], words)(chart))
    assert re.findall(r'data-behind="([^"]*)"', drawn) == [
        "#prompt-abc",
        "#prompts&amp;pair=M2&amp;pair=M1&amp;outcome=win",
    ]
    assert re.sub(r' data-behind="[^"]*"', "", drawn) == svg


def test_marks_that_say_the_same_of_different_prompts_lead_nowhere() -> None:
    own, other = of("slices", "category: coding", "M2", "M1"), of("head_to_head", "p", "M2", "M1")
    words = MetricWords(())
    assert words.sentence(own) == words.sentence(other)
    svg = f'<svg><path d=""><title>{escape(words.sentence(own))}</title></path></svg>'
    assert LISTS.pictures([own, other], words)(Chart(title="", svg=svg, header=(), rows=())) == svg


def test_a_text_has_the_address_of_its_prompt() -> None:
    assert (LISTS.of_text("Who?"), LISTS.of_text("What?")) == ("#prompt-abc", "")
