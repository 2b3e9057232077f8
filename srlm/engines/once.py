"""What is opened only when it is needed."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closes(Protocol):
    """Anything that gives back what it holds."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Closes)


class Once(Generic[T]):
    """Opens something at the first call and closes it at the end of the `with`: what lies on disk loads no model."""

    def __init__(self, open: Callable[[], T]) -> None:
        self._open = open
        self._opened: T | None = None

    def __call__(self) -> T:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def __enter__(self) -> "Once[T]":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._opened is not None:
            self._opened.close()
