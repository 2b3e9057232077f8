"""Choose a reward; what is heavy is imported by the reward itself, when it is asked."""

from typing import assert_never

from srlm.rewards.base import Reward
from srlm.rewards.judge import JudgeReward
from srlm.rewards.model import ModelReward
from srlm.rewards.random import RandomReward
from srlm.rewards.rules import RulesReward
from srlm.rewards.world import FormReward, WorldReward
from srlm.settings import Settings


def open_reward(settings: Settings) -> Reward:
    """The reward that the run names."""
    wanted = settings.reward
    match wanted.kind:
        case "judge":
            return JudgeReward(settings.judge)
        case "model":
            return ModelReward(wanted)
        case "rules":
            return RulesReward(wanted)
        case "random":
            return RandomReward()
        case "world":
            world = settings.data.kind
            return WorldReward(world) if wanted.scores == "exact" else FormReward(world, settings.judge)
    assert_never(wanted)
