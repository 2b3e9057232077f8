"""Log-probabilities of continuations, request by request: one that does not fit has none, and takes no other's away."""

import math
from collections.abc import Sequence

from srlm.engines.base import Engine, Request
from srlm.errors import RoomError


def likelihoods(
    engine: Engine, requests: Sequence[Request], texts: Sequence[Sequence[str]]
) -> list[list[float] | None]:
    """Natural log-probabilities of each request's own continuations; None: one of them does not fit behind it.

    Raises CapabilityError where the engine has no log-probabilities.
    """
    try:
        return list(engine.loglikelihood(requests, texts))
    except RoomError:
        if len(requests) == 1:
            return [None]
    half = len(requests) // 2
    return likelihoods(engine, requests[:half], texts[:half]) + likelihoods(engine, requests[half:], texts[half:])


def of_answers(engine: Engine, requests: Sequence[Request], answers: Sequence[str]) -> list[float | None]:
    """Natural log-probability of one answer to each request; None: it does not fit, or is no number."""
    found = likelihoods(engine, requests, [[answer] for answer in answers])
    return [own[0] if own is not None and math.isfinite(own[0]) else None for own in found]
