"""The breakdown as text for a terminal."""

from collections.abc import Sequence

from ...data import published
from ...figures.text import aligned, p_value, short_name, value
from ...records import MetricValue
from . import names


def breakdown_table(metrics: Sequence[MetricValue]) -> str:
    """What the prompts are, then each comparison kind by kind, then whether kinds differ."""
    own = [m for m in metrics if m.benchmark == names.BREAKDOWN]
    compositions = [m for m in own if names.is_composition(m.metric)]
    tests = [m for m in own if names.is_test(m.metric)]
    shown = [m for m in own if not names.is_detail(m.metric)]
    rest = [m for m in shown if m not in compositions and m not in tests]
    parts = [
        aligned(
            ["share of", "value", "labelled", "unscored", "note"],
            [
                # All kinds of a label have one note; it is shown once.
                [m.metric, value(m, ".3f"), str(m.n), str(m.unscored or ""), m.note if m.note != before else ""]
                for m, before in zip(compositions, ["", *(m.note for m in compositions)], strict=False)
            ],
        )
    ]
    if rest:
        head = ["comparison", "kind", "value", "prompts", "unscored", "p (Holm)", "note"]
        rows = [
            [_pair(m), m.metric, value(m, "+.3f"), str(m.n), str(m.unscored or ""), p_value(m.p_adjusted), m.note]
            for m in rest
        ]
        parts.append(f"wins minus losses, and AlpacaEval's win rates\n{aligned(head, rows)}")
    elif not tests:
        parts.append("no comparison lies on disk; run srlm-eval h2h (and srlm-eval alpaca) first")
    if tests:
        rows = [[_pair(m), m.metric, value(m, ".3f"), str(m.n), p_value(m.p_adjusted), m.note] for m in tests]
        parts.append(
            "do kinds differ? share of the variance, permutation test\n"
            + aligned(["comparison", "measure", "value", "prompts", "p (Holm)", "note"], rows)
        )
    paper = published.breakdown()
    parts.append(f"the paper's ({paper.source}): {' '.join(paper.findings)}")
    return "\n\n".join(parts)


def _pair(metric: MetricValue) -> str:
    return short_name(metric.model if metric.baseline is None else f"{metric.model} : {metric.baseline}")
