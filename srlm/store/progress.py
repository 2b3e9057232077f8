"""How far a long stage is: a bar with rate and time left on a terminal, plain lines elsewhere, both ends in the log."""

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY = 10.0
"""Seconds between plain lines."""


class Reporter:
    """`with Reporter("M2: candidates", log) as report:` then `report(done, total)` as often as convenient."""

    def __init__(self, label: str, log: Callable[[str], None], unit: str = "prompts") -> None:
        # Models and judges may have been named by anybody.
        self._label = "".join(letter if letter.isprintable() else "?" for letter in label)
        self._log, self._unit = log, unit
        self._began = self._last_line = time.monotonic()
        self._first: tuple[int, float] | None = None
        self._bar: Progress | None = None

    def __enter__(self) -> "Reporter":
        self._log(f"{self._label}: started")
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
            )
            self._bar = Progress(*columns, TimeRemainingColumn(), transient=True, console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=None, rate="")
        else:
            print(f"{self._label} ...", file=sys.stderr, flush=True)
        return self

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._first is None:  # work found on disk is no part of the rate
            self._first = done, now
        before, since = self._first
        rate = (done - before) / (now - since) if done > before and now > since else None
        text = f"{rate:.3g} {self._unit}/s" if rate else ""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, rate=text)
        elif now - self._last_line >= LINE_EVERY:
            self._last_line = now
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            print(f"{self._label}: {done}/{total} {text}{left}", file=sys.stderr, flush=True)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        took = f"{time.monotonic() - self._began:.1f} s"
        self._log(f"{self._label}: {'interrupted' if kind else 'done'} after {took}")
        if kind is None:
            print(f"{self._label}: done in {took}", file=sys.stderr, flush=True)
