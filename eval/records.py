"""What crosses a file boundary in the harness: verdicts of pairwise judges, and metric values.

"Could not tell" is None with a count beside it; no -1, NaN or 0 stands in for it.
"""

from typing import Self

from pydantic import model_validator

from srlm.judge.pairwise import Outcome, outcome_of
from srlm.records import Record, digest

HALVES = (0.0, 0.5, 1.0)


class Verdict(Record):
    """What one judge said of two models' answers to one prompt, asked in both orders."""

    id: str
    prompt_id: str
    model_a: str
    model_b: str
    response_a_id: str
    response_b_id: str
    judge: str
    """Id of the judge."""
    preference_ab: float | None
    """Asked with A first: 1 = A's answer is better, 0.5 = equal, 0 = B's is better. None: not readable."""
    preference_ba: float | None
    """Asked with B first; 1 still means that A's answer is better."""
    outcome: Outcome | None
    """For A. Both orders say A (B): win (lose). They differ, or either says equal: tie. None: one was not readable."""
    probability_ab: float | None = None
    """Probability the judge gives to A's answer, A first. None: the judge does not say."""
    probability_ba: float | None = None
    """The same with B first; still the probability of A's answer."""
    raw_ab: str
    """All that the judge wrote with A first."""
    raw_ba: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        if any(value is not None and value not in HALVES for value in (self.preference_ab, self.preference_ba)):
            raise ValueError("a preference is 1, 0.5 or 0, or None where it could not be read")
        if self.outcome != outcome_of(self.preference_ab, self.preference_ba):
            raise ValueError("the outcome is not the one that follows from the two preferences")
        return self


def verdict_id(response_a_id: str, response_b_id: str, judge: str) -> str:
    """Id of what `judge` says of these two answers."""
    return digest("verdict", response_a_id, response_b_id, judge)


class MetricValue(Record):
    """One figure of the report and all that has to stand beside it."""

    model: str
    """Name of the checkpoint."""
    benchmark: str
    """`head_to_head`, `beads`, `answers` or `judge_agreement`."""
    metric: str
    value: float | None
    """A share lies in 0..1. With a baseline: model minus baseline; win, tie and lose are the model's shares."""
    low: float | None
    """Lower end of the interval; None where there are fewer than two prompts."""
    high: float | None
    n: int
    """Units that entered the value."""
    unscored: int
    """Units that should have and could not."""
    unit: str = "prompts"
    """What n and unscored count. The interval is always over prompts."""
    method: str
    """How value and interval were computed."""
    baseline: str | None = None
    """The other model of a paired comparison on the same prompts."""
    p: float | None = None
    """Two-sided exact sign test over prompts."""
    p_adjusted: float | None = None
    """The same after Holm's correction over the comparisons of its table."""
    note: str = ""
    """Why a value is missing, or what a reader has to know."""
