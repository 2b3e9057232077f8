"""Meta-Rewarding Language Models (Wu et al. 2024): the model is actor, judge and meta-judge.

    M_t -> new prompts -> N answers each -> M_t judges them k times -> pairs of answers, short against long (rho)
                                              |-> of each prompt the answer judged most differently -> M_t compares its
                                                  judgements in both orders -> Elo -> pairs of judgements
    both kinds of pair -> DPO from M_t -> M_t+1

M1 is the loop's. `judge_iterations` says which iterations train the judge as well.
"""

from collections.abc import Iterator, Mapping, Sequence

from srlm.judge import rubric
from srlm.judge.meta_judge import SHIPPED, MetaTemplate, load
from srlm.judge.wording import Shipped
from srlm.methods import start
from srlm.methods.base import Generation, Lengths, Optimisation, Work, own_settings
from srlm.methods.explain import explain_answers
from srlm.methods.meta_settings import MetaRewardingSettings, refuse_others, selection_of
from srlm.methods.run import Run
from srlm.methods.stages import judged_candidates, kept_warm, new_prompts, preference_step, preferences
from srlm.methods.stages_meta import beside, judgement_pairs
from srlm.methods.work import (
    CHARACTERS_A_TOKEN,
    answer_length,
    answer_work,
    judge_lengths,
    preference_work,
    reward_work,
)
from srlm.records import Step
from srlm.rewards.open import open_reward
from srlm.selection import Paired
from srlm.settings import Settings
from srlm.store.folder import RunFolder


class MetaRewarding:
    """DPO on pairs of answers and on pairs of judgements, both made by the model's own judgements."""

    summary = "each model judges its answers and its judgements; DPO on pairs of both"
    paper = "Wu et al. 2024, arXiv 2407.19594"
    settings = MetaRewardingSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        refuse_others(settings)
        later = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        own = own_settings(run.settings, MetaRewardingSettings)
        data, model = start.seed_data(run), run.parent(step)
        with kept_warm(run, model):
            prompts = new_prompts(run, step, model, data)
            responses, rewards = judged_candidates(run, step, model, prompts)
            chosen = preferences(run, step, prompts, responses, rewards, selection_of(run.settings, own, step))
            if trains_judge(own, step):
                judged = judgement_pairs(run, step, model, prompts, responses, own)
                chosen = Paired([*chosen.pairs, *judged.pairs], {**chosen.counts, **judged.counts})
        preference_step(run, step, model, chosen, data)

    def check(self, settings: Settings, last: int) -> None:
        template_of(settings)

    def inputs(self, settings: Settings) -> Mapping[str, str | Shipped]:
        name = own_settings(settings, MetaRewardingSettings).template
        return {"method.template": SHIPPED.get(name, name)}

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        """As if no two judgements of an answer were alike, and every prompt gave a pair of either kind."""
        own = own_settings(settings, MetaRewardingSettings)
        yield from start.work(settings, lengths)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from answer_work(settings, lengths, step)
            yield from reward_work(settings, lengths, step)
            if trains_judge(own, step):
                yield comparison_work(settings, lengths, step, own)
            for one in preference_work(settings, lengths, step):
                both = isinstance(one, Optimisation) and trains_judge(own, step)
                yield with_judgements(one, settings, lengths) if both and isinstance(one, Optimisation) else one

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        rule = (
            f"{open_reward(folder.settings).rule}; pairs of answers: the shortest of the best against the longest of "
            "the worst, with method.rho of the iteration; pairs of judgements: the highest Elo against the lowest"
        )
        yield from explain_answers(folder, id, rule, beside=beside)


def template_of(settings: Settings) -> MetaTemplate:
    """The meta-judge's prompt in a run. Raises SettingsError where it cannot be used."""
    return load(own_settings(settings, MetaRewardingSettings).template, rubric.load(settings.judge.template))


def trains_judge(settings: MetaRewardingSettings, step: Step) -> bool:
    """Whether an iteration trains the judge as well."""
    return step.number - 1 <= settings.judge_iterations


def comparison_work(settings: Settings, lengths: Lengths, step: Step, own: MetaRewardingSettings) -> Generation:
    """Every two judgements of one answer a prompt, in both orders."""
    template = template_of(settings)
    judgement = judge_lengths(settings, lengths)[1]
    frame = (len(template.text) + len(template.rubric) * ("{rubric}" in template.text)) // CHARACTERS_A_TOKEN
    reads = frame + lengths.prompt + answer_length(settings, lengths) + 2 * judgement
    calls = settings.prompts.wanted(step.number) * settings.judge.draws * (settings.judge.draws - 1)
    a_letter = template.form == "letter" and own.votes is None  # read from its probability
    writes = 1 if a_letter else min(lengths.judgement, own.tokens or template.tokens)
    return Generation(f"{step.name}: meta-judgements", calls, own.votes or 1, reads, writes)


def with_judgements(one: Optimisation, settings: Settings, lengths: Lengths) -> Optimisation:
    """The training on pairs of answers with as many pairs of judgements beside them."""
    judged = sum(judge_lengths(settings, lengths))
    return one._replace(examples=2 * one.examples, length=(one.length + judged) // 2)


METHOD = MetaRewarding()
