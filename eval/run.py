"""What `python -m eval` does with the checkpoints of a run: benchmark x checkpoint -> evaluation/metrics.json."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from srlm.cli.main import quiet
from srlm.engines.base import Engine
from srlm.errors import StoreError
from srlm.methods.run import Run
from srlm.records import Checkpoint
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import seals
from srlm.store.folder import RunFolder

from . import metrics
from .benchmarks.base import Answers, Benchmark, OpenEngine
from .benchmarks.finished import measured
from .benchmarks.measuring import evaluation_answers, item_answers
from .benchmarks.run_data import RunData
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
    if not measured(folder):
        raise StoreError(f"{folder.path} has no finished checkpoint to evaluate; train it first: {command}")

    def open_engine(checkpoint: Checkpoint, plain: bool = False) -> Engine:
        from srlm.engines.open import open_checkpoint

        return open_checkpoint(folder.settings, checkpoint, folder.path, plain)

    quiet(settings.threads)
    with work.held():
        yield folder.settings, folder, open_engine


def measure(
    settings: Settings, folder: RunFolder, benchmarks: Sequence[Benchmark], open_engine: OpenEngine
) -> list[MetricValue]:
    """Measure these and bring evaluation/metrics.json up to date; figures of others stay as they are.

    Those of each benchmark are written before the next is measured: it may read them, and a stop loses none.
    """
    answered: Answers | None = None
    shared: dict[Path, str] = {}
    found = metrics.read(metrics.path_of(folder))
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
