"""What `python -m eval` does with the checkpoints of a run: suites, and their figures in evaluation/metrics.json."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from srlm.cli.main import quiet
from srlm.engines.base import Engine
from srlm.errors import StoreError
from srlm.methods.run import Run
from srlm.records import Checkpoint
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from .records import MetricValue
from .report import material
from .suites import audit_run, bead_world, head_to_head, judge_agreement, slices
from .suites.finished import measured
from .suites.measuring import OpenEngine


class Suite(NamedTuple):
    """What measures, and the benchmarks whose figures it makes."""

    run: Callable[[Settings, RunFolder, OpenEngine], list[MetricValue]]
    benchmarks: tuple[str, ...]


SUITES = {
    "h2h": Suite(head_to_head.run, ("head_to_head", "answers")),
    "slices": Suite(slices.run, (slices.BENCHMARK,)),
    "agreement": Suite(judge_agreement.run, ("judge_agreement",)),
    "audit": Suite(audit_run.run, ("audit",)),
    "beads": Suite(bead_world.run, ("beads", "bead_skills", "bead_judge")),
}

BY_DEFAULT = tuple(name for name in SUITES if name != "audit")
"""Suites of `all`: without the audit, in which every model reads all the others' answers."""


def of_run(run: Path, overrides: Sequence[str] | None, names: Sequence[str]) -> list[MetricValue]:
    """Run the named suites on a run that is named on the command line."""
    with opened(run, overrides) as (settings, folder, open_engine):
        return measure(settings, folder, names, open_engine)


@contextmanager
def opened(run: Path, overrides: Sequence[str] | None) -> Iterator[tuple[Settings, RunFolder, OpenEngine]]:
    """A run with checkpoints to measure, held so that nobody else changes it meanwhile."""
    settings = load(run, overrides or ())
    work = Run(settings)
    folder = work.folder
    if not measured(folder):
        raise StoreError(f"{folder.path} has no finished checkpoint to measure; first: srlm train --run {run}")

    def open_engine(checkpoint: Checkpoint, plain: bool = False) -> Engine:
        from srlm.engines.open import open_checkpoint

        return open_checkpoint(folder.settings, checkpoint, folder.path, plain)

    quiet(settings.threads)
    with work.held():
        yield folder.settings, folder, open_engine


def measure(settings: Settings, folder: RunFolder, names: Sequence[str], open_engine: OpenEngine) -> list[MetricValue]:
    """Run the named suites and bring evaluation/metrics.json up to date; figures of other suites stay as they are."""
    fresh = [metric for name in names for metric in SUITES[name].run(settings, folder, open_engine)]
    return merge(folder, fresh, [benchmark for name in names for benchmark in SUITES[name].benchmarks])


def merge(folder: RunFolder, fresh: Sequence[MetricValue], replaced: Sequence[str]) -> list[MetricValue]:
    """The run's figures with those of these benchmarks made new."""
    path = folder.step("evaluation") / "metrics.json"
    metrics = [metric for metric in material.read_metrics(path) if metric.benchmark not in replaced] + list(fresh)
    files.write_json(path, [metric.model_dump(mode="json") for metric in metrics])
    return metrics
