"""A judge that knows: it compares the scores that an exact program gives. The bead world has such a program."""

from collections.abc import Callable, Sequence

from srlm.judge.pairwise import Opinion, PairItem


class OracleJudge:
    """Prefers the answer with the higher `score(prompt, response)`; equal scores are a tie."""

    concurrency = 1
    """See PairJudge."""

    def __init__(self, score: Callable[[str, str], float]) -> None:
        self._score = score

    @property
    def id(self) -> str:
        return "oracle"

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        opinions = []
        for item in items:
            first, second = self._score(item.prompt, item.first), self._score(item.prompt, item.second)
            preference = 0.5 if first == second else float(first > second)
            opinions.append(Opinion(preference=preference, raw=f"{first:g} against {second:g}"))
        return opinions

    def close(self) -> None:
        """Nothing to give back."""
