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


def row(name: str, value: float, low: float | None, high: float | None, **more: Any) -> dict[str, Any]:
    return {"model": name, "kind": "", "pair": name, "value": value, "low": low, "high": high, "said": name} | more


def marks(chart: charts.Chart) -> dict[str, dict[str, str]]:
    """The mark of each row, by what it says."""
    root = ElementTree.fromstring(chart.svg)
    return {title.text or "": one.attrib for one in root.iter() for title in one if title.tag == f"{{{SVG}}}title"}


def test_a_mark_without_an_interval_or_with_one_of_no_width_is_hollow_and_the_note_says_so() -> None:
    names = ["M1", "M2", "M3"]
    found = [row("M1", 0.5, 0.4, 0.6), row("M2", 1.0, 1.0, 1.0), row("M3", 0.5, None, None)]
    chart = charts.series("t", found, True, Looks(names), "n 9 prompts.")
    assert {name: (mark["fill"], mark.get("stroke")) for name, mark in marks(chart).items()} == {
        "M1": ("var(--c1)", None),
        "M2": ("var(--back)", "var(--c2)"),
        "M3": ("var(--back)", "var(--c3)"),
    }
    assert chart.note == ("n 9 prompts. A hollow mark has no interval, or one without width: all values are the same.")
    root = ElementTree.fromstring(chart.svg)
    whiskers = [one for one in root.iter(f"{{{SVG}}}line") if one.attrib["stroke"].startswith("var(--c")]
    assert [one.attrib["stroke"] for one in whiskers] == ["var(--c1)"]
    assert charts.series("t", found[:1], True, Looks(names)).note == ""
    assert charts.series("t", found[:2], True, Looks(names)).note == (
        "A hollow mark has an interval without width: all values are the same."
    )


def test_rows_stand_in_their_order_whatever_has_an_interval() -> None:
    found = [
        row(f"pair {number}", 0.1, None if number % 2 else 0.0, None if number % 2 else 0.2) for number in range(6)
    ]
    heights = [float(mark["transform"].split(",")[1][:-1]) for mark in marks(charts.forest("t", found, "x")).values()]
    assert len(heights) == 6
    by_name = {
        name: float(mark["transform"].split(",")[1][:-1])
        for name, mark in marks(charts.forest("t", found, "x")).items()
    }
    assert sorted(by_name, key=lambda name: by_name[name]) == [f"pair {number}" for number in range(6)]


def test_a_model_has_one_colour_and_shape_in_every_chart() -> None:
    looks, names = Looks(["M0", "SFT", "M1", "M2"]), ["M1", "M2"]
    found = [row(name, 0.5, 0.4, 0.6) for name in names]
    drawn = [
        charts.series("t", found, True, looks),
        charts.forest("t", found, "x", looks=looks),
        charts.by_kind("t", [one | {"kind": "all"} for one in found], "x", False, looks=looks),
        charts.series(
            "t", [row(f"a-very-long-name-of-a-model-{n}", 0.5, 0.4, 0.6) for n in range(9)] + found, True, looks
        ),
    ]
    for chart in drawn:
        found_marks = marks(chart)
        assert [found_marks[name]["fill"] for name in names] == ["var(--c3)", "var(--c4)"]
    shapes = {tuple(letter for letter in marks(chart)["M1"]["d"] if letter.isalpha()) for chart in drawn}
    assert len(shapes) == 1


def test_a_win_has_the_first_models_colour_and_a_loss_the_seconds() -> None:
    shares = (("win", 0.5), ("tie", 0.3), ("lose", 0.2))
    found = [
        {"pair": "M2 : M1", "model": "M2", "baseline": "M1", "outcome": outcome, "share": share, "order": order,
         "said": outcome}
        for order, (outcome, share) in enumerate(shares)
    ]  # fmt: skip
    drawn = marks(charts.bars("t", found, looks=Looks(["M0", "M1", "M2"])))
    assert {outcome: mark["fill"] for outcome, mark in drawn.items()} == {
        "win": "var(--c3)", "tie": "var(--tie)", "lose": "var(--c2)",
    }  # fmt: skip


def test_of_many_models_a_chart_by_kind_shows_the_last_and_says_so() -> None:
    found = [row(f"M{number}", 0.5, 0.4, 0.6, kind="all") for number in range(60)]
    chart = charts.by_kind("t", found, "x", signed=False, note="n 9.")
    assert chart.note == "n 9. The last 8 of 60 models."
    assert [name for name, *_ in marks(chart).items()] == [f"M{number}" for number in range(52, 60)]
