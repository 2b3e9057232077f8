"""`srlm`: train a run, check it before it starts, see its progress, explain one of its pairs.

An error that the user can fix prints as one message, with exit status 2; any other error keeps its traceback.
"""

import errno
import gc
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from srlm.cli.chat import chat
from srlm.cli.export import export
from srlm.cli.new import new
from srlm.errors import SettingsError, SrlmError
from srlm.methods.base import ASSUMED
from srlm.run_file import load
from srlm.section import Section
from srlm.settings import Settings, fields
from srlm.terminal import Console, Padding, cut, flush, guarded, note, print_traceback, say, silence_libraries
from srlm.version import VERSION

app = typer.Typer(
    help="Self-Rewarding Language Models: M0 -> SFT baseline -> M1 -> M2 -> M3, each model judging its own answers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


PAGES = "docs/NAME.md is a page of the documentation: `srlm docs NAME` prints it."
"""Below the help of every command: help texts and messages name pages."""


def print_version(program: str) -> Callable[[bool], None]:
    """What `--version` of a program does."""

    def version(wanted: bool) -> None:
        if wanted:
            say(f"{program} {VERSION}")
            raise typer.Exit

    return version


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version("srlm"), is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before a command's name."""


RunOption = Annotated[
    Path, typer.Option("--run", help="The run file (YAML), or one that comes with srlm: example:pocket.")
]
RunOrFolderOption = Annotated[Path, typer.Option("--run", help="The run file (YAML), or the run's folder.")]
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
        str | None, typer.Option(help="Last model to train: M1, M2, ... Default: `iterations` in the run file.")
    ] = None,
    next: Annotated[bool, typer.Option("--next", help="Train exactly one more M_i.")] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN[@STEP]",
            help="Fork: begin with the finished steps of another run's folder that these settings leave as they are; "
            "with @STEP, with those up to that step. Give the fork a name: --set name=OTHER.",
        ),
    ] = None,
    set: SetOption = None,
) -> None:
    """Train every missing model up to M_i. An interrupted run resumes where it stopped."""
    if to is not None and next:
        raise typer.BadParameter("--to and --next cannot be used together")
    settings = load(run, set or [])
    signal.signal(signal.SIGTERM, partial(end_orderly, os.getpid()))
    from srlm.methods import sharing
    from srlm.methods.run import Run
    from srlm.methods.train import iteration_named, next_iteration
    from srlm.methods.train import train as train_run

    last = settings.iterations
    if to is not None:
        try:
            last = iteration_named(settings, to).number
        except SettingsError as error:
            raise typer.BadParameter(str(error)) from None
    if source is not None:
        say(*sharing.lines(settings.name, source, sharing.fork(settings, source, last)))
    work = Run(settings)
    if next:
        last = next_iteration(work)
    quiet(settings.threads)
    model = train_run(work, last)
    say(f"{settings.name}: {model.name} is in {work.folder.model_path(model)}")


def end_orderly(own: int, number: int, frame: FrameType | None) -> None:
    """What SIGTERM does to a training or an evaluation: it ends as after Ctrl-C, with times and processes seen to; a
    second kills."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if os.getpid() != own:  # a process that a library has forked ends as it would without us
        os.kill(os.getpid(), number)
    raise Left(128 + number, "terminated; run the same command again to resume")


def quiet(threads: int) -> None:
    """Silence the libraries: their progress bars and advice would bury our own progress and log."""
    import datasets
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    datasets.disable_progress_bars()
    warnings.simplefilter("ignore", FutureWarning)
    if threads:
        torch.set_num_threads(threads)
    if not gc.get_freeze_count():
        gc.freeze()  # half a million objects of libraries, which every closing engine would look through again


@app.command(hidden=True)
def worker(folder: Path) -> None:
    """One process of a distributed training; `srlm train` starts it (`launch.command`)."""
    from srlm.cli.worker import work_on
    from srlm.processes import die_with_parent
    from srlm.training.job import Job
    from srlm.training.launch import JOB

    die_with_parent()
    job = Job.model_validate_json((folder / JOB).read_bytes())
    quiet(job.threads)
    work_on(job, folder)
    flush()
    # All is saved. Left to itself the process would now and then be aborted for a thread of torch's that still runs
    # ("terminate called without an active exception"), and the launcher would take that for a failed training.
    os._exit(0)


@app.command()
def status(
    run: RunOrFolderOption,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again and again until all steps are done; Ctrl-C ends it.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 10.0,
    set: SetOption = None,
) -> None:
    """Show which steps of a run are finished or in progress, with counts and times."""
    from srlm.cli.status import show
    from srlm.cli.watch import watch as show_again
    from srlm.store.folder import settings_at

    settings = settings_at(run, set or [])
    if not watch:
        show(settings)
        return
    try:
        show_again(settings, every)
    except KeyboardInterrupt:
        raise Left(STOPPED) from None


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(help="The run file (YAML), or the run's folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print every file's state as JSON.")] = False,
    set: SetOption = None,
) -> None:
    """Read every file of a run and say what has changed, or no longer follows from the rest. Exit status 1 if any."""
    from srlm.cli.verify import print_state

    if not print_state(run, set or [], as_json):
        raise typer.Exit(1)


@app.command()
def doctor(
    run: RunOption,
    weights: Annotated[bool, typer.Option(help="Load the model and run the judge once.")] = True,
    set: SetOption = None,
) -> None:
    """Preflight checks of a run. Exit status 2 if a check fails."""
    from srlm.cli.doctor import examine

    settings = load(run, set or [])
    quiet(settings.threads)
    if not examine(settings, weights):
        raise typer.Exit(2)


app.command()(new)


@app.command()
def estimate(
    run: RunOption,
    hardware: Annotated[
        Path | None,
        typer.Option(
            help="Hardware description (YAML), as in configs/hardware/8xh100.yaml. Default: this CPU, measured."
        ),
    ] = None,
    shape: Annotated[
        Path | None,
        typer.Option(help="The model's config.json, if the model itself is not available (configs/shapes)."),
    ] = None,
    prompt_tokens: Annotated[int, typer.Option(min=1, help="Assumed mean length of a prompt.")] = ASSUMED.prompt,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Assumed mean length of an answer.")] = ASSUMED.answer,
    judgement_tokens: Annotated[
        int, typer.Option(min=1, help="Assumed mean length of a judgement.")
    ] = ASSUMED.judgement,
    longest: Annotated[
        float, typer.Option(min=1, max=2, help="Assumed length of the longest sequences, in mean lengths.")
    ] = ASSUMED.longest,
    set: SetOption = None,
) -> None:
    """Estimate memory and time of every stage on given hardware. Exit status 2 if a stage does not fit."""
    from srlm.cli.estimate import show
    from srlm.methods.base import Lengths

    settings = load(run, set or [])
    if hardware is None:
        quiet(settings.threads)  # as many as will train
    if not show(settings, hardware, shape, Lengths(prompt_tokens, answer_tokens, judgement_tokens, longest)):
        raise typer.Exit(2)


@app.command()
def explain(
    id: Annotated[str, typer.Argument(help="Id of a pair, prompt, response or judgement, or its first characters.")],
    run: RunOption,
    set: SetOption = None,
) -> None:
    """Show how a pair was made: its prompt, all samples, the judge's text, the scores and the rule."""
    from srlm.cli.explain import tell

    tell(load(run, set or []), id)


@app.command("show-prompt")
def show_prompt(
    run: RunOption,
    what: Annotated[
        str | None, typer.Option(help="ift, eft, judge or prompt. Default: one of each.", metavar="KIND")
    ] = None,
    number: Annotated[int, typer.Option(min=1, help="Which example of the run, counted from 1.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    set: SetOption = None,
) -> None:
    """Show the exact text and tokens of a training example or prompt, and which tokens carry loss."""
    from srlm.cli.show_prompt import KINDS, show
    from srlm.methods.base import run_folder

    kinds = [kind for kind in KINDS if what in (None, kind)]
    if not kinds:
        raise typer.BadParameter(f"{what!r} is not one of {', '.join(KINDS)}")
    settings = run_folder(load(run, set or [])).settings  # of a run that has begun: its day, and its commits
    quiet(settings.threads)
    show(settings, kinds, number, as_json)


@app.command()
def examples(
    to: Annotated[Path | None, typer.Option(help="Write them, and what they name, into this folder.")] = None,
) -> None:
    """List the run files that come with srlm. Each is a run file as it is: `srlm train --run example:pocket`."""
    from srlm.cli.examples import copy, listed

    if to is None:
        listed()
    else:
        copy(to)


@app.command()
def docs(page: Annotated[str | None, typer.Argument(help="A page's name: rankings, methods/spin.")] = None) -> None:
    """Print a page of the documentation; without a name, list them."""
    from srlm.cli import docs as pages

    if page is None:
        pages.listed()
    else:
        pages.page(page)


@app.command()
def methods() -> None:
    """List the training methods (setting `method`): what each does, and its paper."""
    from srlm.methods.base import METHODS, find_method

    for name in METHODS:
        method = find_method(name)
        say(f"{name}  {method.summary} ({method.paper})")


app.command()(export)
app.command()(chat)


@app.command("settings")
def list_settings(
    part: Annotated[str | None, typer.Argument(help="Only settings whose name contains this.")] = None,
) -> None:
    """List every setting: name, type, default, meaning and unit."""
    from srlm.methods.base import METHODS, find_method

    every = list(fields(Settings))
    for method in METHODS:
        every += [(f"method.{own} of {method}", field) for own, field in fields(find_method(method).settings)]
    named = [(name, field) for name, field in every if part is None or part in name]
    if not named:
        raise SettingsError(f"no setting has {part!r} in its name; `srlm settings` lists them all")
    console = Console()
    for name, field in named:
        say(f"{name}  ({kind_of(field)})")
        meaning = field.description or getattr(field.annotation, "__doc__", None) or ""
        console.print(Padding(" ".join(meaning.split()), (0, 0, 0, 4), expand=False))


for _command in app.registered_commands:
    _command.epilog = PAGES


def kind_of(field: Any) -> str:
    """Type and default of a setting, as written in a run file."""
    kinds = [
        get_args(kind)[0] if get_origin(kind) is Annotated else kind
        for kind in (get_args(field.annotation) or (field.annotation,))
        if kind is not type(None)
    ]
    if get_origin(field.annotation) is tuple and isinstance(kinds[0], type) and issubclass(kinds[0], Section):
        return "list of sections, default []"
    if any(isinstance(kind, type) and issubclass(kind, Section) for kind in kinds):
        return "section" if field.is_required() or field.default is not None else "section, default null"
    listed = field.annotation if get_origin(field.annotation) is Literal else kinds[0]
    if get_origin(listed) is Literal:
        words = " | ".join(map(str, get_args(listed)))
    else:
        words = {tuple: "list of words", dict: "names and values", str: "text"}.get(
            get_origin(field.annotation) or kinds[0], getattr(kinds[0], "__name__", str(kinds[0]))
        )
    if field.is_required():
        return f"{words}, must be given"
    default = field.get_default(call_default_factory=True, validated_data={})
    return f"{words}, default {default if isinstance(default, str) else json.dumps(default)}"


OF_A_PATH = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES)
"""What is wrong with a path that somebody gave, wherever it is met first: a name too long, links in a circle, a folder
that may not be looked into."""
SHOWN_PATH = 300
"""Cells of a terminal."""
STOPPED = 130
"""Exit status after Ctrl-C, as shells count it: 128 and the signal's number."""


class Left(SystemExit):
    """The end of a command by a signal, and what is said of it in the end: a handler may have cut in on a print."""

    def __init__(self, status: int, said: str | None = None) -> None:
        super().__init__(status)
        self.said = said


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an SrlmError as its message and exit with status 2 (130 after Ctrl-C)."""
    try:
        yield
    except SrlmError as error:
        note(f"srlm: {error}")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        note("srlm: interrupted; run the same command again to resume")
        raise SystemExit(STOPPED) from None


def enter(commands: typer.Typer, words: Sequence[str] | None = None) -> None:
    """Run a command line (None: the process's own arguments); an SrlmError prints as its message. Always exits."""
    silence_libraries()
    with guarded(), report_errors():
        try:
            commands(words)
        except Left as left:
            if left.said is not None:
                note(f"srlm: {left.said}")
            raise
        except SystemExit as left:
            if left.code == STOPPED:  # typer has taken the KeyboardInterrupt and says nothing
                raise KeyboardInterrupt from None
            raise
        except SrlmError:
            raise
        except OSError as error:
            if error.errno not in OF_A_PATH or not isinstance(error.filename, str | bytes):
                sys.excepthook = print_traceback
                raise
            where = cut(os.fsdecode(error.filename), SHOWN_PATH)
            raise SettingsError(f"{where}: {error.strerror}; give another path, or mend this one") from None
        except Exception:
            sys.excepthook = print_traceback  # Python prints it when the guard is gone
            raise


def main(words: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    enter(app, words)
