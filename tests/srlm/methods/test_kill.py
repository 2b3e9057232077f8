"""A run that is killed at any write, and started again, ends with the bytes of a run that nobody disturbed."""

import hashlib
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.forks.command import Forks

CHECKOUT = Path(__file__).resolve().parents[3]
KILLED = Path(__file__).with_name("killed.py")
TRAIN = [
    ("rename", "data/heldout_sets.jsonl", 1),
    ("open", "M0/training/checkpoint-8/trainer_state.json", 1),
    ("rename", "M0/model", 1),
    ("rename", "M0/manifest.json", 1),
    ("rename", "SFT/training/checkpoint-8/whole", 1),
    ("rename", "M1/eft.jsonl", 1),
    ("open", "M1/training/checkpoint-4/config.json", 1),
    ("rename", "M2/prompts.jsonl", 1),
    ("open", "M2/responses.jsonl.part", 2),
    ("open", "M2/judgements.jsonl.part", 2),
    ("rename", "M2/pairs.jsonl", 1),
    ("open", "M2/training/checkpoint-4/trainer_state.json", 1),
    ("rename", "M2/training.json", 1),
    ("open", "M2/monitor.jsonl.part", 1),
    ("rename", "M2/manifest.json", 1),
]
"""Places in every stage; each is met in the run that goes on from the one before."""
EVALUATE = [
    ("open", "evaluation/M1/responses.jsonl.part", 1),
    ("open", "evaluation/M2/judgements.jsonl.part", 1),
    ("rename", "evaluation/M0/greedy.jsonl", 1),
    ("open", "evaluation/M2/own_judgements.jsonl.part", 1),
    ("rename", "report.html", 1),
]
BYTES_DIFFER = ("timings.json", "usage.json", "log.txt", ".lock", ".digests.json")
"""How long it took, what was paid for twice because a kill lost it, when, and by which process."""
TIMES = re.compile(rb"<dt>Time</dt><dd>.*?</dd>")
"""What the report says of how long it took."""


def start(
    forks: Forks, where: Path, program: str, *words: str, at: tuple[str, str, int] = ("", "", 0), by: int = 9
) -> tuple[int, str]:
    """Exit status and messages of one process that ends at a place, or at its own end."""
    # One day for all runs, though midnight may pass between them.
    arguments = [*words, "--run", str(CHECKOUT / "tests/tiny.yaml"), "--set", "model.date=2026-02-03"]
    event, end, occurrence = at
    # The run lies in `runs` below `where`, and nothing in its files says where that is.
    done = forks.run(str(KILLED), str(by), event, end, str(occurrence), program, *arguments, cwd=where)
    return done.returncode, done.stderr


def contents(run: Path) -> dict[str, str]:
    """Digest of every file that must come out the same."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(TIMES.sub(b"", path.read_bytes())).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in BYTES_DIFFER
    }


@pytest.fixture(scope="module")
def undisturbed(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained and measured in peace."""
    where = tmp_path_factory.mktemp("undisturbed")
    for program, words in (("srlm", ["train"]), ("eval", ["all"])):
        status, said = start(forks, where, program, *words)
        assert status == 0, said
    return where / "runs/tiny"


def set_the_clock_back(folder: Path) -> None:
    """As the next process sees it: all that was written lies a year ahead of its time."""
    ahead = time.time() + 365 * 86400
    for path in folder.rglob("*"):
        os.utime(path, (ahead, ahead))


def test_a_run_killed_in_every_stage_ends_with_the_same_bytes_whatever_the_clock_says(
    forks: Forks, undisturbed: Path, tmp_path: Path
) -> None:
    for program, words, places in (("srlm", ["train"], TRAIN), ("eval", ["all"], EVALUATE)):
        for number, place in enumerate(places):
            status, said = start(forks, tmp_path, program, *words, at=place)
            assert status == -signal.SIGKILL, f"never came to {place}: {said}"
            if number % 2:
                set_the_clock_back(tmp_path)
        status, said = start(forks, tmp_path, program, *words)
        assert status == 0, said
    expected = contents(undisturbed)
    assert len(expected) > 60
    assert contents(tmp_path / "runs/tiny") == expected


def test_a_training_that_came_to_its_end_before_the_kill_is_not_done_again(forks: Forks, tmp_path: Path) -> None:
    def saved(name: str) -> int:
        return (tmp_path / f"runs/tiny/{name}/model/model.safetensors").stat().st_ino

    first = {}
    for name in ("M0", "SFT", "M1", "M2"):
        status, said = start(forks, tmp_path, "srlm", "train", at=("rename", f"{name}/manifest.json", 1))
        assert status == -signal.SIGKILL, said
        first[name] = saved(name)
    assert start(forks, tmp_path, "srlm", "train")[0] == 0
    assert {name: saved(name) for name in first} == first


def test_ctrl_c_says_how_to_go_on(forks: Forks, tmp_path: Path) -> None:
    status, said = start(forks, tmp_path, "srlm", "train", at=("rename", "data/ift.jsonl", 1), by=signal.SIGINT)
    assert status == 130
    assert said.splitlines()[-1] == "srlm: interrupted; run the same command again to resume"
    assert start(forks, tmp_path, "srlm", "train", "--to", "M1")[0] == 0


def test_sigterm_says_how_to_go_on(forks: Forks, tmp_path: Path) -> None:
    at = ("rename", "data/ift.jsonl", 1)
    status, said = start(forks, tmp_path, "srlm", "train", at=at, by=signal.SIGTERM)
    assert status == 143
    assert said.splitlines()[-1] == "srlm: terminated; run the same command again to resume"


def test_an_evaluation_ends_at_sigterm_as_at_ctrl_c(forks: Forks, undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "runs/tiny")
    shutil.rmtree(tmp_path / "runs/tiny/evaluation")
    at = ("rename", "responses.jsonl", 1)
    for by, code, said in ((signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")):
        status, lines = start(forks, tmp_path, "eval", "all", at=at, by=by)
        assert status == code
        assert lines.splitlines()[-1] == f"srlm: {said}; run the same command again to resume"
    assert start(forks, tmp_path, "eval", "all")[0] == 0
    assert contents(tmp_path / "runs/tiny") == contents(undisturbed)
