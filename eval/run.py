"""What `python -m eval` does with the checkpoints of a run: benchmark x checkpoint -> evaluation/metrics.json."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from srlm.cli.main import quiet
from srlm.errors import SettingsError, StoreError
from srlm.methods.run import Run
from srlm.methods.untrained import METHOD, models_of
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import seals
from srlm.store.folder import OTHER_PLACE, RunFolder, recorded

from . import metrics
from .benchmarks.base import Answers, Benchmark, OpenEngine
from .benchmarks.finished import measured
from .benchmarks.measuring import evaluation_answers, item_answers
from .benchmarks.run_data import RunData
from .benchmarks.without_training import refuse_lacking
from .records import MetricValue


def of_run(run: Path, overrides: Sequence[str] | None, benchmarks: Sequence[Benchmark]) -> list[MetricValue]:
    """Measure a run that is named on the command line."""
    with opened(run, overrides) as (settings, folder, open_engine):
        return measure(settings, folder, benchmarks, open_engine)


@contextmanager
def opened(run: Path, overrides: Sequence[str] | None) -> Iterator[tuple[Settings, RunFolder, OpenEngine]]:
    """A run with checkpoints to measure, held so that nobody else changes it meanwhile."""
    with opened_run(load(run, overrides or ()), f"srlm train --run {run}") as found:
        yield found


@contextmanager
def opened_run(settings: Settings, command: str = "srlm train") -> Iterator[tuple[Settings, RunFolder, OpenEngine]]:
    """The same, by its settings; `command` trains it."""
    work = Run(settings)
    folder = work.folder
    if models_of(settings):
        quiet(settings.threads)
        with untrained(work):
            yield folder.settings, folder, work.open
        return
    if not measured(folder):
        raise StoreError(f"{folder.path} has no finished checkpoint to evaluate; train it first: {command}")
    quiet(settings.threads)
    with work.held():
        yield folder.settings, folder, work.open


@contextmanager
def untrained(work: Run) -> Iterator[None]:
    """Models that are measured as they are: each looked at once, before any is asked, and held meanwhile."""
    settings, folder = work.settings, work.folder
    METHOD.check(settings, 0)
    if (folder.path / "settings.json").exists():
        before = models_of(recorded(folder.path))
        if gone := [name for name in before if name not in models_of(settings)]:
            raise StoreError(
                f"{folder.path} has also measured {', '.join(gone)}, and its tables are of all: name these models, too "
                f"(--model {gone[0]}={before[gone[0]].model}), or {OTHER_PLACE}"
            )
    with work.held():
        for step in METHOD.steps(settings, 0):
            if folder.manifest(step.name) is None:
                METHOD.make(work, step)
        yield


def measure(
    settings: Settings, folder: RunFolder, benchmarks: Sequence[Benchmark], open_engine: OpenEngine
) -> list[MetricValue]:
    """Measure these and bring evaluation/metrics.json up to date; figures of others stay as they are.

    Those of each benchmark are written before the next is measured: it may read them, and a stop loses none.
    """
    answered: Answers | None = None
    shared: dict[Path, str] = {}
    found = metrics.read(metrics.path_of(folder))
    refuse_lacking(benchmarks, settings)
    names, reference = [one.name for one in measured(folder)], settings.evaluation.reference
    if reference is not None and reference not in names:
        raise SettingsError(
            f"evaluation.reference {reference}: no such model; those that are measured: {', '.join(names)}"
        )
    for benchmark in benchmarks:
        benchmark.check(RunData(settings, folder))
    for benchmark in benchmarks:
        run = RunData(settings, folder)  # what it reads is what its figures are computed from
        if benchmark.evaluation_prompts:
            if answered is None:
                with seals.using() as shared:
                    answered = _answers(run, benchmark, open_engine)
            answers = answered
        with seals.using() as read:
            if not benchmark.evaluation_prompts:
                answers = _answers(run, benchmark, open_engine)
            fresh = benchmark.measure(run, answers, open_engine)
        used = {**(shared if benchmark.evaluation_prompts else {}), **read}
        found = metrics.merge(folder, fresh, [benchmark.name], {benchmark.name: used})
    return found


def _answers(run: RunData, benchmark: Benchmark, open_engine: OpenEngine) -> Answers:
    """Of each measured checkpoint, what is not on disk yet being asked now."""
    items = benchmark.items(run)
    if not items:
        return {}
    if benchmark.evaluation_prompts:
        prompts = [item.prompt for item in items]
        return {
            one.name: evaluation_answers(run.settings, run.folder, one, prompts, open_engine)
            for one in measured(run.folder)
        }
    return {
        one.name: item_answers(run.settings, run.folder, one, benchmark.name, items, open_engine)
        for one in measured(run.folder)
    }
