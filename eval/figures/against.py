"""A chart of one figure against another, each with its interval: what something brings, and what it costs."""

from collections.abc import Sequence

from .axes import axis
from .charts import Chart
from .drawing import WIDTH, Row, drawn, look, marked, measure, said, sized, zero
from .frame import Frame, KeyEntry
from .looks import Looks
from .widths import width

ACROSS = ("x", "x_low", "x_high")
UP = ("y", "y_low", "y_high")


def against(
    title: str, rows: Sequence[Row], x: str, y: str, share: bool, note: str = "", looks: Looks | None = None
) -> Chart:
    """A point and two whiskers a name. Rows: name, x, x_low, x_high, y, y_low, y_high (ends may be None), said.

    `x` and `y` are what the axes are called.
    """
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    known = (looks or Looks(names)).of(names)
    ends = {way: [row[key] for row in rows for key in way if row[key] is not None] for way in (ACROSS, UP)}
    up = axis(ends[UP], 260, "share" if share else "number", signed=True, upright=True, exact=(0, 0))
    left = max(map(width, up.words)) + 10
    along = axis(ends[ACROSS], WIDTH - left - 24, exact=(0, 0))
    at_x, at_y = measure("x", **along.vega()), measure("y", **up.vega())
    colour = look("colour", known)
    spec = {
        **sized(left, 260, right=24),
        "layer": [
            zero("y", up.vega()),
            {
                "transform": [{"filter": "isValid(datum.y_low)"}],
                "mark": {"type": "rule", "strokeWidth": 1.5, "aria": False},
                "encoding": {"x": at_x, "y": {**at_y, "field": "y_low"}, "y2": {"field": "y_high"}, "color": colour},
            },
            {
                "transform": [{"filter": "isValid(datum.x_low)"}],
                "mark": {"type": "rule", "strokeWidth": 1.5, "aria": False},
                "encoding": {"y": at_y, "x": {**at_x, "field": "x_low"}, "x2": {"field": "x_high"}, "color": colour},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {
                    "x": at_x, "y": at_y, "color": colour, "shape": look("shape", known), "description": said(),
                },
            },
        ],
    }  # fmt: skip
    header = {"name": "method", "x": x, "x_low": f"{x}, low", "x_high": f"{x}, high"}
    header |= {"y": y, "y_low": f"{y}, low", "y_high": f"{y}, high"}
    frame = Frame(WIDTH, [KeyEntry(name, found) for name, found in known.items()], up.called(y), x)
    return drawn(title, spec, marked(rows, "name", known), header, note, frame=frame)
