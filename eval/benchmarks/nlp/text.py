"""What `srlm-eval nlp` prints: tasks x models, and what each lost or gained against SFT or the reference."""

from collections.abc import Sequence

from srlm.methods.start import BASELINE

from ...figures.text import aligned
from ...records import MetricValue
from .figures import AVERAGE, FAILED
from .page import mains


def table(figures: Sequence[MetricValue]) -> str:
    """Every figure that stands for a task, by model, with its interval, and its difference from the baseline's."""
    baselines = list(dict.fromkeys(m.baseline for m in figures if m.baseline is not None))
    baseline = baselines[0] if len(baselines) == 1 else BASELINE.name
    rows = []
    for metric in [*mains(figures), AVERAGE]:
        for one in figures:
            if one.metric != metric or one.baseline is not None:
                continue
            tax = next((m for m in figures if (m.metric, m.model, m.baseline) == (metric, one.model, baseline)), None)
            rows.append([metric, one.model, _ends(one), str(one.n), _tax(tax), one.note])
    return aligned(["task", "model", "score", "n", f"minus {baseline} (p, Holm)", "note"], rows)


def failures(figures: Sequence[MetricValue]) -> list[MetricValue]:
    """Tasks that could not be measured."""
    return [one for one in figures if one.note.startswith(FAILED)]


def _ends(one: MetricValue) -> str:
    if one.value is None:
        return "-"
    ends = "" if one.low is None or one.high is None else f" ({one.low:.3f} to {one.high:.3f})"
    return f"{one.value:.3f}{ends}"


def _tax(one: MetricValue | None) -> str:
    if one is None or one.value is None:
        return "-"
    ends = "" if one.low is None or one.high is None else f" ({one.low:+.3f} to {one.high:+.3f})"
    return f"{one.value:+.3f}{ends}" + ("" if one.p_adjusted is None else f", p {one.p_adjusted:.3f}")
