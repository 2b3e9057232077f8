"""Has the trainer lost anything?"""

from pathlib import Path
from typing import Annotated

import typer

from srlm.run_file import load

from .options import Overrides, Run


def regress(
    run: Run,
    against: Annotated[Path, typer.Option(help="The baseline, a JSON file kept under version control.")],
    overrides: Overrides = None,
    values: Annotated[
        list[str] | None, typer.Option(help="A measure of your own: NAME=FILE, JSON lines with `prompt` and `value`.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the verdicts as JUnit XML, too.")] = None,
    update_baseline: Annotated[bool, typer.Option(help="Write the run as the new baseline.")] = False,
    reason: Annotated[str, typer.Option(help="Why there is a new baseline.")] = "",
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help="What a new baseline watches: NAME=MARGIN, or `all` with the margins that benchmarks name. "
            "Without: what the old one did."
        ),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="A new baseline of several runs: `1-10` takes the runs NAME-s1 ... NAME-s10.")
    ] = "",
) -> None:
    """Hold a measured run against a baseline: status 0 no regression, 1 a regression, 2 could not judge."""
    from ..gate import command

    if update_baseline:
        runs = command.sisters(run, overrides or (), seeds)
        command.update(against, runs, values or (), reason, measure or ())
    elif status := command.against(against, load(run, overrides or ()), values or (), junit):
        raise typer.Exit(status)
