"""The head to head as text for a terminal."""

from collections.abc import Sequence

from srlm.printable import one_line
from srlm.text.counts import counted

from ...data import published
from ...data.cited import NOT_A_TARGET
from ...figures.text import aligned, p_value, percent, short_name
from ...records import MetricValue
from ..measuring import ALONE, NOT_SHOWN
from .other_judges import BENCHMARK, SAME


def contests(metrics: Sequence[MetricValue]) -> str:
    """A line a pair of the head-to-head, in percent, the paper's figures for the pair of the same names behind it."""
    found = {(m.model, m.baseline, m.metric): m for m in metrics if m.benchmark == "head_to_head"}
    paper = {(row.model, row.baseline): row for row in published.head_to_head().rows}
    rows, notes = [], []
    for (model, baseline, metric), difference in found.items():
        if metric != "win_minus_lose":
            continue
        shares = [percent(found[model, baseline, name]) for name in ("win", "tie", "lose")]
        said = paper.get((model, baseline or ""))
        theirs = f"{100 * said.win:.1f} / {100 * said.tie:.1f} / {100 * said.lose:.1f}" if said else ""
        numbers = [str(difference.n), str(difference.unscored)]
        rows.append([f"{model} : {baseline}", *shares, p_value(difference.p_adjusted), *numbers, theirs])
        if NOT_SHOWN in difference.note or difference.value is None:
            notes.append(f"{short_name(model)} : {short_name(baseline or '')}: {one_line(difference.note)}")
    if not rows:
        return "no two checkpoints to compare"
    head = ["pair", "wins %", "ties %", "losses %", "p (Holm)", "prompts", "unscored", "the paper's"]
    source = published.head_to_head()
    theirs = f"the paper's: {source.source}; {source.setting}, {counted(source.n, 'prompts')}: {NOT_A_TARGET}"
    levels = [ALONE] if len(rows) > 1 else []
    return "\n".join([aligned(head, rows), *notes, *levels, theirs])


def others(metrics: Sequence[MetricValue]) -> str:
    """A line a pair and judge that the run asked before its present one; empty where there is none."""
    found = {(m.model, m.baseline, m.metric): m for m in metrics if m.benchmark == BENCHMARK}
    rows = []
    for (model, baseline, metric), difference in found.items():
        if metric == "win_minus_lose":
            names = [name for name in ("win", "tie", "lose", SAME) if (model, baseline, name) in found]
            shares = [percent(found[model, baseline, name]) for name in names]
            shares += [""] * (4 - len(shares))
            numbers = [str(difference.n), str(difference.unscored)]
            rows.append([f"{model} : {baseline}", *shares, p_value(difference.p_adjusted), *numbers])
    head = ["pair", "wins %", "ties %", "losses %", "same outcome %", "p (Holm)", "prompts", "unscored"]
    return "\n".join(["The same answers by judges that were asked before:", aligned(head, rows)]) if rows else ""
