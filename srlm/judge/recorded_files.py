"""The forms in which judgements are published, a reader each: rows in, scores and comparisons out.

A form is told by the columns of the first row; a file of any other form is refused. Some name what was judged by its
text, some by its row or question in a data set: these go with that data set as the rankings, and each row is held
against it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pydantic import Field, ValidationError

from srlm.data.lines import Row
from srlm.data.published_rankings import fits, from_cell, number_in, text_in
from srlm.data.thoughts import parted
from srlm.engines.base import Completion
from srlm.errors import DataError
from srlm.judge.pairwise import Opinion, parse
from srlm.judge.recorded_by_row import llmbar, pandalm
from srlm.judge.recorded_mt_bench import mt_bench_pair, mt_bench_single, mt_bench_votes
from srlm.judge.recorded_verdicts import Account, Compared, Scored, Sets
from srlm.records import Record
from srlm.text.score import parse_score

_JUDGE_ARENA = re.compile(r"\bscore[ _]*(?:of )?(a|b)\b[\"': *\n]*(-?\d+(?:\.\d+)?)", re.IGNORECASE)


class Reader(NamedTuple):
    """How one form is told and read."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[Sequence[Row], Sets, Account], Iterator[Scored | Compared]]
    one_order: Callable[[Sequence[Row]], bool] = lambda found: False
    """Whether each two answers were compared in one order only."""
    own: bool = False
    """Our own lines: a comparison that stands twice with other outcomes is a fault of the file."""
    turned_too: bool = False
    """Each verdict stands for both orders, so that it is here twice and counts once."""
    named_by_folders: bool = False
    """All files have one name, and two folders say whose they are: LLMBar's `GPT-4/CoT/result.json`."""

    def __call__(self, found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
        return self.read(found, sets, account)


def reader_of(row: Row) -> Reader:
    """The reader of a file with this first row. Raises DataError where none, or several, can read it."""
    there = row.value.keys()
    fitting = [one for one in READERS if set(one.columns) <= there]
    if len(fitting) == 1:
        return fitting[0]
    found = ", ".join(row.value) or "no columns"
    known = "; ".join(f"{one.name}: {', '.join(one.columns)}" for one in fitting or READERS)
    what = "could be any of" if fitting else "no judgements of a known form; known are"
    raise DataError(f"{row.place}: found {found}; {what} {known}")


class ScoredRow(Record):
    """Our own line: one judgement of one answer."""

    prompt: str
    response: str
    raw: str | None = None
    """The judge's words; the score is read from them where `score` is not given."""
    score: float | None = None


class ComparedRow(Record):
    """Our own line: one comparison of two answers, in the order the judge saw them."""

    prompt: str
    first: str
    second: str
    raw: str | None = None
    preference: float | None = Field(default=None, ge=0, le=1)
    """1 = the first is better, 0.5 = equal, 0 = the second."""


def own(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """docs/rankings.md describes the columns."""
    for place, value in found:
        kind = ComparedRow if "first" in value else ScoredRow
        try:
            one = kind.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        raw = one.raw or ""
        if isinstance(one, ScoredRow):
            yield Scored(one.prompt, one.response, raw, parse_score(raw) if one.score is None else one.score)
        else:
            told = parse(Completion(text=raw, finish=None)).preference if one.preference is None else one.preference
            yield Compared(place, one.prompt, one.first, one.second, Opinion(preference=told, raw=raw))


def judgebench(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """JudgeBench's outputs: its rows with `judgments`, one or (the answers turned) two, each with a `decision`.

    A judgment that is null, or without a decision, is unread. A reward model's `scores` are read as scores.
    """
    for place, value in found:
        prompt, first, second = (text_in(place, value, name) for name in ("question", "response_A", "response_B"))
        judgments = value["judgments"]
        if not isinstance(judgments, list) or not 1 <= len(judgments) <= 2:
            raise DataError(f"{place}: `judgments` must be a list of one or two, found {judgments!r:.40}")
        for shown, one in zip(((first, second), (second, first)), judgments, strict=False):
            decision = one.get("decision") if isinstance(one, dict) else None
            if decision not in ("A>B", "B>A", "A=B", "B=A", None):
                raise DataError(f"{place}: `decision` must be A>B, B>A, A=B or null, found {decision!r:.40}")
            inner = one.get("judgment") if isinstance(one, dict) else None
            raw = str(inner.get("response") or inner.get("scores") or "") if isinstance(inner, dict) else ""
            preference = {"A>B": 1.0, "B>A": 0.0, None: None}.get(decision, 0.5)
            yield Compared(place, prompt, *shown, Opinion(preference=preference, raw=raw))
        scores = _reward_scores(judgments[0])
        if scores is not None:
            for text, score in zip((first, second), scores, strict=True):
                yield Scored(prompt, text, f"{score:g}", score)


def _reward_scores(judgment: object) -> tuple[float, float] | None:
    inner = judgment.get("judgment") if isinstance(judgment, dict) else None
    scores = inner.get("scores") if isinstance(inner, dict) else None
    if not isinstance(scores, list) or len(scores) != 2:
        return None
    if not all(isinstance(one, int | float) and fits(one) for one in scores):
        return None
    return float(scores[0]), float(scores[1])


def judge_arena(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """JudgeArena's `...-annotations.csv`: who was shown as A and as B, and the judge's words with a score of each."""
    for place, value in found:
        prompt, first, second, words = (
            text_in(place, value, name) for name in ("instruction", "completion_A", "completion_B", "judge_completion")
        )
        scores = judge_arena_scores(words)
        preference = None if scores is None else (scores[0] > scores[1]) + 0.5 * (scores[0] == scores[1])
        yield Compared(place, prompt, first, second, Opinion(preference=preference, raw=words))


def judge_arena_scores(words: str) -> tuple[float, float] | None:
    """The scores of A and of B; None where one is missing, or the words name several for one answer."""
    said: dict[str, set[float]] = {"a": set(), "b": set()}
    for letter, number in _JUDGE_ARENA.findall(parted(words).answer):
        said[letter.lower()].add(float(number))
    if any(len(numbers) != 1 for numbers in said.values()):
        return None
    return said["a"].pop(), said["b"].pop()


def alpaca_eval(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """AlpacaEval's `annotations.json`: `preference` 1 (output_1) to 2 (output_2), 1.5 a tie; null is unread.

    The order in which the judge saw the two is not in the file: each verdict stands alone.
    """
    for place, value in found:
        prompt, first, second = (text_in(place, value, name) for name in ("instruction", "output_1", "output_2"))
        told = from_cell(value["preference"])
        if told is None or told != told:
            opinion = Opinion(preference=None, raw="")
        else:
            number = number_in(place, value, "preference")
            if number != 0 and not 1 <= number <= 2:
                raise DataError(f"{place}: `preference` must be 1 to 2, or 0 (a tie), found {number:g}")
            chance = 0.5 if number == 0 else 2 - number
            preference = 0.5 if chance == 0.5 else float(chance > 0.5)
            opinion = Opinion(preference=preference, probability=chance, raw=str(value.get("raw_completion") or ""))
        yield Compared(place, prompt, first, second, opinion)
        yield Compared(place, prompt, second, first, opinion.turned)


def _alone(found: Sequence[Row]) -> bool:
    return True


def _single_game(found: Sequence[Row]) -> bool:
    return all(len(row.value["judgments"]) == 1 for row in found)


def _fixed_order(found: Sequence[Row]) -> bool:
    shown = {(row.value["instruction"], row.value["completion_A"], row.value["completion_B"]) for row in found}
    return not any((prompt, second, first) in shown for prompt, first, second in shown if first != second)


READERS = (
    Reader("our own lines", ("prompt",), own, own=True),
    Reader("LLMBar's result.json", ("label", "results"), llmbar, named_by_folders=True),
    Reader("PandaLM's verdicts", ("idx",), pandalm, one_order=_alone),
    Reader(
        "JudgeBench's outputs",
        ("question", "response_A", "response_B", "judgments"),
        judgebench,
        one_order=_single_game,
    ),
    Reader("MT-Bench's pairs", ("question_id", "model_1", "model_2", "g1_winner", "g2_winner"), mt_bench_pair),
    Reader("MT-Bench's single scores", ("question_id", "model", "score", "turn"), mt_bench_single),
    Reader(
        "MT-Bench's votes",
        ("question_id", "model_a", "model_b", "winner"),
        mt_bench_votes,
        one_order=_alone,
        turned_too=True,
    ),
    Reader(
        "JudgeArena's annotations",
        ("instruction", "completion_A", "completion_B", "judge_completion"),
        judge_arena,
        one_order=_fixed_order,
    ),
    Reader(
        "AlpacaEval's annotations",
        ("instruction", "output_1", "output_2", "preference"),
        alpaca_eval,
        one_order=_alone,
        turned_too=True,
    ),
)
