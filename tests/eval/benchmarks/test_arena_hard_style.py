"""Arena-Hard's style control: what a win is worth where answers were as long and as marked up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from eval.benchmarks.arena_hard import scored
from eval.benchmarks.arena_hard_style import controlled, fit
from eval.cli import main
from eval.data import arena_hard_answers
from eval.data.arena_hard import read
from eval.records import MetricValue
from eval.stats.intervals import Resampling
from srlm.errors import DataError

HOW = Resampling(resamples=100, confidence=0.95, seed=1)
BASE = "o3-mini-2025-01-31"


def metadata(tokens: int, headers: int = 0, items: int = 0, bold: int = 0) -> dict[str, Any]:
    lists = {"ordered": items, "unordered": 0}
    return {
        "token_len": tokens,
        "header_count": {"h1": headers, "h2": 0},
        "list_count": lists,
        "bold_count": {"**": bold},
    }


def answers(folder: Path, model: str, tokens: list[int]) -> None:
    folder.mkdir(exist_ok=True)
    rows = [
        {"uid": str(n), "model": model, "messages": [], "metadata": metadata(long)} for n, long in enumerate(tokens)
    ]
    name = model.rpartition("/")[2]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def judgments(path: Path, model: str, labels: list[tuple[str | None, str | None]]) -> Path:
    row = {"category": "hard_prompt", "judge": "gpt-4.1", "model": model, "baseline": BASE}
    rows = [row | {"uid": str(n), "games": [{"score": a}, {"score": b}]} for n, (a, b) in enumerate(labels)]
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def named(metrics: list[MetricValue]) -> dict[tuple[str, str], MetricValue]:
    return {(m.model, m.metric): m for m in metrics}


WIN, LOSE, TIE = ("B>A", "A>B"), ("A>B", "B>A"), ("A=B", "A=B")


def test_without_a_difference_of_style_it_is_the_plain_score(tmp_path: Path) -> None:
    for model in ("some/m", BASE):
        answers(tmp_path / "answers", model, [100] * 8)
    path = judgments(tmp_path / "m.jsonl", "some/m", [WIN, WIN, ("B>>A", "A>B"), LOSE, TIE, TIE, LOSE, (None, "A>B")])
    judged = read([path])
    found = named(controlled(judged, arena_hard_answers.read(tmp_path / "answers"), HOW))
    plain = named(scored(judged, HOW))["some/m", "score"]
    one = found["some/m", "score, style controlled"]
    assert one.value == pytest.approx(plain.value, abs=1e-6) == pytest.approx((2 + 2 + 4 + 0 + 1 + 1 + 0) / 16)
    assert (one.n, one.unscored) == (7, 1)


def test_a_judge_that_only_likes_length_has_no_winner_left(tmp_path: Path) -> None:
    """The model is longer on two of three prompts; a longer answer wins four times of five, whoever wrote it."""
    longer = [n % 3 != 0 for n in range(150)]
    answers(tmp_path / "answers", "m", [300 if one else 100 for one in longer])
    answers(tmp_path / "answers", BASE, [100 if one else 300 for one in longer])
    labels: list[tuple[str | None, str | None]] = []
    seen = {True: 0, False: 0}
    for one in longer:
        seen[one] += 1
        labels.append(WIN if one == (seen[one] % 5 != 0) else LOSE)
    path = judgments(tmp_path / "m.jsonl", "m", labels)
    judged = read([path])
    plain = named(scored(judged, HOW))["m", "score"]
    found = named(controlled(judged, arena_hard_answers.read(tmp_path / "answers"), HOW))
    assert plain.value == pytest.approx((100 * 0.8 + 50 * 0.2) / 150)
    ours, published = (found["m", f"score, style controlled{end}"] for end in ("", ", as published"))
    assert ours.value == pytest.approx(0.5, abs=1e-4)
    # Published: at the mean difference, a sixth, of log odds 2 log 4 a unit: the model stays ahead for being longer.
    assert published.value == pytest.approx(1 / (1 + np.exp(-2 * np.log(4) / 6)), abs=0.03)
    assert published.high is not None and published.low is not None and ours.high is not None and ours.low is not None
    assert published.high - published.low < ours.high - ours.low  # battles pass for independent there


def test_the_fit_is_scikit_learns_on_whole_outcomes() -> None:
    generator = np.random.default_rng(2)
    design = generator.normal(size=(300, 5))
    won = (generator.random(300) < 1 / (1 + np.exp(-design @ [0.5, -1, 0, 2, 0.2]))).astype(float)
    weights = generator.integers(0, 3, size=300).astype(float)
    theirs = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(design, won, sample_weight=weights)
    assert fit(design, won, weights) == pytest.approx(theirs.coef_[0], abs=1e-4)


def test_what_cannot_be_fitted_has_no_value_and_says_why(tmp_path: Path) -> None:
    for model in ("m", "n", BASE):
        answers(tmp_path / "answers", model, [100] * 3)
    paths = [
        judgments(tmp_path / "m.jsonl", "m", [WIN, WIN, WIN]),
        judgments(tmp_path / "x.jsonl", "x", [WIN, LOSE, TIE]),
    ]
    found = named(controlled(read(paths), arena_hard_answers.read(tmp_path / "answers"), HOW))
    one, other = found["m", "score, style controlled"], found["x", "score, style controlled"]
    assert (one.value, one.note.rpartition("; ")[2]) == (None, "every battle has one outcome")
    assert (other.value, other.unscored) == (None, 3)
    assert other.note.endswith("no battle with both answers' style")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"uid": "1", "messages": []}, r"m.jsonl:1: an answer needs `uid` and `model`"),
        (
            {"uid": "1", "model": "m", "messages": []},
            r"`metadata` needs token_len, header_count, list_count, bold_count",
        ),
        ({"uid": "1", "model": "m", "metadata": metadata(-3)}, r"`metadata` needs token_len"),
    ],
)
def test_answers_without_their_style_are_refused(tmp_path: Path, row: dict[str, Any], says: str) -> None:
    (tmp_path / "m.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(DataError, match=says):
        arena_hard_answers.read(tmp_path)


def test_the_command_takes_the_folder_of_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("m", BASE):
        answers(tmp_path / "answers", model, [100] * 3)
    path = judgments(tmp_path / "m.jsonl", "m", [WIN, LOSE, TIE])
    with pytest.raises(SystemExit) as left:
        main(["arena-hard", str(path), "--answers", str(tmp_path / "answers"), "--resamples", "100"])
    assert not left.value.code
    assert "score, style controlled, as published" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["arena-hard", str(path), "--answers", str(tmp_path)[:-1] + "-none"])
    assert "give arena-hard's model_answer folder" in capsys.readouterr().err
