"""Self-Rewarding Language Models (Yuan et al. 2024): the algorithm, top to bottom, a stage a line.

    M0 -> SFT baseline (IFT) -> EFT judged by the baseline -> M1 (IFT + EFT, from M0)
    M_t -> new prompts -> N answers each -> M_t judges them k times -> best against worst -> DPO -> M_t+1

Every stage goes from records to records, keeps what it makes as it makes it, and goes on where it was after a stop.
`reward` and `selection` put something else in the place of the judge and of the rule.
"""

from collections.abc import Iterator, Sequence

from srlm.methods import start
from srlm.methods.base import Lengths, NoSettings, Work
from srlm.methods.explain import explain_answers
from srlm.methods.run import Run
from srlm.methods.stages import judged_candidates, kept_warm, new_prompts, preference_step, preferences
from srlm.methods.work import answer_work, preference_work, reward_work
from srlm.records import Step
from srlm.rewards.open import open_reward
from srlm.selection import rule
from srlm.settings import Settings
from srlm.store.folder import RunFolder


class SelfRewarding:
    """DPO on the pairs that each model makes of its own answers by its own scores."""

    summary = "each model judges its own answers; DPO on the best against the worst"
    paper = "Yuan et al. 2024, arXiv 2401.10020"
    settings = NoSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        """M_t -> M_t+1, one turn of the loop; what comes before it is `start`'s."""
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.parent(step)
        with kept_warm(run, model):
            prompts = new_prompts(run, step, model, data)
            responses, rewards = judged_candidates(run, step, model, prompts)
        chosen = preferences(run, step, prompts, responses, rewards)
        preference_step(run, step, model, chosen, data)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from answer_work(settings, lengths, step)
            yield from reward_work(settings, lengths, step)
            yield from preference_work(settings, lengths, step)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        settings = folder.settings
        yield from explain_answers(folder, id, f"{open_reward(settings).rule}; {rule(settings.selection)}")


METHOD = SelfRewarding()
