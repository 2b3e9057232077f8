"""What a benchmark needs where models are measured without a run, and what of it is there."""

from collections.abc import Mapping, Sequence

from srlm.errors import SettingsError
from srlm.methods.untrained import models_of
from srlm.settings import EvaluationSettings, MeasuredData, Settings

from .base import Benchmark, Need

HOW: Mapping[Need, str] = {
    "prompts": "prompts: --prompts FILE (data.prompts_path), JSON lines with `instruction`",
    "rankings": "human rankings: --rankings FILE (data.path, docs/rankings.md)",
    "judge": "a judge: --judge SPEC (evaluation.judge)",
}


def measurable(benchmarks: Sequence[Benchmark], settings: Settings) -> list[Benchmark]:
    """Those of the benchmarks for which all is there; all of them where a run was trained."""
    if not models_of(settings):
        return list(benchmarks)
    return [one for one in benchmarks if one.of_models is not None and not lacking(one, settings)]


def refuse_lacking(benchmarks: Sequence[Benchmark], settings: Settings) -> None:
    """Raises SettingsError for the first benchmark that cannot be measured of models alone, or lacks something."""
    if not models_of(settings):
        return
    for one in benchmarks:
        if one.of_models is None:
            raise SettingsError(
                f"{one.name}: is about a training, and these models are measured as they are; leave it out"
            )
        if missing := lacking(one, settings):
            raise SettingsError(
                f"{one.name} needs {' and '.join(HOW[need] for need in missing)}; give it, or leave it out"
            )


def lacking(benchmark: Benchmark, settings: Settings) -> list[Need]:
    """What a benchmark needs and nobody has named."""
    data, judge = settings.data, settings.evaluation.judge
    there = set(HOW)
    if isinstance(data, MeasuredData):
        if not data.prompts_path:
            there.discard("prompts")
        if not data.path:
            there.discard("rankings")
    if judge == EvaluationSettings().judge:  # the exact program of a world
        there.discard("judge")
    return [need for need in benchmark.of_models or () if need not in there]
