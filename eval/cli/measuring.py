"""Suites of a run: all of them, the head-to-head, the bead world."""

from typing import Annotated

import typer

from .options import Overrides, Run
from .reports import write


def everything(
    run: Run,
    overrides: Overrides = None,
    report: Annotated[bool, typer.Option(help="Write the page, too.")] = True,
) -> None:
    """Every suite, then the report; the last line is its path."""
    from .. import run_commands

    run_commands.of_run(run, overrides, run_commands.BY_DEFAULT)
    if report:
        write(run, overrides)


def h2h(run: Run, overrides: Overrides = None) -> None:
    """Every checkpoint against every other on the evaluation prompts."""
    from .. import run_commands
    from ..report import tables

    print(tables.contests(run_commands.of_run(run, overrides, ["h2h", "slices"])))


def beads(run: Run, overrides: Overrides = None) -> None:
    """What the exact program of the bead world says of every checkpoint's answers and verdicts."""
    from .. import run_commands

    run_commands.of_run(run, overrides, ["beads"])
