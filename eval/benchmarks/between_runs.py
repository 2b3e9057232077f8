"""Differences between models of two runs, on the prompts that both have."""

from srlm.settings import Settings
from srlm.store.folder import RunFolder

from ..records import MeasureId, MetricValue, Series
from ..stats.intervals import Resampling
from .measuring import difference
from .run_data import RunData


def series(settings: Settings, folder: RunFolder) -> list[Series]:
    """What lies on disk of a run, a value a prompt, of every benchmark."""
    from .table import BENCHMARKS  # which some of the benchmarks that call this stand in

    run = RunData(settings, folder)
    return [series for benchmark in BENCHMARKS for series in benchmark.per_prompt(run)]


def called(one: MeasureId) -> str:
    """What a difference of this measure is called: against a model of its own run, it says which."""
    measure = f"{one.benchmark}/{one.metric}"
    return measure if one.baseline is None else f"over {one.baseline}: {measure}"


def between(benchmark: str, model: str, baseline: str, found: Series, against: Series, how: Resampling) -> MetricValue:
    """The first series minus the second, paired by prompt, as a figure of `benchmark`."""
    theirs = dict(zip(against.prompts, against.values, strict=True))
    # The test wants what a prompt gained or lost; a share of several units a prompt is that prompt's mean.
    shared = [(value, theirs[id]) for id, value in zip(found.prompts, found.values, strict=True) if id in theirs]
    none_known = "the two runs share no prompt that both could be scored on"
    measure = called(found)
    return difference(model, baseline, benchmark, measure, shared, how.using(model, baseline, measure), none_known)
