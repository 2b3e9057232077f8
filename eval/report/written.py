"""The same report as a plain file for people: report.md."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..figures.words import MetricWords, p_text, plain
from ..records import MetricValue

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def markdown(content: Mapping[str, Any], words: MetricWords) -> str:
    """Findings, warnings, and every figure by benchmark."""
    lines = [
        f"# {_safe(content['name'])}",
        "",
        f"Made by `{content['command'].replace('`', '')}`.",
        "",
        "## Verdict",
        "",
    ]
    lines += [f"- **Warning, {_safe(one.about)}**: {_safe(one.text)}" for one in content["doubts"]]
    lines += [f"- {_safe(one.text)}" for one, _ in content["findings"]] or ["- missing: there is nothing to compare"]
    for benchmark in dict.fromkeys(metric.benchmark for metric in content["metrics"]):
        found = [metric for metric in content["metrics"] if metric.benchmark == benchmark]
        lines += ["", f"## {_safe(words.title(benchmark)).capitalize()}", ""]
        lines += table(
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


def table(header: Sequence[str], rows: Any) -> list[str]:
    """Lines of a Markdown table."""
    cells = [[_safe(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in [list(header), ["---"] * len(header), *cells]]


def _safe(text: str) -> str:
    """Words on one line that no reader of Markdown takes for more than words."""
    return _SPECIAL.sub(r"\\\1", " ".join(plain(text).split()))
