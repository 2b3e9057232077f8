"""RESULTS/sSEED.json: what the finished runs of a seed came to, and why others stopped.

It is small and may be committed: a study goes on from it where the folders of its runs are gone, also elsewhere.
"""

from collections.abc import Mapping
from pathlib import Path

from srlm.methods.base import run_folder
from srlm.records import Record
from srlm.settings import Settings
from srlm.store import files

from ..metrics import evaluation_digest
from .file import Study
from .measures import Value


class RunResult(Record):
    """What one run came to."""

    settings: str
    """Digest of the settings that shape its models."""
    evaluation: str
    """Digest of those that shape its figures."""
    iterations: int
    measured: tuple[str, ...]
    """The benchmarks of which it has figures."""
    outcome: str
    """What counts, as BENCHMARK/METRIC."""
    first: str
    """Digest of the weights of M1, over which the gain is."""
    commit: str | None
    """Of the code that made the last model."""
    values: Mapping[str, Value]
    """By measure."""


class SeedResults(Record):
    """The runs of one seed, by method."""

    runs: Mapping[str, RunResult] = {}
    stopped: Mapping[str, str] = {}
    """Why a run came to no end when it was last tried."""


def path_of(study: Study, seed: int) -> Path:
    """Where the results of a seed are kept."""
    return study.results / f"s{seed}.json"


def read(study: Study, seed: int) -> SeedResults:
    """The results of a seed; none where there is no file. Raises RecordError where it holds anything else."""
    path = path_of(study, seed)
    return files.read_one(path, SeedResults) if path.exists() else SeedResults()


def write(study: Study, seed: int, now: SeedResults) -> None:
    """Keep the results of a seed."""
    if now != read(study, seed):
        files.write_json(path_of(study, seed), now.model_dump(mode="json"))


def settings_digest(settings: Settings) -> str:
    """Of the settings that shape a run's models; the same whether or not its file names a default of its method."""
    return run_folder(settings).given.digest


def unlike(result: RunResult, settings: Settings, measured: tuple[str, ...], outcome: str | None) -> str:
    """What of a result is not as a run with these settings would have it; empty: nothing."""
    if (result.settings, result.iterations) != (settings_digest(settings), settings.iterations):
        return "was made with other settings"
    if result.evaluation != evaluation_digest(settings):
        return "was measured with other settings"
    if lacks := [name for name in measured if name not in result.measured]:
        return f"has no figures of {', '.join(lacks)}"
    return "" if outcome in (None, result.outcome) else f"has {result.outcome} as its outcome"
