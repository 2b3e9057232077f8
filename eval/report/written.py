"""The same report as plain files: report.md for people and metrics.csv for programs."""

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from ..records import MetricValue
from . import figures

COLUMNS = tuple(MetricValue.model_fields)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def metrics_json(metrics: Sequence[MetricValue]) -> str:
    """Every figure, as evaluation/metrics.json has them."""
    return json.dumps([metric.model_dump(mode="json") for metric in metrics], indent=1, ensure_ascii=False) + "\n"


def metrics_csv(metrics: Sequence[MetricValue]) -> str:
    """Every figure, a line each, unrounded; an empty cell is None. Nothing in it is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for metric in metrics:
        writer.writerow([_cell(value) for value in metric.model_dump().values()])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return repr(value)
    # A cell that begins like a formula is one to a spreadsheet, whoever wrote it.
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") and value else value


def markdown(content: dict[str, Any]) -> str:
    """Findings, warnings, and every figure by benchmark."""
    lines = [
        f"# {_safe(content['name'])}",
        "",
        f"Made by `{content['command'].replace('`', '')}`.",
        "",
        "## Verdict",
        "",
    ]
    lines += [f"- **Warning, {_safe(one.about)}**: {_safe(one.text)}" for one in content["warnings"]]
    lines += [f"- {_safe(one.text)}" for one in content["findings"]] or ["- missing: there is nothing to compare"]
    for benchmark in dict.fromkeys(metric.benchmark for metric in content["metrics"]):
        found = [metric for metric in content["metrics"] if metric.benchmark == benchmark]
        lines += ["", f"## {_safe(figures.label(benchmark)).capitalize()}", ""]
        lines += table(
            ("Measure", "Model", "Against", "Value", "Interval", "p (Holm)", "n", "Unscored"), map(_row, found)
        )
    return "\n".join([*lines, ""])


def _row(metric: MetricValue) -> tuple[str, ...]:
    low, high = metric.low, metric.high
    return (
        figures.label(metric.metric),
        metric.model,
        metric.baseline or "",
        f"missing: {metric.note or metric.method}" if metric.value is None else figures.text_of(metric, metric.value),
        "" if low is None or high is None else f"{figures.text_of(metric, low)} to {figures.text_of(metric, high)}",
        "" if metric.p_adjusted is None else figures.p_text(metric.p_adjusted),
        f"{metric.n:,} {metric.unit}",
        f"{metric.unscored:,}",
    )


def table(header: Sequence[str], rows: Any) -> list[str]:
    """Lines of a Markdown table."""
    cells = [[_safe(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in [list(header), ["---"] * len(header), *cells]]


def _safe(text: str) -> str:
    """Words on one line that no reader of Markdown takes for more than words."""
    return _SPECIAL.sub(r"\\\1", " ".join(figures.plain(text).split()))
