"""A reward model: a sequence classifier with one output, which reads the conversation with the answer.

It is read from safetensors, and the conversation is rendered by its own chat template, as it was when it was trained.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from srlm.errors import ModelError
from srlm.judge.pointwise import Answered
from srlm.judge.reward_model import RewardModel, context_of_reward_model, load_tokenizer
from srlm.records import AnswerReward
from srlm.rewards.base import Context, Rewarded
from srlm.settings import ModelRewardSettings, ModelSettings
from srlm.store.files import resumable


class ModelReward:
    """What the model gives each answer; an answer that does not fit its context has no reward, and is counted."""

    asks_judge = False

    def __init__(self, settings: ModelRewardSettings, name: str | None = None) -> None:
        """`name`: what records call the model; None: its path."""
        self._settings, self._name = settings, name or settings.path

    @property
    def rule(self) -> str:
        return f"reward = the output of the reward model {self._name}"

    def check(self) -> None:
        wanted = self._settings
        with _named():
            context_of_reward_model(wanted.path, _as_model(wanted), wanted.max_length)
            load_tokenizer(wanted.path, _as_model(wanted))

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        wanted = self._settings

        def load() -> RewardModel:
            with _named():
                return RewardModel.load(wanted.path, _as_model(wanted), wanted.batch_size, wanted.max_length)

        def work(chunk: Sequence[Answered], _: int) -> list[AnswerReward]:
            numbers = model().scores([(one.prompt.messages, one.response.text) for one in chunk])
            return [
                AnswerReward(response_id=one.response.id, source=self._name, reward=number)
                for one, number in zip(chunk, numbers, strict=True)
            ]

        with context.once(load) as model, context.stage("rewards") as report:  # nothing is loaded for what is on disk
            rows = resumable(
                context.path(context.numbers),
                AnswerReward,
                answered,
                work,
                per_item=1,
                block=4 * wanted.batch_size,
                report=report,
                belongs=lambda one, row: row.response_id == one.response.id,
            )
        found = [row.reward for row in rows]
        return Rewarded(found, {"responses without reward": sum(number is None for number in found)})


def _as_model(settings: ModelRewardSettings) -> ModelSettings:
    """The same as the loaders take it."""
    return ModelSettings(
        base=settings.path,
        revision=settings.revision,
        dtype=settings.dtype,
        trust_remote_code=settings.trust_remote_code,
    )


@contextmanager
def _named() -> Iterator[None]:
    """What is wrong with the model, under the name of its setting."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"reward.path {error}") from error
