"""A step's answers as supervised examples, by their rewards."""

from collections.abc import Callable
from pathlib import Path

from srlm.methods.stages import PROMPTS, RESPONSES
from srlm.records import Demonstration, Prompt, Response
from srlm.rewards.base import kept_rewards
from srlm.store import files


def rewarded_answers(step: Path, wanted: Callable[[float], bool]) -> list[Demonstration]:
    """The answers in a step's folder whose reward is `wanted`, as IFT examples.

    One without a reward is left out, and one that was cut: it has no end to learn.
    """
    asked = {prompt.id: prompt for prompt in files.read(step / PROMPTS, Prompt)}
    reward = kept_rewards(step)
    return [
        Demonstration.of("ift", asked[r.prompt_id].text, r.text, r.id, asked[r.prompt_id].before, r.thought)
        for r in files.read(step / RESPONSES, Response)
        if r.id in reward and wanted(reward[r.id]) and r.finish != "length"
    ]
