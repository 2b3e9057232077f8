"""Self-rewarding RL (2025): the model's own judgements as the reward of TRL's RLOO or GRPO, instead of DPO on pairs.

    M_t -> new prompts -> N answers each, sampled in training -> judged k times -> RLOO or GRPO -> M_t+1

It starts as the loop does. `online.judge` says who judges: M_t, frozen, or the model in training itself.
"""

from collections.abc import Iterator, Mapping, Sequence

from srlm.judge.wording import Shipped
from srlm.methods import start
from srlm.methods.base import Lengths, NoSettings, Rows, Weights, Work
from srlm.methods.explain import explain_answers
from srlm.methods.run import Run
from srlm.methods.stages import new_prompts
from srlm.methods.stages_online import check_online, no_pairs, online_rule, online_step, online_work, sampled_beside
from srlm.methods.unused import refuse_unused
from srlm.methods.work import new_prompt_work
from srlm.records import Step
from srlm.rewards.open import open_reward
from srlm.settings import Settings
from srlm.store.folder import RunFolder


class SelfRewardingRl:
    """RLOO or GRPO on the scores that a model gives to what it writes."""

    summary = "each model judges what it writes in training; RLOO or GRPO on its scores, no pairs"
    paper = "Reinforcement learning by the model's own rubric scores, 2025, arXiv 2509.25534"
    settings = NoSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def check(self, settings: Settings, last: int) -> None:
        refuse_unused(settings, "selection")
        check_online(settings)

    def inputs(self, settings: Settings) -> Mapping[str, str | Shipped | Weights | Rows]:
        return {}

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        model = run.parent(step)
        online_step(run, step, model, new_prompts(run, step, model, start.seed_data(run)))

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from new_prompt_work(settings, lengths, step)
            yield from online_work(settings, lengths, step, open_reward(settings))

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        settings = folder.settings
        rule = f"{open_reward(settings).rule}; {online_rule(settings)}"
        yield from explain_answers(folder, id, rule, beside=sampled_beside, outcome=no_pairs)


METHOD = SelfRewardingRl()
