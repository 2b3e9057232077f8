"""Methods of training compared over seeds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srlm.errors import SettingsError, SrlmError, first_line
from srlm.settings import Settings
from srlm.terminal import Console, Table, say
from srlm.text.counts import counted

from .options import Overrides

DEFAULT_SEEDS = "1-8"

if TYPE_CHECKING:
    from ..study.file import Study


def methods(
    study: Annotated[
        Path | None, typer.Argument(metavar="[STUDY]", help="A study file (YAML): docs/methods.md.")
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            "--run", help="In place of a study file: a method's run file; repeatable. The first is the reference."
        ),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="Train these seeds only, as 101-108. With --run: the seeds of the study. Default: 1-8.")
    ] = "",
    overrides: Overrides = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Train this method only, by its name in the study; repeatable.")
    ] = None,
    train: Annotated[
        bool,
        typer.Option("--train/--no-train", help="Train what is missing, or write the page from what lies on disk."),
    ] = True,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write the page; one of several processes does it.")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Folder for the page. Default: RUNS/report.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the runs; with --hardware also the hours of training.")
    ] = False,
    hardware: Annotated[
        Path | None, typer.Option(help="Of --dry-run: the hardware (YAML), as in configs/hardware/8xh100.yaml.")
    ] = None,
    shape: Annotated[
        Path | None, typer.Option(help="Of --dry-run: the model's config.json, if it is not here (configs/shapes).")
    ] = None,
) -> None:
    """Train methods on several seeds and compare them: outcome, gain over M1, cost; with intervals over seeds.

    Each method and seed is a run of its own. Finished runs are not trained again, and an interrupted command resumes.
    What each run came to is kept in RESULTS/sSEED.json, from which a study goes on where the runs' folders are gone.
    A run that cannot be trained to its end is named; the exit status is then 1.
    """
    from ..study.file import seeds_of

    found = _study(study, runs, seeds, overrides)
    if (hardware or shape) is not None and not dry_run:
        raise SettingsError("--hardware and --shape need --dry-run")
    names = [one.name for one in found.methods]
    if unknown := [name for name in only or () if name not in names]:
        raise SettingsError(f"--only {unknown[0]}: no such method of the study; they are {', '.join(names)}")
    chosen = [name for name in names if not only or name in only]
    try:
        wanted = seeds_of(seeds) if seeds else list(found.seeds)
    except ValueError as error:
        raise SettingsError(f"--seeds: {error}") from None
    if outside := [seed for seed in wanted if seed not in found.seeds]:
        raise SettingsError(f"--seeds {seeds}: seed {outside[0]} is none of the study's")
    if dry_run:
        _plan(found, wanted, chosen, hardware, shape)
        return
    failed: list[str] = []
    if train:
        from srlm.cli.main import quiet

        from ..study.training import work

        quiet(found.methods[0].settings.threads)
        failed = work(found, wanted, chosen)
    if report:
        from srlm.store.lock import hold_files

        from ..study import page

        place = out or page.place_of(found)
        asked = [str(study)] if study else [f"--run {run}" for run in runs or ()]
        if study is None:
            asked += [f"--seeds {seeds or DEFAULT_SEEDS}", *(f"--set {one}" for one in overrides or ())]
        command = " ".join(["srlm-eval methods", *asked])
        with hold_files(place / page.FILE):
            say(str(page.write(found, command, place)))
    if failed:
        raise typer.Exit(1)


def _study(file: Path | None, runs: list[Path] | None, seeds: str, overrides: list[str] | None) -> "Study":
    from ..study.file import of_run_files, read

    if (file is None) == (not runs):
        raise SettingsError("methods needs a study file, or --run FILE for each method")
    if file is None:
        return of_run_files(runs or (), seeds or DEFAULT_SEEDS, None, overrides or ())
    if overrides:
        raise SettingsError("--set: with a study file, write overrides into the file (`set`), so that it says all")
    return read(file)


def _plan(study: "Study", seeds: list[int], names: list[str], hardware: Path | None, shape: Path | None) -> None:
    """Print each run, what it shares, and how long training would take."""
    from srlm.cli.estimate import stages, stages_of
    from srlm.cli.hardware import read_hardware
    from srlm.cli.shape import read_shape
    from srlm.methods import start
    from srlm.methods.base import ASSUMED
    from srlm.methods.sharing import shareable

    from ..study import results
    from ..study.training import finished, missing_steps

    if shape is not None and hardware is None:
        raise SettingsError("--shape needs --hardware FILE")
    on = None if hardware is None else read_hardware(hardware)
    table = Table("run", "method", "seed", "to make", "shared", *(["hours"] if on else []))
    hours, runs = 0.0, 0
    for seed in seeds:
        kept, cells = results.read(study, seed), study.cells(seed)
        made = {one.method: _made(one.settings) for one in cells}
        for cell in cells:
            settings = cell.settings
            if cell.method not in names:
                continue
            row = (settings.name, settings.method.name, str(seed))
            no_hours = [""] if on else []
            try:
                if finished(study, cell, kept) is not None:
                    table.add_row(
                        *row, "nothing" if made[cell.method] else "nothing: its figures are kept", "", *no_hours
                    )
                    continue
            except SrlmError as error:
                table.add_row(*row, first_line(error), "", *no_hours)
                continue
            runs += 1
            shared = dict.fromkeys(
                step.name
                for other in cells
                if other is not cell
                for step in shareable(other.settings, settings)
                if step.name in made[other.method]
            )
            left = [step for step in missing_steps(settings) if step.name not in shared]
            made[cell.method] |= {*shared, *(step.name for step in left)}
            took = ""
            if on is not None:
                of = read_shape(settings, shape)
                first = list(start.work(settings, ASSUMED))
                done = [] if start.BASELINE in left else first[:1] if start.FIRST in left else first
                seconds = sum(stage.seconds for stage in stages(settings, on, of, ASSUMED)) if left else 0.0
                seconds -= sum(stage.seconds for stage in stages_of(done, settings, on, of)) if left else 0.0
                hours += seconds / 3600
                took = f"{seconds / 3600:.3f}"
            to_make = ", ".join(step.name for step in left) or "to be measured"
            table.add_row(*row, to_make, ", ".join(shared), *([took] if on else []))
    Console(width=120).print(table)
    say(f"{counted(runs, 'runs')} of {len(seeds) * len(names)} to be trained or measured")
    if on is not None:
        say(
            f"{hours:.2f} hours of training on {on.name}. Estimated, not measured: a run that was begun counts as if "
            "only its shared steps were there; measuring is not included (srlm-eval paper --dry-run estimates it)."
        )


def _made(settings: Settings) -> set[str]:
    """The steps of a run that are finished."""
    from srlm.methods.base import run_folder

    folder = run_folder(settings)
    return {step.name for step in folder.steps() if folder.manifest(step.name) is not None}
