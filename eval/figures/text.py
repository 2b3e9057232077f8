"""Figures as text for a terminal: aligned columns, nothing cut off, however narrow the window or the pipe."""

from collections.abc import Sequence

from ..benchmarks import published
from ..records import MetricValue
from ..stats.power import Smallest
from ..suites.leaderboard import ranked
from ..suites.measuring import NOT_SHOWN


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns stand under their names, two spaces apart."""
    table = [list(header), *([_clean(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
    )


def leaderboard(metrics: Sequence[MetricValue]) -> str:
    """A line a model, the best first: win rates in percent with their intervals."""
    found = {(m.model, m.metric): m for m in metrics}
    models = ranked(metrics)
    rows = []
    for model in models:
        win, length = found[model, "win_rate"], found[model, "avg_length"]
        lc = found.get((model, "lc_win_rate"))
        rows.append([model, value(lc), value(win), str(win.n), str(win.unscored), f"{length.value or 0:.0f}"])
    header = ["model", "LC win rate (%)", "win rate (%)", "prompts", "unscored", "characters"]
    incomplete = [f"\n{_incomplete(found, model)}" for model in models if found[model, "win_rate"].unscored]
    return "\n".join([aligned(header, rows), *incomplete])


def _incomplete(found: dict[tuple[str, str], MetricValue], model: str) -> str:
    """What prompts without a preference could change, and what joining difficulty by row makes of their absence."""
    win, (low, high) = found[model, "win_rate"], (found[model, f"win_rate_if_missing_{end}"] for end in ("lost", "won"))
    said = f"{_clean(model)}: {win.note.partition('; ')[2]}; the win rate lies between {value(low)} and {value(high)}"
    shifted = found.get((model, "lc_win_rate_by_row_position"))
    if shifted is None:
        return said
    return f"{said};\n  difficulty joined by row position, as in the official figure, gives LC {value(shifted)}"


def comparisons(metrics: Sequence[MetricValue]) -> str:
    """A line a comparison: the first model minus the second, in points of percent, and p after Holm's correction."""
    rows = [
        [m.model, m.baseline or "", _measure(m), value(m, "+.2f"), p_value(m.p_adjusted), str(m.n), str(m.unscored)]
        for m in metrics
    ]
    table = aligned(["model", "minus", "measure", "points", "p (Holm)", "prompts", "unscored"], rows)
    silent = [
        f"{_clean(m.model)} and {_clean(m.baseline or '')}, {_measure(m)}: {m.note.rpartition('; ')[2]}"
        for m in metrics
        if NOT_SHOWN in m.note
    ]
    return "\n".join([table, *(["", *silent] if silent else [])])


def shares(metrics: Sequence[MetricValue]) -> str:
    """A line a figure: shares of 0..1 with their intervals."""
    rows = [[m.model, m.metric, value(m, ".3f"), str(m.n), str(m.unscored), m.note] for m in metrics]
    return aligned(["model", "measure", "value", "prompts", "unscored", "of"], rows)


def contests(metrics: Sequence[MetricValue]) -> str:
    """A line a pair of the head-to-head, in percent, the paper's figures for the pair of the same names behind it."""
    found = {(m.model, m.baseline, m.metric): m for m in metrics if m.benchmark == "head_to_head"}
    paper = {(row.model, row.baseline): row for row in published.head_to_head().rows}
    rows, notes = [], []
    for (model, baseline, metric), difference in found.items():
        if metric != "win_minus_lose":
            continue
        shares = [_percent(found[model, baseline, name]) for name in ("win", "tie", "lose")]
        said = paper.get((model, baseline or ""))
        theirs = f"{100 * said.win:.1f} / {100 * said.tie:.1f} / {100 * said.lose:.1f}" if said else ""
        counted = [str(difference.n), str(difference.unscored)]
        rows.append([f"{model} : {baseline}", *shares, p_value(difference.p_adjusted), *counted, theirs])
        if NOT_SHOWN in difference.note or difference.value is None:
            notes.append(f"{model} : {baseline}: {difference.note}")
    if not rows:
        return "no two checkpoints to compare"
    head = ["pair", "wins %", "ties %", "losses %", "p (Holm)", "prompts", "unscored", "the paper's"]
    source = published.head_to_head()
    return "\n".join([aligned(head, rows), *notes, f"the paper's: {source.source}; {source.setting}"])


def _percent(metric: MetricValue) -> str:
    if metric.value is None or metric.low is None or metric.high is None:
        return "not known" if metric.value is None else f"{100 * metric.value:.1f}"
    return f"{100 * metric.value:.1f} [{100 * metric.low:.1f}, {100 * metric.high:.1f}]"


def _measure(metric: MetricValue) -> str:
    return metric.metric.removesuffix("_difference").replace("_", " ")


def value(metric: MetricValue | None, form: str = ".2f") -> str:
    """A figure with its interval."""
    if metric is None or metric.value is None:
        return "not known"
    if metric.low is None or metric.high is None:
        return format(metric.value, form)
    return f"{metric.value:{form}} [{metric.low:{form}}, {metric.high:{form}}]"


def p_value(p: float | None) -> str:
    """To four digits; empty where there was no test."""
    return "" if p is None else "< .0001" if p < 0.0001 else f"{p:.4f}"


def _clean(text: str) -> str:
    """Names come from files that anybody wrote; what would steer a terminal is shown as `?`."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def power(found: Sequence[Smallest]) -> str:
    """What so many prompts can show."""
    first = found[0]
    rows = [[f"against {one.against}", _points(one.up), _points(one.down)] for one in found]
    said = f"{first.n} prompts, a rate of {100 * first.rate:g}%: what a two-sided test at {100 * first.alpha:g}% shows "
    said += f"with {100 * first.power:g}% power, in points of percent"
    return f"{said}\n{aligned(['', 'smallest rise', 'smallest fall'], rows)}"


def _points(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f}"
