"""How far a long stage is: a bar with rate and time left on a terminal, plain lines elsewhere, both ends in the log."""

import time
from collections.abc import Callable

from srlm.terminal import Progress, cut, note

LINE_EVERY = 10.0
"""Seconds between plain lines."""
WIDEST = 100
"""Cells of a label; models and judges may have been named by anybody."""


class Reporter:
    """`with Reporter("M2: candidates", log) as report:` then `report(done, total)` as often as convenient."""

    def __init__(self, label: str, log: Callable[[str], None], unit: str = "prompts") -> None:
        self._label = cut(label, WIDEST)
        self._log, self._unit = log, unit
        self._began = self._last_line = time.monotonic()
        self._first: tuple[int, float] | None = None
        self._bar: Progress | None = None

    def __enter__(self) -> "Reporter":
        self._log(f"{self._label}: started")
        bar = Progress()
        if bar.console.file.isatty():
            self._bar = bar
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=None, rate="")
        else:
            note(f"{self._label} ...")
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
            note(f"{self._label}: {done}/{total} {text}{left}")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        took = f"{time.monotonic() - self._began:.1f} s"
        self._log(f"{self._label}: {'interrupted' if kind else 'done'} after {took}")
        if kind is None:
            note(f"{self._label}: done in {took}")
