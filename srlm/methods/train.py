"""Train a run, whatever its method: every step up to M_last that is not there yet."""

from srlm.errors import SettingsError
from srlm.methods.base import LAST, method_of
from srlm.methods.checks import check_files, check_model
from srlm.methods.run import Run
from srlm.records import Checkpoint, Step
from srlm.settings import Settings


def train(run: Run, last: int) -> Checkpoint:
    """Make every model up to M_last that is not there yet; returns the last one."""
    settings = run.settings
    method = method_of(settings)
    steps = method.steps(settings, last)
    check_files(settings, last)
    if any(step.role == "base" and run.folder.manifest(step.name) is None for step in steps):
        check_model(settings)
    with run.held():
        for step in steps:
            if run.folder.manifest(step.name) is None:
                method.make(run, step)
    trained = run.folder.checkpoint(steps[-1].name)
    assert trained is not None, f"{steps[-1].name} was made, and has no checkpoint"
    return trained


def iteration_named(settings: Settings, name: str) -> Step:
    """The step that makes the model of a name, as in `--to M2`. Raises SettingsError where it is none of the loop's, or
    the run file ends before it."""
    loop = [step for step in method_of(settings).steps(settings, LAST) if step.role == "iteration"]
    for step in loop:
        if step.name.casefold() == name.casefold():
            if step.number > settings.iterations:
                last = next(one.name for one in reversed(loop) if one.number == settings.iterations)
                raise SettingsError(
                    f"{step.name} is past {last}, the last model of {settings.where()} (iterations: "
                    f"{settings.iterations}); to train further, write iterations: {step.number} there, or add --set "
                    f"iterations={step.number}"
                )
            return step
    known = ", ".join(step.name for step in loop[:3])
    raise SettingsError(f"{name!r} is not a model of the loop; use {known}, ...")


def next_iteration(run: Run) -> int:
    """The number of the first iteration that comes after every finished one."""
    done = [step.number for step in run.folder.steps() if step.role == "iteration" and run.folder.manifest(step.name)]
    return 1 + max(done, default=0)
