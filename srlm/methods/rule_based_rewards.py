"""Rule-Based Rewards (Mu et al. 2024): the judge's reward, and rules whose weights follow from ordered answers.

    M0 -> SFT baseline (IFT) -> EFT -> M1
    M_t -> ranked sets: helpfulness and the probability of each proposition -> weights (a margin on ordered pairs)
    M_t -> new prompts -> N answers each -> helpfulness + weighted probabilities -> best against worst -> DPO -> M_t+1

Helpfulness is the run's `reward`; the loop's judge grades the propositions. The paper's RL is DPO here.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from srlm.errors import DataError
from srlm.judge import grades
from srlm.judge.grades import Grade
from srlm.judge.pointwise import Answered
from srlm.judge.wording import Shipped
from srlm.methods import start
from srlm.methods.base import Generation, Lengths, Work, own_settings
from srlm.methods.explain import Beside, explain_answers
from srlm.methods.run import Run
from srlm.methods.stages import (
    candidates,
    kept_warm,
    new_prompts,
    preference_step,
    preferences,
    reward_answers,
    reward_context,
)
from srlm.methods.work import (
    CHARACTERS_A_TOKEN,
    answer_length,
    answer_work,
    answers_a_set,
    judge_lengths,
    preference_work,
    reward_work,
)
from srlm.records import Checkpoint, RankedSet, SeedData, Step
from srlm.rewards.hinge import fit, ordering
from srlm.rewards.open import open_reward
from srlm.rewards.rbr import GRADES, Measured, RuleBasedReward, RuleWeights
from srlm.section import Positive, Section, Share
from srlm.selection import Paired, rule
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted
from srlm.text.propositions import Propositions

WEIGHTS, FIT = "rule_weights.jsonl", "fit_"
"""The weights' file in a step's folder, and how the names of the files begin from which they are fitted."""


class RuleBasedRewardsSettings(Section):
    """Settings of `rule_based_rewards`."""

    propositions: str = grades.GENERAL
    """The yes-or-no questions: `general` (srlm's own, for assistants), the name of a world, or a YAML file
    (docs/methods/rule_based_rewards.md). Their digest is recorded."""
    sets: Positive = 200
    """Ranked sets of the seed data from which the weights are fitted, drawn at random."""
    heldout: Share = 0.2
    """Share of these sets that are left out of the fit, and on which the order is measured (the paper: 0.05)."""
    margin: Annotated[float, Field(gt=0)] = 1.0
    """By how many points the better answer of a pair should be ahead, in the reward's own points."""
    penalty: Annotated[float, Field(ge=0)] = 0.01
    """Weight of the sum of the weights' sizes beside the mean hinge loss; it keeps them small where pairs are few."""


class RuleBasedRewards:
    """DPO on the judge's reward plus weighted propositions."""

    summary = "the reward plus propositions graded by the model, weights fitted on ranked answers; DPO"
    paper = "Mu et al. 2024, arXiv 2411.01111"
    settings = RuleBasedRewardsSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def check(self, settings: Settings, last: int) -> None:
        grades.load(own_settings(settings, RuleBasedRewardsSettings).propositions, "method.propositions")

    def inputs(self, settings: Settings) -> Mapping[str, str | Shipped]:
        name = own_settings(settings, RuleBasedRewardsSettings).propositions
        return {"method.propositions": grades.SHIPPED.get(name, name)}

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.parent(step)
        with kept_warm(run, model):
            weights = fitted_weights(run, step, model, data)
            reward = RuleBasedReward(open_reward(run.settings), propositions_of(run.settings), weights)
            prompts = new_prompts(run, step, model, data)
            responses = candidates(run, step, model, prompts)
            rewards = reward_answers(run, step, model, prompts, responses, reward)
        chosen = preferences(run, step, prompts, responses, rewards)
        counts = {**chosen.counts, **weight_counts(weights)}
        preference_step(run, step, model, Paired(chosen.pairs, counts), data)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        own = own_settings(settings, RuleBasedRewardsSettings)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            ranked = round(min(own.sets, settings.data.eft_sets) * answers_a_set(settings))
            if open_reward(settings).asks_judge:
                lengths_of_judge = judge_lengths(settings, lengths)
                yield Generation(f"{step.name}: fit, judgements", ranked, settings.judge.draws, *lengths_of_judge)
            yield from _grading(settings, lengths, f"{step.name}: fit, grades", ranked)
            yield from answer_work(settings, lengths, step)
            yield from reward_work(settings, lengths, step)
            answers = settings.prompts.wanted(step.number) * settings.candidates.count
            yield from _grading(settings, lengths, f"{step.name}: grades", answers)
            yield from preference_work(settings, lengths, step)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        settings = folder.settings
        helpful = open_reward(settings).rule
        yield from explain_answers(
            folder,
            id,
            f"{helpful}; plus weighted probabilities of propositions; {rule(settings.selection)}",
            beside=beside,
        )


def propositions_of(settings: Settings) -> Propositions:
    """The propositions that a run names."""
    return grades.load(own_settings(settings, RuleBasedRewardsSettings).propositions, "method.propositions")


class Ordered(NamedTuple):
    """Two answers to one prompt, by their places; people ranked the first above the second."""

    better: int
    worse: int
    heldout: bool


def fitted_weights(run: Run, step: Step, model: Checkpoint, data: SeedData) -> list[RuleWeights]:
    """The weights of each response type, from how people ranked answers, as M_t rewards and grades them."""
    path = run.path(step.name, WEIGHTS)
    if path.exists():
        return files.read(path, RuleWeights)
    own, propositions = own_settings(run.settings, RuleBasedRewardsSettings), propositions_of(run.settings)
    chance = random.Random(run.seed(step.name, "sets"))
    sets = chance.sample(data.eft_sets, min(own.sets, len(data.eft_sets)))
    answered = [Answered(prompt=one.prompt, response=response) for one in sets for response in one.responses]
    context = reward_context(run, step, model)
    context = context._replace(
        prefix=FIT,
        seed=lambda use: run.seed(step.name, "fit", use),
        stage=lambda name: run.stage(step.name, f"fit: {name}", "answers"),
    )
    measured = RuleBasedReward(open_reward(run.settings), propositions, ()).measure(answered, context)
    weights = weights_of(propositions, answered, measured, ordered_pairs(sets, round(own.heldout * len(sets))), own)
    if not any(one.pairs for one in weights):
        raise DataError(
            f"{step.name}: none of {counted(len(sets), 'ranked sets')} has two answers that people ranked apart, and "
            f"that have a reward and grades, so no weights can be fitted ({measured.counts}); use data with ranks, "
            "raise method.sets, or take a grader that answers yes or no"
        )
    files.write(path, weights)
    return weights


def ordered_pairs(sets: Sequence[RankedSet], heldout: int) -> list[Ordered]:
    """Every two answers of a set that people ranked apart; those of the last `heldout` sets are left out of the fit."""
    found, first = [], 0
    for number, one in enumerate(sets):
        for a, b in permutations(range(len(one.responses)), 2):
            if one.ranks[a] < one.ranks[b]:
                found.append(Ordered(first + a, first + b, number >= len(sets) - heldout))
        first += len(one.responses)
    return found


def weights_of(
    propositions: Propositions,
    answered: Sequence[Answered],
    measured: Measured,
    pairs: Sequence[Ordered],
    own: RuleBasedRewardsSettings,
) -> list[RuleWeights]:
    """The weights of each type; pairs of which a reward or a probability is not known have no part in them."""
    import numpy as np

    found = []
    for kind in propositions.types:
        names = propositions.features(kind)
        rows: dict[bool, list[tuple[list[float], float]]] = {False: [], True: []}
        for pair in pairs:
            both = [_known(measured, place, names) for place in (pair.better, pair.worse)]
            if measured.types.get(answered[pair.better].prompt.id) != kind.name or both[0] is None or both[1] is None:
                continue
            (better, high), (worse, low) = both[0], both[1]
            rows[pair.heldout].append(([a - b for a, b in zip(better, worse, strict=True)], high - low))
        x, r, held_x, held_r = (
            np.array([row[part] for row in rows[heldout]], dtype=np.float64).reshape(len(rows[heldout]), *shape)
            for heldout in (False, True)
            for part, shape in ((0, (len(names),)), (1, ()))
        )
        weights = fit(x, r, own.margin, own.penalty).weights if len(r) else np.zeros(len(names))
        before, after = ordering(r, own.margin), ordering(r + x @ weights, own.margin)
        held_before, held_after = (ordering(d, own.margin) for d in (held_r, held_r + held_x @ weights))
        found.append(
            RuleWeights.of(
                kind.name,
                propositions.digest,
                dict(zip(names, map(float, weights), strict=True)),
                pairs=before.pairs,
                hinge_before=before.hinge,
                hinge=after.hinge,
                error_before=before.error,
                error=after.error,
                heldout_pairs=held_before.pairs,
                heldout_error_before=held_before.error,
                heldout_error=held_after.error,
            )
        )
    return found


def _known(measured: Measured, place: int, names: Sequence[str]) -> tuple[list[float], float] | None:
    """An answer's probabilities and helpfulness; None: one of them is not known."""
    facts, helpful = [measured.features[place][name] for name in names], measured.helpful[place]
    known = [one for one in facts if one is not None]
    return None if helpful is None or len(known) < len(names) else (known, helpful)


def weight_counts(weights: Sequence[RuleWeights]) -> dict[str, int | float | None]:
    """The weights and what they do to the order, for a manifest."""
    return {
        f"rules: {one.type}: {key}": value
        for one in weights
        for key, value in (
            *((f"weight of {name}", weight) for name, weight in one.by_name.items()),
            *one.model_dump(exclude={"id", "type", "propositions", "names", "weights"}).items(),
        )
    }


def beside(step: Path) -> list[Beside]:
    """The grades of each answer, and what they weigh."""
    path = step / GRADES
    if not path.exists():
        return []
    weights = files.read(step / WEIGHTS, RuleWeights) if (step / WEIGHTS).exists() else []
    return [Beside(one.id, one.of, [_in_words(one, weights)]) for one in files.read(path, Grade)]


def _in_words(grade: Grade, weights: Sequence[RuleWeights]) -> str:
    said = f"unread ({grade.unread})" if grade.yes is None else f"P(yes) {grade.yes:.3f}"
    own = [(one.type, one.by_name[grade.about]) for one in weights if grade.about in one.by_name]
    weighed = ", ".join(f"{weight:+.4g}" + (f" in {kind}" if len(weights) > 1 else "") for kind, weight in own)
    return f"{grade.about}: {said} by {grade.grader}" + (f", weight {weighed}" if own else "")


def _grading(settings: Settings, lengths: Lengths, name: str, answers: int) -> Iterator[Work]:
    """Grades: each proposition is one reading, or all are read behind reasons that are written once."""
    found = propositions_of(settings)
    frame = len(found.question or found.reasons or "") // CHARACTERS_A_TOKEN
    reads = frame + lengths.prompt + answer_length(settings, lengths)
    if found.reasons is not None:
        yield Generation(f"{name}, reasons", answers, 1, reads, min(lengths.judgement, found.tokens))
        reads += min(lengths.judgement, found.tokens)
    yield Generation(name, answers * len(found.propositions), 1, reads, 1)


METHOD = RuleBasedRewards()
