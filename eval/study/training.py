"""The runs of a study, trained and measured one after the other; what is finished is not done again.

Methods of one seed share the steps that their settings make alike (data, M0, the SFT baseline, M1), as ablations do.
Measured is what the comparison reads, the models up to M1 and the last one. What each run comes to is kept at once
(`results.py`), so that the folders of the runs need not be.
"""

from collections.abc import Sequence

from srlm.errors import SrlmError, first_line
from srlm.methods import start
from srlm.methods.base import method_of, run_folder
from srlm.methods.run import Run
from srlm.methods.sharing import take_over
from srlm.methods.train import train
from srlm.records import Step
from srlm.settings import Settings
from srlm.store.lock import hold_files
from srlm.terminal import logger, say

from .. import metrics
from ..benchmarks.base import Benchmark, RunData
from ..benchmarks.table import chosen, of_all
from ..run import measure, opened_run
from . import results
from .file import Cell, Study
from .measures import DRIFT, measures, outcome_of, values
from .results import RunResult, SeedResults, unlike

log = logger(__name__)


def benchmarks(study: Study, settings: Settings) -> list[Benchmark]:
    """What is measured of a run."""
    named = study.given.measure
    wanted = chosen(named) if named else of_all(settings.evaluation.also)
    return list(dict.fromkeys([*wanted, *(chosen([DRIFT]) if study.given.drift else [])]))


def work(study: Study, seeds: Sequence[int], methods: Sequence[str]) -> list[str]:
    """Train and measure these runs; returns the names of those that came to no end. A second process may work on other
    seeds meanwhile. Raises StoreError where it works on the same, and RecordError where a file of results is none."""
    failed = []
    for seed in seeds:
        with hold_files(results.path_of(study, seed)):
            cells = study.cells(seed)
            for cell in cells:
                if cell.method not in methods:
                    continue
                kept = results.read(study, seed)
                others = {name: why for name, why in kept.stopped.items() if name != cell.method}
                try:
                    found = _done(study, cell, [one.settings for one in cells if one is not cell], kept)
                    now = SeedResults(runs={**kept.runs, cell.method: found}, stopped=others)
                except Exception as error:  # whatever ends a run (memory, a method's own fault): the others go on
                    log.debug("%s", cell.settings.name, exc_info=True)
                    said = first_line(error)
                    why = said if isinstance(error, SrlmError) else f"{type(error).__name__}: {said}"
                    now = SeedResults(runs=kept.runs, stopped={**others, cell.method: why})
                if cell.method in now.stopped:
                    failed.append(cell.settings.name)
                    say(f"{cell.settings.name} stopped: {now.stopped[cell.method]}")
                results.write(study, seed, now)
    return failed


def _done(study: Study, cell: Cell, others: Sequence[Settings], kept: SeedResults) -> RunResult:
    """What one run came to, trained and measured where it was not. `others`: of the seed, whose steps it may take."""
    settings = cell.settings
    if (before := finished(study, cell, kept)) is not None:
        say(f"{settings.name}: finished before" + ("" if settings.folder.is_dir() else ", kept without its folder"))
        return before
    shared = [name for other in others for name in take_over(other, settings)]
    say(f"{settings.name}: shares {', '.join(dict.fromkeys(shared)) or 'nothing'}")
    train(Run(settings), settings.iterations)
    with opened_run(settings) as (own, folder, open_engine):
        *earlier, _ = method_of(settings).steps(settings, settings.iterations)
        folder.passed_over = frozenset(step.name for step in earlier if step.number > start.FIRST.number)
        measure(own, folder, benchmarks(study, settings), open_engine)
    return _result(study, settings)


def finished(study: Study, cell: Cell, kept: SeedResults) -> RunResult | None:
    """What a run came to: as its folder has it, or, where that is gone or not whole, as it was kept. None: it is not
    finished. Raises SrlmError where what is there cannot be used."""
    result = kept.runs.get(cell.method)
    if result is not None and unlike(result, cell.settings, _names(study, cell.settings), study.given.outcome):
        result = None
    try:
        return _result(study, cell.settings) if is_finished(study, cell.settings) else result
    except SrlmError:
        if result is None:
            raise
        return result


def _result(study: Study, settings: Settings) -> RunResult:
    folder = run_folder(settings)
    folder.refuse_gone()
    run = RunData(folder.settings, folder)
    outcome = study.given.outcome or outcome_of([run])
    last = folder.manifest(method_of(settings).steps(settings, settings.iterations)[-1].name)
    first = folder.checkpoint(start.FIRST.name)
    return RunResult(
        settings=results.settings_digest(settings),
        evaluation=metrics.evaluation_digest(settings),
        iterations=settings.iterations,
        measured=_names(study, settings),
        outcome=outcome,
        first="" if first is None else first.digest,
        commit=None if last is None else last.commit,
        values=values(run, measures(outcome)),
    )


def why_not(study: Study, cell: Cell, kept: SeedResults) -> str:
    """Why a run is not finished."""
    if (why := kept.stopped.get(cell.method)) is not None:
        return f"stopped: {why}"
    if (before := kept.runs.get(cell.method)) is not None:
        why = unlike(before, cell.settings, _names(study, cell.settings), study.given.outcome)
        return f"what is kept of it {why}"
    if not cell.settings.folder.is_dir():
        return "not trained"
    left = missing_steps(cell.settings)
    return f"not finished: {', '.join(step.name for step in left)} not made" if left else "not measured"


def _names(study: Study, settings: Settings) -> tuple[str, ...]:
    return tuple(one.name for one in benchmarks(study, settings))


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
    return metrics.is_measured(folder, _names(study, settings))
