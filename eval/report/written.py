"""The same report as a plain file for people: report.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from srlm.printable import one_line
from srlm.terminal import cut
from srlm.text.markdown import markdown as text
from srlm.text.markdown import markdown_table

from ..figures.words import MetricWords, no_interval, p_text
from ..records import MetricValue
from .first_screen.summary import Summary
from .first_screen.table import Cell

EXCERPT = 280
"""Characters of a prompt or an answer."""


def markdown(content: Mapping[str, Any], words: MetricWords) -> str:
    """What the first screen of the page says, findings, and every figure by benchmark."""
    lines = [
        f"# {text(content['name'])}",
        "",
        f"Made by `{one_line(content['command']).replace('`', '')}`.",
        "",
        "## Verdict",
        "",
    ]
    if content["summary"] is not None:
        lines += _first_screen(content["summary"], content["caption"], content["names"], words)
    lines += [f"- **Warning, {text(one.about)}**: {text(one.text)}" for one in content["doubts"]]
    lines += [
        f"- **Expected, {text(one.about)}**: {text(one.text)} ({text(one.expected)})" for one in content["expected"]
    ]
    lines += [f"- {text(one.text)}" for one, _ in content["findings"]] or ["- missing: there is nothing to compare"]
    for benchmark in dict.fromkeys(metric.benchmark for metric in content["metrics"]):
        found = [metric for metric in content["metrics"] if metric.benchmark == benchmark]
        lines += ["", f"## {text(words.title(benchmark)).capitalize()}", ""]
        lines += markdown_table(
            ("Measure", "Model", "Against", "Value", "Interval", "p (Holm)", "n", "Unscored"),
            [_row(metric, words) for metric in found],
        )
    return "\n".join([*lines, ""])


def _first_screen(first: Summary, caption: str, names: Sequence[str], words: MetricWords) -> list[str]:
    """The sentence, the table, the prompt with all answers, and what it was made of."""
    said = [first.sentence, *first.more]
    lines = [text(" ".join(one.striptags() for one in said)), ""]
    if first.columns:
        header = ("Model", *(one.title for one in first.columns), "Unscored")
        rows = [
            (
                f"{name} (start)" if name == first.start else name,
                *(_cell(one.cells[place], words) for one in first.columns),
                first.unscored[place],
            )
            for place, name in enumerate(names)
        ]
        lines += [*markdown_table(tuple(text(title) for title in header), rows), "", text(caption), ""]
    if (exhibit := first.exhibit) is not None:
        lines += [f"One prompt: {_excerpt(exhibit.prompt.transcript)}", ""]
        for one in exhibit.answers:
            outcome = f" ({text(one.outcome.word)})" if one.outcome else ""
            lines.append(f"- {text(one.model)}{outcome}: {_excerpt(one.text)}")
        lines += ["", text(exhibit.rule), ""]
    lines += [text("; ".join(f"{name}: {what}" for name, what in first.made_of)), ""]
    return lines


def _cell(cell: Cell, words: MetricWords) -> str:
    figure = cell.figure
    if figure is None:
        return ""
    if figure.value is None:
        return f"missing: {figure.note or figure.method}"
    value = " / ".join(words.text_of(share, share.value) for _, share in cell.shares if share.value is not None)
    ends = words.ends_of(figure) or no_interval(figure) or "no interval"
    return f"{value or words.text_of(figure, figure.value)} ({ends})"


def _excerpt(said: str) -> str:
    return text(cut(" ".join(said.split()), EXCERPT)) or "(empty)"


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
