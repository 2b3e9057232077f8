"""Judgments of models' answers as FastChat (MT-Bench) and JudgeArena publish them: rows in, records and an account out.

What was asked is not needed to count them: a question is known by its number or its text.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from srlm.data.lines import Row, every_row, hold_columns
from srlm.data.published_rankings import id_in, number_in, text_in
from srlm.data.thoughts import parted
from srlm.data.votes import turn_of
from srlm.errors import DataError
from srlm.judge.recorded_files import judge_arena_scores
from srlm.records import Unread
from srlm.text.rating import HIGHEST, LOWEST, read_rating

Form = Literal["mt_bench_single", "mt_bench_pair", "judge_arena", "judge_arena_pair", "arena_hard"]
COLUMNS: dict[Form, tuple[str, ...]] = {
    "mt_bench_single": ("question_id", "model", "score", "turn", "judge"),
    "mt_bench_pair": ("question_id", "model_1", "model_2", "g1_winner", "g2_winner", "judge"),
    "judge_arena": ("judge_completion", "model_A", "model_B"),
    "judge_arena_pair": ("question_id", "model_A", "model_B", "g1_winner", "judge"),
    "arena_hard": ("model", "judge", "games"),
}
FAILED = -1
"""FastChat's score of a judgment that holds none."""


class Score(NamedTuple):
    """One judgment of one answer."""

    judge: str
    model: str
    question: str
    turn: int
    score: float | None
    """1 to 10, read from the judge's words where the file has them. None: there is none."""
    unread: Unread | None = None
    """Why there is none; None where there is, or where nobody said why."""


class Judged(NamedTuple):
    """A row of FastChat's `JUDGE_single.jsonl`."""

    place: str
    score: Score
    stored: float | None
    """The score as the file has it. None: it has -1, FastChat's mark of a judgment that holds none."""
    prompt: str | None
    """Name of the judge's prompt. None: the file does not say."""
    has_words: bool
    """Whether `score` was read from the judge's words; else it is the stored one."""

    @property
    def differs(self) -> bool:
        """Whether the words say something else than the stored score."""
        return self.score.score != self.stored


class Game(NamedTuple):
    """One comparison of two models' answers to a question."""

    judge: str
    model: str
    baseline: str
    question: str
    turn: int
    shown: Literal["first", "second"]
    """Where the model's answer stood."""
    preference: float | None
    """1: the model's answer is better; 0.5: they are as good; 0: the baseline's is. None: not readable."""


def form_of(path: Path) -> Form:
    """Which of these a file is, by the columns of its first row. Raises DataError for any other file."""
    rows = every_row(path)
    if not rows:
        raise DataError(f"{path}: contains no judgments")
    there = rows[0].value.keys()
    fitting = [form for form, columns in COLUMNS.items() if set(columns) <= there]
    if len(fitting) != 1:
        known = "; ".join(f"{form}: {', '.join(columns)}" for form, columns in COLUMNS.items())
        raise DataError(f"{rows[0].place}: found {', '.join(there) or 'no columns'}; known judgments are {known}")
    hold_columns(rows, COLUMNS[fitting[0]], fitting[0])
    return fitting[0]


def scores(path: Path, account: Counter[str]) -> list[Score]:
    """Of FastChat's `JUDGE_single.jsonl`. A row on an answer judged before counts again, as FastChat counts it."""
    return [one.score for one in judged([path], account)]


def judged(paths: Sequence[Path], account: Counter[str]) -> list[Judged]:
    """Each row of FastChat's `JUDGE_single.jsonl`, its score read from the judge's words again.

    The words count where they differ from the stored score, and the account says how often. A row without words has the
    stored one.
    """
    found = [_judged(row) for path in paths for row in every_row(path)]
    seen: set[tuple[str, str, str, int]] = set()
    for one in found:
        unscored = one.score.score is None
        account["rows on an answer judged before, counted again"] += one.score[:4] in seen
        account["judgments without a score (-1)"] += unscored and one.stored is None
        account["judgments without a score from 1 to 10, unscored"] += unscored and one.stored is not None
        account["stored scores that differ from the judge's words, which count"] += one.differs and one.has_words
        account["judgments without the judge's words, their stored scores taken"] += not one.has_words
        seen.add(one.score[:4])
    return found


def _judged(row: Row) -> Judged:
    place, value = row
    model, question = text_in(place, value, "model"), id_in(place, value, "question_id")
    told = number_in(place, value, "score")
    stored = None if told == FAILED else told
    words = value.get("judgment")
    if words is not None and not isinstance(words, str):
        raise DataError(f"{place}: `judgment` must be the judge's words, found {words!r:.40}")
    score, unread = (stored, None) if words is None else _read(words)
    if words is None and stored is not None and not LOWEST <= stored <= HIGHEST:
        score, unread = None, "not on the scale"
    return Judged(
        place, Score(_judge(row), model, question, turn_of(row), score, unread), stored, _prompt(row), words is not None
    )


def _read(words: str) -> tuple[float | None, Unread | None]:
    """What a judge's words say behind any thought."""
    parts = parted(words)
    return read_rating(parts.answer) if parts.closed else (None, "open thought")


def _prompt(row: Row) -> str | None:
    """Name of the judge's prompt, which FastChat keeps beside the judge."""
    judge = row.value.get("judge")
    named = judge[1] if isinstance(judge, list) and len(judge) == 2 else None
    return named if isinstance(named, str) else None


def games(path: Path, form: Form, account: Counter[str]) -> list[Game]:
    """Of FastChat's `JUDGE_pair.jsonl` (both orders a row) or JudgeArena's annotations (one order a row).

    JudgeArena's on MT-Bench are of either kind: its own prompts, or FastChat's (`judge_arena_pair`).
    Of several verdicts on the same answers in the same order the first counts.
    """
    first: dict[tuple[object, ...], Game] = {}
    baselines: dict[frozenset[str], str] = {}
    for row in every_row(path):
        for one in _annotation(row, baselines) if form == "judge_arena" else _pair(row):
            account["verdicts that could not be read"] += one.preference is None
            account["verdicts on answers compared before, not used"] += one[:6] in first
            first.setdefault(one[:6], one)
    return list(first.values())


def _pair(row: Row) -> list[Game]:
    """FastChat's models are `model_1` and `model_2`, JudgeArena's `model_A` and `model_B`, which may have one game."""
    names = ("model_1", "model_2") if "model_1" in row.value else ("model_A", "model_B")
    model, baseline = (text_in(row.place, row.value, name) for name in names)
    values = {names[0]: 1.0, names[1]: 0.0, "tie": 0.5, "error": None}
    games: dict[str, Literal["first", "second"]] = {"g1_winner": "first", "g2_winner": "second"}
    found = []
    for name, shown in games.items():
        told = row.value.get(name)
        if name == "g2_winner" and not told and names[0] == "model_A":
            continue
        if (told is not None and not isinstance(told, str)) or told not in values:
            raise DataError(f"{row.place}: `{name}` must be {', '.join(values)}, found {told!r:.40}")
        question = id_in(row.place, row.value, "question_id")
        found.append(Game(_judge(row), model, baseline, question, turn_of(row), shown, values[told]))
    return found


def _annotation(row: Row, baselines: dict[frozenset[str], str]) -> list[Game]:
    """JudgeArena has the model as A in the first half of a file, and turned in the second."""
    models = [text_in(row.place, row.value, name) for name in ("model_A", "model_B")]
    baseline = baselines.setdefault(frozenset(models), models[1])
    told = judge_arena_scores(text_in(row.place, row.value, "judge_completion"))
    preference = None if told is None else (told[0] > told[1]) + 0.5 * (told[0] == told[1])
    names = ("instruction_index", "question_id", "instruction")
    question = next((str(row.value[name]) for name in names if name in row.value), None)
    if question is None:
        raise DataError(f"{row.place}: no column names the question: {', '.join(names)}")
    if models[1] == baseline:
        return [Game(_judge(row), models[0], baseline, question, turn_of(row), "first", preference)]
    turned = None if preference is None else 1 - preference
    return [Game(_judge(row), models[1], baseline, question, turn_of(row), "second", turned)]


def _judge(row: Row) -> str:
    """The model that judged; FastChat names its prompt beside it."""
    judge = row.value.get("judge")
    if isinstance(judge, Sequence) and not isinstance(judge, str) and judge:
        judge = judge[0]
    return str(judge) if judge else "unknown"
