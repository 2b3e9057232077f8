"""A judge that is a function of prompt and answer: length, chance, a constant, an exact program."""

from collections.abc import Callable, Sequence
from pathlib import Path

from srlm.judge.pairwise import Opinion, PairItem
from srlm.judge.pointwise import BLOCK, Answered, Report, Watch, quiet
from srlm.records import Judgement


class PlainJudge:
    """Scores with `score(prompt, answer)`, and prefers the answer with the higher score; equal scores are a tie."""

    concurrency = 1
    """See PairwiseJudge."""

    def __init__(self, id: str, score: Callable[[str, str], float]) -> None:
        self._id, self._score = id, score

    @property
    def id(self) -> str:
        return self._id

    def judge(
        self,
        answered: Sequence[Answered],
        draws: int,
        seed: int,
        path: Path,
        report: Report = quiet,
        block: int = BLOCK,
        watch: Watch | None = None,
    ) -> list[Judgement]:
        """See PointwiseJudge: one value, as often as asked for; nothing is kept."""
        found = []
        for one in answered:
            score = self._score(one.prompt.text, one.response.text)
            found += [Judgement.of(one.response.id, self._id, draw, f"{score:g}", score) for draw in range(draws)]
        return found

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """See PairwiseJudge."""
        opinions = []
        for item in items:
            first, second = self._score(item.prompt, item.first), self._score(item.prompt, item.second)
            preference = 0.5 if first == second else float(first > second)
            opinions.append(Opinion(preference=preference, raw=f"{first:g} against {second:g}"))
        return opinions

    def close(self) -> None:
        """Nothing to give back."""
