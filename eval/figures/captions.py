"""What a picture is made of, from the figures themselves: how many, at what level, and who judged or ranked."""

from collections.abc import Sequence

from srlm.text.counts import counted

from ..records import MetricValue


def caption(metrics: Sequence[MetricValue], level: str, *said: str) -> str:
    """`n 51 to 87 prompts; up to 3 unscored; 95% intervals; judge x.` Figures without a value are not in a picture.

    `level`: of their intervals, empty where the picture has none; `said`: what else is known of them. Empty where
    nothing was measured.
    """
    shown = [metric for metric in metrics if metric.value is not None]
    if not shown:
        return ""
    units: dict[str, list[int]] = {}
    for metric in shown:
        units.setdefault(metric.unit, []).append(metric.n)
    parts = [f"n {', '.join(_counted(numbers, unit) for unit, numbers in units.items())}"]
    if unscored := max(metric.unscored for metric in shown):
        parts.append(f"{'up to ' if len(shown) > 1 else ''}{unscored:,} unscored")
    with_ends = sum(metric.low is not None and metric.high is not None for metric in shown)
    some = "" if with_ends == len(shown) else f" on {with_ends} of {len(shown)}"
    if level:
        parts.append(f"{level} intervals{some}" if with_ends else "no intervals")
    return f"{'; '.join([*parts, *filter(None, said)])}."


def _counted(numbers: Sequence[int], unit: str) -> str:
    low, high = min(numbers), max(numbers)
    return counted(high, unit) if low == high else f"{low:,} to {counted(high, unit)}"
