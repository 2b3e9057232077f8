"""The report about one run, or about several."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from srlm.errors import SettingsError, StoreError
from srlm.methods.base import run_folder
from srlm.store import files
from srlm.store.folder import RunFolder, settings_at
from srlm.store.lock import hold_files
from srlm.terminal import say
from srlm.text.counts import counted

from .options import Overrides, RunOrNot


def report(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="RUN...", help="Run files or folders. Several are compared.")
    ] = None,
    run: RunOrNot = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report. Default: the run's own; runs/compared for several.")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="Add a study of worse judges, from its file (benchmarks/pocket/study.py).")
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Compare the figures with those of this report folder; exit status 1 if they differ."),
    ] = None,
) -> None:
    """Write the report from files on disk; runs no model."""
    chosen = [*([run] if run is not None else []), *(runs or ())]
    if not chosen:
        raise SettingsError("report needs --run FILE, or run files or folders to compare")
    if len(chosen) == 1:
        write(chosen[0], overrides, out, check, study)
        return
    if overrides or check or study:
        raise SettingsError("--set, --check and --study work with one run only")
    from ..report import compare

    settings = [settings_at(place, ()) for place in chosen]
    for place, one in zip(chosen, settings, strict=True):
        existing_folder(run_folder(one), place)
    command = " ".join(["srlm-eval report", *map(str, chosen)])
    place = out or Path("runs/compared")
    with hold_files(place / "report.html"):
        say(str(compare.write(settings, place, command)))


def index(
    runs: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder that holds the runs, or folders of runs.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The page; its .csv and .json are written beside it. Default: FOLDER/index.html."),
    ] = None,
) -> None:
    """Write one page over all runs of a folder: sortable, with the history of each headline figure; runs no model."""
    from ..report import index as page

    place = out or runs / "index.html"
    if not runs.is_dir():
        raise SettingsError(f"{runs}: no such folder; name the folder that holds the runs")
    with hold_files(place, place.with_suffix(".csv"), place.with_suffix(".json")):
        command = " ".join(["srlm-eval index", str(runs), *(["--out", str(out)] if out is not None else [])])
        say(str(page.write(runs, place, command)))


def write(
    run: Path,
    overrides: Sequence[str] | None,
    out: Path | None = None,
    check: Path | None = None,
    study: Path | None = None,
) -> None:
    """Write the report of one run and print its path; with `check`, only compare its figures with a kept report's."""
    from .. import metrics
    from ..report import page, paper, repeated

    settings = settings_at(run, overrides or ())
    folder = existing_folder(run_folder(settings), run)
    how = "report" if run.is_dir() else "all --run"
    command = " ".join([f"srlm-eval {how}", str(run), *(f"--set {override}" for override in overrides or ())])
    if check is not None:
        kept, now = metrics.read(check / "metrics.json"), page.data_of(settings, folder, study).metrics
        noted = check / repeated.MADE_ON
        made_on = files.read_json(noted) if noted.exists() else None
        if differ := repeated.unlike(kept, now, made_on):
            say(f"{check}: {counted(len(differ), 'figures differ')} from this run's:", *differ)
            raise typer.Exit(1)
        same = made_on in (None, repeated.machine())
        say(
            f"{check}: {counted(len(kept), 'figures')}, "
            + ("the same" if same else "all there; made on another machine, so `srlm-eval regress` compares them")
        )
        return
    place = out or folder.path
    with hold_files(place / "report.html"):  # of a run that trains meanwhile there may be a report
        if (place / paper.FILE).exists():  # the report links to it: both are of the same figures
            paper.write(settings, folder, command, out)
        say(str(page.write(settings, folder, command, out, study)))


def existing_folder(folder: RunFolder, run: Path) -> RunFolder:
    if not folder.path.is_dir():
        raise StoreError(f"{folder.path}: no such run; train it first: srlm train --run {run}")
    return folder
