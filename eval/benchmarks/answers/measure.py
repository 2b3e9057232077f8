"""Figures of answers by themselves."""

from collections.abc import Sequence

from srlm.records import Response

from ...records import MetricValue
from ...stats.intervals import Resampling, mean, share
from ..measuring import figure


def described(model: str, responses: Sequence[Response], how: Resampling) -> list[MetricValue]:
    """Length of the answers, and how many were cut at the token limit."""
    how = how.using("answers", model)
    known = [r.finish == "length" for r in responses if r.finish is not None]
    note = "" if known else "the engine does not say how its answers ended"
    return [
        figure(model, "answers", "characters", mean([float(len(r.text)) for r in responses], how)),
        figure(model, "answers", "cut", share(known, how), unscored=len(responses) - len(known), note=note),
    ]
