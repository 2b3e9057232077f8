"""Drawing: Vega-Lite specifications become SVG that stands in the page; nothing is drawn in the reader's browser.

A chart's rows are its data, its hover text and its text alternative: the page lists them as a table under the picture,
from which they are copied and downloaded. Colours are the page's CSS variables, so light and dark need one picture.
Vega lays out nothing by words, which it would measure in this machine's fonts: sizes, ticks and labels are given.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import vl_convert
from markupsafe import Markup

from srlm.records import Record
from srlm.terminal import cut

from .frame import Frame, KeyEntry, framed
from .looks import Look
from .text import WIDEST
from .widths import SIZE
from .words import plain

WIDTH = 360
"""Pixels of every chart, frame and labels included: the width of a phone, so that words stay readable there."""
CONFIG = {
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": SIZE,
        "labelLimit": 0,
        "labelPadding": 5,
        "ticks": False,
    },
    "text": {"color": "currentColor", "fontSize": SIZE},
}
NONE, SAME = "A hollow mark has no interval.", "A hollow mark has an interval without width: all values are the same."
BOTH = "A hollow mark has no interval, or one without width: all values are the same."

Row = Mapping[str, Any]


class Chart(Record):
    """A picture, and what it shows."""

    title: str
    svg: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    prompts: Mapping[str, str] = {}
    """What a mark says -> text of the prompt that it is, where a mark is one."""

    @property
    def picture(self) -> Markup:
        """The SVG: made here, and all words in it are escaped."""
        return Markup(self.svg)


def drawn(
    title: str,
    spec: Mapping[str, Any],
    rows: Sequence[Row],
    header: Mapping[str, str],
    note: str = "",
    listed: Sequence[Row] | None = None,
    frame: Frame | None = None,
) -> Chart:
    """Draw `spec` over `rows`; `header` names the columns of the rows that the reader gets, and what they are called.

    A row's `said` is what shows when the pointer rests on its mark; its other words are names, and endless ones are cut
    in the picture, not in the columns. `listed`: rows for the reader in place of those that are drawn.
    """
    clean = [_plain(row) for row in rows]
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "config": CONFIG,
        "data": {"values": [{key: v if key == "said" else _drawable(v) for key, v in row.items()} for row in clean]},
        **{key: _drawable(value) for key, value in spec.items()},
    }
    svg = vl_convert.vegalite_to_svg(whole, vl_version="6.4")
    shown = clean if listed is None else [_plain(row) for row in listed]
    table = tuple(tuple(_cell(row.get(key)) for key in header) for row in shown)
    return Chart(
        title=title,
        svg=framed(svg, frame or Frame(WIDTH), f"{title}; the data stand below"),
        header=tuple(header.values()),
        rows=table,
        note=note,
    )


def _plain(row: Row) -> dict[str, Any]:
    return {key: plain(value) if isinstance(value, str) else value for key, value in row.items()}


def _drawable(value: Any) -> Any:
    """Part of a specification, or a row's value, as it is drawn: a name is called the same wherever it stands in them.

    vl_convert measures all of a label before it cuts it: minutes for a long one, and some take the process down.
    """
    match value:
        case str():
            return plain(value) if len(value) <= WIDEST else cut(value, WIDEST)
        case dict():
            return {key: own if key == "labelExpr" else _drawable(own) for key, own in value.items()}
        case list() | tuple():
            return [_drawable(own) for own in value]
    return value


def _cell(value: object) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


# Parts of specifications ----------------------------------------------------------------------------------------------


def sized(left: float, height: float, right: float = 14, bottom: float = 22) -> dict[str, Any]:
    """A plot of this height with so many pixels beside and below it for words."""
    return {
        "width": WIDTH - left - right,
        "height": height,
        "autosize": "none",
        "padding": {"left": left, "right": right, "top": 6, "bottom": bottom},
    }


def measure(field: str, **more: Any) -> dict[str, Any]:
    """A quantity."""
    return {"field": field, "type": "quantitative", "title": None, **more}


def place(called: Mapping[str, str], axis: Mapping[str, Any], **scale: Any) -> dict[str, Any]:
    """The names that rows have in `_at`, in this order: layers show some of the rows each, and would have their own."""
    domain = {"domain": [*called.values()], **scale}
    return {"field": "_at", "type": "nominal", "title": None, "axis": axis, "scale": domain}


def apart(looks: Mapping[str, Look]) -> dict[str, Any]:
    """Looks beside each other in the place of a name."""
    return {"field": "_look", "type": "nominal", "scale": {"domain": [*map(str, range(len(looks)))]}}


def said() -> dict[str, Any]:
    """What shows when the pointer rests on a mark."""
    return {"field": "said", "type": "nominal"}


def marked(rows: Sequence[Row], field: str, looks: Mapping[str, Look]) -> list[dict[str, Any]]:
    """Each row with the number of its look, and whether its mark is hollow: without an interval, or with one of no
    width, which looks like certainty."""
    places = {key: str(place) for place, key in enumerate(looks)}
    return [
        {**row, "_look": places[str(row[field])], "_open": row.get("low") is None or row["low"] == row["high"]}
        for row in rows
    ]


def look(channel: str, looks: Mapping[str, Look]) -> dict[str, Any]:
    """The `colour`, `shape` or `dash` of a row's look; the key is the frame's."""
    wanted = [list(part) if isinstance(part := getattr(one, channel), tuple) else part for one in looks.values()]
    scale = {"domain": list(map(str, range(len(wanted)))), "range": wanted}
    return {"field": "_look", "type": "nominal", "sort": None, "scale": scale, "legend": None}


def key_of(looks: Mapping[str, Look], line: bool = False) -> list[KeyEntry]:
    """The frame's key, where there is more than one look."""
    return [KeyEntry(one, found, line) for one, found in looks.items()] if len(looks) > 1 else []


def points(x: Mapping[str, Any], y: Mapping[str, Any], looks: Mapping[str, Look]) -> list[dict[str, Any]]:
    """Marks in their colours and shapes, hollow where there is no interval that has a width."""
    encoding = {"x": x, "y": y, "color": look("colour", looks), "shape": look("shape", looks), "description": said()}
    hollow = {"filled": False, "fill": "var(--back)", "strokeWidth": 1.5, "size": 50, "opacity": 1}
    return [
        {
            "transform": [{"filter": "!datum._open"}],
            "mark": {"type": "point", "filled": True, "size": 64, "opacity": 1},
            "encoding": encoding,
        },
        {"transform": [{"filter": "datum._open"}], "mark": {"type": "point", **hollow}, "encoding": encoding},
    ]


def whiskers(encoding: Mapping[str, Any], looks: Mapping[str, Look]) -> dict[str, Any]:
    """The intervals of a row's `low` and `high`."""
    return {
        "transform": [{"filter": "isValid(datum.low) && datum.low != datum.high"}],
        "mark": {"type": "rule", "strokeWidth": 2, "aria": False},
        "encoding": {**encoding, "color": look("colour", looks)},
    }


def zero(channel: str, scale: Mapping[str, Any]) -> dict[str, Any]:
    """A dashed line at 0, across the plot."""
    return {
        "data": {"values": [{"zero": 0}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "color": "currentColor", "aria": False},
        "encoding": {channel: measure("zero", **scale)},
    }


def hollow(rows: Sequence[Row]) -> str:
    """What hollow marks say, where there are some."""
    none = any(row["low"] is None for row in rows)
    same = any(row["low"] is not None and row["low"] == row["high"] for row in rows)
    return BOTH if none and same else NONE if none else SAME if same else ""


def sentences(*parts: str) -> str:
    """Those that are not empty, after each other."""
    return " ".join(part for part in parts if part)
