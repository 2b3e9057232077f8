"""The seam between the loop and whatever gives an answer its number."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from srlm.engines.once import Once
from srlm.judge.open import Judge
from srlm.judge.pointwise import Answered
from srlm.judge.scores import rewards as mean_scores
from srlm.records import AnswerReward, Count, Judgement, Response
from srlm.store import files
from srlm.store.progress import Report

JUDGEMENTS, REWARDS = "judgements.jsonl", "rewards.jsonl"
"""In a step's folder: what the loop's judge wrote, and the numbers of rewards that are no mean of its scores."""


class Context(NamedTuple):
    """What a reward may use of the step in which it is asked."""

    folder: Path
    """Of the step; what it keeps lies there."""
    seed: Callable[[str], int]
    """A seed for one use within the step."""
    stage: Callable[[str], AbstractContextManager[Report]]
    """Times and shows a stage of this name; gives what takes `(answers done, answers in all)`."""
    judge: Callable[[], Judge]
    """Opens the loop's judge; who opens it closes it."""
    block: Callable[[int], int]
    """Answers between two writes to disk, where each takes so many draws."""
    once: Callable[[Callable[[], Any]], AbstractContextManager[Callable[[], Any]]] = Once
    """Loads a model when it is first needed, and closes it at the end of the `with`; online training, which asks at
    every step, keeps it until its own end."""
    prefix: str = ""
    """How the names of the reward's files begin, where a step rewards answers of several kinds."""
    numbers: str = REWARDS
    """Name of the file of its numbers, where a reward is made of several."""

    def path(self, name: str) -> Path:
        """Where a file of the reward lies."""
        return self.folder / f"{self.prefix}{name}"

    @property
    def numbers_name(self) -> str:
        """Name of the file of its numbers, in `folder`."""
        return f"{self.prefix}{self.numbers}"


class Rewarded(NamedTuple):
    """A number an answer, in the order of the answers, and what the step's manifest says of them."""

    rewards: list[float | None]
    """None: the answer could not be rewarded."""
    counts: dict[str, Count]


class Reward(Protocol):
    """Anything that gives answers numbers, of which the higher is the better."""

    @property
    def asks_judge(self) -> bool:
        """Whether the loop's judge reads every answer."""
        ...

    @property
    def rule(self) -> str:
        """How a number comes about, for `srlm explain`."""
        ...

    def check(self) -> None:
        """Raise an SrlmError where what it needs is missing, before anything runs; load no weights."""
        ...

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        """The number of each answer, kept in the step's folder. Interrupted and asked again, it gives the same."""
        ...


def keep_rewards(
    folder: Path, source: str, responses: Sequence[Response], numbers: Sequence[float | None], name: str = REWARDS
) -> Rewarded:
    """Numbers that need no stage, as a step's rewards, kept in its folder; `source` says what gave them."""
    rows = [
        AnswerReward(response_id=response.id, source=source, reward=number)
        for response, number in zip(responses, numbers, strict=True)
    ]
    files.write(folder / name, rows)
    return Rewarded(list(numbers), {})


def kept_rewards(folder: Path) -> dict[str, float]:
    """The rewards of a step's answers, by response, as they lie on disk; a response without one is absent."""
    if (path := folder / REWARDS).exists():
        rows = files.read(path, AnswerReward)
        return {row.response_id: row.reward for row in rows if row.reward is not None}
    path = folder / JUDGEMENTS
    return mean_scores(files.Kept(path, Judgement)) if path.exists() else {}
