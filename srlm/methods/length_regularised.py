"""Length-regularised iterative DPO (iLR-DPO, Liu et al. 2024): the loop's pairs, trained with a length margin.

    M_t -> new prompts -> N answers each -> the run's reward -> best against worst
        -> DPO with -log sigmoid(beta * margin + alpha * (|y_w| - |y_l|)) -> M_t+1

Lengths are in tokens, end token included. A pair whose chosen answer is the longer one teaches less, so that what is
learnt is not length. (Meta-Rewarding chooses shorter pairs instead: `selection.kind: length_controlled`.)
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from srlm.methods import start
from srlm.methods.base import Lengths, Work, own_settings
from srlm.methods.explain import explain_answers
from srlm.methods.run import Run
from srlm.methods.stages import judged_candidates, kept_warm, new_prompts, preference_step, preferences
from srlm.methods.work import answer_work, preference_work, reward_work
from srlm.records import Step
from srlm.rewards.open import open_reward
from srlm.section import Section
from srlm.selection import rule
from srlm.settings import DpoSettings, Settings
from srlm.store.folder import RunFolder


class LengthRegularisedSettings(Section):
    """Settings of `length_regularised`."""

    alpha: Annotated[float, Field(gt=0)] = 0.02
    """The margin's weight, per token: it stands in the place of `dpo.length_margin`, which other methods use."""


class LengthRegularised:
    """The loop, with a length margin in the loss of its pairs."""

    summary = "the self-rewarding loop; DPO with a margin for the chosen answer's extra length"
    paper = "Liu et al. 2024, arXiv 2406.11817 (iLR-DPO)"
    settings = LengthRegularisedSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        training = with_margin(run.settings)
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.parent(step)
        with kept_warm(run, model):
            prompts = new_prompts(run, step, model, data)
            responses, rewards = judged_candidates(run, step, model, prompts)
        chosen = preferences(run, step, prompts, responses, rewards)
        preference_step(run, step, model, chosen, data, training)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from answer_work(settings, lengths, step)
            yield from reward_work(settings, lengths, step)
            yield from preference_work(settings, lengths, step)

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        with_margin(settings)

    def inputs(self, settings: Settings) -> Mapping[str, str]:
        """See Prepared: its own settings name no files."""
        return {}

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        settings = folder.settings
        alpha = own_settings(settings, LengthRegularisedSettings).alpha
        said = f"{open_reward(settings).rule}; {rule(settings.selection)}; length margin {alpha:g} a token"
        yield from explain_answers(folder, id, said)


def with_margin(settings: Settings) -> DpoSettings:
    """How pairs are trained. Raises SettingsError where the margin is set twice."""
    if settings.dpo.length_margin:
        raise settings.refusal(
            f"dpo.length_margin {settings.dpo.length_margin:g}: method length_regularised has its own, method.alpha; "
            "set that one alone",
            "dpo.length_margin",
        )
    alpha = own_settings(settings, LengthRegularisedSettings).alpha
    return settings.dpo.model_copy(update={"length_margin": alpha})


METHOD = LengthRegularised()
