"""`srlm train` as its user meets it: what is made, what is said, the exit status."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def copied(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run trained to M2, to do with as a test likes; the working directory holds its `runs`."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs" / "tiny"


def steps(run: Path) -> list[str]:
    return sorted(path.parent.name for path in run.glob("*/manifest.json"))


def test_a_finished_run_is_left_as_it_is(copied: Path, tiny: Path, srlm: Any) -> None:
    def contents() -> dict[Path, bytes]:
        own = (".lock", ".digests.json")  # of the process, and of the files' times
        return {path: path.read_bytes() for path in copied.rglob("*") if path.is_file() and path.name not in own}

    before = contents()
    result = srlm("train", "--run", tiny, "--to", "M2")
    assert (result.exit_code, result.stdout) == (0, "tiny: M2 is in runs/tiny/M2/model\n")
    assert contents() == before


@pytest.mark.parametrize("name", ["M1", "m1"])
def test_to_goes_no_further_than_asked(tmp_path: Path, tiny: Path, srlm: Any, name: str) -> None:
    result = srlm("train", "--run", tiny, "--to", name, "--set", f"runs={tmp_path}")
    assert result.exit_code == 0
    assert result.stdout == f"tiny: M1 is in {tmp_path}/tiny/M1/model\n"
    assert steps(tmp_path / "tiny") == ["M0", "M1", "SFT", "data"]


def test_next_makes_exactly_one_more(copied: Path, tiny: Path, srlm: Any) -> None:
    assert srlm("train", "--run", tiny, "--next").stdout == "tiny: M3 is in runs/tiny/M3/model\n"
    assert steps(copied) == ["M0", "M1", "M2", "M3", "SFT", "data"]
    manifest = json.loads((copied / "M3" / "manifest.json").read_text())
    assert manifest["checkpoint"]["parent"] == "M2"
    assert list(manifest["inputs"]) == ["M2 weights"]
    prompts = [set((copied / step / "prompts.jsonl").read_text().splitlines()) for step in ("M2", "M3")]
    assert not prompts[0] & prompts[1]


def test_next_finishes_the_one_that_was_begun(copied: Path, tiny: Path, srlm: Any) -> None:
    (copied / "M2" / "manifest.json").unlink()
    assert srlm("train", "--run", tiny, "--next").exit_code == 0
    assert steps(copied) == ["M0", "M1", "M2", "SFT", "data"]


def test_the_first_next_makes_m1(tmp_path: Path, tiny: Path, srlm: Any) -> None:
    assert srlm("train", "--run", tiny, "--next", "--set", f"runs={tmp_path}").exit_code == 0
    assert steps(tmp_path / "tiny") == ["M0", "M1", "SFT", "data"]


@pytest.mark.parametrize("name", ["M0", "SFT", "banana", "3", "M", "M-1", "M1.5", "M\u00b2", "M01", ""])
def test_what_is_no_model_of_the_loop_is_refused(tmp_path: Path, tiny: Path, srlm: Any, name: str) -> None:
    result = srlm("train", "--run", tiny, "--to", name, "--set", f"runs={tmp_path}/runs")
    assert result.exit_code == 2
    assert "is not a model of the loop; use M1, M2, M3, ..." in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_to_and_next_exclude_each_other(tmp_path: Path, tiny: Path, srlm: Any) -> None:
    result = srlm("train", "--run", tiny, "--next", "--to", "M2", "--set", f"runs={tmp_path}/runs")
    assert result.exit_code == 2
    assert "--to and --next cannot be used together" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_set_overrides_a_setting_and_the_last_one_wins(tmp_path: Path, tiny: Path, srlm: Any) -> None:
    words = ["--set", f"runs={tmp_path}", "--set", "data.ift=30", "--set", "data.ift=20", "--to", "M1"]
    assert srlm("train", "--run", tiny, *words).exit_code == 0
    assert len((tmp_path / "tiny/data/ift.jsonl").read_text().splitlines()) == 20
    assert json.loads((tmp_path / "tiny/settings.json").read_text())["data"]["ift"] == 20


def test_a_wrong_setting_may_be_mended_as_long_as_nothing_was_made_of_it(copied: Path, tiny: Path, srlm: Any) -> None:
    shutil.rmtree(copied / "M2")
    assert srlm("train", "--run", tiny, "--set", "dpo.beta=0.3").exit_code == 0
    refused = srlm("train", "--run", tiny, "--set", "dpo.beta=0.4")
    assert refused.exit_code == 2
    assert (
        "was made with other settings (dpo.beta: 0.3 -> 0.4); dpo.beta changes M2 first; fork the run to keep"
        in refused.stderr
    )


def test_the_libraries_advice_does_not_bury_our_own_messages(trained: Path) -> None:
    said = (trained / "stderr.txt").read_text().splitlines()
    begun = [line for line in said if line.endswith(" ...")]
    assert len(begun) == 12  # three of them say how far a training moved its model
    assert [line for line in said if ": done in " not in line] == begun


@pytest.mark.parametrize(
    "words",
    [["--help"], ["train", "--help"], ["status", "--help"], ["doctor", "--help"], ["explain", "--help"]],
    ids=" ".join,
)
def test_help_is_had_everywhere(srlm: Any, words: list[str]) -> None:
    result = srlm(*words)
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_without_a_command_help_is_shown(srlm: Any) -> None:
    result = srlm()
    assert result.exit_code == 2
    assert "train" in result.stdout + result.stderr


def test_a_misspelt_command_names_its_neighbour(srlm: Any) -> None:
    result = srlm("trian")
    assert result.exit_code == 2
    assert "Did you mean 'train'?" in result.stderr
