"""Judgements that lie in a file, as a judge: what was said of an answer, or of two, is looked up and never asked.

The file is in our own lines (docs/rankings.md), which name what was judged by its text, or in one of the forms in which
other harnesses publish judgements (srlm/judge/recorded_files.py).
"""

from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Self

from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import every_row, hold_columns, locate
from srlm.data.thoughts import parted
from srlm.errors import DataError
from srlm.judge import recorded_files
from srlm.judge.pairwise import Opinion, PairItem
from srlm.judge.pointwise import BLOCK, Answered, Report, Watch, quiet
from srlm.judge.recorded_verdicts import Compared, Scored
from srlm.records import Judgement


class Recorded:
    """A judge that looks up what was said; what is not there is unread, never asked."""

    concurrency = 1
    """See PairwiseJudge."""

    def __init__(self, id: str) -> None:
        self._id = id
        self._scores: dict[tuple[str, str], list[tuple[str, float | None]]] = {}
        self._pairs: dict[tuple[str, str, str], list[Opinion]] = {}
        self.five_points = True
        """Whether all scores lie in 0..5."""
        self.one_order = False
        """Whether each two answers were compared in one order only."""
        self.account: Counter[str] = Counter()
        """What the file holds and is not used, by reason."""

    @property
    def id(self) -> str:
        return self._id

    @property
    def scores_known(self) -> bool:
        """Whether it holds scores."""
        return bool(self._scores)

    @property
    def pairs_known(self) -> bool:
        """Whether it holds comparisons."""
        return bool(self._pairs)

    @classmethod
    def read(cls, path: str, sets: Sequence[HumanRanking]) -> Self:
        """The judgements of a file, for these sets. Raises DataError, with the place, where they do not fit."""
        file = locate(path)
        found = every_row(file)
        if not found:
            raise DataError(f"{file}: contains no judgements")
        reader = recorded_files.reader_of(found[0])
        hold_columns(found, reader.columns, reader.name)
        if reader.named_by_folders:
            said = cls("/".join(file.absolute().parts[-3:-1]))
        else:
            said = cls(f"{file.parent.name}/{file.name.removesuffix('.gz').rpartition('.')[0] or file.name}")
        for one in reader(found, sets, said.account):
            if isinstance(one, Scored):
                said._put_score(one)
            else:
                said._put(one, again_is_a_fault=reader.own)
        said.one_order = reader.one_order(found)
        said._count_others(sets, 2 if reader.turned_too else 1)
        return said

    @property
    def draws(self) -> int:
        """Most judgements of one answer."""
        return max(map(len, self._scores.values()), default=1)

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
        """See PointwiseJudge; a judgement that is not there has no words and no score."""
        found = []
        for one in answered:
            said = self._scores.get((one.prompt.text, one.response.text), [])
            for draw in range(draws):
                raw, score = said[draw] if draw < len(said) else ("", None)
                found.append(Judgement.of(one.response.id, self._id, draw, raw, score))
        return found

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """See PairwiseJudge.

        Answers that stand several times, and were compared as often, have their verdicts in order; of any other number
        of verdicts the first one counts.
        """
        nothing = [Opinion(preference=None, raw="")]
        keys = [(item.prompt, item.first, item.second) for item in items]
        times, seen, found = Counter(keys), Counter[tuple[str, str, str]](), []
        for key in keys:
            said = self._pairs.get(key, nothing)
            found.append(said[seen[key]] if len(said) == times[key] else said[0])
            seen[key] += 1
        return found

    def close(self) -> None:
        """Nothing to give back."""

    def _put_score(self, one: Scored) -> None:
        key = (one.prompt, parted(one.response).answer)
        self._scores.setdefault(key, []).append((one.raw, one.score))
        self.five_points &= one.score is None or 0 <= one.score <= 5

    def _put(self, one: Compared, *, again_is_a_fault: bool) -> None:
        key = (one.prompt, parted(one.first).answer, parted(one.second).answer)
        said = self._pairs.setdefault(key, [])
        if again_is_a_fault and said and said[0] != one.opinion:
            raise DataError(f"{one.place}: duplicate comparison with a different outcome")
        said.append(one.opinion)

    def _count_others(self, sets: Sequence[HumanRanking], entries: int) -> None:
        """`entries`: how many comparisons a verdict is here."""
        there = {(one.ranked.prompt.text, response.text) for one in sets for response in one.ranked.responses}
        self.account["judgements of answers that are not in the rankings"] += sum(
            len(said) for key, said in self._scores.items() if key not in there
        )
        self.account["comparisons of answers that are not in the rankings"] += (
            sum(not {(prompt, first), (prompt, second)} <= there for prompt, first, second in self._pairs) // entries
        )
        times = Counter(
            (one.ranked.prompt.text, first.text, second.text)
            for one in sets
            for first, second in permutations(one.ranked.responses, 2)
        )
        self.account["verdicts on answers compared before, not used"] += (
            sum(len(said) - 1 for key, said in self._pairs.items() if len(said) != times[key]) // entries
        )
