"""Figures of judges as text for a terminal, the paper's beside them."""

from collections.abc import Sequence

from ..benchmarks import published
from ..benchmarks.canaries import KINDS
from ..records import MetricValue
from ..suites.canaries import Tried
from ..suites.people import TOGETHER
from .tables import aligned, p_value

COLUMNS = {
    "pairwise_accuracy": "pairs right",
    "pairwise_accuracy_half": "ties half",
    "five_best": "5s best",
    "exact_match": "exact order",
    "spearman": "Spearman",
    "kendall": "Kendall",
    "unparsed": "unread",
}
ORDERS = {
    "accuracy_as_listed": "right as listed",
    "accuracy_turned": "right turned",
    "accuracy_both_orders": "right in both",
    "accuracy_by_probability": "right by probability",
    "position_agreement": "orders agree",
    "first_shown_preferred": "first shown preferred",
}


def agreement(metrics: Sequence[MetricValue]) -> str:
    """A line a judge, then what comparisons in both orders say, differences, people, and the paper's table."""
    alone = [m for m in metrics if m.baseline is None and m.model != TOGETHER]
    parts = [_table(alone, COLUMNS)]
    orders = [m for m in alone if m.metric in ORDERS]
    if orders:
        parts.append(_table(orders, ORDERS))
    apart = [m for m in metrics if m.baseline is not None and m.value is not None and m.metric in COLUMNS]
    if apart:
        rows = [[m.model, m.baseline or "", COLUMNS[m.metric], shown(m, "+.3f"), p_value(m.p_adjusted)] for m in apart]
        parts.append(aligned(["judge", "minus", "measure", "difference", "p (Holm)"], rows))
    together = [
        [m.metric.replace("_", " "), shown(m), f"{m.n} {m.unit}", m.note] for m in metrics if m.model == TOGETHER
    ]
    if together:
        parts.append(aligned(["people among each other", "", "", ""], together))
    paper = published.judge_agreement()
    rows = [[row.model, *(f"{getattr(row, name):.3f}" for name in COLUMNS if hasattr(row, name))] for row in paper.rows]
    named = [label for name, label in COLUMNS.items() if hasattr(paper.rows[0], name)]
    parts.append(f"{paper.source}; {paper.setting}:\n{aligned(['judge', *named], rows)}")
    return "\n\n".join(parts)


def _table(metrics: Sequence[MetricValue], columns: dict[str, str]) -> str:
    found = {(m.model, m.metric): m for m in metrics}
    models = list(dict.fromkeys(m.model for m in metrics))
    kept = {name: label for name, label in columns.items() if any((model, name) in found for model in models)}
    rows = [[model, *(shown(found.get((model, name))) for name in kept)] for model in models]
    n = [found[model, name] for model in models for name in kept if (model, name) in found]
    units = dict.fromkeys(f"{kept[m.metric]} {m.n} {m.unit}" for m in n if m.model == models[0])
    return aligned(["judge", *kept.values()], rows) + f"\nn of {models[0]}: {', '.join(units)}"


def shown(metric: MetricValue | None, form: str = ".3f") -> str:
    """A value with its interval."""
    if metric is None or metric.value is None:
        return ""
    if metric.low is None or metric.high is None:
        return format(metric.value, form)
    return f"{metric.value:{form}} [{metric.low:{form}}, {metric.high:{form}}]"


def listed(metrics: Sequence[MetricValue]) -> str:
    """A line a figure: audits and the like."""
    rows = [
        [m.model, m.metric.replace("_", " "), shown(m), f"{m.n} {m.unit}", str(m.unscored or ""), m.note]
        for m in metrics
    ]
    return aligned(["judge", "measure", "value", "n", "unscored", "note"], rows)


def canaries(tried: Sequence[Tried]) -> str:
    """Pass or fail by judge and kind, then each canary that did not hold."""
    rows = []
    for judge, way, kind in dict.fromkeys((one.judge, one.way, one.kind) for one in tried):
        held = [one.held for one in tried if (one.judge, one.way, one.kind) == (judge, way, kind)]
        said = "FAIL" if False in held else "unread" if None in held else "pass"
        rows.append([judge, way, kind, said, f"{held.count(True)} of {len(held)}", KINDS[kind]])
    ours = [row for row in rows if row[1] == "parsing"]
    scripted = [one.held for one in tried if one.way == "parsing"]
    parts = [f"the reading of scores held in {scripted.count(True)} of {len(scripted)} scripted judgements of canaries"]
    shown_rows = [row for row in rows if row not in ours or row[3] != "pass"]
    if shown_rows:
        parts.append(aligned(["judge", "by", "canary", "", "held", "what it is"], shown_rows))
    fallen = [
        [one.judge, one.way, one.kind, one.prompt, one.given, one.should_not] for one in tried if one.held is not True
    ]
    if fallen:
        header = ["judge", "by", "canary", "question", "what it gave", "what it should not have given"]
        parts.append(aligned(header, fallen))
    return "\n\n".join(parts)
