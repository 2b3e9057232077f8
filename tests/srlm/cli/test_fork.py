"""`srlm train --from RUN[@STEP]`: a run that begins with the finished steps of another one."""

import json
import os
import shlex
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import StoreError
from srlm.methods import sharing
from srlm.methods.base import run_folder
from srlm.run_file import load
from srlm.store import files
from tests.forks.command import Forks
from tests.srlm.methods import test_kill as kills

KILLED = Path(__file__).parents[1] / "methods/killed.py"
FORK = ("--set", "name=mine-b", "--set", "dpo.beta=0.2")
"""Another beta, which shapes M2 and nothing before it."""


@pytest.fixture
def mine(trained: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run file of `runs/mine`, which was trained to M2, in the working directory."""
    shutil.copytree(trained / "runs" / "tiny", tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(tiny.read_text().replace("name: tiny", "name: mine"))
    return Path("mine.yaml")


def finished(run: str) -> list[str]:
    return sorted(path.parent.name for path in Path("runs", run).glob("*/manifest.json"))


def contents(run: str, *steps: str) -> dict[str, bytes]:
    own = ("timings.json", "usage.json")
    found = [path for step in steps for path in Path("runs", run, step).rglob("*") if path.is_file()]
    return {path.relative_to(Path("runs", run)).as_posix(): path.read_bytes() for path in found if path.name not in own}


def test_a_fork_shares_what_the_changed_setting_leaves_and_outlives_the_run_that_it_comes_from(
    mine: Path, srlm: Any
) -> None:
    before = contents("mine", "data", "M0", "SFT", "M1")
    done = srlm("train", "--run", mine, *FORK, "--from", "runs/mine")
    assert done.stdout.splitlines() == [
        "mine-b: shares data, M0, SFT, M1 with runs/mine; makes M2 and what follows itself (dpo.beta: 0.1 -> 0.2 "
        "changes M2 first)",
        "mine-b: M2 is in runs/mine-b/M2/model",
    ]
    assert contents("mine-b", "data", "M0", "SFT", "M1") == before
    assert contents("mine-b", "M2")["M2/pairs.jsonl"] == contents("mine", "M2")["M2/pairs.jsonl"]
    assert (
        contents("mine-b", "M2")["M2/model/model.safetensors"] != contents("mine", "M2")["M2/model/model.safetensors"]
    )
    shutil.rmtree("runs/mine")
    assert srlm("verify", "runs/mine-b").exit_code == 0
    assert "not sealed" not in [
        row["state"] for row in json.loads(srlm("verify", "runs/mine-b", "--json").stdout)["rows"]
    ]
    told = srlm("status", "--run", mine, *FORK).stdout.splitlines()
    assert [line for line in told if line.startswith("taken")] == ["taken from runs/mine: data, M0, SFT, M1"]
    assert srlm("export", "runs/mine-b", "M1", "--to", "out").exit_code == 0
    again = srlm("train", "--run", mine, *FORK, "--from", "runs/mine")
    assert again.stdout.splitlines() == [
        "mine-b: shares data, M0, SFT, M1 with runs/mine (taken before; runs/mine is gone)",
        "mine-b: M2 is in runs/mine-b/M2/model",
    ]


def test_a_fork_of_the_same_settings_makes_the_same_bytes(mine: Path, srlm: Any) -> None:
    assert srlm("train", "--run", mine, "--set", "name=b", "--from", "runs/mine@M1").exit_code == 0
    made = contents("mine", "data", "M0", "SFT", "M1", "M2")
    assert contents("b", "data", "M0", "SFT", "M1", "M2") == made
    assert {"M2/model/model.safetensors", "M2/pairs.jsonl", "M2/manifest.json"} <= made.keys()


def test_from_a_step_shares_no_more_than_what_comes_up_to_it_and_a_fork_can_be_forked(mine: Path, srlm: Any) -> None:
    done = srlm("train", "--run", mine, "--set", "name=b", "--from", "runs/mine@m1", "--to", "M1")
    assert done.stdout.splitlines() == [
        "b: shares data, M0, SFT, M1 with runs/mine",
        "b: M1 is in runs/b/M1/model",
    ]
    done = srlm("train", "--run", mine, "--set", "name=c", "--from", "runs/b@SFT", "--to", "M1")
    assert done.stdout.splitlines()[0] == (
        "c: shares data, M0, SFT with runs/b; makes M1 and what follows itself (--from ends with SFT)"
    )
    assert finished("c") == ["M0", "M1", "SFT", "data"]
    taken = run_folder(load(mine, ["name=c"])).taken()
    assert {name: (one.run, one.made_in) for name, one in taken.items()} == {
        name: ("runs/b", "runs/mine") for name in ("data", "M0", "SFT")
    }
    told = srlm("status", "--run", mine, "--set", "name=c").stdout.splitlines()
    assert [line for line in told if "taken" in line] == ["taken from runs/b: data, M0, SFT (made in runs/mine)"]
    # What the run makes anew is its own.
    shutil.rmtree("runs/c/M1")
    shutil.rmtree("runs/c/SFT")
    assert srlm("train", "--run", mine, "--set", "name=c", "--to", "M1", "--set", "threads=1").exit_code == 0
    assert "M1" not in run_folder(load(mine, ["name=c"])).taken()


def test_large_files_are_linked_and_where_they_cannot_be_they_are_copied_and_counted(
    mine: Path, srlm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "LARGE", 10_000)
    weights = "M1/model/model.safetensors"
    sharing.fork(load(mine, ["name=b"]), "runs/mine@M1", 2)
    assert os.path.samefile(Path("runs/mine", weights), Path("runs/b", weights))
    assert not os.path.samefile("runs/mine/data/ift.jsonl", "runs/b/data/ift.jsonl")
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == Path().stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    place = shm / f"srlm-test-{os.getpid()}"
    try:
        found = sharing.fork(load(mine, [f"runs={place}"]), "runs/mine@M1", 2)
        sizes = [path.stat().st_size for path in place.rglob("*") if path.is_file() and "training" not in path.parts]
        assert found.copied == sum(size for size in sizes if size > 10_000) > 0
        assert "MB were copied: they cannot be linked from runs/mine" in sharing.lines("mine", "runs/mine", found)[1]
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize(
    ("words", "source", "said"),
    [
        pytest.param(
            FORK,
            "runs/mine@M2",
            "runs/mine@M2: cannot be shared: dpo.beta: 0.1 -> 0.2 changes M2 first; share what is before it: --from "
            "runs/mine@M1",
            id="touched",
        ),
        pytest.param(
            (*FORK, "--set", "sft.max_steps=9", "--set", "iterations=3"),
            "runs/mine@M1",
            "cannot be shared: sft.max_steps: 10 -> 9 changes SFT first; share what is before it: --from runs/mine@M0",
            id="touched-by-another",
        ),
        pytest.param(
            ("--set", "name=b", "--set", "seed=2"),
            "runs/mine",
            "runs/mine: nothing to share: seed: 1 -> 2 changes data first; leave out --from to make every step",
            id="nothing",
        ),
        pytest.param(
            ("--set", "name=b"),
            "runs/mine@M7",
            "there is no such step on the way (finished: data, M0, SFT, M1, M2)",
            id="no-step",
        ),
        pytest.param(
            ("--set", "name=b", "--set", "iterations=3"),
            "runs/mine@M3",
            "runs/mine@M3: cannot be shared: there is no such step on the way (finished: data, M0, SFT, M1, M2); share "
            "what is before it: --from runs/mine@M2",
            id="not-finished",
        ),
        pytest.param((), "runs/mine", "a fork needs a folder of its own; give it another name", id="itself"),
        pytest.param(FORK, "runs/none", "runs/none: no such folder; --from takes the folder of a run", id="no-run"),
        pytest.param(FORK, ".", "not the folder of a run (it has no settings.json)", id="another-folder"),
    ],
)
def test_what_cannot_be_shared_is_refused_with_the_setting_and_the_step(
    mine: Path, srlm: Any, words: tuple[str, ...], source: str, said: str
) -> None:
    refused = srlm("train", "--run", mine, *words, "--from", source)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert os.listdir("runs") == ["mine"]


def test_a_damaged_step_is_not_shared(mine: Path, srlm: Any) -> None:
    weights = Path("runs/mine/SFT/model/model.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    refused = srlm("train", "--run", mine, *FORK, "--from", "runs/mine")
    assert refused.exit_code == 2
    assert (
        "runs/mine: SFT/model/model.safetensors has changed since SFT was finished: damaged files are not shared; "
        "restore them (`srlm verify runs/mine` lists every change), or share only the steps before SFT"
        in refused.stderr
    )
    assert os.listdir("runs") == ["mine"]
    assert srlm("train", "--run", mine, *FORK, "--from", "runs/mine@M0", "--to", "M1").exit_code == 0


def test_a_changed_setting_names_the_first_step_that_it_changes_and_the_command_of_the_fork(
    mine: Path, srlm: Any
) -> None:
    refused = srlm("train", "--run", mine, "--set", "dpo.beta=0.2")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "srlm: runs/mine was made with other settings (dpo.beta: 0.1 -> 0.2); dpo.beta changes M2 first; fork the run "
        "to keep data, M0, SFT, M1 (srlm train --run mine.yaml --set dpo.beta=0.2 --set name=mine-2 --from runs/mine), "
        "choose a new name (--set name=OTHER) or delete the folder\n"
    )
    command = refused.stderr.partition("(srlm ")[2].partition(")")[0]
    assert srlm(*shlex.split(command)).stdout.splitlines()[-1] == "mine-2: M2 is in runs/mine-2/M2/model"
    # The name that is offered is free.
    assert "name=mine-3 --from runs/mine)" in srlm("train", "--run", mine, "--set", "dpo.beta=0.3").stderr
    # Nothing is before the data.
    refused = srlm("train", "--run", mine, "--set", "seed=2")
    assert "(seed: 1 -> 2); seed changes data first; choose a new name" in refused.stderr
    # In the run itself the method is fixed with M1, which is the same under every method.
    refused = srlm("train", "--run", mine, "--set", "method=positive_sft")
    assert "method changes M2 first; fork the run to keep data, M0, SFT, M1 (srlm train" in refused.stderr


def test_a_changed_input_names_the_first_step_and_the_fork_works_from_there(
    mine: Path, tmp_path: Path, srlm: Any
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    given = files_of_prompts(prompts, 30)
    words = ("--set", "prompts.writer=file", "--set", "prompts.path=prompts.jsonl")
    assert srlm("train", "--run", mine, "--set", "name=a", *words, "--from", "runs/mine").exit_code == 0
    prompts.write_text("".join(reversed(given)))
    refused = srlm("train", "--run", mine, "--set", "name=a", *words)
    assert refused.exit_code == 2
    assert "prompts.path changes M2 first; restore the original inputs, fork the run to keep data, M0, SFT, M1 (" in (
        refused.stderr
    )
    command = refused.stderr.partition("(srlm ")[2].partition(")")[0]
    done = srlm(*shlex.split(command), "--to", "M1")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "a-2: shares data, M0, SFT, M1 with runs/a"


def files_of_prompts(path: Path, number: int) -> list[str]:
    given = [json.loads(line)["text"] for line in Path("runs/mine/M2/prompts.jsonl").read_text().splitlines()]
    lines = [json.dumps({"instruction": text}) + "\n" for text in given[:number]]
    path.write_text("".join(lines))
    return lines


def test_a_fork_that_was_killed_while_it_took_steps_goes_on_with_the_same_command(mine: Path, srlm: Any) -> None:
    settings = load(mine, ["name=mine-b", "dpo.beta=0.2"])
    sharing.fork(settings, "runs/mine@M0", 2)
    part = Path("runs/mine-b.SFT.part")
    part.mkdir()
    (part / "half.txt").write_text("half")
    # Killed after a step took its name, before where it comes from was kept.
    inputs = json.loads(Path("runs/mine-b/inputs.json").read_text())
    assert sorted(inputs.pop("taken")) == ["M0", "data"]
    Path("runs/mine-b/seals.json").unlink()
    files.write_json(Path("runs/mine-b/inputs.json"), inputs)
    assert srlm("train", "--run", mine, *FORK, "--from", "runs/mine", "--to", "M1").exit_code == 0
    assert not part.exists()
    assert sorted(run_folder(settings).taken()) == ["M0", "M1", "SFT", "data"]


def test_steps_are_not_taken_into_a_run_of_other_settings(mine: Path, srlm: Any) -> None:
    assert srlm("train", "--run", mine, *FORK, "--from", "runs/mine", "--to", "M1").exit_code == 0
    shutil.rmtree("runs/mine-b/M1")
    with pytest.raises(StoreError, match=r"runs/mine-b was made with other settings \(sft\.max_steps: 10 -> 9\)"):
        sharing.fork(load(mine, ["name=mine-b", "sft.max_steps=9"]), "runs/mine", 2)
    assert not Path("runs/mine-b/M1").exists()


def test_to_goes_no_further_than_the_run_file_says(mine: Path, srlm: Any) -> None:
    refused = srlm("train", "--run", mine, "--to", "M9")
    assert refused.exit_code == 2
    said = " ".join(refused.stderr.replace("│", " ").split())
    assert "M9 is past M2, the last model of mine.yaml (iterations: 2); to train further, write iterations: 9" in said
    assert finished("mine") == ["M0", "M1", "M2", "SFT", "data"]


def killed(forks: Forks, where: Path, at: tuple[str, str, int], *words: str) -> int:
    """Exit status of `srlm train --from runs/mine` which ends at a place, or at its own end."""
    event, end, occurrence = at
    given = ["train", "--run", "mine.yaml", *FORK, "--from", "runs/mine", *words]
    return forks.run(str(KILLED), "9", event, end, str(occurrence), "srlm", *given, cwd=where).returncode


def test_a_fork_killed_while_it_takes_steps_ends_with_the_same_bytes(mine: Path, forks: Forks, tmp_path: Path) -> None:
    fork, there = tmp_path / "runs/mine-b", ("data", "M0", "SFT", "M1")
    assert killed(forks, tmp_path, ("", "", 0), "--to", "M1") == 0
    expected = kills.contents(fork)
    shutil.rmtree(fork)
    assert killed(forks, tmp_path, ("rename", "mine-b/SFT", 1), "--to", "M1") == -signal.SIGKILL
    assert finished("mine-b") == ["M0", "data"]
    assert killed(forks, tmp_path, ("", "", 0), "--to", "M1") == 0
    assert kills.contents(fork) == expected
    assert contents("mine-b", *there) == contents("mine", *there)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["mine", "mine-b"]


KILLS = [
    ("open", "runs/mine-b/settings.json.part", 1),
    ("open", "mine-b.M0.part/model/model.safetensors", 1),
    ("rename", "mine-b/SFT", 1),
    ("rename", "mine-b/inputs.json", 2),
    ("open", "M2/judgements.jsonl.part", 1),
    ("open", "M2/training/checkpoint-4/trainer_state.json", 1),
    ("rename", "M2/manifest.json", 1),
]
"""Places from the first file of a fork to its last; each is met in the fork that goes on from the one before."""


@pytest.mark.soak  # by default: one of these places, above
def test_a_fork_killed_everywhere_ends_with_the_same_bytes(mine: Path, forks: Forks, tmp_path: Path) -> None:
    fork = tmp_path / "runs/mine-b"
    assert killed(forks, tmp_path, ("", "", 0)) == 0
    expected = kills.contents(fork)
    shutil.rmtree(fork)
    for place in KILLS:
        assert killed(forks, tmp_path, place) == -signal.SIGKILL, place
    assert killed(forks, tmp_path, ("", "", 0)) == 0
    assert kills.contents(fork) == expected
