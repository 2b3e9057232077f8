"""Words from a function: tests and benchmarks run whole stages without a model. No setting names it."""

from collections.abc import Callable, Sequence

from srlm.engines.base import Completion, Request
from srlm.records import seed_for
from srlm.settings import Sampling
from srlm.usage import Usage, count


class ScriptedEngine:
    """Answers with `write(request, seed)`; the seed differs by request, draw and call."""

    def __init__(self, write: Callable[[Request, int], str], id: str = "scripted", concurrency: int = 1) -> None:
        self._write = write
        self._id = id
        self._concurrency = concurrency

    @property
    def id(self) -> str:
        return self._id

    @property
    def concurrency(self) -> int:
        return self._concurrency

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        count(Usage(requests=len(requests), unknown=len(requests)))
        return [
            tuple(
                Completion(text=self._write(request, seed_for(seed, index, draw)), finish="stop")
                for draw in range(request.draws)
            )
            for index, request in enumerate(requests)
        ]

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """0 for a continuation whose last word is what it would write behind the words before, -100 for others."""
        count(Usage(requests=len(requests), unknown=len(requests)))
        return [
            [self._score(request, text) for text in texts]
            for request, texts in zip(requests, continuations, strict=True)
        ]

    def _score(self, request: Request, text: str) -> float:
        before, _, last = text.rpartition(" ")
        said = self._write(request.model_copy(update={"prefix": request.prefix + before}), 0)
        return 0.0 if said.strip() == last else -100.0

    def close(self) -> None:
        """Nothing to give back."""
