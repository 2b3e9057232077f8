"""Charts: Vega-Lite specifications, drawn as SVG that stands in the page; nothing is drawn in the reader's browser.

A chart's rows are its data, its hover text and its text alternative: the page lists them as a table under the picture,
from which they are copied and downloaded. Colours are the page's CSS variables, so light and dark need one picture.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import vl_convert
from markupsafe import Markup

from srlm.records import Record
from srlm.terminal import cut
from srlm.text.counts import counted

from ..records import MetricValue
from .text import WIDEST
from .words import MetricWords, plain

SVG = "http://www.w3.org/2000/svg"
WIDTH = 360
"""Pixels of every chart, frame and labels included: the width of a phone, so that words stay readable there."""
OUTCOMES = {"win": "var(--win)", "tie": "var(--tie)", "lose": "var(--lose)"}
KINDS = ("var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)", "var(--c7)")
"""Okabe and Ito's palette, which people with any colour vision tell apart."""
CONFIG = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelLimit": 170,
    },
    "legend": {
        "labelColor": "currentColor",
        "labelFontSize": 11,
        "orient": "top",
        "title": None,
        "symbolType": "square",
    },
    "text": {"color": "currentColor", "fontSize": 11},
}

LEAST_SHOWN = 0.05
"""A chart of differences shows this much to either side of 0, at least."""
MOST_ON_A_LINE = 26
"""Letters of a pair's name on one line; a longer one is broken between its two models."""
MOST_ALONE = 60
"""Kinds with a picture of their own: some thousands are more than vl_convert lays out."""
MOST_IN_A_ROW = 40
"""Letters of a key's names beside each other; longer ones stand below each other."""

Row = Mapping[str, Any]


class Chart(Record):
    """A picture, and what it shows."""

    title: str
    svg: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

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
) -> Chart:
    """Draw `spec` over `rows`; `header` names the columns of the rows that the reader gets, and what they are called.

    A row's `said` is what shows when the pointer rests on its mark; its other words are names, and endless ones are cut
    in the picture, not in the columns. `listed`: rows for the reader in place of those that are drawn.
    """
    clean = [_plain(row) for row in rows]
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "config": CONFIG,
        "width": WIDTH,
        "autosize": {"type": "fit-x", "contains": "padding"},
        # Labels of rows are measured in the font of this machine; browsers' are some pixels wider.
        "padding": {"left": 10, "right": 2, "top": 2, "bottom": 2},
        "data": {"values": [{key: v if key == "said" else _drawable(v) for key, v in row.items()} for row in clean]},
        **{key: _drawable(value) for key, value in spec.items()},
    }
    svg = vl_convert.vegalite_to_svg(whole, vl_version="6.4")
    shown = clean if listed is None else [_plain(row) for row in listed]
    table = tuple(tuple(_cell(row.get(key)) for key in header) for row in shown)
    return Chart(
        title=title,
        svg=_inline(svg, f"{title}; the data stand below"),
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
            return {key: _drawable(own) for key, own in value.items()}
        case list() | tuple():
            return [_drawable(own) for own in value]
    return value


def _cell(value: object) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _inline(svg: str, label: str) -> str:
    """The picture for a page: one label for all of it, a <title> for every mark, and no size of its own."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        said, role = element.attrib.pop("aria-label", None), element.attrib.pop("role", None)
        for name in [name for name in element.attrib if name.startswith("aria-") or name in ("class", "style")]:
            del element.attrib[name]
        if said and role == "graphics-symbol" and element.tag != f"{{{SVG}}}g":
            ElementTree.SubElement(element, f"{{{SVG}}}title").text = said
    width, height = root.attrib.pop("width"), root.attrib.pop("height")
    root.attrib |= {"viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": label}
    return ElementTree.tostring(root, encoding="unicode")


# The charts of the page -----------------------------------------------------------------------------------------------


def _x(field: str, title: str | None = None, **more: Any) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, **more}


def _said() -> dict[str, Any]:
    return {"field": "said", "type": "nominal"}


def _named(field: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "sort": None, "title": None, **more}


def colours(field: str, names: Sequence[str], palette: Sequence[str] = KINDS) -> dict[str, Any]:
    """A colour each name, in this order, with its key above the chart."""
    shades = [palette[place % len(palette)] for place in range(len(names))]
    key = {} if sum(map(len, names)) <= MOST_IN_A_ROW else {"legend": {"columns": 1, "labelLimit": WIDTH - 30}}
    scale = {"domain": list(names), "range": shades}
    return {"field": field, "type": "nominal", "sort": None, "scale": scale, **key}


def bars(title: str, rows: Sequence[Row], note: str = "") -> Chart:
    """Win, tie and lose shares, a bar a pair. Rows: pair, outcome, share, order, said."""
    spec = {
        "height": {"step": 21},
        "layer": [
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "x": _x("share", stack="zero", scale={"domain": [0, 1]}, axis={"format": ".0%", "tickCount": 5}),
                    "color": colours("outcome", [*OUTCOMES], [*OUTCOMES.values()]),
                    "description": _said(),
                },
            },
            {
                "transform": [{"filter": "datum.share >= 0.09"}],
                "mark": {"type": "text", "fontSize": 10, "aria": False},
                "encoding": {
                    "x": _x("share", stack="zero", bandPosition=0.5),
                    "text": {"field": "share", "type": "quantitative", "format": ".0%"},
                    "detail": {"field": "outcome"},
                    "color": {
                        "field": "outcome", "type": "nominal", "legend": None,
                        "scale": {"domain": [*OUTCOMES], "range": [f"var(--{name}-text)" for name in OUTCOMES]},
                    },
                },
            },
        ],
        "encoding": {"y": _named("pair"), "order": {"field": "order", "type": "quantitative"}},
        "resolve": {"scale": {"color": "independent"}},
    }  # fmt: skip
    return drawn(title, spec, rows, {"pair": "pair", "outcome": "outcome", "share": "share"}, note)


def forest(title: str, rows: Sequence[Row], axis: str) -> Chart:
    """Paired differences with their intervals around 0. Rows: pair, value, low, high, said."""
    ends = [row[key] for row in rows for key in ("value", "low", "high") if row[key] is not None]
    # Never narrower than this, or the ticks of equal runs would all be called 0%.
    domain = [min(-LEAST_SHOWN, *ends), max(LEAST_SHOWN, *ends)]
    ticks = {"axis": {"format": "+.0%", "tickCount": 5}, "scale": {"domain": domain, "nice": True}}
    long = any(" : " in str(row["pair"]) and len(str(row["pair"])) > MOST_ON_A_LINE for row in rows)
    label = {"labelExpr": "split(datum.label, ' : ')", "labelLineHeight": 12} if long else {}
    spec = {
        "height": {"step": 36 if long else 24},
        "encoding": {"y": _named("pair", axis=label)},
        "layer": [
            {
                "data": {"values": [{"zero": 0}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "currentColor", "aria": False},
                "encoding": {"x": _x("zero"), "y": None},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": "var(--c1)", "aria": False},
                "encoding": {"x": _x("low", axis, **ticks), "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": "var(--c1)"},
                "encoding": {"x": _x("value", axis, **ticks), "description": _said()},
            },
        ],
    }
    return drawn(title, spec, rows, {"pair": "pair", "value": "value", "low": "low", "high": "high"})


def series(title: str, rows: Sequence[Row], share: bool, height: int = 150) -> Chart:
    """A dot and whisker a model, those of one run or kind joined, kinds side by side: near equal ones hide no other.

    Rows: model, value, low, high, kind, said.
    """
    kinds = list(dict.fromkeys(str(row["kind"]) for row in rows))
    colour = colours("kind", kinds) | ({} if len(kinds) > 1 else {"legend": None})
    values = [row[key] for row in rows for key in ("value", "low", "high") if row[key] is not None]
    scale: dict[str, Any] = {"domain": [min(0.0, *values), max(1.0, *values)]} if share else {"zero": True}
    axis: dict[str, Any] = {"format": ".0%", "tickCount": 5} if share else {"tickCount": 5}
    y: dict[str, Any] = {"scale": scale, "axis": axis}
    offset: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    if len(kinds) > 1:
        offset = {"xOffset": {"field": "kind", "type": "nominal", "sort": kinds}}
        beside = {"scale": {"paddingInner": 0.5, "paddingOuter": 0.25}}
    spec = {
        "height": height,
        "encoding": {
            "x": _named("model", axis={"labelAngle": 0, "labelOverlap": True}, **beside),
            "color": colour,
            **offset,
        },
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.6, "aria": False},
                "encoding": {"y": _x("value", **y)},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2, "aria": False},
                "encoding": {"y": _x("low", **y), "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {"y": _x("value", **y), "description": _said()},
            },
        ],
    }
    header = {"model": "model", "value": "value", "low": "low", "high": "high"}
    return drawn(title, spec, rows, header if len(kinds) == 1 else {"kind": "which"} | header)


def columns(title: str, rows: Sequence[Row], x: str, y: str, kind: str, share: bool, note: str = "") -> Chart:
    """Columns beside each other, a colour a kind. Rows have the fields x, y and kind, and said."""
    kinds = list(dict.fromkeys(str(row[kind]) for row in rows))
    spec = {
        "height": 150,
        "mark": {"type": "bar"},
        "encoding": {
            "x": _named(x, axis={"labelAngle": 0, "labelOverlap": True, "title": x}),
            "xOffset": _named(kind),
            "y": _x(y, axis={"format": ".0%", "tickCount": 5} if share else {"tickCount": 5}),
            "color": colours(kind, kinds),
            "description": _said(),
        },
    }
    return drawn(title, spec, rows, {kind: kind, x: x, y: y}, note)


def lines(title: str, rows: Sequence[Row], x: str, y: str, kind: str) -> Chart:
    """A line a kind over steps. Rows have the fields x, y and kind, and said."""
    kinds = list(dict.fromkeys(str(row[kind]) for row in rows))
    encoding = {"x": _x(x, x), "y": _x(y, scale={"zero": False}), "color": colours(kind, kinds)}
    spec = {
        "height": 150,
        "encoding": encoding,
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 1.5, "aria": False}},
            {"mark": {"type": "point", "filled": True, "size": 14, "opacity": 1}, "encoding": {"description": _said()}},
        ],
    }
    return drawn(title, spec, rows, {kind: kind, x: x, y: y})


def scatter(title: str, rows: Sequence[Row], kind: str, note: str) -> Chart:
    """A point a row at x and y, a colour and a shape a kind. Rows: x, y, the kind, said."""
    kinds = list(dict.fromkeys(str(row[kind]) for row in rows))
    colour = colours(kind, kinds)
    spec = {
        "height": 300,
        "mark": {"type": "point", "filled": True, "size": 18, "opacity": 0.7},
        "encoding": {
            "x": _x("x", axis=None),
            "y": _x("y", axis=None),
            "color": colour,
            "shape": {"field": kind, "type": "nominal", "sort": None, "scale": {"domain": kinds}},
            "description": _said(),
        },
    }
    return drawn(title, spec, rows, {kind: kind, "x": "x", "y": "y", "said": "prompt"}, note)


def each_alone(title: str, rows: Sequence[Row], kind: str, note: str = "") -> Chart:
    """The points of `scatter`, each kind in a picture of its own on the same axes, two beside each other.

    The first MOST_ALONE kinds are drawn, and the columns have all.
    """
    ends = {axis: [min(row[axis] for row in rows), max(row[axis] for row in rows)] for axis in ("x", "y")}
    side = (WIDTH - 24) // 2
    counts = Counter(str(row[kind]) for row in rows)
    kinds = list(counts)[:MOST_ALONE]
    spec = {
        "facet": {
            "field": kind, "type": "nominal", "sort": kinds, "title": None,
            "header": {"labelColor": "currentColor", "labelFontSize": 11},
        },
        "columns": 2,
        "spacing": 12,
        "autosize": "pad",
        "spec": {
            "width": side,
            "height": side,
            "view": {"stroke": "var(--line)"},
            "mark": {"type": "circle", "size": 6, "opacity": 0.7, "color": "currentColor", "aria": False},
            "encoding": {
                axis: _x(axis, axis=None, scale={"domain": ends[axis], "nice": True}) for axis in ("x", "y")
            },
        },
    }  # fmt: skip
    listed = [{kind: name, "points": count} for name, count in counts.items()]
    shown = [row for row in rows if str(row[kind]) in kinds]
    if len(counts) > len(kinds):
        note = f"{note} {counted(len(counts) - len(kinds), 'more kinds are')} not drawn.".lstrip()
    return drawn(title, spec, shown, {kind: kind, "points": "points"}, note, listed=listed)


def costs(title: str, rows: Sequence[Row], x: str, y: str, note: str) -> Chart:
    """Small points with a mean and its whisker a group. Rows: arm, seed, x, y, low, high, kind, name, side, said.

    A mean's row has `low` and `high`, and a `name` that stands on one `side` of it (left, right); a small point's none.
    """
    kinds = list(dict.fromkeys(str(row["kind"]) for row in rows))
    at_x = _x("x", x, scale={"zero": False, "padding": 14}, axis={"format": ".0%", "tickCount": 5})
    along_y: dict[str, Any] = {"axis": {"format": "+.0%", "tickCount": 6}}
    means, seeds = "isValid(datum.low)", "!isValid(datum.low)"

    def named(side: str, align: str, dx: int, dy: int) -> dict[str, Any]:
        return {
            "transform": [{"filter": f"{means} && datum.side === '{side}'"}],
            "mark": {"type": "text", "align": align, "dx": dx, "dy": dy, "aria": False},
            "encoding": {"y": _x("y", y, **along_y), "text": {"field": "name"}, "color": {"value": "currentColor"}},
        }

    spec = {
        "height": 260,
        "encoding": {"x": at_x, "color": colours("kind", kinds) | {"legend": {"columns": 2}}},
        "layer": [
            {
                "data": {"values": [{"zero": 0}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "currentColor", "aria": False},
                "encoding": {"y": _x("zero", y, **along_y), "x": None, "color": None},
            },
            {
                "transform": [{"filter": seeds}],
                "mark": {"type": "point", "filled": True, "size": 14, "opacity": 0.6},
                "encoding": {"y": _x("y", y, **along_y), "description": _said()},
            },
            {
                "transform": [{"filter": means}],
                "mark": {"type": "rule", "strokeWidth": 2, "aria": False},
                "encoding": {"y": _x("low", y, **along_y), "y2": {"field": "high"}},
            },
            {
                "transform": [{"filter": means}],
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"y": _x("y", y, **along_y), "description": _said()},
            },
            named("left", "right", -7, -6),
            named("right", "left", 7, 12),
        ],
    }
    header = {"arm": "judge", "seed": "seed", "x": x, "y": y, "low": "low", "high": "high"}
    return drawn(title, spec, rows, header, note)


def bridge(title: str, rows: Sequence[Row], note: str) -> Chart:
    """One judge's figures against another's, equal ones on the dashed line, a whisker where there is an interval.

    Rows: model, kind, candidate and figure (percent), low, high, said.
    """
    kinds = list(dict.fromkeys(str(row["kind"]) for row in rows))
    ends = [row[key] for row in rows for key in ("candidate", "figure", "low", "high") if row[key] is not None]
    top = max(ends, default=100.0)
    scale: dict[str, Any] = {"scale": {"domain": [0, top], "nice": True}, "axis": {"tickCount": 6}}
    x, along_y = "candidate judge (%)", "on GPT-4 Turbo's scale (%)"
    spec = {
        "height": 300,
        "encoding": {"x": _x("candidate", x, **scale), "color": colours("kind", kinds)},
        "layer": [
            {
                "data": {"values": [{"candidate": 0, "figure": 0}, {"candidate": top, "figure": top}]},
                "mark": {"type": "line", "strokeDash": [4, 3], "color": "currentColor", "aria": False},
                "encoding": {"y": _x("figure", along_y, **scale), "color": None},
            },
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "strokeWidth": 2, "aria": False},
                "encoding": {"y": _x("low", along_y, **scale), "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
                "encoding": {
                    "y": _x("figure", along_y, **scale),
                    "shape": {"field": "kind", "type": "nominal", "sort": None, "scale": {"domain": kinds}},
                    "description": _said(),
                },
            },
        ],
    }
    header = {"model": "model", "kind": "which", "candidate": x, "figure": along_y, "low": "low", "high": "high"}
    return drawn(title, spec, rows, header, note)


def by_kind(title: str, rows: Sequence[Row], axis: str, signed: bool, note: str = "") -> Chart:
    """A line a kind of prompt, on it a dot and whisker a model, each with a colour and a shape of its own.

    Rows: kind, model, value, low, high, said; `signed`: values lie around 0, else they are shares.
    """
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    ends = [row[key] for row in rows for key in ("value", "low", "high") if row[key] is not None]
    lowest = min(-LEAST_SHOWN, *ends) if signed else 0.0
    ticks = {
        "axis": {"format": "+.0%" if signed else ".0%", "tickCount": 5},
        "scale": {"domain": [lowest, max(LEAST_SHOWN, *ends)], "nice": True},
    }
    zero = {
        "data": {"values": [{"zero": 0}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "color": "currentColor", "aria": False},
        "encoding": {"x": _x("zero"), "y": None, "yOffset": None, "color": None},
    }
    spec = {
        # A reader's font may be wider than the one that the labels were measured with.
        "padding": {"left": 20, "right": 2, "top": 2, "bottom": 2},
        "height": {"step": 11 * max(2, len(models)) + 6, "for": "position"},
        "encoding": {
            "y": _named("kind", axis={"labelLimit": 130}, scale={"paddingInner": 0.25}),
            "yOffset": {"field": "model", "type": "nominal", "sort": models},
            "color": colours("model", models),
        },
        "layer": [
            *([zero] if signed else []),
            {
                "mark": {"type": "rule", "strokeWidth": 2, "aria": False},
                "encoding": {"x": _x("low", axis, **ticks), "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
                "encoding": {
                    "x": _x("value", axis, **ticks),
                    "shape": {"field": "model", "type": "nominal", "sort": None, "scale": {"domain": models}},
                    "description": _said(),
                },
            },
        ],
    }
    header = {"kind": "kind", "model": "model", "value": "value", "low": "low", "high": "high"}
    return drawn(title, spec, rows, header, note)


def dots(metrics: Sequence[MetricValue], title: str, words: MetricWords) -> Chart | None:
    """A chart of one measure, model by model; None where no model has a value."""
    rows = [dot(metric, words) for metric in metrics if metric.value is not None]
    return series(title, rows, words.is_share(metrics[0])) if rows else None


def dot(metric: MetricValue, words: MetricWords, kind: str = "") -> dict[str, Any]:
    """The row of a figure."""
    ends = (metric.low, metric.high)
    return {
        "model": metric.model, "kind": kind, "value": metric.value, "low": ends[0], "high": ends[1],
        "said": words.sentence(metric),
    }  # fmt: skip
