"""Temporal Self-Rewarding (Wang et al. 2025): the rejected answer from the past, the chosen one from the future.

    M_t -> new prompts -> N answers each; the anchor, a model of the start, answers them, too -> M_t judges both
        -> best of M_t's against worst of the anchor's -> DPO -> a future model            (step `M_t+1-future`)
    future model -> N answers to the same prompts -> M_t judges them
        -> best of M_t's and the future model's against worst of the anchor's -> DPO of M_t -> M_t+1

In the loop both answers of a pair become better together, and the difference to learn from shrinks; here the rejected
one stays as bad as it was. In the first turn M_t may be the anchor itself, and answers once. The future model is not
evaluated, and nothing is trained from it. Of the paper only its abstract and retellings were read: that the chosen
answer is the best of both models' is our reading of "dynamically curating chosen samples".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from srlm.methods import start
from srlm.methods.base import Generation, Lengths, Work, own_settings
from srlm.methods.explain import explain_answers
from srlm.methods.run import Run
from srlm.methods.stages import (
    ANCHORS,
    PROMPTS,
    RESPONSES,
    candidates,
    drawn_answers,
    has_prompts,
    judged_candidates,
    keep_prompts,
    kept_pairs,
    kept_warm,
    new_prompts,
    preference_step,
    reward_answers,
)
from srlm.methods.unused import refuse_unused
from srlm.methods.work import answer_length, answer_work, preference_work, reward_work
from srlm.records import Checkpoint, Prompt, Response, SeedData, Step
from srlm.rewards.base import kept_rewards
from srlm.rewards.open import open_reward
from srlm.section import Section
from srlm.selection import Paired, pair_across
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder


class TemporalSettings(Section):
    """Settings of `temporal`."""

    anchor: Literal["M1", "SFT"] = "M1"
    """The model of the start whose answers are rejected: M1, from which the loop begins, or the SFT baseline, which
    never saw a judgement."""


class Temporal:
    """DPO on chosen answers of a future model against rejected ones of a past model."""

    summary = "chosen from a temporary next model, rejected from the first one; the model's own judge; DPO twice a turn"
    paper = "Wang et al. 2025, arXiv 2508.06026"
    settings = TemporalSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later: list[Step] = []
        for t in range(2, last + 1):
            later.append(Step(name=f"M{t}-future", parent=f"M{t - 1}", role="intermediate", number=t))
            later.append(Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t))
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data = start.seed_data(run)
        if step.role == "intermediate":
            return anchored_rejection(run, step, data)
        future_guided_choice(run, step, _future_of(run, step), data)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        prompts, answer = settings.prompts, answer_length(settings, lengths)
        own = own_settings(settings, TemporalSettings)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            number = prompts.wanted(step.number)
            if step.role == "intermediate":
                yield from answer_work(settings, lengths, step)
                yield from reward_work(settings, lengths, step)
                if step.parent != own.anchor:
                    anchored = Step(name=f"{step.name}, anchor", role="intermediate", number=step.number)
                    name = f"{anchored.name}: answers"
                    yield Generation(name, number, settings.candidates.count, lengths.prompt, answer)
                    yield from reward_work(settings, lengths, anchored)
            else:
                yield Generation(f"{step.name}: candidates", number, settings.candidates.count, lengths.prompt, answer)
                yield from reward_work(settings, lengths, step)
            yield from preference_work(settings, lengths, step)

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        refuse_unused(settings, "selection")

    def inputs(self, settings: Settings) -> Mapping[str, str]:
        """See Prepared: its own settings name no files."""
        return {}

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        anchor = own_settings(folder.settings, TemporalSettings).anchor
        said = (
            f"{open_reward(folder.settings).rule}; the best of M_t's answers (in M_t+1: of the future model's, too) "
            f"against the worst of {anchor}'s"
        )
        yield from explain_answers(folder, id, said)


def anchored_rejection(run: Run, step: Step, data: SeedData) -> None:
    """M_t -> the future model: its best answers against the anchor's worst."""
    model, anchor = run.parent(step), _anchor(run)
    with kept_warm(run, model):
        prompts = new_prompts(run, step, model, data)
        responses = candidates(run, step, model, prompts)
        anchors = responses
        if anchor.name != model.name:
            count = run.settings.candidates.count
            anchors = drawn_answers(run, step, anchor, prompts, count, ANCHORS, "anchor's answers")
        every = responses if anchors is responses else [*responses, *anchors]
        found = reward_answers(run, step, model, prompts, every)
    reward = {one.id: number for one, number in zip(every, found.rewards, strict=True) if number is not None}
    paired = kept_pairs(run, step, pair_across(prompts, responses, anchors, reward), found.counts)
    preference_step(run, step, model, paired, data, made_from=[anchor])


def future_guided_choice(run: Run, step: Step, future: Step, data: SeedData) -> None:
    """M_t -> M_t+1: the best of its own and the future model's answers against the anchor's worst."""
    model, writer, anchor = run.parent(step), run.model(future), _anchor(run)
    prompts = files.read(run.path(future.name, PROMPTS), Prompt)
    if not has_prompts(run, step):
        keep_prompts(run, step, prompts, {})
    responses, found = judged_candidates(run, step, writer, prompts, model)
    present = files.read(run.path(future.name, RESPONSES), Response)
    path = run.path(future.name, ANCHORS)
    anchors = files.read(path, Response) if path.exists() else present
    reward = kept_rewards(run.folder.step(future.name)) | {
        one.id: number for one, number in zip(responses, found.rewards, strict=True) if number is not None
    }
    made = kept_pairs(run, step, future_pairs(prompts, responses, present, anchors, reward), found.counts)
    preference_step(run, step, model, made, data, made_from=[writer, anchor])


def future_pairs(
    prompts: Sequence[Prompt],
    future: Sequence[Response],
    present: Sequence[Response],
    anchors: Sequence[Response],
    reward: Mapping[str, float],
) -> Paired:
    """The best answer of the future model and of M_t, among equals the future model's, against the anchor's worst.

    `reward` by response; a response without one is absent.
    """
    paired = pair_across(prompts, [*future, *present], anchors, reward)
    new = {one.id for one in future}
    chosen = sum(pair.chosen_id in new for pair in paired.pairs)
    return Paired(paired.pairs, {**paired.counts, "pairs with a chosen answer of the future model": chosen})


def _anchor(run: Run) -> Checkpoint:
    wanted = own_settings(run.settings, TemporalSettings).anchor
    return run.model(start.FIRST if wanted == start.FIRST.name else start.BASELINE)


def _future_of(run: Run, step: Step) -> Step:
    """The step that makes the future model of a turn."""
    return next(one for one in run.folder.steps() if one.role == "intermediate" and one.number == step.number)


METHOD = Temporal()
