"""Published judgments of models: MT-Bench's scores and pairs, JudgeArena's annotations."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.cli import main
from eval.records import MetricValue

Json = dict[str, Any]


def figures(folder: Path, *files: Path) -> dict[tuple[str, str], MetricValue]:
    with pytest.raises(SystemExit) as left:
        main(["judgments", *map(str, files), "--out", str(folder / "out.json"), "--resamples", "200"])
    assert not left.value.code
    metrics = [MetricValue.model_validate(one) for one in json.loads((folder / "out.json").read_text())]
    return {(m.model, m.metric): m for m in metrics}


def saved(folder: Path, rows: Sequence[Json], name: str) -> Path:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / name


def test_real_judgments_of_mt_bench_have_fastchats_averages(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The averages were computed independently; mistral-orpo stands twice, and one of its judgments failed."""
    found = figures(tmp_path, shared / "data" / "mt_bench" / "gpt-4_single.jsonl.gz")
    averages = {
        "mistral-orpo-trl": (7.73125, 6.6, 7.165625),
        "mistral-orpo-capybara": (7.125, 6.5125, 6.81875),
        "mistral-orpo-mix": (6.43125, 5.575, 6.003125),
        "mistral-orpo": (6.675, 5.037736, 5.858934),
    }
    for model, values in averages.items():
        own = [found[model, name].value for name in ("score, turn 1", "score, turn 2", "score")]
        assert own == [pytest.approx(value, abs=1e-6) for value in values]
    assert [(found[model, "score"].n, found[model, "score"].unscored) for model in averages] == [
        (160, 0),
        (160, 0),
        (160, 0),
        (319, 1),
    ]
    said = capsys.readouterr().out
    assert "rows on an answer judged before, counted again 160; judgments without a score (-1) 1" in said


GAME = {"model_1": "x", "model_2": "y", "judge": ["gpt-4", "pair-v2"], "turn": 1, "g1_judgment": "...", "tstamp": 1.0}


def test_the_scores_of_one_question_have_no_interval(tmp_path: Path) -> None:
    row = {"question_id": 81, "model": "a", "judge": ["gpt-4", "single-v1"], "score": 7, "turn": 1}
    score = figures(tmp_path, saved(tmp_path, [row], "single.jsonl"))["a", "score"]
    assert (score.value, score.low, score.n) == (7, None, 1)


def test_pairs_of_mt_bench_count_as_fastchat_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = [
        ("model_1", "model_1"),  # win
        ("model_2", "model_2"),  # lose
        ("model_1", "model_2"),  # the orders differ: tie
        ("tie", "model_2"),  # tie
        ("error", "model_1"),  # unscored; one battle is known
    ]
    rows = [GAME | {"question_id": 81 + n, "g1_winner": a, "g2_winner": b} for n, (a, b) in enumerate(verdicts)]
    found = figures(tmp_path, saved(tmp_path, [*rows, rows[0]], "gpt-4_pair.jsonl"))
    values = {name: m.value for (_, name), m in found.items()}
    assert values == {
        "win": 0.25,
        "tie": 0.5,
        "lose": 0.25,
        "win, half ties": 0.5,
        "win, by battles": pytest.approx((1 + 1 + 0 + 0 + 1 + 0 + 0.5 + 0 + 1) / 9),
    }
    assert (found["x", "win"].n, found["x", "win"].unscored, found["x", "win, by battles"].unscored) == (4, 1, 1)
    assert found["x", "win"].note == "judge gpt-4; against y"
    said = capsys.readouterr().out
    assert "verdicts on answers compared before, not used 2" in said
    assert "verdicts that could not be read 1" in said


def annotations(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    """JudgeArena writes all rows with its model as A, then (both orders) all with its model as B."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        names = ["instruction", "completion_A", "completion_B", "judge_completion", "judge_input", "prompt_preset"]
        writer.writerow([*names, "instruction_index", "model_A", "model_B", "judge"])
        for index, model, words in rows:
            answers = {"m": "an answer, with a comma", "base": "another\nanswer"}
            other = "base" if model == "m" else "m"
            said = [f"question {index}", answers[model], answers[other], words, "...", "default"]
            writer.writerow([*said, index, model, other, "some/judge"])
    return path


def test_judge_arenas_battles_and_both_orders(tmp_path: Path) -> None:
    path = annotations(
        tmp_path / "m-annotations.csv",
        [
            ("1", "m", "score_A: 8\nscore_B: 2"),
            ("2", "m", "score_A: 5\nscore_B: 5"),
            ("3", "m", "I cannot say."),
            ("1", "base", "score_A: 1\nscore_B: 9"),
            ("2", "base", "score_A: 3\nscore_B: 4"),
            ("3", "base", "score_A: 7\nscore_B: 6"),
        ],
    )
    found = figures(tmp_path, path)
    assert {name: m.value for (_, name), m in found.items()} == {
        "win": 0.5,
        "tie": 0.5,  # equal in one order
        "lose": 0,
        "win, half ties": 0.75,
        "win, by battles": (1 + 0.5 + 1 + 1 + 0) / 5,
    }
    assert (found["m", "win"].unscored, found["m", "win, by battles"].unscored) == (1, 1)


def test_one_order_has_battles_only(tmp_path: Path) -> None:
    path = annotations(
        tmp_path / "m-annotations.csv", [("1", "m", "score_A: 8\nscore_B: 2"), ("2", "m", "score_A: 1\nscore_B: 2")]
    )
    assert {name: m.value for (_, name), m in figures(tmp_path, path).items()} == {"win, by battles": 0.5}


def table(path: Path, rows: Sequence[Json]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


MT = {"question_id": 81, "category": "writing", "turn": 2, "model_A": "m", "model_B": "base", "judge": "some/judge"}


def test_judge_arena_on_mt_bench_with_its_own_prompts_and_with_fastchats(tmp_path: Path) -> None:
    own = [MT | {"judge_completion": "score_A: 8\nscore_B: 2", "swapped": False}]
    own += [MT | {"turn": 1, "judge_completion": "score_A: 8\nscore_B: 2", "swapped": False}]
    own += [MT | {"model_A": "base", "model_B": "m", "judge_completion": "score_A: 1\nscore_B: 2", "swapped": True}]
    found = figures(tmp_path, table(tmp_path / "own-annotations.csv", own))
    assert (found["m", "win"].value, found["m", "win"].n, found["m", "win"].unscored) == (1, 1, 1)  # turn 1: one order
    pairs = [
        MT | {"g1_winner": "model_A", "g2_winner": "model_B"},
        MT | {"turn": 1, "g1_winner": "tie", "g2_winner": "error"},
    ]
    found = figures(tmp_path, table(tmp_path / "fastchat-annotations.csv", pairs))
    assert (found["m", "tie"].value, found["m", "tie"].n, found["m", "tie"].unscored) == (1, 1, 1)
    one_order = [MT | {"g1_winner": "model_B", "final_winner": "model_B"}]
    found = figures(tmp_path, table(tmp_path / "one-annotations.csv", one_order))
    assert {name: m.value for (_, name), m in found.items()} == {"win, by battles": 0}


def test_judgments_of_arena_hard_are_read_by_the_same_command(tmp_path: Path) -> None:
    row = {"uid": "1", "category": "hard_prompt", "model": "m", "judge": "gpt-4.1", "baseline": "o3-mini-2025-01-31"}
    rows = [row | {"games": [{"score": "B>A"}, {"score": "A>B"}]}]
    assert figures(tmp_path, saved(tmp_path, rows, "m.jsonl"))["m", "win"].value == 1


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"question_id": 1, "model": "m"}, "m.jsonl:1: found question_id, model; known judgments are mt_bench_single"),
        (GAME | {"question_id": 1, "g1_winner": "A", "g2_winner": "tie"}, "`g1_winner` must be model_1, model_2, tie"),
        (
            {"question_id": 1, "model": "m", "score": None, "turn": 1, "judge": ["gpt-4", "single-v1"]},
            "m.jsonl:1: `score` must be a number, found None",
        ),
    ],
)
def test_other_files_are_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: Json, says: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["judgments", str(saved(tmp_path, [row], "m.jsonl"))])
    assert left.value.code == 2
    assert says in capsys.readouterr().err
