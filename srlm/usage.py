"""What models read and write on behalf of a stage, counted where it happens: in the engines and reward models.

    with usage.metered(keep) as meter:          # a stage
        with usage.judging():                   # whoever asks as a judge says so
            engine.generate(...)                # calls usage.count(Usage(...))

Counted are tokens that a model has read or written, never tokens of records: what was lost in a kill and made again
was paid for twice, and what a store of calls answers was paid for before. Without a meter nothing is counted.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from pydantic import Field

from srlm.records import Record

Purpose = Literal["generation", "judgement"]
"""Of a call: answers, prompts and the like, or to judge an answer."""


class Usage(Record):
    """What calls of models have cost, in tokens."""

    requests: int = Field(default=0, ge=0)
    """Conversations that were continued, scored or rated."""
    read: int = Field(default=0, ge=0)
    """Tokens of the requests, each once for all its draws, and of continuations that were scored."""
    written: int = Field(default=0, ge=0)
    """New tokens; the token that ends an answer is not counted where the engine does not count it (local engines)."""
    unknown: int = Field(default=0, ge=0)
    """Requests of which the engine says no number; they are in neither sum."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            requests=self.requests + other.requests,
            read=self.read + other.read,
            written=self.written + other.written,
            unknown=self.unknown + other.unknown,
        )

    @property
    def tokens(self) -> int | None:
        """Read and written; None where some are unknown."""
        return None if self.unknown else self.read + self.written

    @property
    def tokens_written(self) -> int | None:
        """None where some are unknown."""
        return None if self.unknown else self.written


class Meter:
    """Sums by purpose; `keep` is given them after every change, one thread at a time."""

    def __init__(self, keep: Callable[[Mapping[Purpose, Usage]], None] | None = None) -> None:
        self._keep, self._lock = keep, threading.Lock()
        self.used: dict[Purpose, Usage] = {}

    @property
    def total(self) -> Usage:
        """Of all purposes."""
        return sum(self.used.values(), Usage())

    def add(self, purpose: Purpose, used: Usage) -> None:
        """Add what one call took."""
        with self._lock:
            self.used[purpose] = self.used.get(purpose, Usage()) + used
            if self._keep is not None:
                self._keep(self.used)


_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)
"""Of this thread, and of those that were started in its context: two stages may run at once."""
_METERS: list[Meter] = []
"""Of this process, the innermost last, for threads that have no context of ours."""
_PURPOSE: ContextVar[Purpose] = ContextVar("purpose", default="generation")


@contextmanager
def metered(keep: Callable[[Mapping[Purpose, Usage]], None] | None = None) -> Iterator[Meter]:
    """Counts all calls of models within it, also those of threads that are started in it; the innermost meter alone
    counts."""
    meter = Meter(keep)
    before = _METER.set(meter)
    _METERS.append(meter)
    try:
        yield meter
    finally:
        _METERS.remove(meter)
        _METER.reset(before)


@contextmanager
def judging() -> Iterator[None]:
    """Calls within it, in this thread, are a judge's."""
    before = _PURPOSE.set("judgement")
    try:
        yield
    finally:
        _PURPOSE.reset(before)


def count(used: Usage) -> None:
    """Tell the meter what a call took."""
    meter = _METER.get() or (_METERS[-1] if _METERS else None)
    if meter is not None:
        meter.add(_PURPOSE.get(), used)
