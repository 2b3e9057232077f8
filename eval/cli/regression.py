"""The regression gate of a run."""

from pathlib import Path
from typing import Annotated

import typer

from srlm.run_file import load

from .holding import hold
from .options import Overrides, Run


def regress(
    context: typer.Context,
    run: Run,
    against: Annotated[Path, typer.Option(help="The baseline (JSON).")],
    overrides: Overrides = None,
    values: Annotated[
        list[str] | None,
        typer.Option(help="A custom measure, NAME=FILE: JSON lines with `prompt` and `value`. Repeatable."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Also write the verdicts as JUnit XML.")] = None,
    update_baseline: Annotated[bool, typer.Option(help="Save the run as the new baseline.")] = False,
    reason: Annotated[str, typer.Option(help="Reason for the new baseline.")] = "",
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure in the new baseline: NAME=MARGIN, or `all` with the benchmarks' own margins. Repeatable. "
            "Default: as in the old baseline."
        ),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="Build the new baseline from several runs: `1-10` uses the runs NAME-s1 ... NAME-s10.")
    ] = "",
) -> None:
    """Compare an evaluated run with a baseline. Exit status 0: no regression, 1: a regression, 2: cannot tell."""
    from ..gate import command

    hold(context, junit, against if update_baseline else None)
    if update_baseline:
        runs = command.sisters(run, overrides or (), seeds)
        command.update(against, runs, values or (), reason, measure or ())
    elif status := command.against(against, load(run, overrides or ()), values or (), junit):
        raise typer.Exit(status)
