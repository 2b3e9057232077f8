"""AlpacaEval's win rate corrected by human labels: real annotations, and people who see some of them otherwise."""

import json
from pathlib import Path

import pytest

from eval.benchmarks.alpaca_eval.people import corrected
from eval.cli import main
from eval.data.alpaca_eval import AlpacaEval
from eval.data.alpaca_files import read_annotations
from eval.data.labels import read as read_labels
from eval.records import MetricValue
from eval.stats.intervals import Resampling


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


def answered(shared: Path, tmp_path: Path) -> tuple[list[str], dict[str, list[float]], Path]:
    """Two models of the real folder, what people say of both on every tenth prompt, and the file of it."""
    data = AlpacaEval(shared / "data" / "alpaca_eval")
    models, rows, said = ["claude-2", "alpaca-7b"], [], {}
    for model in models:
        annotations = data.results() / model / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"
        known = {one.prompt_id: one.preference for one in read_annotations(annotations, data.prompts).annotations}
        said[model] = [float((known[one.id] or 0) > 0.3) for one in data.prompts[::10]]
        rows += [
            {"id": one.id, "label": value, "model": model}
            for one, value in zip(data.prompts[::10], said[model], strict=True)
        ]
    rows += [{"id": data.prompts[1].id, "label": "win", "model": "claude-2"}]
    rows += [{"id": data.prompts[1].id, "label": "win", "model": "nobody"}, {"id": data.prompts[2].id, "label": "win"}]
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return models, said, labels


NOT_USED = (
    "1 label not used (of nobody, which is not here), 1 label not used (without `model`, of which there are several)"
)


def test_compare_corrects_a_difference_by_the_prompts_of_which_people_labelled_both_models(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models, said, labels = answered(shared, tmp_path)
    with labels.open("a") as file:
        file.write('{"id": "no such prompt", "label": "win", "model": "alpaca-7b"}\n')
    folder, out = shared / "data" / "alpaca_eval", tmp_path / "c.json"
    rest = ["--alpaca-dir", folder, "--labels", labels, "--out", out, "--resamples", 100, "--no-length-control"]
    with pytest.raises(SystemExit) as left:
        main(["compare", *models, *map(str, rest)])
    assert not left.value.code
    found = {m.metric: m for m in map(MetricValue.model_validate, json.loads(out.read_text()))}
    ends = ("judge_alone", "labels_alone", "corrected")
    alone, people, both = (found[f"win_rate_difference_{end}"] for end in ends)
    assert (alone.model, alone.baseline, alone.n) == ("claude-2", "alpaca-7b", 805)
    assert alone.value == pytest.approx(found["win_rate_difference"].value)
    assert people.n == 81
    assert people.value == pytest.approx(100 * (sum(said["claude-2"]) - sum(said["alpaca-7b"])) / 81)
    assert both.low is not None and both.high is not None and people.low is not None and people.high is not None
    assert both.high - both.low < people.high - people.low
    assert "1 not used (no unit of this name), 1 not used (the other model has no label of the prompt)" in both.note
    assert both.unscored == 2
    printed = capsys.readouterr().out
    assert "claude-2 : alpaca-7b" in printed and NOT_USED in printed


def test_leaderboard_corrects_each_model_that_labels_name(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models, said, labels = answered(shared, tmp_path)
    folder, results, out = shared / "data" / "alpaca_eval", tmp_path / "results", tmp_path / "b.json"
    results.mkdir()
    for model in [*models, "vicuna-13b"]:
        (results / model).symlink_to(folder / "results" / model)
    rest = ["--alpaca-dir", folder, "--labels", labels, "--out", out]
    with pytest.raises(SystemExit) as left:
        main(["leaderboard", "--results", str(results), *map(str, rest)])
    assert not left.value.code
    found = {(m.model, m.metric): m for m in map(MetricValue.model_validate, json.loads(out.read_text()))}
    assert {model for model, metric in found if metric == "win_rate_corrected"} == set(models)
    alpaca = found["alpaca-7b", "win_rate_labels_alone"]
    assert alpaca.n == 81 and alpaca.value == pytest.approx(100 * sum(said["alpaca-7b"]) / 81)
    claude = found["claude-2", "win_rate_labels_alone"]
    assert claude.n == 82 and claude.value == pytest.approx(100 * (sum(said["claude-2"]) + 1) / 82)
    lc, people, judge = (
        found["claude-2", f"lc_win_rate_{end}"] for end in ("corrected", "labels_alone", "judge_alone")
    )
    assert judge.value == found["claude-2", "lc_win_rate"].value and judge.n == 805
    assert (lc.n, people.n, lc.unit) == (82, 82, "labels")
    assert lc.low is not None and lc.high is not None and people.low is not None and people.high is not None
    assert lc.high - lc.low < people.high - people.low
    assert lc.note.startswith("weight of the judge (lambda) ") and "; 82 labels; " in lc.note
    printed = capsys.readouterr().out
    assert "judge alone" in printed and "lc win rate" in printed and NOT_USED in printed


def test_labels_of_every_prompt_have_a_length_controlled_figure_of_their_own(data: AlpacaEval, tmp_path: Path) -> None:
    """People say what the judge said: the figure of the labels is the judge's, and there is nothing to correct."""
    place = data.results() / "alpaca-7b" / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"
    annotated = read_annotations(place, data.prompts)
    labels = tmp_path / "labels.jsonl"
    rows = [{"id": one.prompt_id, "label": one.preference} for one in annotated.annotations]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))
    how = Resampling(resamples=100, confidence=0.95, seed=1)
    found = {m.metric: m for m in corrected(annotated, data.prompts, read_labels(labels), how, data.glm)}
    judge, people, both = (found[f"lc_win_rate_{end}"] for end in ("judge_alone", "labels_alone", "corrected"))
    assert (people.n, people.unit) == (805, "labels")
    assert people.value == pytest.approx(5.88, abs=0.1)  # as published
    assert (people.value, people.low, people.high) == pytest.approx((judge.value, judge.low, judge.high))
    assert both.value is None and both.method.endswith("every unit is labelled: the labels are the figure")


def test_the_baseline_against_itself_is_never_corrected(data: AlpacaEval, tmp_path: Path) -> None:
    place = data.results() / "gpt4_1106_preview" / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"
    annotated = read_annotations(place, data.prompts)
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps({"id": one.id, "label": "tie"}) + "\n" for one in data.prompts[:50]))
    how = Resampling(resamples=100, confidence=0.95, seed=1)
    found = {m.metric: m for m in corrected(annotated, data.prompts, read_labels(labels), how, data.glm)}
    alone = found["lc_win_rate_judge_alone"]
    assert (alone.value, alone.low, alone.high) == (50, None, None)
    for end in ("labels_alone", "corrected"):
        one = found[f"lc_win_rate_{end}"]
        assert one.value is None and one.method.endswith("the baseline against itself is a half by construction")
