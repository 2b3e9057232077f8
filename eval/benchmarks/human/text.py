"""Human evaluation as text for a terminal."""

from collections.abc import Sequence

from srlm.printable import one_line
from srlm.text.counts import counted

from ...data import published
from ...data.cited import NOT_A_TARGET
from ...figures.text import aligned, p_value, percent, short_name, value
from ...figures.words import MetricWords
from ...records import MetricValue
from ..measuring import ALONE


def result(metrics: Sequence[MetricValue], words: MetricWords) -> str:
    """A line a pair of models, the paper's below it; then how people agree, and judges with them."""
    found = {(m.model, m.baseline, m.metric): m for m in metrics}
    paper = {(row.model, row.baseline): row for row in published.human().rows}
    rows, notes = [], []
    for (model, baseline, metric), difference in found.items():
        if metric != "win_minus_lose":
            continue
        shares = [percent(found[model, baseline, name]) for name in ("win", "tie", "lose")]
        said = paper.get((model, baseline or ""))
        theirs = f"{100 * said.win:.0f} / {100 * said.tie:.0f} / {100 * said.lose:.0f}" if said else ""
        tested = [p_value(difference.p), p_value(difference.p_adjusted)]
        rows.append([f"{model} : {baseline}", *shares, *tested, str(difference.n), str(difference.unscored), theirs])
        notes.append(f"{short_name(model)} : {short_name(baseline or '')}: {one_line(difference.note)}")
    if not rows:
        return "no votes were imported yet"
    head = ["pair", "wins %", "ties %", "losses %", "p", "p (Holm)", "prompts", "unscored", "the paper's"]
    source = published.human()
    theirs = (
        f"the paper's: {source.source}; {source.setting}, {counted(source.n, 'prompts')}, "
        f"{counted(source.annotators, 'annotators')}: "
        f"{NOT_A_TARGET}"
    )
    lines = [aligned(head, rows), *notes, *([ALONE] if len(rows) > 1 else []), theirs]
    others = [m for m in metrics if m.metric not in ("win", "tie", "lose", "win_minus_lose")]
    if others:
        lines += ["", _others(others, words)]
    return "\n".join(lines)


def _others(metrics: Sequence[MetricValue], words: MetricWords) -> str:
    rows = [
        [
            m.model if m.baseline is None else f"{m.model}, {m.baseline}",
            words.label(m),
            value(m, ".3f"),
            f"{m.n} {m.unit}",
            str(m.unscored),
            m.note,
        ]
        for m in metrics
    ]
    return aligned(["of", "measure", "value", "n", "unscored", "note"], rows)
