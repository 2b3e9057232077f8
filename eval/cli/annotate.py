"""Human evaluation: write a page for people, import what they said."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from srlm.errors import SettingsError
from srlm.terminal import say

from .holding import hold
from .options import Overrides, Run

Models = Annotated[
    list[str] | None,
    typer.Option("--models", help="Two models to compare, as SFT,M3; repeatable. Pairs are mixed at random."),
]
Files = Annotated[list[Path] | None, typer.Argument(metavar="[VOTES]...", help="More files for --import.")]


def annotate(
    context: typer.Context,
    run: Run,
    files: Files = None,
    overrides: Overrides = None,
    models: Models = None,
    prompts: Annotated[int, typer.Option(min=1, help="Prompts, drawn at random.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of prompts, order and sides.")] = 1,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("annotate.html"),
    votes: Annotated[
        list[Path] | None, typer.Option("--import", help="Import files of votes that the page saved; repeatable.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --import: an annotator's votes replace their earlier ones.")
    ] = False,
) -> None:
    """Write a page on which people compare two models' answers, blind; or import their votes and measure."""
    wanted = [*(votes or ()), *(files or ())]
    if files and not votes:
        raise SettingsError(f"{files[0]}: files of votes need --import before them")
    if bool(wanted) == bool(models):
        raise SettingsError("annotate needs either --models SFT,M3 (writes a page), or --import VOTES... (reads votes)")
    from ..benchmarks.human import ballots, command
    from ..benchmarks.run_data import RunData
    from ..benchmarks.table import chosen
    from ..run import measure, opened

    of_run = shlex.join(["--run", str(run), *(word for one in overrides or () for word in ("--set", one))])
    if models:
        if out.suffix != ".html":
            raise SettingsError(f"--out {out}: must end with .html")
        hold(context, out)
        with opened(run, overrides) as (settings, folder, open_engine):
            command.write_page(RunData(settings, folder), open_engine, models, prompts, seed, out, of_run)
        return
    with opened(run, overrides) as (settings, folder, open_engine):
        taken = ballots.take(RunData(settings, folder), wanted, replace=replace)
        found = measure(settings, folder, chosen(["human"]), open_engine)
        for line in command.told(taken):
            say(line)
        say("")
        command.show_result(RunData(settings, folder), found, of_run)
