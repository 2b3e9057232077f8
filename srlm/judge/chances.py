"""Log-probabilities as judges need them: a prompt that does not fit has none, and takes no other's away."""

from collections.abc import Sequence

from srlm.engines.base import Engine, Request
from srlm.errors import RoomError


def chances(engine: Engine, requests: Sequence[Request], texts: Sequence[str]) -> list[list[float] | None]:
    """Natural log-probabilities of the same continuations of each request; None: they do not fit behind it.

    Raises EngineError where the engine has no log-probabilities.
    """
    try:
        return list(engine.score(requests, [texts] * len(requests)))
    except RoomError:
        if len(requests) == 1:
            return [None]
    half = len(requests) // 2
    return chances(engine, requests[:half], texts) + chances(engine, requests[half:], texts)
