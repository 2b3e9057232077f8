"""Figures of the judges that compared a run's models before its present one; nobody is asked."""

from collections.abc import Sequence

from srlm.store import files

from ...records import MetricValue, Verdict
from ...stats.intervals import Resampling, share
from ..base import RunData
from ..measuring import figure, resampling, with_holm
from ..paired import contests_of
from .measure import compared
from .other_judges import BENCHMARK, SAME
from .places import other_verdicts, verdicts_path


def figures(run: RunData) -> list[MetricValue]:
    """Of every other judge, from the verdicts on disk; nobody is asked."""
    how = resampling(run.settings)
    found: dict[str, list[MetricValue]] = {}
    for later, earlier in contests_of(run.names, run.settings.evaluation.reference):
        path = verdicts_path(run.folder, later, earlier)
        own = files.read(path, Verdict) if path.exists() else []
        for judge, path in other_verdicts(run.folder, later, earlier):
            said = files.read(path, Verdict)
            rows = [*compared(later, earlier, said, how), *_agreement(later, earlier, own, said, how)]
            found.setdefault(judge, []).extend(rows)
    return [_named(one, judge) for judge, rows in found.items() for one in with_holm(rows, how, shares=True)]


def _agreement(
    later: str, earlier: str, own: Sequence[Verdict], other: Sequence[Verdict], how: Resampling
) -> list[MetricValue]:
    """How often two judges give the same outcome, where both could be read."""
    outcomes = {one.prompt_id: one.outcome for one in own}
    both = [(one.outcome, outcomes.get(one.prompt_id)) for one in other]
    read = [(one, another) for one, another in both if one is not None and another is not None]
    if not own:
        return []
    estimate = share([one == another for one, another in read], how.using(BENCHMARK, SAME, later, earlier))
    note = f"judge {own[0].judge} and judge {other[0].judge}" if other else ""
    unread = len(both) - len(read)
    return [figure(later, BENCHMARK, SAME, estimate, unscored=unread, baseline=earlier, note=note)]


def _named(metric: MetricValue, judge: str) -> MetricValue:
    """A figure's name has no place for a judge: both models say by whom they were judged."""
    names = {"model": f"{metric.model}, judge {judge}", "baseline": f"{metric.baseline}, judge {judge}"}
    return metric.model_copy(update={"benchmark": BENCHMARK, **names})
