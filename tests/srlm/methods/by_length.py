"""Answers judged by their length, then DPO: what length alone is worth."""

from collections.abc import Iterator, Sequence

from srlm.methods import start
from srlm.methods.base import Lengths, Work, own_settings
from srlm.methods.explain import explain_answers
from srlm.methods.run import Run
from srlm.methods.stages import candidates, new_prompts, preference_step, preferences
from srlm.methods.work import answer_work, preference_work
from srlm.records import Step
from srlm.rewards.base import keep_rewards
from srlm.section import Section
from srlm.settings import Settings
from srlm.store.folder import RunFolder


class ByLengthSettings(Section):
    sign: float = 1.0
    """1 prefers long answers, -1 short ones."""


class ByLength:
    summary = "DPO on the longest answer against the shortest"
    paper = "none"
    settings = ByLengthSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        loop = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *loop]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.parent(step)
        prompts = new_prompts(run, step, model, data)
        responses = candidates(run, step, model, prompts)
        sign = own_settings(run.settings, ByLengthSettings).sign
        rewards = keep_rewards(run.folder.step(step.name), "length", responses, [sign * len(r.text) for r in responses])
        preference_step(run, step, model, preferences(run, step, prompts, responses, rewards), data)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from answer_work(settings, lengths, step)
            yield from preference_work(settings, lengths, step)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        yield from explain_answers(folder, id, "reward = characters; the longest against the shortest")


METHOD = ByLength()
