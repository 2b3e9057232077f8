"""RLHF: a reward model on answers that people ranked, then RL against it with a KL penalty (Ouyang et al. 2022).

    training: rl    EFT sets as human pairs -> reward model RM, from M1 or the SFT baseline (`reward_model.base`)
                    M_t -> new prompts -> N answers each, sampled in training, rewarded by RM -> RLOO or GRPO -> M_t+1
    training: dpo   M_t -> DPO on the human pairs themselves, reference M_t -> M_t+1 (Rafailov et al. 2023)

The paper's PPO is no longer part of TRL. RLOO, which Ahmadian et al. (2024) find at least as good for this, or GRPO
takes its place. `online.reference` says whether the KL divergence is from M1 or from M_t.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from srlm.judge.wording import Shipped
from srlm.methods import start
from srlm.methods.base import Lengths, Optimisation, Rows, Weights, Work, own_settings
from srlm.methods.explain import explain_answers, explain_pairs, knows_pair
from srlm.methods.run import Run
from srlm.methods.stages import PAIRS, new_prompts, preference_step
from srlm.methods.stages_online import (
    check_online,
    check_reward_model,
    human_pairs,
    no_pairs,
    online_rule,
    online_step,
    online_work,
    pairs_of_sets,
    reward_model_step,
    reward_model_work,
    sampled_beside,
    trained_reward,
)
from srlm.methods.unused import refuse_unused
from srlm.methods.work import answer_length, new_prompt_work
from srlm.records import Step
from srlm.section import Section
from srlm.selection import Paired
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

BY_PEOPLE = "people ranked the chosen answer above the rejected one; scores are minus the ranks"


class RlhfSettings(Section):
    """Settings of `rlhf`."""

    training: Literal["rl", "dpo"] = "rl"
    """`rl`: a reward model (`reward_model`), then RL against it (`online`). `dpo`: DPO on the human pairs themselves,
    the same ones in every iteration."""


class Rlhf:
    """RL against a reward model that learnt from people's rankings, or DPO on these rankings."""

    summary = "a reward model on the human rankings, then RLOO or GRPO against it; or DPO on the rankings"
    paper = "Ouyang et al. 2022, arXiv 2203.02155"
    settings = RlhfSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *([] if _by_dpo(settings) else [reward_model_of(settings)]), *later]

    def check(self, settings: Settings, last: int) -> None:
        refuse_unused(settings, "reward", "selection")
        if not _by_dpo(settings):
            check_online(settings)
            check_reward_model(settings)

    def inputs(self, settings: Settings) -> Mapping[str, str | Shipped | Weights | Rows]:
        return {}

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data = start.seed_data(run)
        if step.role == "intermediate":
            return reward_model_step(run, step, human_pairs(data.eft_sets, run.settings.reward_model.pairs))
        model = run.parent(step)
        if _by_dpo(run.settings):
            pairs = human_pairs(data.eft_sets, run.settings.reward_model.pairs)
            files.write(run.path(step.name, PAIRS), pairs)
            counts = {"prompts": len(data.eft_sets), "pairs": len(pairs)}
            return preference_step(run, step, model, Paired(pairs, dict(counts)), data)
        prompts = new_prompts(run, step, model, data)
        judge = reward_model_of(run.settings)
        online_step(run, step, model, prompts, trained_reward(run, judge), made_from=[run.model(judge)])

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        pairs = pairs_of_sets(settings)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            if step.role == "intermediate":
                yield from reward_model_work(settings, lengths, step, pairs)
            elif _by_dpo(settings):
                length = lengths.prompt + answer_length(settings, lengths)
                yield Optimisation(f"{step.name}: DPO", pairs, length, "dpo", settings.dpo, pairs=True)
            else:
                yield from new_prompt_work(settings, lengths, step)
                yield from online_work(settings, lengths, step, reward=None)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        if knows_pair(folder, id):
            yield from explain_pairs(folder, id, BY_PEOPLE)
        else:
            rule = f"reward = the output of the reward model RM; {online_rule(folder.settings)}"
            yield from explain_answers(folder, id, rule, beside=sampled_beside, outcome=no_pairs)


def reward_model_of(settings: Settings) -> Step:
    """The step that makes the reward model."""
    return Step(
        name="RM",
        parent=settings.reward_model.base,
        role="intermediate",
        shaped_by=(*start.FIRST.shaped_by, "reward_model."),
    )


def _by_dpo(settings: Settings) -> bool:
    return own_settings(settings, RlhfSettings).training == "dpo"


METHOD = Rlhf()
