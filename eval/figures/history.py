"""A chart of one figure over the dates of the runs that it was measured of."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from .charts import KINDS, Chart, Row, colours, drawn

OTHERS = "others"
"""The kind of what has no colour of its own."""

DAYS_OF_A_YEAR = 365
FEW_DAYS = 5
"""Below, two marks of an axis may be of one day, and the time of day tells them apart."""


def history(title: str, rows: Sequence[Row], axis: str, percent: bool, note: str = "") -> Chart:
    """A dot and whisker a run at its date, those of one kind joined. Rows: run, date (ISO), value, low, high, kind,
    said; `percent`: values are shares. The kinds with the most runs have a colour each."""
    most = [kind for kind, _ in Counter(str(row["kind"]) for row in rows).most_common()]
    own = most if len(most) <= len(KINDS) else most[: len(KINDS) - 1]
    shown = [{**row, "kind": row["kind"] if row["kind"] in own else OTHERS} for row in rows]
    kinds = list(dict.fromkeys(str(row["kind"]) for row in shown))
    key: dict[str, Any] = colours("kind", kinds)
    colour = key | {"legend": {**key.get("legend", {}), "symbolOpacity": 1} if len(kinds) > 1 else None}
    axis_of_dates = {"tickCount": 4, "labelOverlap": True, "format": _form([str(row["date"]) for row in rows])}
    along = {"field": "date", "type": "temporal", "title": None, "axis": axis_of_dates}
    up = {
        "type": "quantitative", "title": axis, "scale": {"zero": False},
        "axis": {"tickCount": 5, **({"labelExpr": "format(100 * datum.value, '~f')"} if percent else {})},
    }  # fmt: skip
    spec = {
        "height": 200,
        "encoding": {"x": along, "color": colour},
        "layer": [
            {
                "transform": [{"filter": f"datum.kind != '{OTHERS}'"}],
                "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.5, "aria": False},
                "encoding": {"y": {**up, "field": "value"}},
            },
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.7, "aria": False},
                "encoding": {"y": {**up, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 40, "opacity": 1},
                "encoding": {"y": {**up, "field": "value"}, "description": {"field": "said", "type": "nominal"}},
            },
        ],
    }
    header = {"run": "run", "date": "date", "kind": "which", "value": "value", "low": "low", "high": "high"}
    return drawn(title, spec, shown, header, note)


def _form(dates: Sequence[str]) -> str:
    """How an axis over these dates (ISO) writes them: left to itself, a single date is called by its seconds."""
    moments = [datetime.fromisoformat(date) for date in dates]
    days = (max(moments) - min(moments)).days if moments else 0
    return "%b %d, %H:%M" if days < FEW_DAYS else "%b %d" if days < DAYS_OF_A_YEAR else "%b %Y"
