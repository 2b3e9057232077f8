"""How far a long stage is: a bar with rate and time left on a terminal, plain lines elsewhere, both ends in the log.

Behind the numbers stands what the stage has seen so far (`Reporter.say`): how many judgements have no score, and why.
"""

import time
from collections.abc import Callable
from typing import Protocol

from srlm.printable import one_line
from srlm.terminal import BARS, Bar, cut, note

LINE_EVERY = 10.0
"""Seconds between plain lines."""
WIDEST = 100
"""Cells of a label; models and judges may have been named by anybody."""


class Report(Protocol):
    """What a stage tells of itself while it runs."""

    def __call__(self, done: int, total: int) -> None:
        """So many of so many are done."""
        ...

    def say(self, seen: str) -> None:
        """What the stage has seen so far, in a few words; shown from the next report on, and when the stage ends."""
        ...


class Unreported:
    """A stage within another one, which reports nothing of its own."""

    def __call__(self, done: int, total: int) -> None:
        """See Report."""

    def say(self, seen: str) -> None:
        """See Report."""


class Reporter:
    """`with Reporter("M2: candidates", log) as report:` then `report(done, total)` as often as convenient."""

    def __init__(
        self, label: str, log: Callable[[str], None], unit: str = "prompts", line_every: float = LINE_EVERY
    ) -> None:
        self._label = cut(label, WIDEST)
        self._log, self._unit, self._line_every = log, unit, line_every
        self._began = self._last_line = time.monotonic()
        self._first: tuple[int, float] | None = None
        self._bar: Bar | None = None
        self._seen = ""

    def __enter__(self) -> "Reporter":
        self._log(f"{self._label}: started")
        self._bar = BARS.begin(self._label)
        if self._bar is None:
            note(f"{self._label} ...")
        return self

    def say(self, seen: str) -> None:
        """See Report."""
        self._seen = one_line(seen)

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._first is None:  # work found on disk is no part of the rate
            self._first = done, now
        before, since = self._first
        rate = (done - before) / (now - since) if done > before and now > since else None
        text = f"{rate:.3g} {self._unit}/s" if rate else ""
        if self._bar is not None:
            self._bar.draw(done, total, text, self._seen)
        elif now - self._last_line >= self._line_every:
            self._last_line = now
            rest = f", {text}, {(total - done) / rate:.0f} s left" if rate else ""
            note(f"{self._label}: {done}/{total}{rest}{f'; {self._seen}' if self._seen else ''}")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._bar is not None:
            self._bar.end()
        took = f"{time.monotonic() - self._began:.1f} s"
        seen = f"; {self._seen}" if self._seen else ""
        self._log(f"{self._label}: {'interrupted' if kind else 'done'} after {took}{seen}")
        if kind is None:
            note(f"{self._label}: done in {took}{seen}")
