"""Charts of names that anybody may have given: each is drawn in moments, whatever it is called."""

from collections.abc import Callable, Sequence
from typing import Any, Literal
from xml.etree import ElementTree

import pytest

from eval.figures import charts
from eval.figures.frame import SVG
from eval.figures.looks import Looks
from eval.figures.specs import MetricSpec
from eval.figures.text import WIDEST
from eval.figures.words import better_side

LONG = "W" * 3000
NAMES = [LONG, f"{LONG} b", "", "a : b", "re\x1b[31md", "\u202e\U0001f468\u200d\U0001f469", "null", "__proto__"]


def rows(names: Sequence[str]) -> list[dict[str, Any]]:
    """A row a name with the fields of every chart, all of them at one point."""
    ends = {"value": 0.5, "low": 0.25, "high": 0.75, "x": 0.5, "y": 0.5, "share": 1.0, "candidate": 50, "figure": 50}
    return [
        ends | dict.fromkeys(("pair", "model", "kind", "arm", "name"), name)
        | {"outcome": "win", "order": 0, "seed": 1, "side": "left", "said": name}
        for name in names
    ]  # fmt: skip


CHARTS: dict[str, Callable[[list[dict[str, Any]]], charts.Chart]] = {
    "bars": lambda found: charts.bars("t", found),
    "forest": lambda found: charts.forest("t", found, f"{LONG} minus SFT"),
    "series": lambda found: charts.series("t", found, share=True),
    "columns": lambda found: charts.columns("t", found, "model", "value", "kind", share=True),
    "lines": lambda found: charts.lines("t", found, "x", "y", "kind"),
    "scatter": lambda found: charts.scatter("t", found, "kind", ""),
    "each alone": lambda found: charts.each_alone("t", found, "kind"),
    "costs": lambda found: charts.costs("t", found, "x", "y", ""),
    "bridge": lambda found: charts.bridge("t", found, ""),
    "by kind": lambda found: charts.by_kind("t", found, "win rate", signed=True),
}


@pytest.mark.parametrize("draw", CHARTS.values(), ids=CHARTS)
def test_no_label_is_longer_than_a_name_in_a_table(draw: Callable[[list[dict[str, Any]]], charts.Chart]) -> None:
    chart = draw(rows(NAMES))
    root = ElementTree.fromstring(chart.svg)
    labels = [text.text or "" for text in root.iter(f"{{{SVG}}}text")]
    assert max(map(len, labels)) <= WIDEST
    assert "\x1b" not in chart.svg


def test_the_columns_have_a_name_whole() -> None:
    assert charts.forest("t", rows([LONG]), "axis").rows[0][0] == LONG


@pytest.mark.parametrize("name", [LONG, "re\x1b[31md"], ids=["long", "control-character"])
def test_a_name_has_the_colour_that_its_key_shows(name: str) -> None:
    chart = charts.scatter("t", rows(["first", name]), "kind", "", Looks(["first", name]))
    assert chart.svg.count("var(--c1)") == chart.svg.count("var(--c2)") == 2  # the point, and its key
    assert "var(--c3)" not in chart.svg


def test_of_thousands_of_kinds_the_first_have_pictures_of_their_own_and_the_columns_all() -> None:
    chart = charts.each_alone("t", rows([f"kind {n}" for n in range(2000)]), "kind", "Sampled.")
    assert len(chart.rows) == 2000
    assert chart.note == "Sampled. 1,940 more kinds are not drawn."
    assert "kind 59<" in chart.svg
    assert "kind 60<" not in chart.svg


@pytest.mark.parametrize(
    ("better", "said"),
    [
        ("higher", "right of 0 the first is better"),
        ("lower", "left of 0 the first is better"),
        (None, "right of 0 the first has more"),
    ],
)
def test_a_difference_says_on_which_side_of_0_it_is_good(better: Literal["higher", "lower"] | None, said: str) -> None:
    assert better_side(MetricSpec(label="x", better=better)) == said
