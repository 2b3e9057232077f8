"""The leaderboard and comparisons of models as text for a terminal."""

from collections.abc import Iterable, Sequence

from srlm.printable import one_line

from ...data.cited import warning_of, without_warning
from ...figures.text import aligned, p_value, short_name, value, without_interval
from ...records import MetricValue
from ..measuring import ALONE, NOT_SHOWN
from .leaderboard import ranked


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
    rates = [found[model, name] for name in ("lc_win_rate", "win_rate") for model in models if (model, name) in found]
    unsure = [f"\n{line}" for line in without_interval(rates)]
    told = [*incomplete, *unsure, *warnings(found[model, "win_rate"] for model in models)]
    return "\n".join([aligned(header, rows), *told])


def warnings(rates: Iterable[MetricValue]) -> list[str]:
    """A line for each way in which figures are on another scale than the published ones, with the models it is of."""
    models: dict[str, dict[str, None]] = {}
    for rate in rates:
        if sentence := warning_of(rate.note):
            models.setdefault(sentence, {})[rate.model] = None
    return [f"\nWARNING: {', '.join(map(short_name, of))}: {one_line(sentence)}" for sentence, of in models.items()]


def _incomplete(found: dict[tuple[str, str], MetricValue], model: str) -> str:
    """What prompts without a preference could change, and what joining difficulty by row makes of their absence."""
    win, (low, high) = found[model, "win_rate"], (found[model, f"win_rate_if_missing_{end}"] for end in ("lost", "won"))
    why = without_warning(win.note).partition("; ")[2]
    said = f"{short_name(model)}: {one_line(why)}; the win rate lies between {value(low)} and {value(high)}"
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
        f"{short_name(m.model)} and {short_name(m.baseline or '')}, {_measure(m)}: "
        f"{one_line(note[note.index(NOT_SHOWN) :])}"
        for m in metrics
        if NOT_SHOWN in (note := without_warning(m.note))
    ]
    levels = ["", ALONE] if len(metrics) > len({m.metric for m in metrics}) else []
    return "\n".join([table, *(["", *silent] if silent else []), *levels, *warnings(metrics)])


def _measure(metric: MetricValue) -> str:
    return metric.metric.removesuffix("_difference").replace("_", " ")
