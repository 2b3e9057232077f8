"""Words from a function: dry runs, docs and tests run the whole loop without a model."""

from collections.abc import Callable, Sequence

from srlm.engines.base import Completion, Request
from srlm.records import seed_for
from srlm.settings import Sampling


class ScriptedEngine:
    """Answers with `write(request, seed)`; the seed differs by request, draw and call."""

    def __init__(self, write: Callable[[Request, int], str], id: str = "scripted") -> None:
        self._write = write
        self._id = id

    @property
    def id(self) -> str:
        return self._id

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        return [
            tuple(
                Completion(text=self._write(request, seed_for(seed, index, draw)), finish="stop")
                for draw in range(request.draws)
            )
            for index, request in enumerate(requests)
        ]

    def score(self, request: Request, continuations: Sequence[str]) -> list[float]:
        """0 for the one it would write (spaces around it aside), -100 for any other."""
        said = self._write(request, 0).strip()
        return [0.0 if text.strip() == said else -100.0 for text in continuations]

    def close(self) -> None:
        """Nothing to give back."""
