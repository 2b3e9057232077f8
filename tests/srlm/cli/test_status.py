"""`srlm status`: of no run, one that is half way, and finished steps."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from srlm.cli.main import app
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, Prompt, Response, RunManifest
from srlm.run_file import load
from srlm.store import files
from srlm.store.folder import RunFolder

ROOT = Path(__file__).parents[3]
POCKET = ROOT / "configs/pocket.yaml"
PROMPTS = [Prompt.of(text, "beads") for text in ("a red b blue copy", "a blue b red turn")]
ANSWERS = [Response.of(PROMPTS[0].id, text, "M1", draw) for draw, text in enumerate(("1 red .", "1 blue ."))]


def status(runs: Path, *settings: str) -> str:
    chosen = [word for setting in (f"runs={runs}", *settings) for word in ("--set", setting)]
    done = CliRunner().invoke(app, ["status", "--run", str(POCKET), *chosen], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(text: str) -> dict[str, str]:
    """What the table says behind each step's name."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("\u2502\u2503").split("\u2502")]
        if len(cells) == 4 and cells[0]:
            found[cells[0]] = " | ".join(cells[1:])
    return found


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Half way: the data and M1 are finished, M2's answers are being written."""
    folder = run_folder(load(POCKET, [f"runs={tmp_path}"]))
    for step in ("data", "M1"):
        folder.finish(
            RunManifest(
                step=step,
                settings_digest=folder.settings.digest,
                seed=1,
                versions={},
                commit=None,
                checkpoint=None
                if step == "data"
                else Checkpoint(name=step, parent="M0", path=f"{step}/model", digest="d"),
                inputs={},
                outputs={},
                counts={"found": 12} if step == "data" else {"share": 0.5, "by score": {"5": 3, "4": None}},
            )
        )
    files.write(folder.step("M2") / "prompts.jsonl", PROMPTS)
    files.write(folder.step("M2") / "responses.jsonl.part", ANSWERS)
    files.write_json(folder.step("M2") / "timings.json", {"candidates": 12.34})
    return folder


def test_no_run_yet(tmp_path: Path) -> None:
    assert status(tmp_path / "runs") == f"pocket: not started ({tmp_path}/runs/pocket does not exist)\n"
    assert not (tmp_path / "runs").exists()


def test_a_run_half_way(run: RunFolder, tmp_path: Path) -> None:
    found = rows(status(tmp_path))
    assert found == {
        "data": "done |  | ",
        "M0": "- |  | ",
        "SFT": "- |  | ",
        "M1": "done |  | ",
        "M2": "writing responses.jsonl | 12 candidates | 2 prompts.jsonl",
        "M3": "- |  | ",
    }
    assert "2 responses.jsonl.part" in status(tmp_path)


def test_counts_of_finished_steps_follow_the_table(run: RunFolder, tmp_path: Path) -> None:
    said = status(tmp_path)
    assert "data:\n  found: 12\n" in said
    assert "M1:\n  by score: 4: None, 5: 3\n  share: 0.500\n" in said


def test_what_a_step_warns_of_stands_behind_the_counts(run: RunFolder, tmp_path: Path) -> None:
    made = run.manifest("M1")
    assert made is not None
    said = {"movement: share of weights changed": 0.00012, "movement: warning": "nothing moved", "warning": "one score"}
    run.finish(made.model_copy(update={"counts": said}))
    shown = status(tmp_path)
    assert "  movement: share of weights changed: 0.00012\n" in shown
    assert "\nwarning: M1: nothing moved\nwarning: M1: one score\n" in shown


def test_candidates_that_were_all_cut_are_a_warning(run: RunFolder, tmp_path: Path) -> None:
    made = run.manifest("M1")
    assert made is not None
    run.finish(made.model_copy(update={"counts": {"responses": 8, "responses cut": 8}}))
    said = "8 of 8 candidates were cut at the token limit; raise candidates.sampling.max_new_tokens"
    assert f"\nwarning: M1: {said}\n" in status(tmp_path)


def test_a_training_that_can_go_on_says_from_where(run: RunFolder, tmp_path: Path) -> None:
    for name in ("checkpoint-9", "checkpoint-20", "checkpoint-30.bak"):
        (run.step("M2") / "training" / name).mkdir(parents=True)
    assert rows(status(tmp_path))["M2"].startswith("training, checkpoint at step 20 |")


def test_a_step_that_made_nothing_yet_has_begun(run: RunFolder, tmp_path: Path) -> None:
    files.write(run.step("M3") / "prompts.jsonl", PROMPTS)
    assert rows(status(tmp_path))["M3"] == "started |  | 2 prompts.jsonl"


def test_a_model_beyond_the_run_files_last_one_is_shown(run: RunFolder, tmp_path: Path) -> None:
    assert "M2" in rows(status(tmp_path, "iterations=1"))


def test_brackets_in_a_path_are_no_markup(tmp_path: Path) -> None:
    place = tmp_path / "[bold]runs[/bold]"
    (place / "pocket").mkdir(parents=True)
    assert f"pocket: {place}/pocket" in status(place)


def test_the_report_is_named_where_there_is_one(run: RunFolder, tmp_path: Path) -> None:
    (run.path / "report.html").write_text("<p>")
    assert f"report: {tmp_path}/pocket/report.html" in status(tmp_path)


def test_a_broken_file_of_the_run_is_named_and_no_traceback_shown(run: RunFolder, tmp_path: Path) -> None:
    (run.step("M1") / "timings.json").write_text("{")  # nothing is made from it: it is left out
    (run.step("M1") / "manifest.json").write_text("{")
    command = [sys.executable, "-m", "srlm", "status", "--run", str(POCKET), "--set", f"runs={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ))
    assert done.returncode == 2
    assert done.stderr.startswith(f"srlm: {tmp_path}/pocket/M1/manifest.json: not a RunManifest: ")
    assert len(done.stderr.splitlines()) == 1
