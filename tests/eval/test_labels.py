"""Judges corrected by human labels: the estimate, the file, and the three commands that take one."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.cli import main
from eval.data.labels import SEVERAL, match, places, read, unit_name
from eval.records import MetricValue
from eval.stats.bounded import SIGNED
from eval.stats.intervals import Resampling
from eval.stats.labels import bought, corrected
from srlm.errors import DataError

HOW = Resampling(resamples=100, confidence=0.95, seed=1)


def worlds(alike: float, seed: int = 1) -> tuple[list[float], list[float]]:
    """805 units: people say yes to 3 in 10; the judge says the same with this chance, else tosses a coin."""
    random = np.random.default_rng(seed)
    people = (random.random(805) < 0.3).astype(float)
    judge = np.where(random.random(805) < alike, people, (random.random(805) < 0.5).astype(float))
    return judge.tolist(), people.tolist()


def test_the_correction_is_the_labels_mean_plus_what_the_judge_says_of_the_others() -> None:
    found = corrected([1, 1, 0, 0, 1, 0, 1, 0], [1, 0, 0, 0, 1, None, None, None], HOW)
    # n = 5: cov(label, judge) = (2 - 5 * .4 * .6) / 4 = .2; var(judge) over all 8 = .25
    # weight = .2 / (.25 (1 + 5/3)) = .3
    assert found.weight == pytest.approx(0.3)
    # .4 - .3 * .6 + .3 * (1 / 3)
    assert found.corrected.value == pytest.approx(0.4 - 0.18 + 0.1)
    assert found.labels.value == pytest.approx(0.4)
    assert found.judge.value == 0.5


def test_a_judge_like_people_narrows_the_interval_and_a_coin_does_not() -> None:
    widths = []
    for alike in (0.95, 0.0):
        judge, people = worlds(alike)
        found = corrected(judge, [*people[:50], *[None] * 755], HOW)
        assert found.corrected.low is not None and found.corrected.high is not None
        assert found.labels.low is not None and found.labels.high is not None
        widths.append((found.corrected.high - found.corrected.low) / (found.labels.high - found.labels.low))
    assert widths[0] < 0.6 and 0.9 < widths[1] < 1.06


def test_intervals_cover_and_the_judge_alone_does_not() -> None:
    """300 worlds of 50 labels; benchmarks/statistics/labels_coverage.py has real judges and people."""
    held = alone = 0
    for seed in range(300):
        judge, people = worlds(0.8, seed)
        found = corrected(judge, [*people[:50], *[None] * 755], HOW)
        assert found.corrected.low is not None and found.corrected.high is not None
        assert found.judge.low is not None and found.judge.high is not None
        held += found.corrected.low <= 0.3 <= found.corrected.high
        alone += found.judge.low <= 0.3 <= found.judge.high
    # 95% of 300 is 285; a fair coin of 95% lands below 272 once in 10,000 times.
    assert held >= 272
    assert alone < 240  # the coin's tosses pull it to .34


def test_labels_that_all_agree_with_the_judge_leave_width() -> None:
    found = corrected([1.0] * 100, [*[1.0] * 20, *[None] * 80], HOW)
    assert found.corrected.value == 1 and found.corrected.low is not None and found.corrected.low < 0.95
    assert found.correlation is None and found.weight == 0


def test_wins_minus_losses_are_corrected_within_their_own_range() -> None:
    found = corrected([1.0, -1.0, 0.0] * 30, [1.0, -1.0, 0.0] * 10 + [None] * 60, HOW, bounds=SIGNED)
    assert found.corrected.value == pytest.approx(0)
    assert found.corrected.low is not None and -0.3 < found.corrected.low < 0


def test_units_of_one_group_count_as_one() -> None:
    judge, people = worlds(0.5)
    told: list[float | None] = [*people[:50], *[None] * 755]
    alone = corrected(judge, told, HOW).corrected
    groups = [f"g{place // 5}" for place in range(805)]
    ordered = [*sorted(people[:50]), *people[50:]]
    together = corrected(judge, [*ordered[:50], *[None] * 755], HOW, groups).corrected
    assert alone.low is not None and alone.high is not None and together.low is not None and together.high is not None
    assert together.high - together.low > 1.2 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("labelled", "why"), [(4, "fewer than 5 labels"), (805, "every unit is labelled: the labels are the figure")]
)
def test_where_nothing_is_to_correct_there_is_no_figure_and_the_reason(labelled: int, why: str) -> None:
    judge, people = worlds(0.8)
    found = corrected(judge, [*people[:labelled], *[None] * (805 - labelled)], HOW)
    assert (found.corrected.value, found.weight) == (None, None)
    assert found.corrected.method.endswith(why)


def test_labels_buy_more_with_a_judge_that_people_agree_with() -> None:
    alone, better = bought(50, 805, 0.5, 0.0, 0.95), bought(50, 805, 0.5, 0.8, 0.95)
    assert alone.worth == pytest.approx(50)
    # 50 / (1 - .64 (1 - 50 / 805))
    assert better.worth == pytest.approx(50 / (1 - 0.64 * (1 - 50 / 805)))
    assert better.corrected < 0.7 * better.alone


# The file ----------------------------------------------------------------------------------------------------------


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "unit", "value"),
    [
        pytest.param({"id": "a", "label": "win"}, "a", 1.0, id="win"),
        pytest.param({"prompt_id": "a", "label": " Tie "}, "a", 0.5, id="tie"),
        pytest.param({"instruction": " Say hi.\r\nNow. ", "label": 0.25}, "Say hi.\nNow.", 0.25, id="number"),
        pytest.param({"set": 3, "better": "B"}, "3", 0.0, id="second-of-a-set"),
        pytest.param({"set": 3, "pair": "2-1", "better": "first"}, unit_name("3", 1, 2), 0.0, id="turned-pair"),
        pytest.param({"id": "a", "better": "gpt"}, "a", 1.0, id="the-model"),
        pytest.param({"id": "a", "better": "base"}, "a", 0.0, id="the-baseline"),
    ],
)
def test_a_label_is_read(tmp_path: Path, row: dict[str, Any], unit: str, value: float) -> None:
    found = read(lines(tmp_path / "l.jsonl", row))
    assert match(found, {unit: 0}, {0}, model="gpt", baseline="base").values == {0: value}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"label": "win"}, "no unit is named"),
        ({"id": "a"}, "a label needs either `label`"),
        ({"id": "a", "label": "win", "better": "A"}, "a label needs either `label`"),
        ({"id": "a", "label": "good"}, "`label` must be win, tie, lose or a number in 0..1, found 'good'"),
        ({"id": "a", "label": 2}, "must be win, tie, lose or a number in 0..1, found 2"),
        ({"id": "a", "label": True}, "must be win, tie, lose or a number"),
        ({"id": "a", "label": float("nan")}, "must be win, tie, lose or a number"),
        ({"id": ["a"], "label": "win"}, "`id` must be text or a whole number"),
        ({"set": 1, "pair": "0:1", "label": "win"}, "`pair` must be two answers' places"),
    ],
)
def test_what_is_no_label_is_refused_with_its_line(tmp_path: Path, row: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=r"l\.jsonl:2: .*" + says.replace(".", r"\.").replace("..", ".*")):
        read(lines(tmp_path / "l.jsonl", {"id": "x", "label": "win"}, row))


def test_better_must_name_an_answer(tmp_path: Path) -> None:
    found = read(lines(tmp_path / "l.jsonl", {"id": "a", "better": "somebody"}))
    with pytest.raises(DataError, match="`better` must be gpt, base, first, second"):
        match(found, {"a": 0}, {0}, model="gpt", baseline="base")


def test_labels_of_several_people_count_as_their_mean_and_what_matches_nothing_is_counted(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "label": "win"},
        {"id": "a", "label": "lose"},
        {"id": "a", "label": "win"},
        {"id": "b", "label": "win"},
        {"id": "nowhere", "label": "win"},
        {"id": "a", "label": "win", "model": "another"},
        {"id": "twice", "label": "win"},
    ]
    found = match(read(lines(tmp_path / "l.jsonl", *rows)), {"a": 0, "b": 1, "twice": -1}, {0}, model="gpt")
    assert found.values == {0: 2 / 3}
    assert found.unmatched == {
        "the judge gave no value": 1,
        "no unit of this name": 1,
        "of another comparison": 1,
        "several units have this name; name them by `id` or `set`": 1,
    }


def test_a_name_of_several_units_is_the_place_of_none() -> None:
    named = [("id-1", 0), (unit_name("Hi"), 0), ("id-2", 1), (unit_name(" Hi\r\n"), 1), ("id-2", 1), ("Hi", 2)]
    assert places(named) == {"id-1": 0, "id-2": 1, "Hi": SEVERAL}


def test_csv_and_gz_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("id,label\na,win\nb,0.5\n")
    with gzip.open(tmp_path / "l.jsonl.gz", "wt") as file:
        file.write('{"id": "a", "label": 1}\n{"id": "b", "label": "tie"}\n')
    for name in ("l.csv", "l.jsonl.gz"):
        assert [(one.unit, one.value) for one in read(tmp_path / name)] == [("a", 1.0), ("b", 0.5)]


# Commands ----------------------------------------------------------------------------------------------------------


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([*map(str, words)])
    return int(left.value.code or 0)


def test_agreement_with_pandalms_judge_is_corrected_by_people(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`length` held against gpt-3.5-turbo's verdicts, and 60 of the people's labels."""
    place = shared / "data" / "human_rankings" / "pandalm_testset"
    with gzip.open(place / "testset-v1.json.gz", "rt") as file:
        rows = json.load(file)
    with gzip.open(place / "gpt-3.5-turbo-testset-v1.json.gz", "rt") as file:
        said = {row["idx"]: row["gpt_result"] for row in json.load(file)}
    cheap = [row | {f"annotator{k}": int(said[row["idx"]]) for k in (1, 2, 3)}
             for row in rows if said[row["idx"]] in ("1", "2")]  # fmt: skip
    (tmp_path / "cheap.json").write_text(json.dumps(cheap))
    chosen = np.random.default_rng(1).permutation(len(cheap))[:60]
    people = [rows[cheap[place]["idx"]] for place in chosen]
    assert all(one["idx"] == cheap[place]["idx"] for one, place in zip(people, chosen, strict=True))
    own = [{"set": one["idx"], "better": {0: "tie", 1: "first", 2: "second"}[one["annotator1"]]} for one in people]
    lines(tmp_path / "labels.jsonl", *own, {"set": 10_000, "better": "first"})
    out = tmp_path / "o.json"
    words = ("--rankings", tmp_path / "cheap.json", "--judge", "length", "--labels", tmp_path / "labels.jsonl")
    assert run("agreement", *words, "--out", out) == 0
    found = {m.metric: m for m in map(MetricValue.model_validate, json.loads(out.read_text())) if m.model == "length"}
    alone, labels, both = (found[f"pairwise_accuracy_{end}"] for end in ("judge_alone", "labels_alone", "corrected"))
    assert alone.value == pytest.approx(found["pairwise_accuracy"].value)
    ties = sum(one["annotator1"] == 0 for one in people)
    assert both.n == labels.n == 60 - ties
    assert "1 not used (no unit of this name)" in both.note and "lambda" in both.note
    assert both.low is not None and both.high is not None and labels.low is not None and labels.high is not None
    assert both.low < (both.value or 0) < both.high
    assert both.high - both.low < labels.high - labels.low + 0.01
    assert "judge alone" in capsys.readouterr().out


def test_agreement_of_a_run_takes_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = lines(tmp_path / "l.jsonl", {"id": "a", "label": "win"})
    (tmp_path / "run.yaml").write_text("name: r\n")
    assert run("agreement", "--run", tmp_path / "run.yaml", "--labels", file) == 2
    assert "--labels is for agreement with --rankings" in capsys.readouterr().err


def test_power_says_what_labels_buy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("power", "--n", 805, "--rate", 0.5, "--labels", "20,50,100", "--judge-correlation", 0.6) == 0
    said = capsys.readouterr().out
    found = bought(50, 805, 0.5, 0.6, 0.95)
    assert f"50      {100 * found.alone:.1f}" in said and f"{100 * found.corrected:.1f}" in said

    random = np.random.default_rng(1)
    rows = [
        {"id": str(n), "label": int(n % 2), "judge": float(0.8 * (n % 2) + 0.1 * random.random())} for n in range(40)
    ]
    assert run("power", "--n", 805, "--rate", 0.5, "--labels", lines(tmp_path / "l.jsonl", *rows)) == 0
    assert "correlation of judge and people 1.00 [1.00, 1.00], measured on 40 labels" in capsys.readouterr().out
    assert run("power", "--n", 20, "--rate", 0.5, "--labels", tmp_path / "l.jsonl") == 2
    assert "--n 20: must be above 20, the fewest labels shown for a file" in capsys.readouterr().err
    assert run("power", "--n", 805, "--rate", 0.5, "--labels", "50") == 2
    assert "--judge-correlation" in capsys.readouterr().err


def test_a_measured_correlation_has_its_interval_and_needs_five_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels 1, 1, 0, 0 for the judge's 1, 0, 1, 0, thrice, and two that agree: r = 1/7.

    Fisher: tanh(.1438 +- 1.96 / sqrt(11)).
    """
    both = [(1, 1), (1, 0), (0, 1), (0, 0)] * 3 + [(1, 1), (0, 0)]
    rows = [{"id": str(n), "label": label, "judge": judge} for n, (label, judge) in enumerate(both)]
    asked = ("power", "--n", 805, "--rate", 0.5, "--labels")
    assert run(*asked, lines(tmp_path / "l.jsonl", *rows)) == 0
    assert "correlation of judge and people 0.14 [-0.42, 0.63], measured on 14 labels" in capsys.readouterr().out
    assert run(*asked, lines(tmp_path / "four.jsonl", *rows[:4])) == 2
    assert "rows with both `label` and `judge`: 4, and it takes 5, so no correlation" in capsys.readouterr().err
    same = [row | {"label": "win"} for row in rows]
    assert run(*asked, lines(tmp_path / "same.jsonl", *same)) == 2
    assert "its `label` says the same in all rows, so no correlation can be measured" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"id": "a", "label": "win", "model": ["m"]}, "`model` must be text, found ['m']"),
        ({"id": "a", "label": "win", "baseline": 3}, "`baseline` must be text, found 3"),
        ({"id": "a", "better": ["first"]}, "`better` must be a name, first, second or tie, found ['first']"),
        ({"id": "a", "better": True}, "`better` must be a name, first, second or tie, found True"),
    ],
)
def test_what_is_no_name_is_refused(tmp_path: Path, row: dict[str, object], told: str) -> None:
    with pytest.raises(DataError, match=re.escape(told)):
        read(lines(tmp_path / "l.jsonl", row))


@pytest.mark.parametrize("name", ["l.csv", "l.CSV", "l.csv.gz", "L.Csv.GZ"])
def test_a_csv_file_is_told_by_its_name_in_any_letter_case(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("id,label\na,win\n")
    assert [(one.unit, one.value) for one in read(tmp_path / name)] == [("a", 1.0)]
