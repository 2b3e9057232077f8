"""Nothing in a run's folder leads out of it or waits for ever; what the run file names may lie elsewhere."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import StoreError
from srlm.store.paths import is_within, refuse_strays


def link_file(path: Path, elsewhere: Path) -> None:
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def dangling(path: Path, elsewhere: Path) -> None:
    path.unlink()
    path.symlink_to(elsewhere)


def pipe(path: Path, elsewhere: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path, elsewhere: Path) -> None:
    path.unlink()
    path.mkdir()


def listening(path: Path, elsewhere: Path) -> None:
    path.unlink()
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(link_file, "a link to {elsewhere}, and a run's folder holds its own files only", id="link"),
        pytest.param(dangling, "a link to {elsewhere}, and a run's folder holds its own files only", id="dangling"),
        pytest.param(pipe, "a named pipe where a file or folder of the run belongs", id="pipe"),
        pytest.param(listening, "a socket where a file or folder of the run belongs", id="socket"),
        pytest.param(folder, "a folder where a file of the run belongs", id="folder"),
    ],
)
@pytest.mark.parametrize(
    ("command", "name"),
    [("train", "M1/model/model.safetensors"), ("train", "settings.json"), ("status", "M2/timings.json")],
)
def test_what_is_no_file_of_the_run_is_refused_by_every_command(
    command: str,
    name: str,
    change: Callable[[Path, Path], None],
    why: str,
    trained: Path,
    tiny: Path,
    tmp_path: Path,
    srlm: Any,
) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    path, elsewhere = tmp_path / "runs/tiny" / name, tmp_path / "elsewhere"
    change(path, elsewhere)
    said = srlm(command, "--run", tiny, "--set", f"runs={tmp_path}/runs")
    assert said.exit_code == 2
    assert said.stderr.startswith(f"srlm: {path}: {why.format(elsewhere=elsewhere)}")
    assert said.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["M1/model", "M2", "evaluation", "M2/training", "M2/judgements.jsonl.part"])
def test_a_folder_or_a_file_to_be_that_is_a_link_is_refused_and_nothing_is_written_there(
    name: str, trained: Path, tiny: Path, tmp_path: Path, srlm: Any
) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    (tmp_path / "runs/tiny/M2/manifest.json").unlink()
    path, elsewhere = tmp_path / "runs/tiny" / name, tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(path, ignore_errors=True)
    path.symlink_to(elsewhere)
    said = srlm("train", "--run", tiny, "--set", f"runs={tmp_path}/runs")
    assert said.exit_code == 2
    assert said.stderr.startswith(f"srlm: {path}: a link to {elsewhere}")
    assert list(elsewhere.iterdir()) == []


def test_a_file_where_a_folder_belongs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "M1").mkdir()
    (tmp_path / "M1/model").write_text("")
    with pytest.raises(StoreError) as error:
        refuse_strays(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/M1/model: a file where a folder of the run belongs; restore the folder, or delete the file"
    )


def test_the_folder_of_the_run_may_be_reached_through_a_link(
    trained: Path, tiny: Path, tmp_path: Path, srlm: Any
) -> None:
    shutil.copytree(trained / "runs", tmp_path / "data/runs")
    (tmp_path / "runs").symlink_to(tmp_path / "data/runs")
    said = srlm("train", "--run", tiny, "--set", f"runs={tmp_path}/runs")
    assert (said.exit_code, said.stderr) == (0, "")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/tiny").symlink_to(tmp_path / "data/runs/tiny")
    assert srlm("train", "--run", tiny, "--set", f"runs={tmp_path}/other").exit_code == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(
            {"path": "../../elsewhere"},
            "checkpoint.path is '../../elsewhere', and the weights of M1 are in 'M1/model'",
            id="out",
        ),
        pytest.param({"path": "/etc"}, "checkpoint.path is '/etc', and the weights of M1", id="absolute"),
        pytest.param({"path": "M2/model"}, "checkpoint.path is 'M2/model', and the weights of M1", id="another"),
    ],
)
def test_a_manifest_names_no_weights_but_its_own(
    change: dict[str, str], why: str, trained: Path, tiny: Path, tmp_path: Path, srlm: Any
) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    path = tmp_path / "runs/tiny/M1/manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["checkpoint"] |= change
    path.write_text(json.dumps(manifest))
    (tmp_path / "runs/tiny/seals.json").unlink()  # as of an older srlm: nothing vouches for the manifest
    for command in ("train", "status"):
        said = srlm(command, "--run", tiny, "--set", f"runs={tmp_path}/runs")
        assert said.exit_code == 2
        assert said.stderr.startswith(f"srlm: {path}: ")
        if command == "status":
            assert why in said.stderr


def test_a_manifest_names_no_file_outside_its_step(trained: Path, tiny: Path, tmp_path: Path, srlm: Any) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    path = tmp_path / "runs/tiny/M1/manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["outputs"]["../M2/pairs.jsonl"] = manifest["outputs"].pop("eft.jsonl")
    path.write_text(json.dumps(manifest))
    (tmp_path / "runs/tiny/seals.json").unlink()  # as of an older srlm: nothing vouches for the manifest
    said = srlm("status", "--run", tiny, "--set", f"runs={tmp_path}/runs")
    assert said.exit_code == 2
    assert "outputs: '../M2/pairs.jsonl' is no name of a file in the step's folder" in said.stderr


@pytest.mark.parametrize(
    ("name", "stays"),
    [("model/a.json", True), ("a..b", True), ("../a", False), ("a/../../b", False), ("/a", False), ("", False)],
)
def test_names_that_stay_in_their_folder(name: str, stays: bool) -> None:
    assert is_within(name) is stays
