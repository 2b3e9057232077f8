"""The runs of a study, trained and measured one after the other; what is finished is not done again.

Methods of one seed share the steps that their settings make alike (data, M0, the SFT baseline, M1), as ablations do.
"""

from collections.abc import Sequence
from pathlib import Path

from srlm.errors import SrlmError, first_line
from srlm.methods.base import method_of, run_folder
from srlm.methods.run import Run
from srlm.methods.train import train
from srlm.records import Step
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.lock import hold_files
from srlm.store.seals import NOTE
from srlm.terminal import logger, say

from .. import metrics
from ..ablations.sharing import take_over
from ..benchmarks.base import Benchmark
from ..benchmarks.table import chosen, of_all
from ..run import measure, opened_run
from .file import Cell, Study
from .measures import DRIFT

log = logger(__name__)


def benchmarks(study: Study, settings: Settings) -> list[Benchmark]:
    """What is measured of a run."""
    named = study.given.measure
    wanted = chosen(named) if named else of_all(settings.evaluation.also)
    return list(dict.fromkeys([*wanted, *(chosen([DRIFT]) if study.given.drift else [])]))


def work(study: Study, seeds: Sequence[int], methods: Sequence[str]) -> list[str]:
    """Train and measure these runs; returns the names of those that came to no end. A second process may work on other
    seeds meanwhile. Raises StoreError where it works on the same."""
    failed = []
    for seed in seeds:
        with hold_files(stopped_path(study, seed)):
            earlier: list[Settings] = []
            why = stopped(study, seed)
            for cell in study.cells(seed):
                if cell.method in methods:
                    why.pop(cell.method, None)
                    if (error := _done(study, cell, earlier)) is not None:
                        why[cell.method] = error
                        failed.append(cell.settings.name)
                    _note(study, seed, why)
                earlier.append(cell.settings)
    return failed


def _done(study: Study, cell: Cell, earlier: Sequence[Settings]) -> str | None:
    """Train and measure one run; why it stopped, None where it came to its end."""
    settings = cell.settings
    try:
        if is_finished(study, settings):
            say(f"{settings.name}: finished before")
            return None
        shared = [name for other in earlier for name in take_over(other, settings)]
        say(f"{settings.name}: shares {', '.join(dict.fromkeys(shared)) or 'nothing'}")
        train(Run(settings), settings.iterations)
        with opened_run(settings) as (own, folder, open_engine):
            measure(own, folder, benchmarks(study, settings), open_engine)
    except SrlmError as error:
        why = first_line(error)
    except Exception as error:  # whatever ends a run (memory, a method's own fault): the others go on
        log.debug("%s", settings.name, exc_info=True)
        why = f"{type(error).__name__}: {first_line(error)}"
    else:
        return None
    say(f"{settings.name} stopped: {why}")
    return why


def missing_steps(settings: Settings) -> list[Step]:
    """The steps of a run that are not made yet."""
    folder = run_folder(settings)
    return [one for one in method_of(settings).steps(settings, settings.iterations) if not folder.manifest(one.name)]


def is_finished(study: Study, settings: Settings) -> bool:
    """Whether a run is trained to its end, with these settings, and every benchmark was measured on these models."""
    folder = run_folder(settings)
    if not folder.path.is_dir() or missing_steps(settings):
        return False
    folder.check_settings()
    weights = {checkpoint.name: checkpoint.digest for checkpoint in folder.all_checkpoints()}
    measured_on = _measured_on(folder)
    return all(measured_on.get(one.name) == weights for one in benchmarks(study, settings))


def _measured_on(folder: RunFolder) -> dict[str, object]:
    """Of each benchmark that was measured, the models by digest."""
    note = metrics.path_of(folder).with_name(metrics.path_of(folder).name + NOTE)
    found = files.read_object(note) if note.exists() else {}
    return {name: one.get("checkpoints") for name, one in found.items() if isinstance(one, dict)}


def stopped_path(study: Study, seed: int) -> Path:
    """Where it is kept why runs of a seed stopped."""
    return study.runs / f"stopped-s{seed}.json"


def stopped(study: Study, seed: int) -> dict[str, str]:
    """Why runs of a seed stopped, by method."""
    path = stopped_path(study, seed)
    found = files.read_object(path) if path.exists() else {}
    return {name: str(why) for name, why in found.items()}


def _note(study: Study, seed: int, why: dict[str, str]) -> None:
    if why != stopped(study, seed):
        files.write_json(stopped_path(study, seed), why)
