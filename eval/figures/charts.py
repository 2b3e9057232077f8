"""The charts of the pages.

Models stand in the order of the run, and other names in the order of the rows, which callers state.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from srlm.text.counts import counted

from ..records import MetricValue
from .axes import Axis, LogAxis, Unit, axis, logarithmic
from .drawing import (
    WIDTH,
    Row,
    apart,
    drawn,
    hollow,
    key_of,
    look,
    marked,
    measure,
    place,
    points,
    said,
    sentences,
    sized,
    whiskers,
    zero,
)
from .drawing import Chart as Chart
from .frame import Frame, KeyEntry
from .looks import Look, Looks
from .widths import labels, width
from .words import MetricWords

OUTCOMES = {"win": "var(--win)", "tie": "var(--tie)", "lose": "var(--lose)"}
LEAST_SHOWN = 0.05
"""A chart of differences shows this much to either side of 0, at least."""
MOST_LEFT = 160
"""Pixels of the names beside rows."""
SHORT = 34
"""Pixels: of names that are no longer, every k-th may stand below an axis; where one is longer, names get rows."""
MOST_ALONE = 60
"""Kinds with a picture of their own: some thousands are more than vl_convert lays out."""
MOST_BESIDE = 7
"""Columns beside each other; more kinds are drawn as lines."""
MOST_MODELS = 8
"""Models in each row of a picture by kind."""


def bars(title: str, rows: Sequence[Row], note: str = "", looks: Looks | None = None) -> Chart:
    """Win, tie and lose shares, a bar a pair. Rows: pair, outcome, share, order, said; model, baseline, published.

    A win has the colour of the first model, a loss that of the second; without `model`, the outcomes' own.
    """
    called = _called([str(row["pair"]) for row in rows])
    left = _left(called)
    room = WIDTH - left - 14
    scale = axis((), room, "share", exact=(0, 1)).vega()
    drawable = [{**row, "_at": called[str(row["pair"])], **_painted(row, looks or Looks())} for row in rows]
    colour = {"field": "_fill", "type": "nominal", "scale": None, "legend": None}
    spec = {
        **sized(left, _step(called) * len(called)),
        "layer": [
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "x": measure("share", stack="zero", **scale),
                    "color": colour,
                    "fillOpacity": {"field": "_opacity", "type": "quantitative", "scale": None, "legend": None},
                    "description": said(),
                },
            },
            {
                "transform": [{"filter": f"datum.share >= {(width('100.0%', 10) + 2) / room}"}],
                "mark": {"type": "text", "fontSize": 10, "aria": False},
                "encoding": {
                    "x": measure("share", stack="zero", bandPosition=0.5, **scale),
                    "text": {"field": "share", "type": "quantitative", "format": ".1%"},
                    "detail": {"field": "outcome"},
                    "color": {**colour, "field": "_words"},
                },
            },
        ],
        "encoding": {
            "y": place(called, _two_lines(called), padding=0.12),
            "order": {"field": "order", "type": "quantitative"},
        },
    }  # fmt: skip
    return drawn(title, spec, drawable, {"pair": "pair", "outcome": "outcome", "share": "share"}, note)


def _painted(row: Row, looks: Looks) -> dict[str, Any]:
    """The colour of an outcome, and of the words on it; what others published is pale."""
    outcome = str(row["outcome"])
    fill, words = OUTCOMES[outcome], f"var(--{outcome}-text)"
    if "model" in row and outcome != "tie":
        one = str(row["model" if outcome == "win" else "baseline"])
        found = looks.of([one])[one]
        fill, words = found.colour, found.on_it
    published = bool(row.get("published"))
    return {"_fill": fill, "_words": "currentColor" if published else words, "_opacity": 0.3 if published else 1.0}


def forest(title: str, rows: Sequence[Row], across: str, note: str = "", looks: Looks | None = None) -> Chart:
    """Paired differences with their intervals around 0. Rows: pair, value, low, high, said; the colour is `model`'s."""
    header = {"pair": "pair", "value": "value", "low": "low", "high": "high"}
    one = [{"model": "", **row} for row in rows]
    known = (looks or Looks()).of(str(row["model"]) for row in one)
    return _in_rows(title, one, "pair", "model", known, across, "share", True, header, note)


def by_kind(
    title: str, rows: Sequence[Row], across: str, signed: bool, note: str = "", looks: Looks | None = None
) -> Chart:
    """A line a kind of prompt, on it a dot and whisker a model, each with a colour and a shape of its own.

    Rows: kind, model, value, low, high, said; `signed`: values lie around 0, else they are shares. Of many models the
    last ones are drawn.
    """
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    shown = [row for row in rows if str(row["model"]) in models[-MOST_MODELS:]]
    if len(models) > MOST_MODELS:
        note = sentences(note, f"The last {MOST_MODELS} of {counted(len(models), 'models')}.")
    header = {"kind": "kind", "model": "model", "value": "value", "low": "low", "high": "high"}
    known = (looks or Looks()).of(models[-MOST_MODELS:])
    return _in_rows(title, shown, "kind", "model", known, across, "share", signed, header, note, beside=True)


def series(
    title: str, rows: Sequence[Row], share: bool, looks: Looks | None = None, note: str = "", joined: bool = True
) -> Chart:
    """A dot and whisker a model, kinds side by side: near equal ones hide no other. Rows: model, value, low, high,
    kind, said.

    With one kind, each model has its own look, else each kind has. `joined`: what follows each other is joined by a
    line. Where names have no room below, models stand in rows.
    """
    kinds = list(dict.fromkeys(str(row["kind"]) for row in rows))
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    header = {"model": "model", "value": "value", "low": "low", "high": "high"}
    by = "model" if len(kinds) == 1 else "kind"
    header = header if len(kinds) == 1 else {"kind": "which"} | header
    known = (looks or Looks()).of(models if by == "model" else kinds)
    unit: Unit = "share" if share else "number"
    values = _ends(rows)
    exact = (0.0, 1.0) if share else (0.0, 0.0)
    up = axis(values, 150, unit, upright=True, exact=exact)
    left = max(map(width, up.words)) + 10
    step = (WIDTH - left - 14) / len(models)
    widest = max(map(width, models))
    every = math.ceil((widest + 6) / step)
    if (widest > SHORT and every > 1) or step < 5 * len(kinds):
        return _in_rows(
            title, rows, "model", by, known, "", unit, False, header, note, beside=len(kinds) > 1, exact=exact
        )
    called = labels(models, WIDTH)
    beside = {"paddingInner": 0.5, "paddingOuter": 0.25} if len(kinds) > 1 else {}
    below = {"labelAngle": 0, "labelOverlap": False, "values": [*called.values()][::every]}
    x = place(called, below, **beside)
    offset = {"xOffset": apart(known)} if len(kinds) > 1 else {}
    scale = up.vega()
    line: dict[str, Any] = {"mark": {"type": "line", "strokeWidth": 1, "aria": False}}
    if by == "model":
        line["mark"]["color"] = "var(--soft)"
        line["encoding"] = {"y": measure("value", **scale), "x": x}
    else:
        line["encoding"] = {
            "y": measure("value", **scale), "x": x, "color": look("colour", known), "strokeDash": look("dash", known),
        }  # fmt: skip
    y = measure("value", **scale)
    spec = {
        **sized(left, 150),
        "encoding": {"x": x, **offset},
        "layer": [
            *([line] if joined else []),
            whiskers({"y": measure("low", **scale), "y2": {"field": "high"}}, known),
            *points(x, y, known),
        ],
    }
    drawable = [row | {"_at": called[str(row["model"])]} for row in marked(rows, by, known)]
    key = key_of(known) if by == "kind" else []
    return drawn(title, spec, drawable, header, sentences(note, hollow(rows)), frame=Frame(WIDTH, key))


def columns(
    title: str, rows: Sequence[Row], x: str, y: str, kind: str, share: bool, note: str = "",
    looks: Looks | None = None,
) -> Chart:  # fmt: skip
    """Columns beside each other, a colour a kind; of many kinds lines. Rows have the fields x, y and kind, and said."""
    kinds = list(dict.fromkeys(str(row[kind]) for row in rows))
    known = (looks or Looks()).of(kinds)
    up = axis([float(row[y]) for row in rows], 150, "share" if share else "number", upright=True, exact=(0, 0))
    left = max(map(width, up.words)) + 10
    places = list(dict.fromkeys(str(row[x]) for row in rows))
    step = (WIDTH - left - 14) / len(places)
    every = math.ceil(SHORT / step)
    called = labels(places, step * every - 6, 2)
    lines_of_words = max(label.count("\n") for label in called.values())
    below = {"labelAngle": 0, "labelOverlap": False, "values": [*called.values()][::every], **_two_lines(called)}
    across = place(called, below)
    encoding = {"x": across, "y": measure(y, **up.vega()), "color": look("colour", known)}
    many = len(kinds) > MOST_BESIDE
    layers: list[dict[str, Any]] = [{"mark": {"type": "bar"}, "encoding": {"description": said()}}]
    if many:
        layers = [
            {
                "mark": {"type": "line", "strokeWidth": 1, "aria": False},
                "encoding": {"strokeDash": look("dash", known)},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 30, "opacity": 1},
                "encoding": {"description": said(), "shape": look("shape", known)},
            },
        ]
    else:
        encoding["xOffset"] = apart(known)
    spec = {**sized(left, 150, bottom=22 + 12 * lines_of_words), "encoding": encoding, "layer": layers}
    drawable = [row | {"_at": called[str(row[x])]} for row in marked(rows, kind, known)]
    # A column has no shape, so its key is a square.
    key = key_of(known, line=many)
    if not many:
        key = [KeyEntry(one.name, one.look._replace(shape=SQUARE)) for one in key]
    return drawn(title, spec, drawable, {kind: kind, x: x, y: y}, note, frame=Frame(WIDTH, key, y, x))


SQUARE = "M-1,-1H1V1H-1Z"


def lines(
    title: str, rows: Sequence[Row], x: str, y: str, kind: str, note: str = "", looks: Looks | None = None,
    share: bool = False, by_powers: bool = False,
) -> Chart:  # fmt: skip
    """A line a kind over steps. Rows have the fields x, y and kind, and said.

    `by_powers`: the upright axis is logarithmic where that shows more, and the note says so.
    """
    kinds = list(dict.fromkeys(str(row[kind]) for row in rows))
    known = (looks or Looks()).of(kinds)
    values = [float(row[y]) for row in rows]
    unit: Unit = "share" if share else "number"
    up: Axis | LogAxis = axis(values, 150, unit, upright=True, exact=(0, 1) if share else None)
    if by_powers and (found := logarithmic(values)):
        up, note = found, sentences(note, "The axis of the values is logarithmic.")
    left = max(map(width, up.words)) + 10
    along = axis([float(row[x]) for row in rows], WIDTH - left - 20)
    spec = {
        **sized(left, 150, right=20),
        "encoding": {
            "x": measure(x, **along.vega()), "y": measure(y, **up.vega()), "color": look("colour", known),
        },
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 1.5, "aria": False},
                "encoding": {"strokeDash": look("dash", known)},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 14, "opacity": 1},
                "encoding": {"description": said(), "shape": look("shape", known)},
            },
        ],
    }  # fmt: skip
    frame = Frame(WIDTH, key_of(known, line=True), across=x)
    return drawn(title, spec, marked(rows, kind, known), {kind: kind, x: x, y: y}, note, frame=frame)


def scatter(title: str, rows: Sequence[Row], kind: str, note: str, looks: Looks | None = None) -> Chart:
    """A point a row at x and y, a colour and a shape a kind. Rows: x, y, the kind, said."""
    known = (looks or Looks()).of(str(row[kind]) for row in rows)
    spec = {
        **sized(4, 300, right=4, bottom=4),
        "mark": {"type": "point", "filled": True, "size": 18, "opacity": 0.7},
        "encoding": {
            "x": measure("x", axis=None),
            "y": measure("y", axis=None),
            "color": look("colour", known),
            "shape": look("shape", known),
            "description": said(),
        },
    }
    header = {kind: kind, "x": "x", "y": "y", "said": "prompt"}
    return drawn(title, spec, marked(rows, kind, known), header, note, frame=Frame(WIDTH, key_of(known)))


def each_alone(title: str, rows: Sequence[Row], kind: str, note: str = "") -> Chart:
    """The points of `scatter`, each kind in a picture of its own on the same axes, two beside each other.

    The first MOST_ALONE kinds are drawn, and the columns have all.
    """
    ends = {along: [min(row[along] for row in rows), max(row[along] for row in rows)] for along in ("x", "y")}
    side = (WIDTH - 24) // 2
    counts = Counter(str(row[kind]) for row in rows)
    kinds = list(counts)[:MOST_ALONE]
    called = labels(kinds, side)
    spec = {
        "facet": {
            "field": "_at", "type": "nominal", "sort": list(called.values()), "title": None,
            "header": {"labelColor": "currentColor", "labelFontSize": 11, "labelLimit": 0},
        },
        "columns": 2,
        "spacing": 12,
        "spec": {
            "width": side,
            "height": side,
            "view": {"stroke": "var(--line)"},
            "mark": {"type": "circle", "size": 6, "opacity": 0.7, "color": "currentColor", "aria": False},
            "encoding": {
                along: measure(along, axis=None, scale={"domain": ends[along], "nice": True}) for along in ("x", "y")
            },
        },
    }  # fmt: skip
    listed = [{kind: one, "points": count} for one, count in counts.items()]
    shown = [{**row, "_at": called[str(row[kind])]} for row in rows if str(row[kind]) in called]
    if len(counts) > len(kinds):
        note = f"{note} {counted(len(counts) - len(kinds), 'more kinds are')} not drawn.".lstrip()
    return drawn(title, spec, shown, {kind: kind, "points": "points"}, note, listed=listed)


def costs(title: str, rows: Sequence[Row], x: str, y: str, note: str) -> Chart:
    """Small points with a mean and its whisker a group. Rows: arm, seed, x, y, low, high, said.

    A mean's row has `low` and `high`; a small point's none. Each arm has a look of its own.
    """
    known = Looks().of(str(row["arm"]) for row in rows)
    up = axis(_ends(rows, ("y", "low", "high")), 260, "share", signed=True, upright=True)
    left = max(map(width, up.words)) + 10
    along = axis([row["x"] for row in rows], WIDTH - left - 20, "share")
    across, means, seeds = measure("x", **along.vega()), "isValid(datum.low)", "!isValid(datum.low)"
    encoding = {
        "x": across, "y": measure("y", **up.vega()), "color": look("colour", known), "shape": look("shape", known),
        "description": said(),
    }  # fmt: skip
    spec = {
        **sized(left, 260, right=20),
        "layer": [
            *([zero("y", up.vega())] if up.low < 0 < up.high else []),
            {
                "transform": [{"filter": seeds}],
                "mark": {"type": "point", "filled": True, "size": 14, "opacity": 0.6},
                "encoding": encoding,
            },
            whiskers({"x": across, "y": measure("low", **up.vega()), "y2": {"field": "high"}}, known),
            {
                "transform": [{"filter": means}],
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": encoding,
            },
        ],
    }
    header = {"arm": "judge", "seed": "seed", "x": x, "y": y, "low": "low", "high": "high"}
    frame = Frame(WIDTH, key_of(known), up.called(y), x)
    return drawn(title, spec, marked(rows, "arm", known), header, note, frame=frame)


def bridge(title: str, rows: Sequence[Row], note: str) -> Chart:
    """One judge's figures against another's, equal ones on the dashed line, a whisker where there is an interval.

    Rows: model, kind, candidate and figure (percent), low, high, said.
    """
    known = Looks().of(str(row["kind"]) for row in rows)
    ends = _ends(rows, ("candidate", "figure", "low", "high")) or [100.0]
    up = axis(ends, 300, upright=True, exact=(0, 0))
    left = max(map(width, up.words)) + 10
    along = axis(ends, WIDTH - left - 20, exact=(0, up.high))
    top = min(up.high, along.high)
    x, along_y = "candidate judge (%)", "on GPT-4 Turbo's scale (%)"
    spec = {
        **sized(left, 300, right=20),
        "encoding": {"x": measure("candidate", **along.vega())},
        "layer": [
            {
                "data": {"values": [{"candidate": 0, "figure": 0}, {"candidate": top, "figure": top}]},
                "mark": {"type": "line", "strokeDash": [4, 3], "color": "currentColor", "aria": False},
                "encoding": {"y": measure("figure", **up.vega())},
            },
            whiskers({"y": measure("low", **up.vega()), "y2": {"field": "high"}}, known),
            {
                "mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
                "encoding": {
                    "y": measure("figure", **up.vega()),
                    "color": look("colour", known),
                    "shape": look("shape", known),
                    "description": said(),
                },
            },
        ],
    }
    header = {"model": "model", "kind": "which", "candidate": x, "figure": along_y, "low": "low", "high": "high"}
    frame = Frame(WIDTH, key_of(known), along_y, x)
    return drawn(title, spec, marked(rows, "kind", known), header, note, frame=frame)


def dots(
    metrics: Sequence[MetricValue], title: str, words: MetricWords, looks: Looks | None = None, note: str = "",
    joined: bool = True,
) -> Chart | None:  # fmt: skip
    """A chart of one measure, model by model; None where no model has a value."""
    rows = [dot(metric, words) for metric in metrics if metric.value is not None]
    return series(title, rows, words.is_share(metrics[0]), looks, note, joined) if rows else None


def dot(metric: MetricValue, words: MetricWords, kind: str = "") -> dict[str, Any]:
    """The row of a figure."""
    ends = (metric.low, metric.high)
    return {
        "model": metric.model, "kind": kind, "value": metric.value, "low": ends[0], "high": ends[1],
        "said": words.sentence(metric),
    }  # fmt: skip


# Rows -----------------------------------------------------------------------------------------------------------------


def _in_rows(
    title: str, rows: Sequence[Row], field: str, by: str, known: Mapping[str, Look], across: str, unit: Unit,
    signed: bool, header: Mapping[str, str], note: str, beside: bool = False, exact: tuple[float, float] | None = None,
) -> Chart:  # fmt: skip
    """A row a name of `field`, in it a dot and whisker for each look; `beside`: looks are apart, and have a key."""
    called = _called([str(row[field]) for row in rows])
    left = _left(called)
    room = WIDTH - left - 22
    ends = _ends(rows)
    if signed:  # never narrower, or all that is seen of equal models is noise
        ends = [-LEAST_SHOWN, LEAST_SHOWN, *ends]
    elif exact is None:
        exact = (0.0, LEAST_SHOWN)
    found = axis(ends, room, unit, signed, exact=exact)
    scale = found.vega()
    step = max(_step(called), 11 * len(known) + 8 if beside else 0)
    padding = {"paddingInner": 0.25} if beside else {}
    y = place(called, _two_lines(called), **padding)
    offset = {"yOffset": apart(known)} if beside else {}
    value = measure("value", **scale)
    spec = {
        **sized(left, step * len(called), right=22),
        "layer": [
            *([zero("x", scale)] if signed else []),
            whiskers({"y": y, **offset, "x": measure("low", **scale), "x2": {"field": "high"}}, known),
            *[{**one, "encoding": {**one["encoding"], **offset}} for one in points(value, y, known)],
        ],
    }
    drawable = [row | {"_at": called[str(row[field])]} for row in marked(rows, by, known)]
    frame = Frame(WIDTH, key_of(known) if beside else (), across=found.called(across))
    return drawn(title, spec, drawable, header, sentences(note, hollow(rows)), frame=frame)


def _called(names: Sequence[str]) -> dict[str, str]:
    """Names as they stand beside rows: a pair's second one on a line of its own where the two are too long for one."""
    found = labels(names, MOST_LEFT, 2)
    for pair in found:
        first, mark, second = pair.partition(" : ")
        if mark and "\n" in found[pair]:
            (one,), (other,) = (labels([part], MOST_LEFT - width(" :")).values() for part in (first, second))
            both = f"{one} :\n{other}"
            if both not in found.values():
                found[pair] = both
    return found


def _left(called: Mapping[str, str]) -> float:
    """Pixels for the names beside rows."""
    return max(width(line) for label in called.values() for line in label.split("\n")) + 9


def _step(called: Mapping[str, str]) -> int:
    """Pixels from row to row."""
    return 32 if any("\n" in label for label in called.values()) else 21


def _two_lines(called: Mapping[str, str]) -> dict[str, Any]:
    if not any("\n" in label for label in called.values()):
        return {}
    return {"labelExpr": "split(datum.label, '\\n')", "labelLineHeight": 12}


def _ends(rows: Sequence[Row], fields: Sequence[str] = ("value", "low", "high")) -> list[float]:
    return [row[key] for row in rows for key in fields if row.get(key) is not None]
