"""The forms in which judgements are published, a reader each: rows in, scores and comparisons out.

A form is told by the columns of the first row; a file of any other form is refused. Some name what was judged by its
text, some by its row or question in a data set: these go with that data set as the rankings, and each row is held
against it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import Row
from srlm.data.published_rankings import number_in, text_in
from srlm.data.thoughts import parted
from srlm.data.votes import is_machine, turn_of, winner_of
from srlm.engines.base import Completion
from srlm.errors import DataError
from srlm.judge.pairwise import Opinion, parse
from srlm.records import Record
from srlm.text.score import parse_score

Sets = Sequence[HumanRanking]
Account = Counter[str]

_LLMBAR = re.compile(r"Output \((?P<one>a|b)\) is better.|^\s?Output \((?P<bare>a|b)\)\s*$", re.MULTILINE)
_JUDGE_ARENA = re.compile(r"\bscore[ _]*(?:of )?(a|b)\b[\"': *\n]*(-?\d+(?:\.\d+)?)", re.IGNORECASE)


class Scored(NamedTuple):
    """One judgement of one answer."""

    prompt: str
    response: str
    raw: str
    score: float | None


class Compared(NamedTuple):
    """One comparison of two answers, in the order the judge saw them."""

    place: str
    prompt: str
    first: str
    second: str
    opinion: Opinion


class Reader(NamedTuple):
    """How one form is told and read."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[Sequence[Row], Sets, Account], Iterator[Scored | Compared]]
    fits: Callable[[Mapping[str, Any]], bool] = lambda value: True
    """What a row with these columns must also be."""
    one_order: Callable[[Sequence[Row]], bool] = lambda found: False
    """Whether each two answers were compared in one order only."""
    own: bool = False
    """Our own lines: a comparison that stands twice with other outcomes is a fault of the file."""
    named_by_folders: bool = False
    """All files have one name, and two folders say whose they are: LLMBar's `GPT-4/CoT/result.json`."""

    def __call__(self, found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
        return self.read(found, sets, account)


def reader_of(row: Row) -> Reader:
    """The reader of a file with this first row. Raises DataError where none, or several, can read it."""
    there = row.value.keys()
    fitting = [one for one in READERS if set(one.columns) <= there and one.fits(row.value)]
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


def llmbar(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """LLMBar's `result.json`: the data set's own rows with `results`, or (shortened copies) their `position`.

    The last of `results` decides: before it stand what the judge wrote for itself, and the comparison that a
    synthesis began with. `winner` is as published, `1`, `2` or null; where it is absent, by LLMBar's own rule from the
    words. A rating judge's equal scores count for whichever answer comes second, as published.
    """
    by_key = _by_key(sets, "LLMBar")
    by_text = {_texts(one): one for one in by_key.values()}
    for place, value in found:
        if "position" in value:
            one = _known(place, by_key, value["position"])
        else:
            texts = tuple(text_in(place, value, name) for name in ("input", "output_1", "output_2"))
            if texts not in by_text:
                raise DataError(
                    f"{place}: its `input` and outputs are not in the rankings; is this another data set's?"
                )
            one = by_text[texts]
        if (value.get("label") == 1) != (one.ranked.ranks == (0, 1)):
            raise DataError(f"{place}: its label differs from the rankings'; does it belong to another data set?")
        prompt, first, second = _texts(one)
        try:
            last: dict[str, Any] = value["results"][-1]
            sides = [last[f"swap = {swapped}"] for swapped in (False, True)]
            if "score_1" in last:
                words = [str(last[f"score_{n}"][0]) for n in (1, 2)]
                scores = _whole(words)
                for text, raw, score in zip((first, second), words, scores, strict=True):
                    yield Scored(prompt, text, raw, score)
                raws = [f"{words[0]} against {words[1]}"] * 2
                told = _by_rating(scores)
            else:
                raws = [str(side["completion"][0]) for side in sides]
                told = [_winner(place, side, raw, n) for n, (side, raw) in enumerate(zip(sides, raws, strict=True))]
        except (KeyError, IndexError, TypeError):
            raise DataError(f"{place}: `results` must end with both orders' `completion` or two scores") from None
        for shown, raw, verdict in zip(((first, second), (second, first)), raws, told, strict=True):
            yield Compared(place, prompt, *shown, Opinion(preference=verdict, raw=raw))


def _winner(place: str, side: Mapping[str, Any], raw: str, swapped: int) -> float | None:
    """1 where the output shown first wins; `winner` names it by its number in the data set."""
    if "winner" not in side:
        return llmbar_verdict(raw)
    if side["winner"] not in ("1", "2", None):
        raise DataError(f"{place}: `winner` must be 1, 2 or null, found {side['winner']!r:.40}")
    return None if side["winner"] is None else float((side["winner"] == "1") != bool(swapped))


def _whole(words: Sequence[str]) -> list[float | None]:
    """Both scores, or none of either: what LLMBar cannot read of one it does not use of the other."""
    try:
        return [float(int(text)) for text in words]
    except ValueError:
        return [None, None]


def _by_rating(scores: Sequence[float | None]) -> list[float | None]:
    """In both orders of showing; without scores, LLMBar has whichever answer comes first win."""
    first, second = scores
    if first is None or second is None:
        return [1.0, 1.0]
    return [float(first > second), float(second > first)]


def llmbar_verdict(text: str) -> float | None:
    """1 where the judge prefers Output (a), 0 for Output (b), None where it says neither.

    LLMBar's own rule: `Output (a) is better` anywhere decides before `Output (b) is better`; a judge told to answer
    with nothing else says just `Output (a)`.
    """
    said = {found["one"] or found["bare"] for found in _LLMBAR.finditer(text)}
    return None if not said else 1.0 if "a" in said else 0.0


def pandalm(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """PandaLM's verdict files: `idx` of a row of its test set, and one `..._result`."""
    by_key = _by_key(sets, "PandaLM")
    seen: set[tuple[str, str, str]] = set()
    for place, value in found:
        told = [value[name] for name in value if name.endswith("_result")]
        if len(told) != 1 or not isinstance(value.get("idx"), int):
            raise DataError(f"{place}: a verdict on PandaLM's test set needs an `idx` and one `..._result`")
        if value["idx"] not in by_key:
            account["verdicts on rows that are in no set"] += 1  # people had no majority, or the row stood twice
            continue
        texts = _texts(by_key[value["idx"]])
        if texts in seen:  # two models sometimes wrote the same words: the first verdict counts
            continue
        seen.add(texts)
        preference = {"1": 1.0, "2": 0.0, "0": 0.5, "tie": 0.5}.get(str(told[0]).strip().lower())
        yield Compared(place, *texts, Opinion(preference=preference, raw=str(told[0])))


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
    if not isinstance(scores, list) or len(scores) != 2 or not all(isinstance(one, int | float) for one in scores):
        return None
    return float(scores[0]), float(scores[1])


def mt_bench_pair(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """FastChat's `JUDGE_pair.jsonl`: `g1_winner` with model_1 shown first, `g2_winner` turned; `error` is unread."""
    known = _mt_bench(sets)
    values = {"tie": 0.5, "error": None}
    for row in found:
        place, value = row
        models = [text_in(place, value, name) for name in ("model_1", "model_2")]
        texts = [known.get((_question(row), model)) for model in models]
        for name in ("g1_winner", "g2_winner"):
            if value[name] not in ("model_1", "model_2", "tie", "error"):
                raise DataError(f"{place}: `{name}` must be model_1, model_2, tie or error, found {value[name]!r:.40}")
        if None in texts:
            account["judgments of answers that are not in the rankings"] += 1
            continue
        (prompt, first), (_, second) = texts  # type: ignore[misc]
        for shown, best, which in (((first, second), "model_1", "g1"), ((second, first), "model_2", "g2")):
            told = value[f"{which}_winner"]
            preference = values[told] if told in values else float(told == best)
            raw = str(value.get(f"{which}_judgment", ""))
            yield Compared(place, prompt, *shown, Opinion(preference=preference, raw=raw))


def mt_bench_single(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """FastChat's `JUDGE_single.jsonl`: a `score` of a model's answer at a turn; -1 is a failure, so no score."""
    known = _mt_bench(sets)
    for row in found:
        place, value = row
        texts = known.get((_question(row), text_in(place, value, "model")))
        score = number_in(place, value, "score")
        if texts is None:
            account["judgments of answers that are not in the rankings"] += 1
            continue
        yield Scored(*texts, str(value.get("judgment", "")), None if score == -1 else score)


def mt_bench_votes(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """A model's votes in the columns of people's (the `gpt4_pair` part of mt_bench_human_judgments)."""
    known = _mt_bench(sets)
    values = {"first": 1.0, "second": 0.0, "tie": 0.5, None: None}
    for row in found:
        place, value = row
        if not is_machine(value.get("judge")):
            account["votes of people"] += 1
            continue
        models = [text_in(place, value, name) for name in ("model_a", "model_b")]
        texts = [known.get((_question(row), model)) for model in models]
        if None in texts:
            account["judgments of answers that are not in the rankings"] += 1
            continue
        (prompt, first), (_, second) = texts  # type: ignore[misc]
        opinion = Opinion(preference=values[winner_of(row)], raw=str(value.get("winner")))
        yield Compared(place, prompt, first, second, opinion)
        yield Compared(place, prompt, second, first, opinion.turned)


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
        told = value["preference"]
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
    Reader("MT-Bench's votes", ("question_id", "model_a", "model_b", "winner"), mt_bench_votes, one_order=_alone),
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
    ),
)


def _texts(one: HumanRanking) -> tuple[str, str, str]:
    first, second = (response.text for response in one.ranked.responses)
    return one.ranked.prompt.text, first, second


def _question(row: Row) -> str:
    return f"{row.value['question_id']}/{turn_of(row)}"


def _mt_bench(sets: Sets) -> dict[tuple[str, str], tuple[str, str]]:
    """Of a question with its turn (`81/2`) and a model: the prompt's text and the answer's."""
    known = {
        (str(one.key), response.author): (one.ranked.prompt.text, response.text)
        for one in sets
        if isinstance(one.key, str)
        for response in one.ranked.responses
    }
    if not known:
        raise DataError(
            "these are a judge's judgments on MT-Bench; give people's votes on it (mt_bench_human_judgments) as "
            "--rankings, or the file to `judgments`"
        )
    return known


def _by_key(sets: Sets, what: str) -> dict[int, HumanRanking]:
    found = {one.key: one for one in sets if isinstance(one.key, int)}
    if not found:
        raise DataError(f"these are a judge's outputs on {what}'s data set; give that data set as --rankings")
    return found


def _known(place: str, sets: dict[int, HumanRanking], key: object) -> HumanRanking:
    if not isinstance(key, int) or key not in sets:
        raise DataError(f"{place}: position {key!r:.20} is not a row of the rankings")
    return sets[key]
