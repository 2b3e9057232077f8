"""The same report as a plain file for people: report.md."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from srlm.contents import sha256_of
from srlm.printable import one_line
from srlm.store import files
from srlm.text.markdown import markdown as text
from srlm.text.markdown import markdown_table

from ..benchmarks.base import Doubt
from ..figures.words import MetricWords, no_interval, p_text
from ..records import MetricValue

WARNINGS = "warnings.json"
"""Beside a run's report: what it warns of, and which figures it was made from. An index of runs reads it."""


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


def warnings(doubts: Sequence[Doubt], figures: Path) -> str:
    """What the report warns of as JSON, with the digest of the metrics.json that it was made from."""
    content = {
        "figures": figures_digest(figures),
        "warnings": [{"about": one.about, "text": one.text} for one in doubts],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def warned_of(report: Path, figures: Path) -> int | None:
    """How many warnings the report of a run has; None where there is none, or it is of other figures than these."""
    path = report.with_name(WARNINGS)
    found = files.read_object(path) if path.is_file() else {}
    warnings = found.get("warnings")
    if not isinstance(warnings, list) or found.get("figures") != figures_digest(figures):
        return None
    return len(warnings)


def figures_digest(figures: Path) -> str | None:
    """SHA-256 of a metrics.json; None where nothing was measured yet."""
    return sha256_of(figures) if figures.is_file() else None


def _row(metric: MetricValue, words: MetricWords) -> tuple[str, ...]:
    return (
        words.label(metric),
        metric.model,
        metric.baseline or "",
        f"missing: {metric.note or metric.method}" if metric.value is None else words.text_of(metric, metric.value),
        words.ends_of(metric) or no_interval(metric),
        "" if metric.p_adjusted is None else p_text(metric.p_adjusted),
        f"{metric.n:,} {metric.unit}",
        f"{metric.unscored:,}",
    )
