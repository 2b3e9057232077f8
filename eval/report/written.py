"""The same report as a plain file for people: report.md."""

from collections.abc import Mapping
from typing import Any

from srlm.printable import one_line
from srlm.text.markdown import markdown as text
from srlm.text.markdown import markdown_table

from ..figures.words import MetricWords, p_text
from ..records import MetricValue


def markdown(content: Mapping[str, Any], words: MetricWords) -> str:
    """Findings, warnings, and every figure by benchmark."""
    lines = [
        f"# {text(content['name'])}",
        "",
        f"Made by `{one_line(content['command']).replace('`', '')}`.",
        "",
        "## Verdict",
        "",
    ]
    lines += [f"- **Warning, {text(one.about)}**: {text(one.text)}" for one in content["doubts"]]
    lines += [f"- {text(one.text)}" for one, _ in content["findings"]] or ["- missing: there is nothing to compare"]
    for benchmark in dict.fromkeys(metric.benchmark for metric in content["metrics"]):
        found = [metric for metric in content["metrics"] if metric.benchmark == benchmark]
        lines += ["", f"## {text(words.title(benchmark)).capitalize()}", ""]
        lines += markdown_table(
            ("Measure", "Model", "Against", "Value", "Interval", "p (Holm)", "n", "Unscored"),
            [_row(metric, words) for metric in found],
        )
    return "\n".join([*lines, ""])


def _row(metric: MetricValue, words: MetricWords) -> tuple[str, ...]:
    low, high = metric.low, metric.high
    return (
        words.label(metric),
        metric.model,
        metric.baseline or "",
        f"missing: {metric.note or metric.method}" if metric.value is None else words.text_of(metric, metric.value),
        "" if low is None or high is None else f"{words.text_of(metric, low)} to {words.text_of(metric, high)}",
        "" if metric.p_adjusted is None else p_text(metric.p_adjusted),
        f"{metric.n:,} {metric.unit}",
        f"{metric.unscored:,}",
    )
