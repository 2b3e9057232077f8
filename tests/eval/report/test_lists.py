"""Addresses of lists of prompts that stand behind a figure."""

import pytest
from markupsafe import Markup

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


def test_a_text_has_the_address_of_its_prompt() -> None:
    assert (LISTS.of_text("Who?"), LISTS.of_text("What?")) == ("#prompt-abc", "")
