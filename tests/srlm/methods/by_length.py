"""A method of its own in one file, as docs/extending.md has it: every answer is judged by its length, then DPO."""

from collections.abc import Iterator, Sequence

from srlm.errors import StoreError
from srlm.methods import start
from srlm.methods.base import Lengths, Work, own_settings
from srlm.methods.run import Run
from srlm.methods.stages import PAIRS, candidates, new_prompts, preference_step, preference_work, preferences
from srlm.records import PreferencePair, Step
from srlm.rewards.base import Rewarded
from srlm.settings import Section, Settings
from srlm.store import files
from srlm.store.folder import RunFolder


class ByLengthSettings(Section):
    """Settings of `by_length`."""

    sign: float = 1.0
    """1 for long answers, -1 for short ones."""


class ByLength:
    """DPO on the longest answer against the shortest."""

    summary = "answers are judged by their length"
    paper = "none"
    settings = ByLengthSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        loop = [Step(name=f"L{t}", parent=f"L{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *(step if step.number > 2 else step.model_copy(update={"parent": "M1"}) for step in loop)]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.parent(step)
        prompts = new_prompts(run, step, model, data)
        responses = candidates(run, step, model, prompts)
        sign = own_settings(run.settings, ByLengthSettings).sign
        lengths = Rewarded([sign * len(response.text) for response in responses], {})
        preference_step(run, step, model, preferences(run, step, prompts, responses, lengths), data)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from preference_work(settings, lengths, step)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        for path in folder.holding(PAIRS):
            for pair in files.read(path, PreferencePair):
                if pair.id.startswith(id):
                    yield f"{path.parent.name}: {pair.chosen_score:g} characters against {pair.rejected_score:g}"
                    return
        raise StoreError(f"{id}: no pair of {folder.path} has this id")


METHOD = ByLength()
