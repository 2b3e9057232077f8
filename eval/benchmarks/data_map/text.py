"""The data map's numbers as text for a terminal."""

from collections.abc import Sequence

from ...figures.text import aligned, p_value, short_name, value
from ...records import MetricValue
from .benchmark import METRICS
from .measure import DATA_MAP


def overlap_table(metrics: Sequence[MetricValue]) -> str:
    """A line a figure of two sets."""
    rows = [
        [
            f"{short_name(m.model)} in {short_name(m.baseline or '')}",
            METRICS[m.metric].label,
            value(m, ".3f"),
            str(m.n),
            p_value(m.p_adjusted),
            m.note if m.value is not None else f"{m.method}; {m.note}",
        ]
        for m in metrics
        if m.benchmark == DATA_MAP
    ]
    return aligned(["sets", "measure", "value", "texts", "p (Holm)", "note"], rows)
