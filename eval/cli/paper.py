"""The paper's tables and figures of a run: measured, written to one page, or estimated before anything is trained."""

from pathlib import Path
from typing import Annotated

import typer

from srlm.errors import SettingsError, SrlmError, first_line
from srlm.methods.base import ASSUMED, run_folder
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store.folder import settings_at
from srlm.store.lock import hold_files
from srlm.terminal import Console, say
from srlm.text.counts import counted

from .options import Overrides, Run
from .reports import existing_folder


def paper(
    run: Run,
    overrides: Overrides = None,
    judge: Annotated[
        str | None,
        typer.Option(help="Judge of all that one judges: sets evaluation.judge (openai:MODEL, hf:DIR, ...)."),
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure/--no-measure", help="Measure first, or write the page from what lies on disk.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print time and price of the whole table, trained or not; ask nobody.")
    ] = False,
    hardware: Annotated[
        Path | None, typer.Option(help="Of --dry-run: the hardware (YAML), as in configs/hardware/8xh100.yaml.")
    ] = None,
    shape: Annotated[
        Path | None, typer.Option(help="Of --dry-run: the model's config.json, if it is not here (configs/shapes).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the page. Default: the run's own.")] = None,
) -> None:
    """Measure all that the paper has and write RUN/paper.html: its tables and figures, ours beside them.

    A benchmark that cannot be measured is named and left out; the exit status is then 1. One that says nothing of these
    models is named, too.
    """
    from ..report import page
    from ..report import paper as written

    given = [*(overrides or ()), *([f"evaluation.judge={judge}"] if judge is not None else [])]
    if run.is_dir() and (given or measure):
        raise SettingsError(f"{run}: is a folder; to measure a run or override its settings, give its YAML file")
    if not dry_run and (hardware or shape) is not None:
        raise SettingsError("--hardware and --shape need --dry-run")
    if dry_run:
        _estimate(load(run, given), hardware, shape)
        return
    left_out = _measure(run, given) if measure else []
    settings = settings_at(run, given)
    folder = existing_folder(run_folder(settings), run)
    command = " ".join(["srlm-eval paper --run", str(run), *(f"--set {override}" for override in given)])
    with hold_files((out or folder.path) / "report.html"):
        path = written.write(settings, folder, command, out)
        page.write(settings, folder, command, out)  # the report links to it
    say(str(path))
    if left_out:
        raise typer.Exit(1)


def _measure(run: Path, overrides: list[str]) -> list[str]:
    """Measure every benchmark of the paper that applies; names of those that could not be, with reasons printed."""
    from ..benchmarks.table import BENCHMARKS
    from ..run import measure, opened

    left_out = []
    with opened(run, overrides) as (settings, folder, open_engine):
        for benchmark in BENCHMARKS:
            if not benchmark.in_paper:
                continue
            if why := benchmark.inapplicable(settings):
                say(f"left out, {benchmark.label}: {why}")
                continue
            try:
                measure(settings, folder, [benchmark], open_engine)
            except SrlmError as error:
                left_out.append(benchmark.name)
                say(f"left out, {benchmark.label}: {first_line(error)}")
    return left_out


def _estimate(settings: Settings, hardware: Path | None, shape: Path | None) -> None:
    """Print what training and measuring would take."""
    from srlm.cli.hardware import read_hardware
    from srlm.cli.shape import read_shape

    from ..benchmarks.ablations.arms import ARMS, inapplicable
    from ..benchmarks.table import BENCHMARKS
    from ..report import paper_estimate as estimate

    if hardware is None:
        raise SettingsError("--dry-run needs --hardware FILE, such as configs/hardware/8xh100.yaml")
    on, of = read_hardware(hardware), read_shape(settings, shape)
    measured = [one for one in BENCHMARKS if one.in_paper]
    found = [estimate.training(settings, on, of), *estimate.lines(measured, settings, on, of)]
    arms = [arm for arm in ARMS if not inapplicable(arm.name, settings)]
    found += [line for arm in arms for line in estimate.ablation(settings, arm, on, of)]
    say(
        f"{settings.name} on {on.name}: {of.parameters / 1e9:.2f} billion parameters. Estimated, not measured; answers "
        f"are taken to be as long as they may be, prompts {counted(ASSUMED.prompt, 'tokens')}. Generation with "
        "vLLM; loading is "
        "not included. Nothing is sent.",
    )
    Console(width=120).print(estimate.table(found))
    say(*estimate.unknowns(found, on))
    if silent := [one.label for one in measured if one.label not in {line.benchmark for line in found}]:
        say(f"asks no model with these settings: {', '.join(silent)}")
