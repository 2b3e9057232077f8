"""Whole points 0 to 5 drawn at random: what the loop gains where nobody judges."""

from collections.abc import Sequence
from random import Random

from srlm.judge.pointwise import Answered
from srlm.records import Response, seed_for
from srlm.rewards.base import Context, Rewarded, keep_rewards


class RandomReward:
    """Points that say nothing of the answer."""

    asks_judge = False
    rule = "reward = whole points 0 to 5, drawn at random"

    def check(self) -> None:
        """Nothing is needed."""

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        seed, responses = context.seed("random scores"), [one.response for one in answered]
        numbers = [points(one, seed) for one in responses]
        return keep_rewards(context.folder, "random", responses, numbers, context.numbers_name)


def points(response: Response, seed: int) -> float:
    """Drawn by the answer's id: its words, and the order of the answers, have no part in it."""
    return float(Random(seed_for(seed, "random score", response.id)).randint(0, 5))
