"""`srlm status` before, half-way through and after a run."""

import shutil
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run trained to M2."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "runs" / "tiny"


def states(shown: str) -> dict[str, str]:
    """Step and state of each row of the table that begins a step."""
    rows = [[cell.strip() for cell in line.split("\u2502")[1:3]] for line in shown.splitlines() if "\u2502" in line]
    return {step: state for step, state in rows if step}


def test_before_the_run_it_says_that_nothing_is_there(tmp_path: Path, tiny: Path, srlm: Any) -> None:
    result = srlm("status", "--run", tiny, "--set", f"runs={tmp_path}/[red]not[/]here")
    assert result.exit_code == 0
    assert result.stdout == f"tiny: nothing made yet ({tmp_path}/[red]not[/]here/tiny does not exist)\n"
    assert list(tmp_path.iterdir()) == []


def test_after_the_run_every_step_is_done_with_its_counts(run: Path, tiny: Path, srlm: Any) -> None:
    result = srlm("status", "--run", tiny)
    assert result.exit_code == 0
    assert states(result.stdout) == dict.fromkeys(("data", "M0", "SFT", "M1", "M2"), "done")
    for words in ("24 prompts.jsonl", "48 responses.jsonl", "96 judgements.jsonl", "  prompts: 24", "  readings: 96"):
        assert words in result.stdout


def test_half_way_it_names_the_stage_and_counts_what_is_there(run: Path, tiny: Path, srlm: Any) -> None:
    for path in (run / "M2").iterdir():
        if path.name not in ("prompts.jsonl", "responses.jsonl"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    whole = (run / "M2" / "responses.jsonl").read_text().splitlines(keepends=True)
    (run / "M2" / "responses.jsonl").unlink()
    (run / "M2" / "responses.jsonl.part").write_text("".join(whole[:32]))
    result = srlm("status", "--run", tiny)
    assert states(result.stdout) == {**dict.fromkeys(("data", "M0", "SFT", "M1"), "done"), "M2": "in responses.jsonl"}
    assert "32 responses.jsonl.part" in result.stdout


def test_a_training_under_way_tells_its_last_checkpoint(run: Path, tiny: Path, srlm: Any) -> None:
    shutil.rmtree(run / "M2")
    (run / "M1" / "manifest.json").unlink()
    for step in (4, 12, 8):
        (run / "M1" / "training" / f"checkpoint-{step}").mkdir(parents=True)
    found = states(srlm("status", "--run", tiny).stdout)
    assert (found["M1"], found["M2"]) == ("training, saved at step 12", "-")


def test_steps_beyond_the_run_files_last_are_shown(run: Path, tiny: Path, srlm: Any) -> None:
    assert list(states(srlm("status", "--run", tiny, "--set", "iterations=1").stdout)) == [
        "data",
        "M0",
        "SFT",
        "M1",
        "M2",
    ]
    assert states(srlm("status", "--run", tiny, "--set", "iterations=4").stdout)["M4"] == "-"


def test_a_broken_manifest_is_said_with_its_path(run: Path, tiny: Path, srlm: Any) -> None:
    (run / "M1" / "manifest.json").write_text("{")
    result = srlm("status", "--run", tiny)
    assert result.exit_code == 2
    assert result.stderr.startswith("srlm: runs/tiny/M1/manifest.json: not a RunManifest: ")
