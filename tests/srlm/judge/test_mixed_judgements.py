"""A file of judgements whose later rows are of another form is refused at that row."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eval.data import judgments
from srlm.data import rankings
from srlm.errors import DataError
from srlm.judge.recorded import Recorded

PAIR = {"instruction": "p", "output_1": "x", "output_2": "y", "preference": 1}
SINGLE = {"question_id": 81, "model": "a", "score": 7, "turn": 1, "judge": ["gpt-4", "single-v1"]}
GAMES = {"question_id": 81, "model_1": "a", "model_2": "b", "g1_winner": "tie", "g2_winner": "tie", "judge": "j"}


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_recorded_judge_of_two_forms_is_refused(tmp_path: Path) -> None:
    sets = rankings.read(str(lines(tmp_path / "ranked.jsonl", [PAIR]))).sets
    file = lines(tmp_path / "judge.jsonl", [PAIR, SINGLE])
    with pytest.raises(DataError) as error:
        Recorded.read(str(file), sets)
    assert str(error.value) == (
        f"{file}:2: AlpacaEval's annotations needs instruction, output_1, output_2, preference; "
        "found question_id, model, score, turn, judge"
    )


def test_judgments_of_two_forms_are_refused(tmp_path: Path) -> None:
    file = lines(tmp_path / "judgments.jsonl", [SINGLE, GAMES])
    with pytest.raises(DataError) as error:
        judgments.form_of(file)
    assert str(error.value) == (
        f"{file}:2: mt_bench_single needs model, score, turn; "
        "found question_id, model_1, model_2, g1_winner, g2_winner, judge"
    )


@pytest.mark.parametrize("winner", [["tie"], {"a": 1}, 3])
def test_a_winner_that_is_no_text_is_refused(winner: Any, tmp_path: Path) -> None:
    file = lines(tmp_path / "judgments.jsonl", [GAMES | {"g1_winner": winner}])
    with pytest.raises(DataError, match="`g1_winner` must be model_1, model_2, tie, error, found"):
        judgments.games(file, "mt_bench_pair", Counter())


def test_a_verdict_that_stands_for_both_orders_is_left_out_once(tmp_path: Path) -> None:
    sets = rankings.read(str(lines(tmp_path / "ranked.jsonl", [PAIR]))).sets
    file = lines(tmp_path / "judge.jsonl", [PAIR, PAIR | {"preference": 2}, PAIR | {"instruction": "another"}])
    assert {name: count for name, count in Recorded.read(str(file), sets).account.items() if count} == {
        "comparisons of answers that are not in the rankings": 1,
        "verdicts on answers compared before, not used": 1,
    }
