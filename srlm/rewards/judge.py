"""A judge reads each answer k times, and its mean score is the reward (Yuan et al. 2024, section 2.2)."""

from collections.abc import Sequence
from contextlib import closing

from srlm.judge import rubric
from srlm.judge.pointwise import Answered, judges
from srlm.judge.scores import judgement_counts
from srlm.judge.scores import rewards as mean_scores
from srlm.judge.watched import JudgementWatch
from srlm.records import Judgement
from srlm.rewards.base import JUDGEMENTS, Context, Rewarded
from srlm.settings import JudgeSettings
from srlm.store import files


class JudgeReward:
    """The mean of the judgements that have a score."""

    asks_judge = True

    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings

    @property
    def rule(self) -> str:
        return (
            f"{rubric_words(self._settings)}; reward = mean of the judgements with a score line (the last one decides)"
        )

    def check(self) -> None:
        rubric.load(self._settings.template)

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        judgements = ask_judge(answered, self._settings, context)
        reward = mean_scores(judgements)
        return Rewarded(
            [reward.get(one.response.id) for one in answered], judgement_counts(judgements) if judgements else {}
        )


def rubric_words(settings: JudgeSettings) -> str:
    """The judge's rubric by name and digest."""
    wording = rubric.load(settings.template)
    return f"rubric {wording.name} ({wording.digest})"


def ask_judge(answered: Sequence[Answered], settings: JudgeSettings, context: Context) -> Sequence[Judgement]:
    """What the loop's judge says of each answer, kept in the step's folder."""
    path = context.path(JUDGEMENTS)
    if path.exists():
        return files.finished(path, Judgement, answered, settings.draws, judges)
    with closing(context.judge()) as judge, context.stage("judgements") as report:
        assert judge.pointwise is not None
        seed, block = context.seed("judgements"), context.block(settings.draws)
        watch = JudgementWatch(f"{context.folder.name}: {path.stem}", settings, report.say)
        return judge.pointwise.judge(answered, settings.draws, seed, path, report, block, watch)
