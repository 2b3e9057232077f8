"""A chart of one figure over the dates of the runs that it was measured of."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from .axes import Unit, axis
from .drawing import WIDTH, Chart, Row, drawn, hollow, key_of, look, marked, measure, points, sentences, sized, whiskers
from .frame import Frame
from .looks import COLOURS, Looks
from .widths import width

OTHERS = "others"
"""The kind of what has no colour of its own."""
HEIGHT, RIGHT = 200, 40
"""Pixels of the plot, and beside it for half a date."""
APART = 12
"""Pixels between two dates."""


def history(title: str, rows: Sequence[Row], unit: Unit, signed: bool, note: str = "") -> Chart:
    """A mark and whisker a run at its date, those of one kind joined. Rows: run, date (ISO), value, low, high, kind,
    said. The kinds with the most runs have a look each."""
    most = [kind for kind, _ in Counter(str(row["kind"]) for row in rows).most_common()]
    own = most if len(most) <= len(COLOURS) else most[: len(COLOURS) - 1]
    called = [{**row, "kind": row["kind"] if row["kind"] in own else OTHERS} for row in rows]
    known = Looks(own).of(dict.fromkeys(str(row["kind"]) for row in called))
    up = axis([row[end] for row in rows for end in ("value", "low", "high") if row[end] is not None], HEIGHT, unit,
              signed=signed, upright=True)  # fmt: skip
    left = max(max(map(width, up.words)) + 10, RIGHT)
    days = [datetime.fromisoformat(str(row["date"])).timestamp() / 86_400 for row in rows]
    low, high = (min(days), max(days)) if max(days) > min(days) else (days[0] - 1, days[0] + 1)
    dates = {day: str(row["date"])[:10] for day, row in zip(days, rows, strict=True)}
    ticks = _ticks(dates, (WIDTH - left - RIGHT) / (high - low))
    words = f"{list(ticks.values())}[indexof({list(ticks)}, datum.value)]"
    x = measure(
        "_day",
        scale={"domain": [low, high], "nice": False, "zero": False},
        axis={
            "values": list(ticks),
            "labelExpr": words,
            "labelOverlap": False,
            "labelBound": False,
            "labelFlush": False,
            "title": None,
        },
    )
    y = measure("value", **up.vega())
    line = {
        "transform": [{"filter": f"datum.kind != '{OTHERS}'"}],
        "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.5, "aria": False},
        "encoding": {"x": x, "y": y, "color": look("colour", known), "strokeDash": look("dash", known)},
    }
    spec = {
        **sized(left, HEIGHT, right=RIGHT),
        "layer": [
            line,
            whiskers({"x": x, "y": measure("low", **up.vega()), "y2": {"field": "high"}}, known),
            *points(x, y, known),
        ],
    }
    header = {"run": "run", "date": "date", "kind": "which", "value": "value", "low": "low", "high": "high"}
    drawable = [{**row, "_day": day} for row, day in zip(marked(called, "kind", known), days, strict=True)]
    frame = Frame(WIDTH, key_of(known), up.called(""))
    return drawn(title, spec, drawable, header, sentences(note, hollow(rows)), frame=frame)


def _ticks(dates: dict[float, str], pixels: float) -> dict[float, str]:
    """Where runs are, and their dates: as many as have room beside each other, `pixels` a day; each date once."""
    found: dict[float, str] = {}
    for day, date in sorted(dates.items()):
        last = max(found, default=None)
        if last is None or (date not in found.values() and (day - last) * pixels >= width(date) + APART):
            found[day] = date
    return found
