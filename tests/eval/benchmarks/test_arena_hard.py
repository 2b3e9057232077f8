"""Arena-Hard's judgments: which game is whose, what counts three times, and what is no judgment."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.arena_hard import scored
from eval.cli import main
from eval.data.arena_hard import Game, read
from eval.records import MetricValue
from eval.stats.intervals import Resampling
from srlm.errors import DataError

HOW = Resampling(resamples=500, confidence=0.95, seed=1)


def judgment(prompt: str, first: str | None, second: str | None, **changes: Any) -> dict[str, Any]:
    games = [{"user_prompt": "...", "judgment": "...", "score": score} for score in (first, second)]
    return {"question_id": prompt, "model": "m", "judge": "j", "games": games, **changes}


def file(folder: Path, *lines: object) -> Path:
    path = folder / "m.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def figures(folder: Path, *lines: object) -> dict[tuple[str, str], MetricValue]:
    return {(m.note, m.metric): m for m in scored(read([file(folder, *lines)]), HOW)}


@pytest.mark.parametrize(
    ("first", "second", "games"),
    [
        pytest.param("B>A", "A>B", (Game(1, 1), Game(1, 1)), id="the-model-is-b-first-and-a-then"),
        pytest.param("A>>B", "B>>A", (Game(0, 3), Game(0, 3)), id="surely-the-baseline"),
        pytest.param("A<<B", "B<<A", (Game(1, 3), Game(1, 3)), id="the-other-spelling"),
        pytest.param("A=B", "B=A", (Game(0.5, 1), Game(0.5, 1)), id="as-good"),
        pytest.param(None, "A<B", (None, Game(0, 1)), id="no-label"),
    ],
)
def test_a_label_is_turned_to_the_models_side(tmp_path: Path, first: str, second: str, games: object) -> None:
    (found,) = read([file(tmp_path, judgment("q", first, second))])
    assert (found.baseline_first, found.model_first) == games


def test_win_tie_and_lose_need_both_orders_and_the_score_weighs_battles(tmp_path: Path) -> None:
    found = figures(
        tmp_path,
        judgment("1", "B>>A", "A>B"),  # win; battles 3 + 1, all won
        judgment("2", "A>B", "A>B"),  # the orders differ: tie; 1 of 2
        judgment("3", "A>>B", "B>>A"),  # lose; 0 of 6
        judgment("4", "A=B", "A=B"),  # tie; 1 of 2
        judgment("5", None, "A>B"),
    )
    values = {metric: m.value for (_, metric), m in found.items()}
    score = pytest.approx((4 + 1 + 0 + 1) / 14)
    assert values == {"win": 0.25, "tie": 0.5, "lose": 0.25, "score": score, "score, as published": score}
    assert {(m.n, m.unscored) for m in found.values()} == {(4, 1)}


def test_categories_are_apart_and_v2s_ids_are_read(tmp_path: Path) -> None:
    rows = [judgment(str(i), "B>A", "A>B", uid=str(i), category=c) for i, c in enumerate(["hard", "hard", "creative"])]
    for row in rows:
        del row["question_id"]
    found = figures(tmp_path, *rows)
    assert found["judge j; hard", "win"].n == 2
    assert found["judge j; creative", "win"].n == 1


def test_prompts_are_resampled_and_not_battles(tmp_path: Path) -> None:
    """Sure verdicts, the same in both orders: 100 prompts, each six battles that say the same thing."""
    lines = [judgment(str(i), *(("B>>A", "A>>B") if i % 2 else ("A>>B", "B>>A"))) for i in range(100)]
    score = figures(tmp_path, *lines)["judge j", "score"]
    assert score.high is not None and score.value == 0.5
    assert score.high - 0.5 == pytest.approx(1.96 * 0.5 / 10, abs=0.015)  # of 600 battles it would be .04
    published = figures(tmp_path, *lines)["judge j", "score, as published"]
    assert published.high is not None and published.value == 0.5
    assert published.high - 0.5 == pytest.approx(1.645 * 0.5 / 600**0.5, abs=0.012)  # 90%, of battles


def test_v2s_rows_say_whom_they_compare_with(tmp_path: Path) -> None:
    """As gen_judgment.py of v2.0 writes them: `judgment` is what the server answered, a game may be null."""
    game = {"score": "B>>A", "judgment": {"answer": "My final verdict is: [[B>>A]]"}, "prompt": [{"role": "user"}]}
    row = {"uid": "2e", "category": "hard_prompt", "judge": "gpt-4.1", "model": "m", "baseline": "o3-mini-2025-01-31"}
    other = row | {"uid": "2f", "games": [None, game]}
    found = figures(tmp_path, row | {"games": [game, game | {"score": "A>B"}]}, other)
    win = found["judge gpt-4.1; hard_prompt; against o3-mini-2025-01-31", "win"]
    assert (win.value, win.n, win.unscored) == (1, 1, 1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param([], r"contains no judgments", id="empty"),
        pytest.param([judgment("1", "A>B", "maybe")], r":1: score 'maybe' is not one of A>>B", id="unknown-label"),
        pytest.param([judgment("1", "A>B", "A>B", games=[])], r":1: a judgment needs .* two `games`", id="no-games"),
        pytest.param([{"model": "m"}], r":1: a judgment needs .*; found `model`", id="wrong-columns"),
        pytest.param([judgment("1", "A>B", "A>B")] * 2, r":2: prompt 1 of m is also in .*:1", id="twice"),
        pytest.param([judgment("1", "A>B", "A>B", games=["A>B", 3])], r":1: score '3' is not one of", id="a-number"),
    ],
)
def test_what_is_no_judgment_is_told(tmp_path: Path, lines: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read([file(tmp_path, *lines)])


def test_the_command_prints_a_table_and_writes_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file(tmp_path, judgment("1", "B>A", "A>B"), judgment("2", "A>B", "B>A"))
    with pytest.raises(SystemExit) as left:
        main(["arena-hard", str(path), "--out", str(tmp_path / "out.json")])
    assert not left.value.code
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        "measure",
        "win",
        "tie",
        "lose",
        "score",
        "score,",
    ]
    assert len(json.loads((tmp_path / "out.json").read_text())) == 5
