"""A chart of one figure against another, each with its interval: what something brings, and what it costs."""

from collections.abc import Sequence

from . import charts
from .charts import Chart, Row

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")


def against(title: str, rows: Sequence[Row], x: str, y: str, share: bool, note: str = "") -> Chart:
    """A point and two whiskers a name. Rows: name, x, x_low, x_high, y, y_low, y_high (ends may be None), said.

    `x` and `y` are what the axes are called. Colours repeat after seven names, and then the shape differs.
    """
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    shapes = [SHAPES[place // len(charts.KINDS) % len(SHAPES)] for place in range(len(names))]
    colour = {**charts.colours("name", names), "legend": {"columns": 1, "labelLimit": charts.WIDTH - 30}}
    key = {"field": "name", "type": "nominal", "sort": None, "scale": {"domain": names, "range": shapes}}
    across = {"field": "x", "type": "quantitative", "title": x, "axis": {"format": "~s", "tickCount": 5}}
    up = {
        "field": "y", "type": "quantitative", "title": y,
        "axis": {"format": "+.0%" if share else "+~g", "tickCount": 6},
    }  # fmt: skip
    drawn_x, drawn_y = ({"filter": f"isValid(datum.{axis}_low)"} for axis in ("x", "y"))
    spec = {
        "height": 260,
        "layer": [
            {
                "data": {"values": [{"zero": 0}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "currentColor", "aria": False},
                "encoding": {"y": {"field": "zero", "type": "quantitative"}},
            },
            {
                "transform": [drawn_y],
                "mark": {"type": "rule", "strokeWidth": 1.5, "aria": False},
                "encoding": {"x": across, "y": {**up, "field": "y_low"}, "y2": {"field": "y_high"}, "color": colour},
            },
            {
                "transform": [drawn_x],
                "mark": {"type": "rule", "strokeWidth": 1.5, "aria": False},
                "encoding": {"y": up, "x": {**across, "field": "x_low"}, "x2": {"field": "x_high"}, "color": colour},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {
                    "x": across, "y": up, "color": colour, "shape": key,
                    "description": {"field": "said", "type": "nominal"},
                },
            },
        ],
    }  # fmt: skip
    header = {"name": "method", "x": x, "x_low": f"{x}, low", "x_high": f"{x}, high"}
    header |= {"y": y, "y_low": f"{y}, low", "y_high": f"{y}, high"}
    return charts.drawn(title, spec, rows, header, note)
