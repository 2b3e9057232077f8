"""Agreement with people as text for a terminal, the paper's figures beside it."""

from collections.abc import Sequence

from srlm.printable import one_line

from ...data import published
from ...data.cited import NOT_A_TARGET
from ...figures.text import aligned, p_value, short_name, value, without_interval
from ...records import MetricValue
from ..measuring import ALONE, excluded
from .as_published import MARK
from .baselines import CEILING, FIRST
from .figures import TIES
from .people import TOGETHER

COLUMNS = {
    "pairwise_accuracy": "pairs right",
    "pairwise_accuracy_half": "ties half",
    "five_best": "5s best",
    "exact_match": "exact order",
    "spearman": "Spearman",
    "kendall": "Kendall",
    "unscored": "unscored",
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
    ties = {name: f"a tie is {policy}" for name, policy in TIES.items()}
    parts.append(f"pairs right, by what a judge's tie counts as\n{_table(alone, ties)}")
    parts += [
        f"{short_name(m.model)}: {one_line(m.note)}" for m in alone if m.model in (FIRST, CEILING) and m.value is None
    ]
    orders = [m for m in alone if m.metric in ORDERS]
    if orders:
        parts.append(_table(orders, ORDERS))
    apart = [m for m in metrics if m.baseline is not None and m.value is not None and m.metric in COLUMNS]
    if apart:
        rows = [
            [m.model, m.baseline or "", COLUMNS[m.metric], value(m, "+.3f", ""), p_value(m.p_adjusted),
             f"{m.n} {m.unit}", str(m.unscored)]
            for m in apart
        ]  # fmt: skip
        table = aligned(["judge", "minus", "measure", "difference", "p (Holm)", "n", "unscored"], rows)
        parts.append(f"{table}\n{ALONE}" if len(apart) > len({m.metric for m in apart}) else table)
        parts += ["\n".join(lines)] if (lines := excluded(apart)) else []
    unsure = without_interval([m for m in alone if m.metric in COLUMNS or m.metric in ORDERS] + apart)
    parts += ["\n".join(unsure)] if unsure else []
    published_too = [
        [m.model, m.metric.removeprefix(MARK), value(m, ".3f", ""), f"{m.n} {m.unit}", m.note]
        for m in alone
        if m.metric.startswith(MARK)
    ]
    if published_too:
        parts.append(
            aligned(["judge", "as the test set's own code counts", "", "n", ""], published_too)
            + "\nNot ours: an unread verdict or score has a value there. Ours, above, leave it out and count it."
        )
    together = [
        [m.metric.replace("_", " "), value(m, ".3f", ""), f"{m.n} {m.unit}", m.note]
        for m in metrics
        if m.model == TOGETHER
    ]
    if together:
        parts.append(aligned(["people among each other", "", "", ""], together))
    paper = published.judge_agreement()
    rows = [[row.model, *(f"{getattr(row, name):.3f}" for name in COLUMNS if hasattr(row, name))] for row in paper.rows]
    named = [label for name, label in COLUMNS.items() if hasattr(paper.rows[0], name)]
    theirs = f"{paper.source}; {paper.setting}: {NOT_A_TARGET}"
    parts.append(f"{theirs}\n{aligned(['judge', *named], rows)}")
    return "\n\n".join(parts)


def _table(metrics: Sequence[MetricValue], columns: dict[str, str]) -> str:
    found = {(m.model, m.metric): m for m in metrics}
    models = list(dict.fromkeys(m.model for m in metrics))
    kept = {name: label for name, label in columns.items() if any((model, name) in found for model in models)}
    rows = [[model, *(value(found.get((model, name)), ".3f", "") for name in kept)] for model in models]
    n = [found[model, name] for model in models for name in kept if (model, name) in found]
    units = dict.fromkeys(f"{kept[m.metric]} {m.n} {m.unit}" for m in n if m.model == models[0])
    return aligned(["judge", *kept.values()], rows) + f"\nn of {short_name(models[0])}: {', '.join(units)}"
