"""ReST, reinforced self-training (Gulcehre et al. 2023): a data set is grown, and used several times over.

    M_t -> new prompts -> N answers each -> a reward that never changes                     (Grow: `M_t+1-grow`)
        -> SFT of M_t on the answers with a reward above tau_1 (`M_t+1-improve-1`), of that model on those above tau_2,
        ... up to the last threshold -> M_t+1                                               (Improve)

The reward is the run's `reward`: a program, rules or a reward model, all of which are fixed. Where it is `judge`, the
judge is M1 in every turn (or `judge.engine`), and not the model that answers. Each Improve step goes on from the last
with fewer and better answers, and with people's IFT examples beside them, as the paper's data set holds them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from srlm.errors import DataError
from srlm.judge.scores import check_collapse
from srlm.methods import start
from srlm.methods.base import Lengths, Optimisation, Work, own_settings
from srlm.methods.explain import Turn, explain_answers
from srlm.methods.rewarded import rewarded_answers
from srlm.methods.run import Run
from srlm.methods.stages import EFT, judged_candidates, kept_warm, new_prompts, prompt_counts, supervised, weights_of
from srlm.methods.unused import refuse_unused
from srlm.methods.work import answer_length, answer_work, reward_work
from srlm.records import Count, Demonstration, Prompt, SeedData, Step
from srlm.rewards.open import open_reward
from srlm.section import Section
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder


class RestSettings(Section):
    """Settings of `rest`."""

    thresholds: Annotated[tuple[float, ...], Field(min_length=1)] = (2.0, 3.0, 4.0)
    """tau of each Improve step, rising, in points of the reward: it trains on answers with more. (The paper's rewards
    lie between 0 and 1, a judge's between 0 and 5.)"""
    replay: Literal["none", "ift", "seeds"] = "ift"
    """Examples beside the answers: people's IFT examples (the paper), `seeds`: EFT, too, so that the model still
    judges, or none."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(one >= other for one, other in pairwise(self.thresholds)):
            raise ValueError("thresholds must rise from each Improve step to the next")
        return self


class Rest:
    """SFT on the model's own answers above rising thresholds of a fixed reward."""

    summary = "answers scored by a fixed reward; SFT on those above a rising threshold, each step from the last"
    paper = "Gulcehre et al. 2023, arXiv 2308.08998"
    settings = RestSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        improvements, later = len(own_settings(settings, RestSettings).thresholds), []
        for t in range(2, last + 1):
            later.append(Step(name=f"M{t}-grow", role="intermediate", number=t))
            parent = f"M{t - 1}"
            for one in range(1, improvements):
                step = Step(name=f"M{t}-improve-{one}", parent=parent, role="intermediate", number=t)
                later.append(step)
                parent = step.name
            later.append(Step(name=f"M{t}", parent=parent, role="iteration", number=t))
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data = start.seed_data(run)
        turn = [one for one in self.steps(run.settings, step.number) if one.number == step.number]
        if step == turn[0]:
            return grow(run, step, data)
        improve(run, step, turn[0], turn.index(step) - 1, data)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        """As if every answer were above every threshold: how many will be, nobody knows."""
        first = list(start.work(settings, lengths))
        yield from first
        own, example = own_settings(settings, RestSettings), lengths.prompt + answer_length(settings, lengths)
        mixed = next(one for one in reversed(first) if isinstance(one, Optimisation))
        seeds = {"none": (0, 0), "ift": (settings.data.ift, example), "seeds": (mixed.examples, mixed.length)}
        number, length = seeds[own.replay]
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            if step.parent is None:
                yield from answer_work(settings, lengths, step)
                yield from reward_work(settings, lengths, step)
                continue
            answers = settings.prompts.wanted(step.number) * settings.candidates.count
            examples = number + answers
            mean = (number * length + answers * example) // examples
            yield Optimisation(f"{step.name}: supervised fine-tuning", examples, mean, "sft", settings.sft)

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        refuse_unused(settings, "selection")

    def inputs(self, settings: Settings) -> Mapping[str, str]:
        """See Prepared: its own settings name no files."""
        return {}

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        taus = own_settings(folder.settings, RestSettings).thresholds
        said = (
            f"{open_reward(folder.settings).rule}; trained on where it is above {', '.join(f'{tau:g}' for tau in taus)}"
        )

        def outcome(turn: Turn, prompt: Prompt) -> Iterator[str]:
            for response in (one for one in turn.responses if one.prompt_id == prompt.id):
                number = turn.rewards.get(response.id)
                steps = 0 if number is None or response.finish == "length" else sum(number > tau for tau in taus)
                why = ", cut at the token limit" if response.finish == "length" else ""
                yield f"response {response.id}: in {steps} of {len(taus)} Improve steps{why}"

        yield from explain_answers(folder, id, said, outcome=outcome)


def grow(run: Run, step: Step, data: SeedData) -> None:
    """A data set: M_t's answers to new prompts, each with its reward."""
    model, judge = run.previous_model(step), run.model(start.FIRST)
    with kept_warm(run, model):
        prompts = new_prompts(run, step, model, data)
        responses, found = judged_candidates(run, step, model, prompts, judge)
    numbers = [number for number in found.rewards if number is not None]
    counts: dict[str, Count] = {
        **prompt_counts(run, step),
        "prompts": len(prompts),
        "responses": len(responses),
        "responses cut": sum(one.finish == "length" for one in responses),
        "responses empty": sum(not one.text.strip() for one in responses),
        "responses scored": len(numbers),
        "reward mean": fmean(numbers) if numbers else None,
        **{
            f"responses above {tau:g}": sum(number > tau for number in numbers)
            for tau in own_settings(run.settings, RestSettings).thresholds
        },
        **found.counts,
    }
    if warning := check_collapse(counts, run.settings.judge, step.name):
        run.folder.log(f"{step.name}: warning: {warning}")
        counts["warning"] = warning
    run.finish(step.name, counts, inputs=weights_of(model, judge))


def improve(run: Run, step: Step, grown: Step, number: int, data: SeedData) -> None:
    """SFT of the step's parent on the grown answers above its threshold; `number` of the Improve step, from 0."""
    own = own_settings(run.settings, RestSettings)
    tau = own.thresholds[number]
    answers = rewarded_answers(run.folder.step(grown.name), lambda reward: reward > tau)
    if not answers:
        raise DataError(
            f"{step.name}: no answer of {grown.name} that ended has a reward above {tau:g}; `srlm status` shows how "
            "many are above each threshold: lower method.thresholds, in a new run"
        )
    demonstrations = [*seeds(run, data), *answers]
    counts: dict[str, Count] = {"threshold": tau, "answers above it": len(answers)}
    supervised(run, step, demonstrations, counts)


def seeds(run: Run, data: SeedData) -> list[Demonstration]:
    """The examples beside the answers."""
    match own_settings(run.settings, RestSettings).replay:
        case "none":
            return []
        case "ift":
            return list(data.ift)
    return [*data.ift, *(one for path in run.folder.holding(EFT) for one in files.read(path, Demonstration))]


METHOD = Rest()
