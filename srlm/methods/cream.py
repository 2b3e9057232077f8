"""CREAM (Wang et al. 2024): pairs ranked by the model's own likelihoods, their labels as sure as two models agree.

    M_t -> new prompts -> N answers each
        -> reward of an answer = log M_t(y|x) - log M0(y|x), and the same of M_t-1
        -> C = (Kendall's tau of the two rankings + 1) / 2, a mean over all prompts
        -> best against worst by M_t, label weight C -> DPO -> M_t+1

The loss of a pair is C l(z) + (1 - C) l(-z) (srlm/training/dpo.py). Before M1 comes M0 itself, whose reward would be 0
for every answer: it ranks by its mean log-probability per token, as the authors' code does. Ranks are ordinal: among
equals the answer drawn first is lower in both rankings. A prompt whose answers cannot be ranked by both models has no
C, gives no pair and is counted; rates are kept by prompt, so that none is taken for another's.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Literal

from srlm.errors import DataError
from srlm.judge.pointwise import Answered
from srlm.methods import start
from srlm.methods.base import Generation, Lengths, Work, own_settings
from srlm.methods.explain import Turn, explain_answers, pair_lines
from srlm.methods.likelihoods import BASE, BEFORE, LIKELIHOODS, answer_likelihoods
from srlm.methods.run import Run
from srlm.methods.stages import PAIRS, candidates, new_prompts, preference_step
from srlm.methods.unused import refuse_unused
from srlm.methods.work import answer_length, answer_work, preference_work
from srlm.records import (
    AnswerLikelihood,
    AnswerReward,
    Checkpoint,
    Count,
    Prompt,
    RankAgreement,
    Response,
    Step,
)
from srlm.rewards.base import keep_rewards
from srlm.section import Section
from srlm.selection import Paired, pair, rule
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted

REWARDS_BEFORE, AGREEMENT = "rewards_before.jsonl", "agreement.jsonl"
"""Files of a step: the rewards by the model before M_t, and how far the two rankings of each prompt agree."""
Rewards = Mapping[str, float]
"""By response; one without is absent."""


class CreamSettings(Section):
    """Settings of `cream`."""

    consistency: Literal["set", "prompt"] = "set"
    """`set`: every pair's label weight is the mean consistency over all prompts (the paper). `prompt`: its own
    prompt's (the authors' code has both)."""


class Cream:
    """DPO on pairs that the model's own likelihoods rank, with labels as sure as two models agree."""

    summary = "answers ranked by their likelihood against M0's, no judge; DPO with labels weighted by consistency"
    paper = "Wang et al. 2024, arXiv 2410.12735"
    settings = CreamSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.parent(step)
        with run.warm(model):
            prompts = new_prompts(run, step, model, data)
            responses = candidates(run, step, model, prompts)
            now, before = implicit_rewards(run, step, model, prompts, responses)
        agreement = kept_agreement(run, step, prompts, responses, now, before)
        chosen = weighted_pairs(run, step, prompts, responses, now, before, agreement)
        preference_step(run, step, model, chosen, data, made_from=[run.base(), *_earlier(run, step)])

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from answer_work(settings, lengths, step)
            answers = settings.prompts.wanted(step.number) * settings.candidates.count
            reads = lengths.prompt + answer_length(settings, lengths)
            for model in dict.fromkeys((f"M{step.number - 1}", f"M{step.number - 2}", "M0")):
                yield Generation(f"{step.name}: likelihoods by {model}", answers, 1, reads, 0)
            yield from preference_work(settings, lengths, step)

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        refuse_unused(settings, "reward")

    def inputs(self, settings: Settings) -> Mapping[str, str]:
        """See Prepared: its own settings name no files."""
        return {}

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        wanted = own_settings(folder.settings, CreamSettings).consistency
        weight = "the mean consistency of all prompts" if wanted == "set" else "its prompt's consistency"
        said = f"reward = log M_t - log M0 of the answer; {rule(folder.settings.selection)}; label weight = {weight}"
        yield from explain_answers(folder, id, said, outcome=lambda turn, prompt: _outcome(folder, turn, prompt))


def _earlier(run: Run, step: Step) -> list[Checkpoint]:
    """M_t-1 where that is another than M0."""
    return [run.model(one) for one in run.folder.steps() if one.role == "iteration" and one.number == step.number - 2]


def implicit_rewards(
    run: Run, step: Step, model: Checkpoint, prompts: Sequence[Prompt], responses: Sequence[Response]
) -> tuple[Rewards, Rewards]:
    """What M_t rewards the answers with, and what the model before it does; both are kept in the step's folder."""
    asked = {prompt.id: prompt for prompt in prompts}
    answered = [Answered(prompt=asked[one.prompt_id], response=one) for one in responses]
    base, earlier = run.base(), _earlier(run, step)
    mine = answer_likelihoods(run, step, model, answered, LIKELIHOODS)
    theirs = answer_likelihoods(run, step, base, answered, BASE)
    now, source_before = log_ratios(mine, theirs), f"mean log-probability by {base.name}"
    before = per_token(theirs)
    if earlier:
        older = answer_likelihoods(run, step, earlier[0], answered, BEFORE)
        before, source_before = log_ratios(older, theirs), f"{earlier[0].name} against {base.name}"
    keep_rewards(run.folder.step(step.name), f"{model.name} against {base.name}", responses, now)
    rows = [
        AnswerReward(response_id=one.id, source=source_before, reward=number)
        for one, number in zip(responses, before, strict=True)
    ]
    files.write(run.path(step.name, REWARDS_BEFORE), rows)
    return _by_response(responses, now), _by_response(responses, before)


def log_ratios(policy: Sequence[AnswerLikelihood], reference: Sequence[AnswerLikelihood]) -> list[float | None]:
    """DPO's implicit reward of each answer, without its factor beta: log pi(y|x) - log ref(y|x), nats; None: it has no
    tokens, or no likelihood."""
    return [
        None if not one.tokens or one.log_probability is None or other.log_probability is None
        else one.log_probability - other.log_probability
        for one, other in zip(policy, reference, strict=True)
    ]  # fmt: skip


def per_token(likelihoods: Sequence[AnswerLikelihood]) -> list[float | None]:
    """Mean log-probability of each answer's tokens, nats; None: it has no tokens, or no likelihood."""
    return [
        one.log_probability / one.tokens if one.log_probability is not None and one.tokens else None
        for one in likelihoods
    ]


def _by_response(responses: Sequence[Response], numbers: Sequence[float | None]) -> Rewards:
    return {one.id: number for one, number in zip(responses, numbers, strict=True) if number is not None}


def rank_agreement(prompt: Prompt, now: Sequence[float], before: Sequence[float]) -> RankAgreement:
    """Kendall's tau of the ordinal ranks that two models give the same answers, in the order in which these were drawn.

    Without ties, tau = (pairs of answers in the same order - pairs in the opposite one) / pairs.
    """
    if len(now) < 2:
        return RankAgreement(prompt_id=prompt.id, answers=len(now), tau=None, consistency=None)
    from scipy.stats import kendalltau, rankdata  # here: it takes a second to import

    tau = float(kendalltau(*(rankdata(values, method="ordinal") for values in (now, before))).statistic)
    return RankAgreement(prompt_id=prompt.id, answers=len(now), tau=tau, consistency=(tau + 1) / 2)


def kept_agreement(
    run: Run, step: Step, prompts: Sequence[Prompt], responses: Sequence[Response], now: Rewards, before: Rewards
) -> list[RankAgreement]:
    """How far the two models agree on each prompt's answers that both have rewarded, in the order of the prompts."""
    ranked: dict[str, list[str]] = {}
    for response in responses:
        if response.id in now and response.id in before:
            ranked.setdefault(response.prompt_id, []).append(response.id)
    found = [
        rank_agreement(prompt, *([rewards[id] for id in ranked.get(prompt.id, [])] for rewards in (now, before)))
        for prompt in prompts
    ]
    files.write(run.path(step.name, AGREEMENT), found)
    return found


def weighted_pairs(
    run: Run,
    step: Step,
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    now: Rewards,
    before: Rewards,
    agreement: Sequence[RankAgreement],
) -> Paired:
    """Pairs by M_t's rewards of the answers that both models have rewarded, each with its label weight."""
    both = {id: number for id, number in now.items() if id in before}
    paired = pair(prompts, responses, both, run.settings.selection)
    rates = {one.prompt_id: one.consistency for one in agreement if one.consistency is not None}
    mean = fmean(rates.values()) if rates else None
    of_prompt = own_settings(run.settings, CreamSettings).consistency == "prompt"
    pairs = [
        one.model_copy(update={"label_weight": rates[one.prompt_id] if of_prompt else mean}) for one in paired.pairs
    ]
    counts: dict[str, Count] = {
        **paired.counts,
        "responses without a likelihood": len(responses) - len(both),
        "consistency mean": mean,
        "consistency: prompts": len(rates),
        "consistency: prompts without": len(prompts) - len(rates),
    }
    if mean is not None and mean < 0.5:
        warning = (
            f"the two models rank answers in opposite orders more often than not (consistency {mean:.2f}): the "
            "training prefers what the newer model ranks lower"
        )
        run.folder.log(f"{step.name}: warning: {warning}")
        counts["consistency: warning"] = warning
    files.write(run.path(step.name, PAIRS), pairs)
    if not pairs:
        raise DataError(
            f"{step.name}: none of {counted(len(prompts), 'prompts')} gave a pair: their answers are alike, or "
            "have no likelihood "
            f"({counts['responses without a likelihood']} of {len(responses)}); inspect them (`srlm explain` with the "
            "id of a prompt), and sample more (candidates.count) or warmer (candidates.sampling.temperature)"
        )
    return Paired(pairs, counts)


def _outcome(folder: RunFolder, turn: Turn, prompt: Prompt) -> Iterator[str]:
    place = folder.step(turn.name)
    if (place / REWARDS_BEFORE).exists():
        earlier = {row.response_id: row for row in files.read(place / REWARDS_BEFORE, AnswerReward)}
        for response in (one for one in turn.responses if one.prompt_id == prompt.id):
            number = earlier[response.id].reward
            shown = "none" if number is None else f"{number:.3f}"
            yield f"response {response.id} by the model before: {shown} ({earlier[response.id].source})"
    if (place / AGREEMENT).exists():
        own = next(row for row in files.read(place / AGREEMENT, RankAgreement) if row.prompt_id == prompt.id)
        rate = "none" if own.consistency is None else f"tau {own.tau:.3f}, consistency {own.consistency:.3f}"
        yield f"agreement of the two rankings, of {counted(own.answers, 'answers')}: {rate}"
    yield from pair_lines(turn, prompt)


METHOD = Cream()
