"""A world's exact program as the reward, and the judge heard on form alone."""

from collections.abc import Sequence

from srlm.judge import rubric
from srlm.judge.pointwise import Answered
from srlm.judge.scores import judgement_counts
from srlm.judge.scores import rewards as mean_scores
from srlm.rewards.base import Context, Rewarded, keep_rewards
from srlm.rewards.judge import ask_judge, rubric_words
from srlm.settings import JudgeSettings
from srlm.worlds.table import WORLDS


class WorldReward:
    """The program's points, 0 to 5; no judge is asked."""

    asks_judge = False
    rule = "reward = the points of the world's exact program, 0 to 5"

    def __init__(self, world: str) -> None:
        self._world = WORLDS[world]

    def check(self) -> None:
        """Nothing is needed."""

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        points = [self._world.score(one.prompt.text, one.response.text) for one in answered]
        return keep_rewards(context.folder, "world", [one.response for one in answered], points, context.numbers_name)


class FormReward:
    """The judge's verdicts on `count` and `clean`, 0 to 2: what it says of form, and nothing of what is right."""

    asks_judge = True

    def __init__(self, world: str, settings: JudgeSettings) -> None:
        self._world, self._settings = WORLDS[world], settings

    @property
    def rule(self) -> str:
        return f"{rubric_words(self._settings)}; reward = mean of its verdicts on count and clean, 0 to 2"

    def check(self) -> None:
        rubric.load(self._settings.template)

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        judgements = ask_judge(answered, self._settings, context)
        reward = mean_scores([one.model_copy(update={"score": self._world.form_score(one.raw)}) for one in judgements])
        responses = [one.response for one in answered]
        numbers = [reward.get(one.id) for one in responses]
        found = keep_rewards(context.folder, "world", responses, numbers, context.numbers_name)
        return Rewarded(found.rewards, judgement_counts(judgements) if judgements else {})
