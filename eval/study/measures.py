"""What is taken of one run for a comparison of methods: its last model's figures, and what making it took.

The cost is that of what comes behind the start (M0, the SFT baseline, M1): the gain is over M1, too.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from srlm.methods import start
from srlm.methods.base import method_of
from srlm.records import Step
from srlm.store import files, used
from srlm.text.counts import counted
from srlm.usage import Usage

from ..benchmarks.base import RunData
from ..benchmarks.table import BENCHMARKS, WORDS
from ..figures.specs import MetricSpec

WINS = "head_to_head/win_minus_lose"
"""What counts where no benchmark of the runs has a headline figure."""
DRIFT = "drift"
NOT_BELOW_0 = (0.0, None)


class Value(NamedTuple):
    """One number of one run; None with the reason."""

    value: float | None
    why: str = ""


class Measured(NamedTuple):
    """A measure: how it reads, and how it is taken of a run."""

    name: str
    spec: MetricSpec
    of: Callable[[RunData], Value]
    is_cost: bool = False


def measures(outcome: str) -> list[Measured]:
    """All of them; `outcome` as BENCHMARK/METRIC."""
    benchmark, _, metric = outcome.partition("/")
    known, pairs = WORDS.of(benchmark).spec(metric), WORDS.of(benchmark).pairs
    against = " against the SFT baseline" if pairs else ""
    change = "gain over" if known.better == "higher" else "change from"
    gain = f"{known.label} against M1" if pairs else f"{change} M1, {known.label}"
    agreement, length = (
        WORDS.of(name).spec(own) for name, own in (("judge_agreement", "pairwise_accuracy"), ("answers", "characters"))
    )

    def last(run: RunData) -> Value:
        return _figure(run, benchmark, metric, _last(run).name, _baseline(run).name if pairs else None)

    def gained(run: RunData) -> Value:
        first = start.FIRST.name
        if pairs:
            return _figure(run, benchmark, metric, _last(run).name, first)
        return _minus(last(run), _figure(run, benchmark, metric, first))

    scale = known.scale if pairs or known.bounds is None else of_difference(known.bounds)
    as_gain = known.model_copy(update={"label": gain, "signed": True, "scale": scale, "picture": None})
    return [
        Measured("outcome", known.model_copy(update={"label": f"{known.label}{against}", "picture": None}), last),
        Measured("gain", as_gain, gained),
        Measured(
            "judge_agreement",
            MetricSpec(label=f"as a judge: {agreement.label}", unit=agreement.unit, better=agreement.better),
            lambda run: _figure(run, "judge_agreement", "pairwise_accuracy", _last(run).name),
        ),
        Measured(
            "length",
            MetricSpec(label=length.label, unit=length.unit, digits=1, scale=NOT_BELOW_0),
            lambda run: _figure(run, "answers", "characters", _last(run).name),
        ),
        Measured(
            "kl",
            MetricSpec(label="KL from M1, nats a token", better="lower", digits=4, scale=NOT_BELOW_0),
            lambda run: _figure(run, DRIFT, "kl", _last(run).name),
        ),
        Measured(
            "generated",
            MetricSpec(label="tokens generated", better="lower", digits=0, scale=NOT_BELOW_0),
            lambda run: _used(run, lambda one: one.generation, lambda one: one.tokens_written),
            is_cost=True,
        ),
        Measured(
            "judged",
            MetricSpec(label="tokens read and written to judge", better="lower", digits=0, scale=NOT_BELOW_0),
            lambda run: _used(run, lambda one: one.judgement, lambda one: one.tokens),
            is_cost=True,
        ),
        Measured(
            "examples",
            MetricSpec(label="examples trained on", better="lower", digits=0, scale=NOT_BELOW_0),
            _examples,
            is_cost=True,
        ),
        Measured(
            "processor_seconds",
            MetricSpec(label="processor seconds", better="lower", digits=1, scale=NOT_BELOW_0),
            _processor_seconds,
            is_cost=True,
        ),
        Measured(
            "seconds", MetricSpec(label="seconds", better="lower", digits=1, scale=NOT_BELOW_0), _seconds, is_cost=True
        ),
    ]


def of_difference(bounds: tuple[float, float]) -> tuple[float, float] | None:
    """What a difference of two values within bounds cannot leave; None: it has no end."""
    low, high = bounds
    return (low - high, high - low) if math.isfinite(high) else None


def outcome_of(found: Iterable[RunData]) -> str:
    """The first headline figure that a run has of its last model; wins minus losses where none has one."""
    for run in found:
        name = _last(run).name
        for benchmark in BENCHMARKS:
            for metric, spec in benchmark.metrics.items():
                if spec.headline and run.figure(benchmark.name, metric, name) is not None:
                    return f"{benchmark.name}/{metric}"
    return WINS


def values(run: RunData, wanted: Sequence[Measured]) -> dict[str, Value]:
    """Each measure of a run that is trained and measured."""
    return {one.name: one.of(run) for one in wanted}


def _last(run: RunData) -> Step:
    settings = run.settings
    return method_of(settings).steps(settings, settings.iterations)[-1]


def _baseline(run: RunData) -> Step:
    steps = method_of(run.settings).steps(run.settings, 1)
    return next(one for one in steps if one.role == "baseline")


def _figure(run: RunData, benchmark: str, metric: str, model: str, baseline: str | None = None) -> Value:
    found = run.figure(benchmark, metric, model, baseline)
    if found is None:
        return Value(None, f"{benchmark}/{metric} of {model} was not measured")
    return Value(found.value, "" if found.value is not None else found.note or found.method)


def _minus(one: Value, other: Value) -> Value:
    if one.value is None or other.value is None:
        return Value(None, one.why or other.why)
    return Value(one.value - other.value)


def _own_steps(run: RunData) -> list[Step]:
    """What the method makes behind the start."""
    settings = run.settings
    return [one for one in method_of(settings).steps(settings, settings.iterations) if one not in start.STEPS]


def _stages(run: RunData) -> Mapping[str, Mapping[str, used.StageUsage] | None]:
    return {step.name: used.read(run.folder.step(step.name)) for step in _own_steps(run)}


def _used(run: RunData, part: Callable[[used.StageUsage], Usage], number: Callable[[Usage], int | None]) -> Value:
    total = Usage()
    for step, stages in _stages(run).items():
        if stages is None:
            return Value(None, f"{step} has no usage.json: it was made before tokens were counted")
        total = sum(map(part, stages.values()), total)
    found = number(total)
    if found is None:
        return Value(
            None, f"of {total.unknown} of {counted(total.requests, 'requests')} nobody said how many tokens they took"
        )
    return Value(float(found))


def _examples(run: RunData) -> Value:
    total = 0
    for step, stages in _stages(run).items():
        if run.folder.checkpoint(step) is None:  # data, on which nothing was trained yet
            continue
        known = [one.examples for one in (stages or {}).values() if one.examples is not None]
        if not known:
            return Value(None, f"{step} does not say on how many examples it was trained")
        total += sum(known)
    return Value(float(total))


def _processor_seconds(run: RunData) -> Value:
    total: list[float] = []
    for step, stages in _stages(run).items():
        known = [one.processor_seconds for one in (stages or {}).values()]
        if not known or None in known:
            return Value(None, f"{step} does not say how much processor time it took")
        total += [seconds for seconds in known if seconds is not None]
    return Value(math.fsum(total))


def _seconds(run: RunData) -> Value:
    total: list[float] = []
    for step in _own_steps(run):
        found = files.read_seconds(run.folder.step(step.name) / "timings.json")
        if not found:
            return Value(None, f"{step.name} has no timings.json")
        total += found.values()
    return Value(math.fsum(total))
