"""Figures as text for a terminal: aligned columns, however narrow the window. Nothing but endless names is cut."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from srlm.terminal import cut, width_of
from srlm.text.counts import counted

from ..records import MetricValue
from .specs import spaced
from .words import no_interval

if TYPE_CHECKING:
    from ..stats.power import Smallest  # brings scipy along

WIDEST = 160
"""Cells of a name in a table. The longest on AlpacaEval's leaderboard has 37, but a path may be a name, too."""
WIDEST_LAST = 400
"""Cells of the last column, which holds notes."""


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns stand under their names, two spaces apart."""
    table = [list(header), *([*map(short_name, row[:-1]), cut(row[-1], WIDEST_LAST)] for row in rows)]
    widths = [max(width_of(line[i]) for line in table) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell + " " * (width - width_of(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


def short_name(name: str) -> str:
    """A name on a line or in a cell: names come from files that anybody wrote. Files have the whole of it."""
    return cut(name, WIDEST)


def shares(metrics: Sequence[MetricValue]) -> str:
    """A line a figure: shares of 0..1 with their intervals."""
    rows = [[m.model, m.metric, value(m, ".3f"), str(m.n), str(m.unscored), m.note] for m in metrics]
    table = aligned(["model", "measure", "value", "prompts", "unscored", "of"], rows)
    return "\n".join([table, *without_interval(metrics)])


def value(metric: MetricValue | None, form: str = ".2f", unknown: str = "not known") -> str:
    """A figure with its interval."""
    if metric is None or metric.value is None:
        return unknown
    if metric.low is None or metric.high is None:
        return format(metric.value, form)
    return f"{metric.value:{form}} [{metric.low:{form}}, {metric.high:{form}}]"


def percent(metric: MetricValue) -> str:
    """A share in percent, with its interval."""
    scaled = {name: None if (end := getattr(metric, name)) is None else 100 * end for name in ("value", "low", "high")}
    return value(metric.model_copy(update=scaled), ".1f")


def without_interval(metrics: Iterable[MetricValue]) -> list[str]:
    """A line for each reason why figures that are there have no interval, with the models it is of."""
    of: dict[str, dict[str, None]] = {}
    for metric in metrics:
        if metric.low is None and (why := no_interval(metric)):
            of.setdefault(f"{spaced(metric.metric)}: {why}", {})[_compared(metric)] = None
    return [f"{', '.join(map(short_name, models))}, {said}" for said, models in of.items()]


def _compared(metric: MetricValue) -> str:
    return metric.model if metric.baseline is None else f"{metric.model} minus {metric.baseline}"


def listed(metrics: Sequence[MetricValue], of: str) -> str:
    """A line a figure; `of` says what they are figures of."""
    rows = [
        [
            _compared(m),
            spaced(m.metric),
            value(m, ".3f", ""),
            f"{m.n} {m.unit}",
            str(m.unscored or ""),
            m.note,
        ]
        for m in metrics
    ]
    return "\n".join([aligned([of, "measure", "value", "n", "unscored", "note"], rows), *without_interval(metrics)])


def p_value(p: float | None) -> str:
    """To four digits; empty where there was no test."""
    return "" if p is None else "< .0001" if p < 0.0001 else f"{p:.4f}"


def power(found: Sequence["Smallest"]) -> str:
    """What so many prompts can show."""
    first = found[0]
    rows = [[f"against {one.against}", _points(one.up), _points(one.down)] for one in found]
    said = (
        f"{counted(first.n, 'prompts')}, a rate of {100 * first.rate:g}%: what a two-sided test at "
        f"{100 * first.alpha:g}% shows "
    )
    said += f"with {100 * first.power:g}% power, in points of percent"
    return f"{said}\n{aligned(['', 'smallest rise', 'smallest fall'], rows)}"


def _points(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f}"
