"""Doubts about a judge whose verdicts change with the order in which answers are shown."""

from collections.abc import Iterator, Sequence

from ..figures.words import percent
from ..records import MetricValue
from .base import Doubt

ORDER_DECIDED = 0.3
"""Share of verdicts above which a judge is warned of."""
JUDGES = 30
"""Rank of doubts about judges."""


def order_doubts(figures: Sequence[MetricValue]) -> Iterator[Doubt]:
    """One for each pair of models whose verdicts the order decided too often."""
    for metric in figures:
        if metric.metric == "order_decided" and metric.value is not None and metric.value > ORDER_DECIDED:
            against = metric.baseline or "the baseline"
            yield Doubt(
                "judge",
                f"{metric.model} against {against}: in {percent(metric.value)} of the verdicts the order in which the "
                "answers were shown decided",
                JUDGES,
            )
