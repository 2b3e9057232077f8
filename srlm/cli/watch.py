"""`srlm status --watch`: the steps of a run, again and again until all are done. Reads files only, on any host.

On a terminal the table is drawn in place; elsewhere each change is a line. Whether a process is alive cannot be seen in
files: when the last one was written can.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

from srlm.cli.status import LineCounts, View, look, not_there, print_view, table_of
from srlm.errors import SrlmError
from srlm.settings import Settings
from srlm.terminal import Live, is_terminal, say

QUIET = 300.0
"""Seconds without a write from which on a line says so, off a terminal; then at twice as many, and so on."""


class Screen(Protocol):
    """Where a watched run is shown."""

    def show(self, view: View) -> None:
        """The run as it is now."""
        ...

    def trouble(self, said: str) -> None:
        """It cannot be read now."""
        ...


def watch(settings: Settings, every: float) -> None:
    """Show a run every so many seconds, until the last of its models is there.

    What cannot be read is said, and tried again: files are replaced while a run is at work, and a shared folder may be
    away for a while.
    """
    lines = LineCounts()
    with ExitStack() as stack:
        screen: Screen = Drawn(stack.enter_context(Live())) if is_terminal() else Lines()
        failed = 0
        while True:
            try:
                view = look(settings, lines)
                failed = 0
                screen.show(view)
                if view.last is not None:
                    break
            except (SrlmError, OSError) as error:
                failed += 1
                if failed > 1:  # a file that was being replaced is whole at the next look
                    screen.trouble(f"{settings.name}: cannot be read: {error}")
            time.sleep(every)
    if isinstance(screen, Drawn):
        print_view(view)
    say(f"{settings.name}: complete; {view.last}")


class Drawn:
    """On a terminal: the table, warnings, and when the last file was written, in place."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, view: View) -> None:
        """See Screen."""
        if not view.rows:
            self._live.draw(not_there(view))
        else:
            self._live.draw(
                f"{view.name}: {view.path}", table_of(view), *view.warnings, last_written(view, time.time())
            )

    def trouble(self, said: str) -> None:
        """See Screen."""
        self._live.draw(said)


class Lines:
    """Elsewhere: a line for each step that has changed, and one where nothing changes for long."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._quiet = QUIET

    def show(self, view: View) -> None:
        """See Screen."""
        self._change("", "" if view.rows else not_there(view))
        for row in view.rows:
            self._change(row.name, f"{row.name}: {'; '.join([row.state, *row.files])}" if row.state != "-" else "")
        for line in view.warnings:
            self._change(line, line)
        if view.written is not None and view.last is None:
            age = time.time() - view.written.at
            if age < QUIET:
                self._quiet = QUIET
            elif age >= self._quiet:
                say(f"{view.name}: {last_written(view, time.time())}")
                while age >= self._quiet:
                    self._quiet *= 2

    def trouble(self, said: str) -> None:
        """See Screen."""
        self._change("", said)

    def _change(self, of: str, line: str) -> None:
        if line != self._said.get(of, "") and line:
            say(line)
        self._said[of] = line


def last_written(view: View, now: float) -> str:
    """When the run's newest file was written, as in `last written 4 min ago (M2/responses.jsonl.part)`."""
    if view.written is None:
        return "nothing written yet"
    return f"last written {_long(max(0.0, now - view.written.at))} ago ({view.written.name})"


def _long(seconds: float) -> str:
    sizes: Iterator[tuple[str, float]] = iter((("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)))
    return next((f"{seconds / size:.0f} {unit}" for unit, size in sizes if seconds >= 2 * size), f"{seconds:.0f} s")
