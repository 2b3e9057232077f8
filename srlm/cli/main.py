"""`srlm`: train a run, see where it stands, check it before it starts, explain one of its pairs.

What the user can mend is printed as one message with exit status 2; anything else keeps its traceback.
"""

import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from srlm.errors import SrlmError
from srlm.settings import Section, Settings, fields, load

app = typer.Typer(
    help="Self-Rewarding Language Models: M0 -> SFT baseline -> M1 -> M2 -> M3, each model judging its own answers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

RunOption = Annotated[Path, typer.Option("--run", help="The run file (YAML), as in configs/pocket.yaml.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a setting: dpo.beta=0.2. `srlm settings` lists them all."
    ),
]


@app.command()
def train(
    run: RunOption,
    to: Annotated[
        str | None, typer.Option(help="Last model to make: M1, M2, ... Without it: `iterations` of the run file.")
    ] = None,
    next: Annotated[bool, typer.Option("--next", help="Make exactly one more M_i.")] = False,
    set: SetOption = None,
) -> None:
    """Make every model up to M_i that is not there yet; a run that was stopped goes on where it was."""
    if to is not None and next:
        raise typer.BadParameter("--to and --next exclude each other")
    last = _number(to) if to is not None else None
    settings = load(run, set or [])
    from srlm.methods.run import Run
    from srlm.methods.self_rewarding import train as train_run

    work = Run(settings)
    if next:
        last = 1 + max((t for t in range(1, 1000) if work.folder.manifest(f"M{t}")), default=0)
    quiet(settings)
    model = train_run(work, last or settings.iterations)
    print(f"{settings.name}: {model.name} is in {work.folder.model_path(model)}")


def _number(name: str) -> int:
    if found := re.fullmatch("[mM]([1-9][0-9]{0,2})", name):
        return int(found[1])
    raise typer.BadParameter(f"{name!r} is no model of the loop; write M1, M2, M3, ...")


def quiet(settings: Settings) -> None:
    """Our own progress and log say what happens; the libraries' bars and advice would bury them."""
    import datasets
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    datasets.disable_progress_bars()
    warnings.simplefilter("ignore", FutureWarning)
    if settings.threads:
        torch.set_num_threads(settings.threads)


@app.command()
def status(run: RunOption, set: SetOption = None) -> None:
    """What exists, what is half done, counts and times."""
    from srlm.cli.status import show

    show(load(run, set or []), Console(highlight=False, markup=False))


@app.command()
def doctor(
    run: RunOption,
    weights: Annotated[bool, typer.Option(help="Load the model and let it judge once.")] = True,
    set: SetOption = None,
) -> None:
    """Everything that would fail later, said before anything runs. Exit status 2 where something would."""
    from srlm.cli.doctor import examine

    settings = load(run, set or [])
    quiet(settings)
    if not examine(settings, Console(highlight=False, markup=False), weights):
        raise typer.Exit(2)


@app.command()
def explain(
    id: Annotated[
        str, typer.Argument(help="Id of a pair, prompt, response or judgement; its first characters will do.")
    ],
    run: RunOption,
    set: SetOption = None,
) -> None:
    """The prompt, all samples, the judge's words, the scores and the rule behind one pair."""
    from srlm.cli.explain import tell

    tell(load(run, set or []), id, Console(highlight=False, markup=False, soft_wrap=True))


@app.command("settings")
def list_settings(
    part: Annotated[str | None, typer.Argument(help="Only settings whose name contains this.")] = None,
) -> None:
    """Every setting: name, type, default, and what it means with its unit."""
    table = Table(box=None, pad_edge=False)
    for title in ("setting", "type", "default", "meaning"):
        table.add_column(title, overflow="fold", no_wrap=title == "setting")
    chosen = [(name, field) for name, field in fields(Settings) if part is None or part in name]
    if not chosen:
        raise typer.BadParameter(f"no setting has {part!r} in its name")
    for name, field in chosen:
        kind = getattr(field.annotation, "__name__", None) or str(field.annotation).replace("typing.", "")
        default = "" if field.is_required() else str(field.get_default(call_default_factory=True))
        section = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        table.add_row(name, "section" if section else kind, "" if section else default, field.description or "")
    Console(highlight=False, markup=False).print(table)


STOPPED = 130
"""Exit status after Ctrl-C, as shells count it: 128 and the signal's number."""


@contextmanager
def told() -> Iterator[None]:
    """Print what the user can mend as its message, and leave with status 2 (130 after Ctrl-C)."""
    try:
        yield
    except SrlmError as error:
        print(f"srlm: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("srlm: stopped; the same command goes on where it was", file=sys.stderr)
        raise SystemExit(STOPPED) from None


def enter(commands: typer.Typer, words: Sequence[str] | None = None) -> None:
    """Run a command line (None: the process's own words), with what the user can mend `told`; always exits."""
    # Read by the libraries when they are imported; nothing that is trained here is anybody's statistics.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with told():
        try:
            commands(words)
        except SystemExit as left:
            if left.code == STOPPED:  # typer has taken the KeyboardInterrupt and says nothing
                raise KeyboardInterrupt from None
            raise


def main(words: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    enter(app, words)
