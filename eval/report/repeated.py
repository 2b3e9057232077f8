"""Does a run give the figures of a report that was kept?"""

from collections.abc import Sequence

from ..records import MetricValue


def unlike(kept: Sequence[MetricValue], now: Sequence[MetricValue]) -> list[str]:
    """A line for each figure that two measurements of one run do not share, to nine digits."""
    before, after = (
        {(m.benchmark, m.metric, m.model, m.baseline or ""): m for m in metrics} for metrics in (kept, now)
    )
    lines = []
    for key in sorted({*before, *after}):
        old, new = (None if (m := found.get(key)) is None else _numbers(m) for found in (before, after))
        if old != new:
            lines.append(f"{' '.join(part for part in key if part)}: {old or 'absent'} -> {new or 'absent'}")
    return lines


def _numbers(metric: MetricValue) -> str:
    ends = [metric.value, metric.low, metric.high]
    numbers = ", ".join("missing" if number is None else f"{number:.9g}" for number in ends)
    return f"{numbers}, n {metric.n}, {metric.unscored} unscored"
