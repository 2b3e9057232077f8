"""Positive examples only (Yuan et al. 2024, section 3.3): SFT on the answers with a high reward, instead of DPO.

    M_t -> new prompts -> N answers each -> M_t judges them k times -> SFT of M0 on the seed data and all answers so far
    whose reward is `min_reward` or more -> M_t+1

The paper's comparison with preference training: it found no gain over the SFT baseline.
"""

from collections.abc import Iterator, Mapping, Sequence

from srlm.methods import start
from srlm.methods.base import Lengths, Optimisation, Work, own_settings
from srlm.methods.explain import Turn, explain_answers
from srlm.methods.rewarded import rewarded_answers
from srlm.methods.run import Run
from srlm.methods.stages import (
    judged_candidates,
    kept_warm,
    new_prompts,
    preferences,
    prompt_counts,
    supervised,
)
from srlm.methods.unused import refuse_unused
from srlm.methods.work import answer_length, answer_work, reward_work
from srlm.records import Demonstration, Prompt, Step
from srlm.rewards.open import open_reward
from srlm.section import Section
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder


class PositiveSftSettings(Section):
    """Settings of `positive_sft`."""

    min_reward: float = 5.0
    """Train on answers with at least this reward (the paper: 5, the highest score)."""


class PositiveSft:
    """SFT of M0 on the seed data and on every answer that its model scored highly."""

    summary = "each model judges its own answers; SFT of M0 on those with the highest score, no pairs"
    paper = "Yuan et al. 2024, arXiv 2401.10020, section 3.3"
    settings = PositiveSftSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later = [Step(name=f"M{t}", parent="M0", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.previous_model(step)
        with kept_warm(run, model):
            prompts = new_prompts(run, step, model, data)
            responses, rewards = judged_candidates(run, step, model, prompts)
        chosen = preferences(run, step, prompts, responses, rewards)  # their counts tell whether the judge still judges
        positive = [one for earlier in run.iterations_up_to(step) for one in positive_examples(run, earlier)]
        seeds = [
            *data.ift,
            *(one for path in run.folder.holding("eft.jsonl") for one in files.read(path, Demonstration)),
        ]
        counts = {**prompt_counts(run, step), **chosen.counts, "positive examples": len(positive)}
        # All answers so far are trained on, whichever model wrote and judged them.
        wrote = [run.previous_model(one) for one in run.iterations_up_to(step)]
        supervised(run, step, [*seeds, *positive], counts, made_from=wrote)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        """As if every answer were trained on: how many will be, nobody knows."""
        first = list(start.work(settings, lengths))
        yield from first
        seeds = next(one for one in reversed(first) if isinstance(one, Optimisation))
        answers = 0
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from answer_work(settings, lengths, step)
            yield from reward_work(settings, lengths, step)
            answers += settings.prompts.wanted(step.number) * settings.candidates.count
            tokens = seeds.examples * seeds.length + answers * (lengths.prompt + answer_length(settings, lengths))
            examples = seeds.examples + answers
            name = f"{step.name}: supervised fine-tuning"
            yield Optimisation(name, examples, tokens // examples, "sft", settings.sft)

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        refuse_unused(settings, "selection")

    def inputs(self, settings: Settings) -> Mapping[str, str]:
        """See Prepared: its own settings name no files."""
        return {}

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        least = own_settings(folder.settings, PositiveSftSettings).min_reward
        rule = f"{open_reward(folder.settings).rule}; answers with {least:g} or more are trained on, pairs are not"

        def outcome(turn: Turn, prompt: Prompt) -> Iterator[str]:
            for response in (one for one in turn.responses if one.prompt_id == prompt.id):
                number = turn.rewards.get(response.id)
                is_positive = number is not None and number >= least
                cut = is_positive and response.finish == "length"
                said = "trained on" if is_positive and not cut else "not trained on"
                yield f"response {response.id}: {said}{', cut at the token limit' if cut else ''}"

        yield from explain_answers(folder, id, rule, outcome=outcome)


def positive_examples(run: Run, step: Step) -> list[Demonstration]:
    """The answers of a step with a high reward as IFT examples; one that was cut has no end to learn."""
    least = own_settings(run.settings, PositiveSftSettings).min_reward
    return rewarded_answers(run.folder.step(step.name), lambda reward: reward >= least)


METHOD = PositiveSft()
