"""The seam between the loop and whatever continues text."""

from collections.abc import Sequence
from typing import Literal, Protocol

from srlm.records import Message, Record
from srlm.settings import Sampling


class Request(Record):
    """One conversation to continue."""

    messages: tuple[Message, ...]
    prefix: str = ""
    """First words of the assistant's answer; the completion is what follows them."""
    draws: int = 1
    """Completions wanted, each drawn independently."""


class Completion(Record):
    """What an engine wrote."""

    text: str
    finish: Literal["stop", "length"] | None
    """`length`: cut at the token limit. None: the engine does not say."""
    tokens: int | None = None
    """New tokens. None: the engine does not say."""
    thought: str | None = None
    """What a reasoning model wrote before `text`. None: it wrote no thought. A thought that never closed is `thought`
    with an empty `text` and the finish `length`."""
    refused: str | None = None
    """The server's words where it refused this one request (a filter, too long, invalid); `text` is then empty."""
    refused_as: str | None = None
    """Why it did (srlm/engines/openai/refusals.py), where that is known."""


class Engine(Protocol):
    """Anything that continues text."""

    @property
    def id(self) -> str:
        """Name of the checkpoint or model, as records carry it."""
        ...

    @property
    def concurrency(self) -> int:
        """Calls of `generate` and `loglikelihood` that may be under way at once, each from a thread of its own."""
        ...

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """`draws` completions a request, in the order of `requests`.

        The same requests, in the same order, with the same sampling and seed give the same completions (a server that
        ignores seeds cannot promise it). Raises EngineError where no answer can be had.
        """
        ...

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """Natural log-probability of each continuation (summed over its tokens) after its request, request by request.

        Raises CapabilityError where the engine has no log-probabilities, RoomError where one of them does not fit.
        """
        ...

    def close(self) -> None:
        """Give back memory and connections; the engine is not used again."""
        ...
