"""A study's runs are trained once, share what is alike, and go on where a kill left them."""

import hashlib
import json
import shutil
import signal
from pathlib import Path

import pytest

from eval.metrics import read as read_metrics
from eval.study import page, results
from eval.study.file import Study, read
from eval.study.training import is_finished, work
from srlm.errors import StoreError
from srlm.methods.base import run_folder
from srlm.store.lock import hold_files
from tests.eval.study import finished
from tests.forks.command import Forks
from tests.srlm.methods.test_kill import BYTES_DIFFER, KILLED, TIMES, TRAIN

CHECKOUT = Path(__file__).resolve().parents[3]
TINY = CHECKOUT / "tests/tiny.yaml"
STUDY = f"""
seeds: "1"
outcome: answers/characters
measure: [answers]
set: [model.date=2026-02-03]
methods:
  - {{run: {CHECKOUT}/tests/tiny.yaml, name: loop}}
  - {{run: {CHECKOUT}/tests/tiny.yaml, name: sft, set: [method.name=positive_sft, method.min_reward=0]}}
"""


@pytest.fixture
def study(trained: Path, tmp_path: Path) -> Study:
    """The loop's run is trained; nothing else is there."""
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.replace("set: [model.date=2026-02-03]\n", f"runs: {tmp_path}/runs\n"))
    found = read(path)
    shutil.copytree(trained / "runs/tiny", tmp_path / "runs/loop-s1")
    return found


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_study_trains_what_is_missing_shares_the_start_and_does_nothing_twice(study: Study, tmp_path: Path) -> None:
    assert work(study, [1], ["loop", "sft"]) == []
    loop, sft = (run_folder(cell.settings) for cell in study.cells(1))
    assert loop.checkpoint("M1") == sft.checkpoint("M1")
    assert loop.checkpoint("M2") != sft.checkpoint("M2")
    assert all(is_finished(study, cell.settings) for cell in study.cells(1))
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert work(study, [1], ["loop", "sft"]) == []
    assert {path: path.stat().st_mtime_ns for path in first} == first
    content = page.gather(study, "x")
    assert content["not_there"] == []
    assert content["own_start"] == content["other_start"] == []
    for name in ("loop", "sft"):
        figures = {metric: one for (metric, model), one in content["named"].items() if model == name}
        assert figures["generated"].value is not None
        assert figures["generated"].value > 0
        assert figures["kl"].value is not None
        assert figures["kl"].value > 0
        # 24 prompts, 2 answers each, at most 8 tokens an answer
        assert figures["generated"].value <= 24 * 2 * 8
    own = {one.metric: one for one in read_metrics(sft.step("evaluation") / "metrics.json") if one.benchmark == "drift"}
    assert own["kl"].model == "M2"  # M1 has not drifted from itself
    assert (own["kl"].n, own["kl"].unscored) == (8, 0)
    # Elsewhere, with the results alone: nothing is trained again, and another method is trained from its own start.
    shutil.rmtree(tmp_path / "runs/loop-s1")
    shutil.rmtree(tmp_path / "runs/sft-s1")
    more = tmp_path / "study.yaml"
    more.write_text(more.read_text() + "  - {run: " + str(TINY) + ", name: flipped, set: [selection.flip=true]}\n")
    extended = read(more)
    assert work(extended, [1], ["loop", "sft", "flipped"]) == []
    assert sorted(path.name for path in (tmp_path / "runs").glob("*-s1")) == ["flipped-s1"]
    longer = page.gather(extended, "x")
    assert longer["not_there"] == []
    assert longer["other_start"] == []
    assert {key: one.value for key, one in longer["named"].items() if key[1] != "flipped"} == {
        key: one.value for key, one in content["named"].items()
    }
    # A method that comes earlier in the study shares what a later one has made.
    shutil.rmtree(tmp_path / "runs/results")
    made = (tmp_path / "runs/flipped-s1/M1/model/model.safetensors").read_bytes()
    assert work(extended, [1], ["loop"]) == []
    folder = run_folder(extended.cells(1)[0].settings)
    assert (folder.step("M1") / "model/model.safetensors").read_bytes() == made
    assert (folder.step("M1") / "timings.json").read_bytes() == (
        tmp_path / "runs/flipped-s1/M1/timings.json"
    ).read_bytes()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_models_between_the_start_and_the_last_are_not_asked(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(path.read_text() + "set: [iterations=3]\n")
    longer = read(path)
    assert work(longer, [1], ["loop"]) == []
    [loop, _] = (run_folder(cell.settings) for cell in longer.cells(1))
    asked = {path.parent.name for path in loop.step("evaluation").glob("M*/*.jsonl")}
    assert [one.name for one in loop.all_checkpoints()] == ["M0", "SFT", "M1", "M2", "M3"]
    assert asked == {"M1", "M3"}
    assert is_finished(longer, longer.cells(1)[0].settings)


def test_a_run_that_stops_is_named_and_the_others_go_on(study: Study) -> None:
    (run_folder(study.cells(1)[0].settings).step("M1") / "eft.jsonl").write_text("{}\n")
    assert work(study, [1], ["loop"]) == ["loop-s1"]
    assert "M1/eft.jsonl has changed since M1 was finished" in results.read(study, 1).stopped["loop"]
    (row, _) = page.gather(study, "x")["not_there"]
    assert row.why.startswith("stopped: ")


def test_two_processes_cannot_work_on_one_seed(study: Study, tmp_path: Path) -> None:
    with hold_files(tmp_path / "runs/results/s1.json"), pytest.raises(StoreError, match="another process"):
        work(study, [1], ["loop"])


def contents(runs: Path) -> dict[str, str]:
    """Digest of every file of the runs that must come out the same."""
    return {
        path.relative_to(runs).as_posix(): hashlib.sha256(TIMES.sub(b"", without_costs(path))).hexdigest()
        for path in sorted(runs.rglob("*"))
        if path.is_file() and path.name not in BYTES_DIFFER and "report" not in path.parts
    }


def without_costs(path: Path) -> bytes:
    """What a file holds, of results all but what they cost: what a kill lost was spent all the same."""
    if path.parent.name != "results":
        return path.read_bytes()
    found = json.loads(path.read_bytes())
    for run in found["runs"].values():
        for cost in ("generated", "judged", "processor_seconds", "seconds"):
            del run["values"][cost]
    return json.dumps(found).encode()


@pytest.mark.soak
def test_a_study_that_is_killed_anywhere_ends_with_the_same_bytes(forks: Forks, tmp_path: Path) -> None:
    def start(where: Path, event: str = "", end: str = "", number: int = 0) -> tuple[int, str]:
        where.mkdir(exist_ok=True)
        (where / "study.yaml").write_text(STUDY)
        words = [str(KILLED), "9", event, end, str(number), "eval", "methods", "study.yaml"]
        done = forks.run(*words, cwd=where)
        return done.returncode, done.stderr

    assert start(tmp_path / "whole")[0] == 0
    for event, end, number in (
        ("rename", "loop-s1/M1/manifest.json", 1),
        ("open", "loop-s1/M2/judgements.jsonl.part", 2),
        ("rename", "loop-s1/evaluation/metrics.json", 1),
        ("open", "evaluation/M2/drift.jsonl.part", 1),
        ("rename", "sft-s1/M0", 1),
        ("open", "sft-s1/M2/usage.json", 2),
        ("rename", "sft-s1/M2/manifest.json", 1),
        ("rename", "report/methods.html", 1),
    ):
        status, said = start(tmp_path / "killed", event, end, number)
        assert status == -signal.SIGKILL, f"never came to {end}: {said}"
    status, said = start(tmp_path / "killed")
    assert status == 0, said
    assert len(TRAIN) > 10  # every stage of a run itself is killed there
    expected = contents(tmp_path / "whole/runs/methods")
    assert len(expected) > 80
    assert contents(tmp_path / "killed/runs/methods") == expected


def test_a_run_with_models_on_the_way_to_others_is_finished_when_it_is_measured(tmp_path: Path) -> None:
    of = finished.study(tmp_path, "tiny temporal:method=temporal", seeds="1")
    for name in ("tiny", "temporal"):
        assert is_finished(of, finished.train(of, name, 1, finished.figures(0.1, 0.2)))
