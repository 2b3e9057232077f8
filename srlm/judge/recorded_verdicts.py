"""What a file of judgements says: a score of an answer, or a comparison of two, by their texts."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from srlm.data.human_ranking import HumanRanking
from srlm.judge.pairwise import Opinion

Sets = Sequence[HumanRanking]
Account = Counter[str]
"""What a file holds and is not used, by reason."""


class Scored(NamedTuple):
    """One judgement of one answer."""

    prompt: str
    response: str
    raw: str
    score: float | None


class Compared(NamedTuple):
    """One comparison of two answers, in the order the judge saw them."""

    place: str
    prompt: str
    first: str
    second: str
    opinion: Opinion
