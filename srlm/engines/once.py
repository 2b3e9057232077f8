"""What is opened only when it is needed."""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from srlm.engines.base import Completion, Engine, Request
from srlm.engines.plain_text import PlainText, text_of
from srlm.errors import EngineError
from srlm.settings import Sampling


class Closes(Protocol):
    """Anything that gives back what it holds."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Closes)


class Once(Generic[T]):
    """Opens something at the first call and closes it at the end of the `with`: what lies on disk loads no model."""

    def __init__(self, open: Callable[[], T]) -> None:
        self._open = open
        self.opened: T | None = None

    def __call__(self) -> T:
        if self.opened is None:
            self.opened = self._open()
        return self.opened

    def __enter__(self) -> "Once[T]":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, if it was opened."""
        if self.opened is not None:
            self.opened.close()


class LateEngine:
    """An engine that is opened when it is first needed; its id is known before."""

    def __init__(self, id: str, open: Callable[[], Engine]) -> None:
        self._id, self._engine = id, Once(open)

    @property
    def id(self) -> str:
        return self._id

    @property
    def concurrency(self) -> int:
        """See Engine; opens it."""
        return self._engine().concurrency

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine."""
        return self._engine().generate(requests, sampling, seed)

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """See Engine."""
        return self._engine().loglikelihood(requests, continuations)

    def plain_text(self) -> PlainText:
        """See HasText; opens it."""
        return text_of(self._engine())

    def close(self) -> None:
        """See Engine; one that was never opened stays so."""
        self._engine.close()


class SharedEngine:
    """One engine for all who borrow it in turn: opened for the first of them, and open between them."""

    def __init__(self, id: str, open: Callable[[], Engine]) -> None:
        self.id, self._open = id, open
        self._engine: Engine | None = None
        self._lent = 0
        self._over = False

    def lend(self) -> Engine:
        """The engine; closing what is returned gives it back and leaves the engine open. Raises EngineError after
        `end`."""
        if self._over:
            raise EngineError(f"the engine of {self.id} is closed")
        if self._engine is None:
            self._engine = self._open()
        self._lent += 1
        return _LentEngine(self._engine, self._returned)

    def _returned(self) -> None:
        self._lent -= 1

    def free(self) -> None:
        """Close it, unless somebody has borrowed it; the next `lend` opens it anew."""
        if not self._lent:
            self.close()

    def end(self) -> None:
        """Close it for good."""
        self._over = True
        self.close()

    def close(self) -> None:
        """Close it, if it is open."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


class _LentEngine(LateEngine):
    """A shared engine as one who borrows it sees it."""

    def __init__(self, engine: Engine, give_back: Callable[[], None]) -> None:
        super().__init__(engine.id, lambda: engine)
        self._give_back: Callable[[], None] | None = give_back

    def close(self) -> None:
        """Give it back, once."""
        if self._give_back is not None:
            self._give_back()
            self._give_back = None
