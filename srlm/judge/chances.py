"""Log-probabilities as judges need them: a prompt that does not fit has none, and takes no other's away."""

import math
from collections.abc import Sequence

from srlm.engines.base import Engine, Request
from srlm.engines.likelihoods import likelihoods
from srlm.usage import judging

LEAST = 0.01
"""Probability of all the answers that were asked for together, below which they are no answer: in 99 of 100 draws the
model would begin with something else (a thought, a sentence), and what it weighs there is rounding. Letters spelled
unlike the model's own were seen with 2e-5; SmolLM2-135M-Instruct, a weak judge, gives letters 0.35 to 0.46 and points
0.54 to 0.66."""


ROUNDING = 0.01
"""By how much a log-probability may be above 0."""


def meant(logs: Sequence[float]) -> bool:
    """Whether the model would say one of these at all; natural log-probabilities. False where one cannot be one."""
    return all(log <= ROUNDING for log in logs) and sum(map(math.exp, logs)) >= LEAST


def chances(engine: Engine, requests: Sequence[Request], texts: Sequence[str]) -> list[list[float] | None]:
    """Natural log-probabilities of the same continuations of each request; None: they do not fit behind it.

    Raises CapabilityError where the engine has no log-probabilities.
    """
    with judging():
        return likelihoods(engine, requests, [texts] * len(requests))


def prefix_for(written: str, lead: str) -> str:
    """The words that a model wrote, up to where its answer stands: behind their last `lead`, else behind one more."""
    before, found, _ = written.rpartition(lead)
    return before + lead if found else f"{written.rstrip()}{'' if lead[:1].isspace() else chr(10)}{lead}"
