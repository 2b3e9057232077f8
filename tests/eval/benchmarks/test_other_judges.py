"""Judges of a run's head to head side by side: a second one is asked beside the first, and both have their figures."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.base import RunData
from eval.benchmarks.head_to_head.lost import verdicts
from eval.benchmarks.head_to_head.places import verdicts_folder
from eval.benchmarks.head_to_head.text import others
from eval.benchmarks.table import chosen
from eval.metrics import path_of, read
from eval.records import MetricValue
from eval.report import page
from eval.run import measure, opened_run
from srlm.methods.base import run_folder
from srlm.methods.verify import verify
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import files


@pytest.fixture
def given(trained: Path, tmp_path: Path, tiny: Path) -> Settings:
    """The tiny run, trained to M2, in a place of its own; its judge is the oracle."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    return load(tiny, [f"runs={tmp_path}/runs"])


def judged(settings: Settings) -> list[MetricValue]:
    with opened_run(settings) as (own, folder, open_engine):
        return measure(own, folder, chosen(["h2h"]), open_engine)


def of(found: list[MetricValue], benchmark: str, metric: str = "win_minus_lose") -> dict[str, Any]:
    return {
        f"{one.model} : {one.baseline}": (one.value, one.n)
        for one in found
        if (one.benchmark, one.metric) == (benchmark, metric)
    }


def test_a_second_judge_stands_beside_the_first_and_either_can_be_the_runs(given: Settings, tiny: Path) -> None:
    first = judged(given)
    assert of(first, "other_judges") == {}
    place = run_folder(given).step("evaluation") / "verdicts"
    kept = {path.name: path.read_bytes() for path in place.glob("*.jsonl")}
    assert sorted(kept) == ["M1-vs-SFT.jsonl", "M2-vs-M1.jsonl", "M2-vs-SFT.jsonl"]

    by_length = load(tiny, [f"runs={given.runs}", "evaluation.judge=length"])
    second = judged(by_length)
    assert {path.name: path.read_bytes() for path in place.glob("*.jsonl")} == kept
    own = verdicts_folder(run_folder(by_length))
    assert (own.parent, own.name.rpartition("-")[0]) == (place, "length")
    oracle = {pair.replace(" : ", ", judge oracle : "): value for pair, value in of(first, "head_to_head").items()}
    assert of(second, "other_judges") == {f"{pair}, judge oracle": value for pair, value in oracle.items()}
    assert of(second, "head_to_head") != of(first, "head_to_head")
    same = of(second, "other_judges", "same_outcome")
    run = RunData(run_folder(by_length).settings, run_folder(by_length))
    assert {one.judge for one in verdicts(run)} == {"length"}
    said = {(one.model_a, one.model_b, one.prompt_id): one.outcome for one in verdicts(run)}
    theirs = verdicts(RunData(given, run_folder(given)))
    agree = [
        said["M2", "M1", one.prompt_id] == one.outcome for one in theirs if (one.model_a, one.model_b) == ("M2", "M1")
    ]
    assert same["M2, judge oracle : M1, judge oracle"] == (sum(agree) / 8, 8)
    (line,) = [one for one in others(second).splitlines() if one.startswith("M2, judge oracle : M1, judge oracle ")]
    assert f"{100 * sum(agree) / 8:.1f}" in line
    text = page.write(run.settings, run.folder, "x").read_text()
    assert "Head to head by other judges" in text
    assert "M2, judge oracle : M1, judge oracle" in text
    assert verify(run_folder(by_length)).sound

    # The first judge again: nobody is asked, and the second one is now the other.
    written = {path: path.stat().st_mtime_ns for path in place.rglob("*.jsonl")}
    third = judged(given)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert of(third, "head_to_head") == of(first, "head_to_head")
    assert len(of(third, "other_judges")) == 3
    assert read(path_of(run_folder(given))) == third


def test_what_a_judge_said_of_other_answers_is_not_shown(given: Settings, tiny: Path) -> None:
    judged(given)
    note = run_folder(given).step("evaluation") / "verdicts" / "M2-vs-M1.jsonl.from.json"
    with opened_run(given):
        files.write_json(note, files.read_object(note) | {"M2": "0" * 64})
    by_length = load(tiny, [f"runs={given.runs}", "evaluation.judge=length"])
    assert list(of(judged(by_length), "other_judges")) == [
        "M1, judge oracle : SFT, judge oracle",
        "M2, judge oracle : SFT, judge oracle",
    ]
