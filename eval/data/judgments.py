"""Judgments of models' answers as FastChat (MT-Bench) and JudgeArena publish them: rows in, records and an account out.

What was asked is not needed to count them: a question is known by its number or its text.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from srlm.data.lines import Row, every_row
from srlm.data.published_rankings import number_in, text_in
from srlm.data.votes import turn_of
from srlm.errors import DataError
from srlm.judge.recorded_files import judge_arena_scores

Form = Literal["mt_bench_single", "mt_bench_pair", "judge_arena", "arena_hard"]
COLUMNS: dict[Form, tuple[str, ...]] = {
    "mt_bench_single": ("question_id", "model", "score", "turn", "judge"),
    "mt_bench_pair": ("question_id", "model_1", "model_2", "g1_winner", "g2_winner", "judge"),
    "judge_arena": ("instruction", "completion_A", "completion_B", "judge_completion", "model_A", "model_B"),
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
    """1 to 10, as the judge wrote it. None: it wrote none."""


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
    return fitting[0]


def scores(path: Path, account: Counter[str]) -> list[Score]:
    """Of FastChat's `JUDGE_single.jsonl`. A row on an answer judged before counts again, as FastChat counts it."""
    found: list[Score] = []
    seen: set[tuple[str, str, str, int]] = set()
    for row in every_row(path):
        score = number_in(row.place, row.value, "score")
        model, question = text_in(row.place, row.value, "model"), str(row.value.get("question_id"))
        one = Score(_judge(row), model, question, turn_of(row), None if score == FAILED else score)
        account["rows on an answer judged before, counted again"] += one[:4] in seen
        account["judgments without a score (-1)"] += one.score is None
        seen.add(one[:4])
        found.append(one)
    return found


def games(path: Path, form: Form, account: Counter[str]) -> list[Game]:
    """Of FastChat's `JUDGE_pair.jsonl` (both orders a row) or JudgeArena's annotations (one order a row).

    Of several verdicts on the same answers in the same order the first counts.
    """
    first: dict[tuple[object, ...], Game] = {}
    baselines: dict[frozenset[str], str] = {}
    for row in every_row(path):
        for one in _pair(row) if form == "mt_bench_pair" else _annotation(row, baselines):
            account["verdicts that could not be read"] += one.preference is None
            account["verdicts on answers compared before, not used"] += one[:6] in first
            first.setdefault(one[:6], one)
    return list(first.values())


def _pair(row: Row) -> list[Game]:
    model, baseline = (text_in(row.place, row.value, name) for name in ("model_1", "model_2"))
    found = []
    for name, shown in (("g1_winner", "first"), ("g2_winner", "second")):
        told = row.value.get(name)
        if told not in ("model_1", "model_2", "tie", "error"):
            raise DataError(f"{row.place}: `{name}` must be model_1, model_2, tie or error, found {told!r:.40}")
        preference = {"model_1": 1.0, "model_2": 0.0, "tie": 0.5, "error": None}[told]
        question = str(row.value.get("question_id"))
        place: Literal["first", "second"] = "first" if shown == "first" else "second"
        found.append(Game(_judge(row), model, baseline, question, turn_of(row), place, preference))
    return found


def _annotation(row: Row, baselines: dict[frozenset[str], str]) -> list[Game]:
    """JudgeArena has the model as A in the first half of a file, and turned in the second."""
    models = [text_in(row.place, row.value, name) for name in ("model_A", "model_B")]
    baseline = baselines.setdefault(frozenset(models), models[1])
    told = judge_arena_scores(text_in(row.place, row.value, "judge_completion"))
    preference = None if told is None else (told[0] > told[1]) + 0.5 * (told[0] == told[1])
    question = str(row.value.get("instruction_index", row.value["instruction"]))
    if models[1] == baseline:
        return [Game(_judge(row), models[0], baseline, question, 1, "first", preference)]
    turned = None if preference is None else 1 - preference
    return [Game(_judge(row), models[1], baseline, question, 1, "second", turned)]


def _judge(row: Row) -> str:
    """The model that judged; FastChat names its prompt beside it."""
    judge = row.value.get("judge")
    if isinstance(judge, Sequence) and not isinstance(judge, str) and judge:
        judge = judge[0]
    return str(judge) if judge else "unknown"
