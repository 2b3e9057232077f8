"""The seam between the head-to-head and whoever compares two answers."""

from collections.abc import Sequence
from typing import Protocol

from srlm.records import Record


class PairItem(Record):
    """Two answers to one prompt, in the order the judge sees them."""

    prompt: str
    first: str
    second: str


class Opinion(Record):
    """What a judge said of one PairItem."""

    preference: float | None
    """1 = the first answer is better, 0.5 = equal, 0 = the second is. None: not readable."""
    probability: float | None = None
    """Probability the judge gives to the first. None: the judge does not say."""
    raw: str
    """All that the judge wrote, or the numbers it gave."""


class PairJudge(Protocol):
    """Anything that compares two answers to one prompt."""

    @property
    def id(self) -> str:
        """Name, as verdicts carry it."""
        ...

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """One opinion an item, in order; nothing is known of who wrote an answer, nor of the same pair turned round."""
        ...

    def close(self) -> None:
        """Give back memory and connections."""
        ...
