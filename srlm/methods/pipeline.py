"""Two stages as a pipeline: the next one works on what the first has made so far, in a thread of its own.

items = Growing(total)
with NextStage(lambda: judge(items), items, stop) as following:
    draw(watch=following.feed)
    result = following.result()
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from types import TracebackType
from typing import Generic, Self, TypeVar, overload

T = TypeVar("T")
R = TypeVar("R")


class Abandoned(Exception):
    """What the next stage meets where the first one ends too early; the first one's error is what is raised."""


class Growing(Sequence[T]):
    """Items that are still being made: who looks at one that is not there yet waits for it.

    The last one is there when `finish` is called, so that the next stage ends after the first.
    """

    def __init__(self, total: int) -> None:
        self._total, self._items = total, list[T]()
        self._changed = threading.Condition()
        self._finished = self._abandoned = False
        self.looked_at = threading.Event()
        """Set when somebody looks at an item for the first time."""

    def __len__(self) -> int:
        return self._total

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        wanted = range(self._total)[place]
        last = wanted if isinstance(wanted, int) else max(wanted, default=-1)
        self.looked_at.set()
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or last < self._there)
            if self._abandoned:
                raise Abandoned
        return self._items[wanted] if isinstance(wanted, int) else [self._items[number] for number in wanted]

    @property
    def _there(self) -> int:
        return min(len(self._items), self._total if self._finished else self._total - 1)

    def extend(self, items: Sequence[T]) -> None:
        """These come next."""
        with self._changed:
            self._items.extend(items)
            self._changed.notify_all()

    def finish(self) -> None:
        """The last one may be looked at."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Whoever looks at an item from now on, or waits for one, meets `Abandoned`."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()


class NextStage(Generic[T, R]):
    """A stage that begins with the first items that it is fed, in a thread of its own.

    It goes through what every stage goes through at its beginning while the first one waits, and ends after it. Left
    with an error it is stopped: `stop` is called, and it is waited for.
    """

    def __init__(self, work: Callable[[], R], items: Growing[T], stop: Callable[[Exception], None]) -> None:
        """`stop` has calls that are under way in this stage end soon, with this error."""
        self._work, self._items, self._stop = work, items, stop
        self._thread = ThreadPoolExecutor(1, "next stage")
        self._ended: Future[R] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._items.abandon()
            self._stop(Abandoned())
        self._thread.shutdown()  # waits for it

    def feed(self, items: Sequence[T]) -> None:
        """What the first stage has made. Raises what this one has raised."""
        self._items.extend(items)
        if self._ended is None:
            # Within whatever is set for the first one's thread.
            self._ended = self._thread.submit(copy_context().run, self._work)
            self._ended.add_done_callback(lambda _: self._items.looked_at.set())  # it may have looked at none
            self._items.looked_at.wait()
        if self._ended.done():
            self._ended.result()

    def result(self) -> R:
        """What comes of this stage, now that the first is over. Raises what it has raised."""
        self._items.finish()
        return self._work() if self._ended is None else self._ended.result()  # None: it was fed nothing
