"""Judgements that lie in a file: our own lines, or the outputs of judges that LLMBar and PandaLM published.

Our lines name what was judged by its text (docs/rankings.md); LLMBar's and PandaLM's by the row of the data set, so
their files go with that data set only, and each row is held against it.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError

from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import Row, locate, objects
from srlm.engines.base import Completion
from srlm.errors import DataError
from srlm.judge.pairwise import Opinion, PairItem, parse
from srlm.judge.pointwise import BLOCK, Answered, Report, quiet
from srlm.records import Judgement, Record
from srlm.text.score import parse_score

_LLMBAR = re.compile(r"Output \((?P<one>a|b)\) is better.|^\s?Output \((?P<bare>a|b)\)\s*$", re.MULTILINE)


class ScoredRow(Record):
    """One judgement of one answer."""

    prompt: str
    response: str
    raw: str | None = None
    """The judge's words; the score is read from them where `score` is not given."""
    score: float | None = None


class ComparedRow(Record):
    """One comparison of two answers, in the order the judge saw them."""

    prompt: str
    first: str
    second: str
    raw: str | None = None
    preference: float | None = Field(default=None, ge=0, le=1)
    """1 = the first is better, 0.5 = equal, 0 = the second."""


class Recorded:
    """A judge that looks up what was said; what is not there is unread, never asked."""

    concurrency = 1
    """See PairwiseJudge."""

    def __init__(self, id: str) -> None:
        self._id = id
        self._scores: dict[tuple[str, str], list[tuple[str, float | None]]] = {}
        self._pairs: dict[tuple[str, str, str], Opinion] = {}
        self.five_points = True
        """Whether all scores lie in 0..5."""
        self.one_order = False
        """Whether each two answers were compared in one order only."""

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
        said = cls(f"{file.parent.name}/{file.name.removesuffix('.gz').rpartition('.')[0] or file.name}")
        found = objects(file)
        if not found:
            raise DataError(f"{file}: contains no judgements")
        keys = found[0].value.keys()
        if "results" in keys:
            said._llmbar(found, sets)
        elif "idx" in keys:
            said._pandalm(found, sets)
        else:
            for row in found:
                said._own(row)
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
        """See PairwiseJudge."""
        nothing = Opinion(preference=None, raw="")
        return [self._pairs.get((item.prompt, item.first, item.second), nothing) for item in items]

    def close(self) -> None:
        """Nothing to give back."""

    def _own(self, row: Row) -> None:
        kind = ComparedRow if "first" in row.value else ScoredRow
        try:
            one = kind.model_validate(row.value)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(f"{row.place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        raw = one.raw or ""
        if isinstance(one, ScoredRow):
            score = parse_score(raw) if one.score is None else one.score
            self._scores.setdefault((one.prompt, one.response), []).append((raw, score))
            self.five_points &= score is None or 0 <= score <= 5
        else:
            told = parse(Completion(text=raw, finish=None)).preference if one.preference is None else one.preference
            self._put(row.place, (one.prompt, one.first, one.second), Opinion(preference=told, raw=raw))

    def _put(self, place: str, key: tuple[str, str, str], opinion: Opinion) -> None:
        if self._pairs.setdefault(key, opinion) != opinion:
            raise DataError(f"{place}: duplicate comparison with a different outcome")

    def _llmbar(self, found: Iterable[Row], sets: Sequence[HumanRanking]) -> None:
        by_key = _by_key(sets, "LLMBar")
        for place, value in found:
            one = _known(place, by_key, value.get("position"))
            if (value.get("label") == 1) != (one.ranked.ranks == (0, 1)):
                raise DataError(f"{place}: its label differs from the rankings'; does it belong to another data set?")
            try:
                last: dict[str, Any] = value["results"][-1]
                if "score_1" in last:
                    self._ratings(one, str(last["score_1"][0]), str(last["score_2"][0]))
                    continue
                words = [str(last[f"swap = {swapped}"]["completion"][0]) for swapped in (False, True)]
            except (KeyError, IndexError, TypeError):
                raise DataError(f"{place}: `results` must end with both orders' `completion` or two scores") from None
            first, second = (response.text for response in one.ranked.responses)
            for text, shown in zip(words, ((first, second), (second, first)), strict=True):
                opinion = Opinion(preference=llmbar_verdict(text), raw=text)
                self._put(place, (one.ranked.prompt.text, *shown), opinion)

    def _ratings(self, one: HumanRanking, *words: str) -> None:
        """LLMBar's rating judges: equal or unreadable scores count for whichever answer comes second."""
        self.five_points = False
        try:
            scores: list[float] | None = [float(int(text)) for text in words]
        except ValueError:
            scores = None
        prompt, texts = one.ranked.prompt.text, [response.text for response in one.ranked.responses]
        for place, (text, raw) in enumerate(zip(texts, words, strict=True)):
            self._scores.setdefault((prompt, text), []).append((raw, scores[place] if scores else None))
        for a, b in ((0, 1), (1, 0)):
            told = float(scores[a] > scores[b]) if scores else 1.0
            self._pairs[prompt, texts[a], texts[b]] = Opinion(preference=told, raw=f"{words[a]} against {words[b]}")

    def _pandalm(self, found: Iterable[Row], sets: Sequence[HumanRanking]) -> None:
        by_key = _by_key(sets, "PandaLM")
        self.one_order = True
        for place, value in found:
            told = [value[name] for name in value if name.endswith("_result")]
            if len(told) != 1 or not isinstance(value.get("idx"), int):
                raise DataError(f"{place}: a verdict on PandaLM's test set needs an `idx` and one `..._result`")
            if value["idx"] not in by_key:
                continue  # its people had no majority, so it is in no set
            one = by_key[value["idx"]]
            preference = {"1": 1.0, "2": 0.0, "0": 0.5, "tie": 0.5}.get(str(told[0]).strip().lower())
            first, second = (response.text for response in one.ranked.responses)
            opinion = Opinion(preference=preference, raw=str(told[0]))
            # Two models sometimes wrote the same words: of two verdicts on the same texts the first one counts.
            self._pairs.setdefault((one.ranked.prompt.text, first, second), opinion)


def llmbar_verdict(text: str) -> float | None:
    """1 where the judge prefers Output (a), 0 for Output (b), None where it says neither.

    LLMBar's own rule: `Output (a) is better` anywhere decides before `Output (b) is better`; a judge told to answer
    with nothing else says just `Output (a)`.
    """
    said = {found["one"] or found["bare"] for found in _LLMBAR.finditer(text)}
    return None if not said else 1.0 if "a" in said else 0.0


def _by_key(sets: Sequence[HumanRanking], what: str) -> dict[int, HumanRanking]:
    found = {one.key: one for one in sets if one.key is not None}
    if not found:
        raise DataError(f"these are a judge's outputs on {what}'s data set; give that data set as --rankings")
    return found


def _known(place: str, sets: dict[int, HumanRanking], key: object) -> HumanRanking:
    if not isinstance(key, int) or key not in sets:
        raise DataError(f"{place}: position {key!r:.20} is not a row of the rankings")
    return sets[key]
