"""Ablations of a run, one after the other: each is trained to the run's last model, measured, and compared."""

from collections.abc import Sequence

from srlm.errors import SrlmError, first_line
from srlm.methods.run import Run
from srlm.methods.sharing import take_over
from srlm.methods.train import train
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.terminal import say

from ..benchmarks.ablations import measure as figures
from ..benchmarks.ablations.arms import ARMS, JUDGE_PROMPT, Arm, inapplicable
from ..benchmarks.ablations.benchmark import BENCHMARK
from ..benchmarks.base import OpenEngine
from ..benchmarks.table import chosen, of_all
from ..records import MetricValue
from ..run import measure, opened_run


def ablate(settings: Settings, names: Sequence[str]) -> tuple[list[MetricValue], list[str]]:
    """Do these ablations of a run; returns their figures, and the names of those that came to no end.

    What is finished is not done again: after a kill the same command resumes. Raises StoreError where the run itself is
    not trained, or was made with other settings.
    """
    with opened_run(settings):  # a run that cannot be compared with is found before anything is trained
        pass
    stopped: dict[str, str] = {}
    for arm in (arm for arm in ARMS if arm.name in names):
        if why := inapplicable(arm.name, settings):
            say(f"left out, {arm.name}: {why}")
            continue
        try:
            _train_and_measure(settings, arm)
        except SrlmError as error:
            stopped[arm.name] = first_line(error)
            say(f"{arm.name} stopped: {stopped[arm.name]}")
    with opened_run(settings) as (own, folder, open_engine):
        if JUDGE_PROMPT in names:
            _ask_rubrics(own, folder, open_engine)
        _note(folder, names, stopped)
        # What the arms are compared with; what is measured already is only read.
        usual = of_all() if names != [JUDGE_PROMPT] else []
        found = measure(own, folder, [*usual, *chosen([BENCHMARK])], open_engine)
    return [one for one in found if one.benchmark == BENCHMARK], list(stopped)


def _train_and_measure(given: Settings, arm: Arm) -> None:
    settings = arm.settings(given)
    work = Run(settings)
    shared = take_over(given, settings)
    say(f"{settings.name}: {arm.what}; shares {', '.join(shared) or 'nothing'} with {given.name}")
    train(work, settings.iterations)
    with opened_run(settings) as (own, folder, open_engine):
        measure(own, folder, of_all(), open_engine)


def _ask_rubrics(settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> None:
    if why := inapplicable(JUDGE_PROMPT, folder.given):
        say(f"left out, {JUDGE_PROMPT}: {why}")
        return
    baseline = folder.checkpoint(figures.baseline_of(settings).name)
    if baseline is None:
        say(f"left out, {JUDGE_PROMPT}: the SFT baseline is not trained yet")
        return
    figures.ask_rubrics(settings, folder, baseline, open_engine)


def _note(folder: RunFolder, names: Sequence[str], stopped: dict[str, str]) -> None:
    """Keep why an arm stopped, for the page; what came to its end now is no longer noted."""
    path = folder.step("evaluation") / figures.STOPPED
    before = files.read_object(path) if path.exists() else {}
    now = {name: why for name, why in before.items() if name not in names} | stopped
    if now != before:
        files.write_json(path, now)
