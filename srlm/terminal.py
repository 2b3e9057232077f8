"""The one exit to the terminal, for both command lines: what is printed, drawn, warned of and logged goes through here.

`say` and `show` print lines and blocks, `write` a piece of one, `note` prints to stderr, `Console` draws tables, `BARS`
what is under way, `Live` what changes in place, `logger` gives a module its log, `silence_libraries` leaves the
terminal to these. Each takes words that anybody may have written: nothing in them is markup, and nothing steers the
terminal (srlm/printable.py). While a command runs, `guarded` does the same for whatever libraries print. Nothing else
in srlm and eval prints: ruff holds it (T20 and TID251 in pyproject.toml).
"""

import io
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Any, NamedTuple, TextIO, cast

import rich.console
import rich.live
import rich.progress
from rich.cells import cell_len, set_cell_size
from rich.padding import Padding
from rich.progress import TaskID
from rich.table import Column, Table
from rich.text import Text

from srlm.bounded import quote
from srlm.printable import MOST_MARKS, block, one_line
from srlm.secrets import withheld

__all__ = [
    "BARS",
    "Bar",
    "Console",
    "Live",
    "Padding",
    "Table",
    "cut",
    "flush",
    "guarded",
    "is_terminal",
    "logger",
    "note",
    "print_traceback",
    "say",
    "show",
    "silence_libraries",
    "width_of",
    "write",
]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def say(*lines: str) -> None:
    """Print lines: each argument is one, whatever is in it."""
    _print(sys.stdout, "".join(f"{one_line(line)}\n" for line in lines))


def show(text: str) -> None:
    """Print a text of several lines, such as a table of `eval.figures.text`."""
    _print(sys.stdout, f"{block(text)}\n")


def write(text: str) -> None:
    """Print a piece of a text without ending its line: what is shown while it is being written."""
    _print(sys.stdout, block(text))


def note(text: str) -> None:
    """Print a message to stderr. Its lines after the first are indented: none of them passes for one of ours.

    A long line loses its middle.
    """
    first, *more = [quote.cut(one_line(line), quote.LINE) for line in text.split("\n")]
    _print(sys.stderr, "".join([f"{first}\n", *(f"  {line}\n" for line in more)]))


def cut(text: str, cells: int) -> str:
    """A text on one line, at most so many cells of a terminal wide; of a longer one the middle is left out."""
    # A character takes no cell, one or two, and at most MOST_MARKS of those without stand on one with.
    enough = cells * (MOST_MARKS + 2)
    text = one_line(text if len(text) <= 2 * enough else text[:enough] + text[-enough:])
    if width_of(text) <= cells:
        return text
    start, most = len(text), cells // 3
    while width_of(text[start - 1 :]) <= most:
        start -= 1
    while start < len(text) and width_of(text[start]) == 0:  # a mark whose letter is left out
        start += 1
    return set_cell_size(text, cells - 1 - most).rstrip() + "\N{HORIZONTAL ELLIPSIS}" + text[start:]


def width_of(text: str) -> int:
    """Cells of a terminal that a text takes: two for a Chinese character, none for a mark."""
    return cell_len(text)


def flush() -> None:
    """Let all that was printed out, by whomever."""
    sys.stdout.flush()
    sys.stderr.flush()


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What `sys.excepthook` does, through the exit: an error may quote anything."""
    _print(sys.stderr, block("".join(traceback.format_exception(kind, error, trace))))


def _print(stream: TextIO, text: str) -> None:
    stream.write(withheld(text))
    stream.flush()


class Console(rich.console.Console):
    """rich's: a string is text, never markup, emoji codes or highlighted."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> None:
        stream = _behind(sys.stderr if stderr else sys.stdout)
        super().__init__(file=stream, soft_wrap=soft_wrap, width=width, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """Each string that is printed, a cell of a table too, becomes text here."""
        return super().render_str(block(text), **{**how, "markup": False, "emoji": False, "highlight": False})


def _behind(stream: Any) -> IO[str]:
    """The stream behind the guard: what rich draws has colours of its own, and moves the cursor."""
    while (
        behind := getattr(stream, "stream" if isinstance(stream, _Guarded) else "rich_proxied_file", None)
    ) is not None:
        stream = behind
    found: IO[str] = stream
    return found


class _Progress(rich.progress.Progress):
    """Bars on stderr, each with its label, how much is done, the rate, the time left and what was seen so far."""

    def __init__(self) -> None:
        super().__init__(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(20),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn("{task.fields[rate]}", markup=False),
            rich.progress.TimeRemainingColumn(),
            # It takes what the others leave of the line, and is cut there.
            rich.progress.TextColumn(
                "{task.fields[seen]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
            ),
            expand=True,
            transient=True,
            console=Console(stderr=True),
        )

    def start(self) -> None:
        """Show the bars. What is printed meanwhile stands above them; rich would obey colours in it, but for the
        guard."""
        super().start()
        sys.stdout, sys.stderr = _guard(sys.stdout), _guard(sys.stderr)


class Bars:
    """The bars of the stages that are under way: they stand one below the other while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: _Progress | None = None

    def begin(self, label: str) -> "Bar | None":
        """A bar of a stage; None where stderr is no terminal."""
        with self._lock:
            if self._shown is None:
                shown = _Progress()
                if not shown.console.file.isatty():
                    return None
                shown.start()
                self._shown = shown
            return Bar(self._shown, self._shown.add_task(label, total=None, rate="", seen=""), self._end)

    def _end(self, task: TaskID) -> None:
        with self._lock:
            assert self._shown is not None
            self._shown.refresh()  # a last time
            self._shown.remove_task(task)
            if not self._shown.task_ids:
                self._shown.stop()
                self._shown = None


class Bar(NamedTuple):
    """The bar of one stage."""

    shown: _Progress
    task: TaskID
    end_task: Callable[[TaskID], None]

    def draw(self, done: int, total: int, rate: str, seen: str) -> None:
        """Show how much is done."""
        self.shown.update(self.task, completed=done, total=total, rate=rate, seen=seen)

    def end(self) -> None:
        """Take the bar away."""
        self.end_task(self.task)


BARS = Bars()
"""Of this process."""


def is_terminal() -> bool:
    """Whether what is printed goes to a terminal, which can draw again what it has drawn."""
    return Console().is_terminal and not Console().is_dumb_terminal


class Live(rich.live.Live):
    """A place on stdout in which each drawing replaces the one before; it is empty in the end."""

    def __init__(self) -> None:
        super().__init__(
            console=Console(), auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def draw(self, *parts: str | Table) -> None:
        """Show lines and tables, one below the other. What does not fit on the screen is cut."""
        drawn = [Text(one_line(part)) if isinstance(part, str) else part for part in parts]
        self.update(rich.console.Group(*drawn), refresh=True)


class _Guarded(io.TextIOBase):
    """A stream for others than this module: no terminal to them, and what would steer one does not reach it.

    Libraries colour their words and go back to the beginning of the line all the same, where they are told to by the
    environment: colours are left out, and each state of their bars is a line.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(block(_COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n")))
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def fileno(self) -> int:
        return self.stream.fileno()

    def writable(self) -> bool:
        return True


def _guard(stream: TextIO) -> TextIO:
    if isinstance(stream, _Guarded):
        return stream
    if isinstance(stream, io.TextIOWrapper):  # a terminal of another encoding than UTF-8 shows what it cannot as codes
        stream.reconfigure(errors="backslashreplace")
    return cast(TextIO, _Guarded(stream))


@contextmanager
def guarded() -> Iterator[None]:
    """Let nothing that is printed meanwhile, by whomever, steer the terminal."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_guard, streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


SILENT = {
    "TQDM_DISABLE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
    "DATASETS_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""What libraries read when they are imported: no bars, no advice and no messages but errors; no telemetry."""


def silence_libraries() -> None:
    """Leave the terminal to our own progress and messages, in this process and those that it starts; errors are shown.

    To be called before the libraries are imported. What a user has set otherwise stays as it is.
    """
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore", FutureWarning)


class _OneLine(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = one_line(record.getMessage()), None
        return True


def logger(name: str) -> logging.Logger:
    """The log of a module: each message is one line that steers nothing, whoever handles it."""
    log = logging.getLogger(name)
    if not any(isinstance(known, _OneLine) for known in log.filters):
        log.addFilter(_OneLine())
    return log
