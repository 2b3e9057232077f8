"""Two stages at once: the second works on what the first has made so far.

items = Awaited(total)
with Beside(lambda: second(items), items) as other:     # in a thread of its own
    first(watch=lambda made: other.give(made))
    result = other.result()
"""

import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from types import TracebackType
from typing import Generic, Self, TypeVar, overload

T = TypeVar("T")
R = TypeVar("R")


class Stopped(Exception):
    """What the second stage meets where the first one ends too early; the first one's error is what is raised."""


class Awaited(Sequence[T]):
    """Items that are still being made: who looks at one that is not there yet waits for it.

    The last one is there when `finish` is called, so that the second stage ends after the first.
    """

    def __init__(self, total: int) -> None:
        self._total, self._items = total, list[T]()
        self._changed = threading.Condition()
        self._finished = self._stopped = False
        self.asked = threading.Event()
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
        self.asked.set()
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or last < self._there)
            if last >= self._there:
                raise Stopped
        return self._items[place]

    @property
    def _there(self) -> int:
        return min(len(self._items), self._total if self._finished else self._total - 1)

    def add(self, items: Sequence[T]) -> None:
        """These come next."""
        with self._changed:
            self._items.extend(items)
            self._changed.notify_all()

    def finish(self) -> None:
        """The last one may be looked at."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Who waits, or looks at what is not there, meets `Stopped`."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class Beside(Generic[T, R]):
    """A second stage, which begins with the first item that is given to it and runs in a thread of its own.

    It goes through what every stage goes through at its beginning while the first one waits, and ends after it. Left
    with an error it is stopped: `stop` is called, and it is waited for.
    """

    def __init__(self, work: Callable[[], R], items: Awaited[T], stop: Callable[[Exception], None]) -> None:
        """`stop` has calls that are under way in the second stage end soon, with this error."""
        self._work, self._items, self._stop = work, items, stop
        self._thread: threading.Thread | None = None
        self._result: list[R] = []
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None and kind is not None:
            self._items.stop()
            self._stop(Stopped())
            self._thread.join()

    def give(self, items: Sequence[T]) -> None:
        """What the first stage has made. Raises what the second one has raised."""
        self._items.add(items)
        if self._thread is None:
            # Within whatever is set for this thread.
            self._thread = threading.Thread(
                target=copy_context().run, args=(self._run,), name="second stage", daemon=True
            )
            self._thread.start()
            self._items.asked.wait()
        if self._error is not None:
            raise self._error

    def result(self) -> R:
        """What comes of the second stage, now that the first is over. Raises what it has raised."""
        self._items.finish()
        if self._thread is None:  # nothing was given to it
            return self._work()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:
            self._error = error
        finally:
            self._items.asked.set()  # it may have ended before it looked at one
