"""The paper's ablations of a run, as one command."""

from pathlib import Path
from typing import Annotated

import typer

from srlm.errors import SettingsError
from srlm.run_file import load
from srlm.settings import Settings
from srlm.terminal import Console, say, show

from ..benchmarks.ablations.arms import NAMES
from .options import Overrides, Run


def ablations(
    run: Run,
    overrides: Overrides = None,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(NAMES)}; repeatable.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would be trained, with --hardware also for how long."),
    ] = False,
    hardware: Annotated[
        Path | None, typer.Option(help="Of --dry-run: the hardware (YAML), as in configs/hardware/8xh100.yaml.")
    ] = None,
    shape: Annotated[
        Path | None, typer.Option(help="Of --dry-run: the model's config.json, if it is not here (configs/shapes).")
    ] = None,
) -> None:
    """Train the paper's ablations of a run, each a run of its own beside it, measure and compare them.

    RUN-ablation-NAME shares finished steps that are the same in both runs. An interrupted command resumes.
    An ablation that cannot be trained to its end is named; the exit status is then 1.
    """
    from ..benchmarks.ablations.arms import chosen

    settings, names = load(run, overrides or ()), chosen(only or ())
    if not dry_run and (hardware or shape) is not None:
        raise SettingsError("--hardware and --shape need --dry-run")
    if dry_run:
        _plan(settings, names, hardware, shape)
        return
    from srlm.cli.main import quiet

    from ..ablations.running import ablate
    from ..figures.text import listed

    quiet(settings.threads)
    figures, stopped = ablate(settings, names)
    show(listed(figures, "model"))
    if stopped:
        raise typer.Exit(1)


def _plan(settings: Settings, names: list[str], hardware: Path | None, shape: Path | None) -> None:
    """Print each ablation, its settings, what it shares, and how long training and measuring it would take."""
    from srlm.methods.sharing import shareable

    from ..benchmarks.ablations.arms import ARMS, inapplicable

    if shape is not None and hardware is None:
        raise SettingsError("--shape needs --hardware FILE")
    arms = []
    for name in names:
        why = inapplicable(name, settings)
        arm = next((arm for arm in ARMS if arm.name == name), None)
        if why:
            say(f"{name}: left out: {why}")
        elif arm is None:
            say(f"{name}: the SFT baseline judges the held-out answers with two prompts; trains nothing")
        else:
            other = arm.settings(settings)
            shared = ", ".join(step.name for step in shareable(settings, other))
            say(f"{name}: {arm.what}; {', '.join(arm.overrides)}; run {other.name} shares {shared} with it")
            arms.append(arm)
    if hardware is not None:
        from srlm.cli.hardware import read_hardware
        from srlm.cli.shape import read_shape

        from ..report import paper_estimate as estimate

        on, of = read_hardware(hardware), read_shape(settings, shape)
        found = [line for arm in arms for line in estimate.ablation(settings, arm, on, of)]
        Console(width=120).print(estimate.table(found))
        say(*estimate.unknowns(found, on))
