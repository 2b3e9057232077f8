"""What the first screen compares: which measures benchmarks name, and the last model with which other one."""

from collections.abc import Sequence
from typing import NamedTuple

from srlm.methods.untrained import models_of

from ...benchmarks.base import Benchmark, Lead, RunData
from ...benchmarks.table import BENCHMARKS
from ...records import MetricValue

MOST_NAMED = 6
"""Models that are named in a line; of more, it counts them."""


class Measure(NamedTuple):
    """A metric that a benchmark gives to the first screen."""

    benchmark: Benchmark
    lead: Lead


class Sides(NamedTuple):
    """The models that the sentence is about."""

    last: str
    start: str | None
    """What `last` is compared with. None: there is no other model."""
    why: str
    """Why with that one: a sentence."""
    others: Sequence[str] = ()
    """Where several models are compared with `start` and none of them is the last: all of them."""


def measures(run: RunData) -> list[Measure]:
    """What benchmarks name, where a model of the run has a value; of judges, also where none gave a score."""
    values, tried = set(), set()
    for one in run.metrics:
        if one.model in run.names:
            tried.add((one.benchmark, one.metric, one.baseline is None))
            if one.value is not None:
                values.add((one.benchmark, one.metric, one.baseline is None))
    return [
        Measure(benchmark, lead)
        for benchmark in BENCHMARKS
        for lead in benchmark.leads
        if (benchmark.name, lead.metric, lead.about != "contest") in (tried if lead.about == "judge" else values)
    ]


def sides_of(run: RunData) -> Sides | None:
    """Which models the sentence compares; None where none was measured.

    A run's last model is compared with the base that its training began from, where that can answer; else with the
    first model of the loop; else with the first that was measured. `evaluation.reference` comes before all of these.
    """
    leads = {(benchmark.name, lead.metric) for benchmark in BENCHMARKS for lead in benchmark.leads}
    known = [one for one in run.metrics if (one.benchmark, one.metric) in leads]
    measured = {one.model for one in known} | {one.baseline for one in known}
    reference, names = run.settings.evaluation.reference, [name for name in run.names if name in measured]
    if not names:
        return None
    others = [name for name in names if name != reference] or names
    if models_of(run.settings):
        start = reference if reference in names else names[0]
        rest = [name for name in names if name != start]
        why = f"Compared with {start}, the reference" if rest else ""
        return Sides(rest[-1] if rest else start, start if rest else None, why, rest if len(rest) > 1 else ())
    steps = {step.name: step for step in run.folder.steps()}
    loop = [name for name in others if steps[name].role == "iteration"]
    last = loop[-1] if loop else others[-1]
    if reference in names:
        return Sides(last, reference, f"Compared with {reference}, the run's reference")
    base = steps[last]
    while base.parent in steps:
        base = steps[base.parent]
    if base.role == "base" and base.name in names and base.name != last:
        return Sides(last, base.name, f"Compared with {base.name}, from which the run started")
    unmeasured = base.role == "base" and base.name in run.names and base.name not in names
    why = f"{base.name} was not measured (srlm-eval all)" if unmeasured else ""
    if missing := run.folder.not_measured().get(base.name):
        why = f"{base.name} answers no prompts ({missing})"
    before = [name for name in (*loop[:1], *names) if name != last]
    if not before:
        return Sides(last, None, why)
    start = before[0]
    what = f"Compared with {start}, the first model {'of the loop' if start in loop else 'measured'}"
    return Sides(last, start, f"{what}: {why}" if why else what)


def about(found: Sequence[Measure], what: str) -> list[Measure]:
    """The measures of one kind."""
    return [one for one in found if one.lead.about == what]


def own(run: RunData, measure: Measure, model: str) -> MetricValue | None:
    """A model's own figure."""
    return run.figure(measure.benchmark.name, measure.lead.metric, model)


def change_of(run: RunData, measure: Measure, model: str, baseline: str) -> MetricValue | None:
    """A model's figure against another's on the same prompts: as it was measured, else from what lies on disk."""
    benchmark, metric = measure.benchmark, measure.lead.metric
    found = run.figure(benchmark.name, metric, model, baseline)
    if found is None and measure.lead.about != "contest":
        return run.once(
            f"{benchmark.name}: {metric}: {model} minus {baseline}",
            lambda: benchmark.change(run, metric, model, baseline),
        )
    return found


def shares_of(run: RunData, measure: Measure, model: str, baseline: str) -> list[tuple[str, MetricValue]]:
    """What is shown before a contest: words, and the figures behind them."""
    shares = [(word, run.figure(measure.benchmark.name, name, model, baseline)) for name, word in measure.lead.shares]
    return [(word, figure) for word, figure in shares if figure is not None and figure.value is not None]


def begun(words: str) -> str:
    """Words as a sentence or a title begins."""
    return words[:1].upper() + words[1:]
