"""AlpacaEval's win rate corrected by human labels: real annotations, and people who see some of them otherwise."""

import json
from pathlib import Path

import pytest

from eval.cli import main
from eval.data.alpaca_eval import AlpacaEval
from eval.data.alpaca_files import read_annotations
from eval.records import MetricValue


def test_the_command_corrects_a_recorded_judge_by_labels(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = AlpacaEval(shared / "data" / "alpaca_eval")
    place = data.results() / "claude-2"
    annotations = place / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"
    known = {one.prompt_id: one.preference for one in read_annotations(annotations, data.prompts).annotations}
    # Every tenth prompt; people agree with the judge wherever it is not near a draw.
    chosen = data.prompts[::10]
    rows = [
        {"instruction": one.text + "\r\n", "label": "win" if (known[one.id] or 0) > 0.3 else "lose"} for one in chosen
    ]
    rows.append({"instruction": "no such instruction", "label": "win"})
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["alpaca", "--outputs", place / "model_outputs.json", "--judge", f"file:{annotations}", "--labels", labels]
    rest = ["--alpaca-dir", data.folder, "--out", tmp_path / "out", "--resamples", 100, "--no-length-control"]
    with pytest.raises(SystemExit) as left:
        main([*map(str, words), *map(str, rest)])
    assert not left.value.code
    (path,) = (tmp_path / "out").rglob("metrics.json")
    found = {m.metric: m for m in map(MetricValue.model_validate, json.loads(path.read_text()))}
    alone, people, both = (found[f"win_rate_{end}"] for end in ("judge_alone", "labels_alone", "corrected"))
    assert alone.value == pytest.approx(found["win_rate"].value) and alone.n == 805
    assert (people.n, people.unit, people.value_unit) == (81, "labels", "percent")
    assert people.value == pytest.approx(100 * sum(row["label"] == "win" for row in rows[:-1]) / 81)
    assert both.low is not None and both.high is not None and people.low is not None and people.high is not None
    assert both.high - both.low < 0.7 * (people.high - people.low)
    assert "81 labels" in both.note and "1 not used (no unit of this name)" in both.note
    assert "judge alone" in capsys.readouterr().out


def test_a_label_that_is_none_stops_the_command_before_anything_is_judged(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = shared / "data" / "alpaca_eval"
    model = place / "results" / "claude-2"
    labels = tmp_path / "labels.jsonl"
    labels.write_text('{"id": "a", "label": "splendid"}\n')
    annotations = model / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"
    words = ["--outputs", model / "model_outputs.json", "--judge", f"file:{annotations}", "--labels", labels]
    with pytest.raises(SystemExit) as left:
        main(["alpaca", *map(str, words), "--alpaca-dir", str(place), "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert "`label` must be win, tie, lose or a number in 0..1, found 'splendid'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
