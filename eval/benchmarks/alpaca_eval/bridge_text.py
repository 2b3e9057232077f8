"""Bridged figures as a table for a terminal, and as a picture."""

from collections.abc import Sequence

from srlm.printable import one_line

from ...figures import charts
from ...figures.text import aligned, short_name, value, without_interval
from ...figures.words import MetricWords
from ...records import MetricValue
from .bridge import BENCHMARK, SCALES
from .bridge_errors import FIGURES

CANNOT = "cannot carry the scale"
SCALE_NAMES = {"win_rate": "win rate", "lc_win_rate": "LC win rate"}
COLOURS = {"var(--soft)": "#777777", "var(--line)": "#cccccc", "currentColor": "#222222"}


def bridge_table(metrics: Sequence[MetricValue]) -> str:
    """A line a model and scale: the bridged figure with its interval, the candidate's own and the official one."""
    found = {(m.model, m.metric): m for m in metrics}
    rows, said = [], []
    for metric in metrics:
        if metric.metric not in SCALES or metric.benchmark != BENCHMARK:
            continue
        own, official = (found.get((metric.model, f"{kind}_{metric.metric}")) for kind in ("candidate", "official"))
        published = "" if official is None else value(official)
        rows.append(
            [
                metric.model,
                SCALE_NAMES[metric.metric],
                value(metric),
                value(own),
                published,
                str(metric.n),
                str(metric.unscored),
            ]
        )
        for part in metric.note.split("; ")[1:]:
            if "anchors, scatter" not in part:
                head = "WARNING: " if part.startswith(CANNOT) else ""
                said.append(f"{head}{short_name(metric.model)}, {SCALE_NAMES[metric.metric]}: {one_line(part)}")
    said += without_interval(m for m in metrics if m.metric.startswith("candidate_") and m.unit == "prompts")
    header = ["model", "figure", "on GPT-4 Turbo's scale (%)", "candidate (%)", "official (%)", "prompts", "unscored"]
    return "\n".join([aligned(header, rows), *(["", *said] if said else [])])


def error_table(metrics: Sequence[MetricValue]) -> str:
    """What leaving one model out at a time shows: a line a figure."""
    errors = [m for m in metrics if m.metric.removeprefix("lc_") in FIGURES]
    rows = [[m.metric.replace("_", " "), value(m), f"{m.n} {m.unit}", str(m.unscored), m.note] for m in errors]
    table = aligned(["leaving one model out", "value", "n", "unscored", "note"], rows)
    reasons = list(dict.fromkeys(m.method.partition("; ")[2] for m in errors if m.value is not None and m.low is None))
    return "\n".join([table, *(["", *reasons] if reasons else [])])


def drawing(chart: charts.Chart) -> str:
    """A picture that stands by itself, outside the page that says what its colours are."""
    svg = chart.svg
    for name, colour in COLOURS.items():
        svg = svg.replace(name, colour)
    return svg


def bridge_charts(metrics: Sequence[MetricValue]) -> list[charts.Chart]:
    """A picture a scale: the candidate's figure against the official one, and against the bridged one."""
    words = MetricWords(())
    found = {(m.model, m.metric): m for m in metrics if m.benchmark == BENCHMARK}
    drawn = []
    for scale in SCALES:
        rows = []
        for kind, metric in (("official", f"official_{scale}"), ("bridged, with its interval", scale)):
            for (model, name), one in found.items():
                own = found.get((model, f"candidate_{scale}"))
                if name == metric and one.value is not None and own is not None and own.value is not None:
                    said = words.sentence(one)
                    rows.append(
                        {"model": model, "kind": kind, "candidate": own.value, "figure": one.value, "low": one.low,
                         "high": one.high, "said": said}
                    )  # fmt: skip
        if rows:
            note = "Dashed: both judges give the same. A whisker is the interval of a bridged figure."
            drawn.append(charts.bridge(f"AlpacaEval 2.0, {SCALE_NAMES[scale]}: the bridge", rows, note))
    return drawn
