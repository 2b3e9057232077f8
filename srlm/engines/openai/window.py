"""How many requests may be under way at once, and how long a server asks to wait."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 120.0
"""Seconds that a server's wish to wait is heeded."""


class Window:
    """Additive growth, multiplicative decrease, of the number of requests under way.

    A refusal (429) shrinks the window to what is still under way: what a server refuses of a burst tells how much it
    takes, and where it refuses all, one request at a time is left. Answers widen it again, twofold a round up to half
    of what it was before the refusals, and by one a round from there to `most`.
    """

    def __init__(self, most: int) -> None:
        self.most, self.size = most, float(most)
        self.under_way = 0
        self._quick_below = 0.0
        self._refusing = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._watching: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def entered(self, again: bool = False) -> AsyncIterator[None]:
        """Room for one request; one that is sent again comes before those that were not sent yet."""
        if self.under_way < int(self.size) and not self._waiting:
            self.under_way += 1
        else:
            place = asyncio.get_running_loop().create_future()
            (self._waiting.appendleft if again else self._waiting.append)(place)
            await place
        try:
            yield
        finally:
            self.under_way -= 1
            self._let_in()
            for watcher in self._watching:
                if not watcher.done():
                    watcher.set_result(None)
            self._watching.clear()

    async def next_in(self) -> None:
        """Wait until one of the requests under way has come in."""
        watcher = asyncio.get_running_loop().create_future()
        self._watching.append(watcher)
        await watcher

    def answered(self) -> None:
        self._refusing = False
        step = 1.0 if self.size < self._quick_below else 1.0 / self.size
        self.size = min(float(self.most), self.size + step)

    def refused(self) -> None:
        """Called while the refused request still counts as under way."""
        if not self._refusing:
            self._refusing, self._quick_below = True, self.size / 2
        self.size = max(1.0, min(self.size, self.under_way - 1.0))

    def _let_in(self) -> None:
        while self._waiting and self.under_way < int(self.size):
            place = self._waiting.popleft()
            if not place.done():
                self.under_way += 1
                place.set_result(None)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds the server asks to wait, as milliseconds, seconds or a date; 0 where it asks for none or not legibly."""
    text = headers.get("retry-after-ms", "")
    try:
        seconds = float(text) / 1000 if text else float(headers.get("retry-after", ""))
    except ValueError:
        seconds = _until(headers.get("retry-after", ""))
    return min(LONGEST, max(0.0, seconds)) if math.isfinite(seconds) else 0.0


def _until(date: str) -> float:
    try:
        when = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (when - datetime.now(UTC)).total_seconds()
