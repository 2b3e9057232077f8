"""`srlm verify`: what has changed, what no longer follows, and the exit status."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from srlm.contents import sha256_of


@pytest.fixture
def mine(trained: Path, tmp_path: Path) -> Path:
    """A copy of the tiny run, trained to M2."""
    return Path(shutil.copytree(trained / "runs/tiny", tmp_path / "runs/tiny"))


def states(said: str) -> dict[str, list[str]]:
    """What is said of each file."""
    found: dict[str, list[str]] = {}
    for row in json.loads(said)["rows"]:
        found.setdefault(f"{row['part']}/{row['name']}", []).append(row["state"])
    return found


def test_a_run_that_is_as_it_was_made(mine: Path, srlm: Any) -> None:
    before = {path: sha256_of(path) for path in mine.rglob("*") if path.is_file()}
    done = srlm("verify", mine)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == f"tiny: {mine}"
    assert done.stdout.splitlines()[-1] == "nothing has changed"
    assert {path: sha256_of(path) for path in mine.rglob("*") if path.is_file()} == before  # it writes nothing
    found = states(srlm("verify", mine, "--json").stdout)
    assert {state for own in found.values() for state in own} == {"ok"}
    assert {"data/manifest.json", "M1/eft.jsonl", "M2/model/model.safetensors", "M2/weights"} <= set(found)


@pytest.mark.parametrize(
    ("file", "name", "state"),
    [
        ("M2/pairs.jsonl", "M2/pairs.jsonl", "changed"),
        ("M1/model/model.safetensors", "M1/weights", "changed"),
        ("M1/manifest.json", "M1/manifest.json", "damaged"),
        ("settings.json", "run/settings.json", "changed"),
    ],
)
def test_a_file_that_has_changed_is_named(mine: Path, tiny: Path, srlm: Any, file: str, name: str, state: str) -> None:
    (mine / file).write_bytes((mine / file).read_bytes() + b"\n")
    done = srlm("verify", tiny, "--json", "--set", f"runs={mine.parent}")
    assert done.exit_code == 1
    assert state in states(done.stdout)[name]
    assert f"{name}: {state}" in srlm("verify", tiny, "--set", f"runs={mine.parent}").stdout


def test_a_file_that_is_gone_and_one_that_is_new(mine: Path, srlm: Any) -> None:
    (mine / "M2/monitor.jsonl").unlink()
    (mine / "M1/more.jsonl").write_text("")
    done = srlm("verify", mine)
    assert done.exit_code == 1
    assert "M2/monitor.jsonl: gone" in done.stdout
    assert "M1/more.jsonl: new: not there when M1 was finished" in done.stdout


def test_a_cache_of_digests_is_not_believed(mine: Path, srlm: Any) -> None:
    weights = mine / "M2/model/model.safetensors"
    before = weights.stat()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    now = weights.stat()
    known = {str(weights): [now.st_size, now.st_ino, now.st_mtime_ns, now.st_ctime_ns, "0" * 64]}
    assert before.st_size == now.st_size
    (mine / ".digests.json").write_text(json.dumps(known))
    assert "M2/model/model.safetensors: changed" in srlm("verify", mine).stdout


def test_scores_that_the_words_do_not_carry_are_counted(mine: Path, srlm: Any) -> None:
    path, manifest = mine / "M2/judgements.jsonl", mine / "M2/manifest.json"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    scored = [row for row in rows if row["score"] is not None]
    for row in scored:
        row["score"] = 4.5
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = f"scores that today's parser reads otherwise: {len(scored)} of {len(rows)}"
    done = srlm("verify", mine)
    assert f"M2/judgements.jsonl: does not follow: {said}" in done.stdout
    # Where the manifest vouches for them, they are what the parser of their day has read.
    made = json.loads(manifest.read_text())
    made["outputs"]["judgements.jsonl"]["sha256"] = sha256_of(path)
    manifest.write_text(json.dumps(made))
    (mine / "seals.json").unlink()
    done = srlm("verify", mine)
    assert done.exit_code == 0
    assert f"M2/judgements.jsonl: ok: {said}" in done.stdout


def test_a_run_of_an_older_srlm_says_what_is_not_known(mine: Path, srlm: Any) -> None:
    (mine / "seals.json").unlink()
    done = srlm("verify", mine)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == (
        "nothing has changed; 7 files are of an older srlm, which recorded no digest of them"
    )


def test_what_cannot_be_read_is_an_error(mine: Path, tiny: Path, tmp_path: Path, srlm: Any) -> None:
    (mine / "seals.json").write_text("{")
    done = srlm("verify", mine)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "seals.json: not a record of SHA-256 by file" in done.stderr
    done = srlm("verify", tiny, "--set", f"runs={tmp_path}/nowhere")
    assert done.exit_code == 2
    assert "no such run; train it first" in done.stderr


@pytest.mark.parametrize("words", [("verify",), ("export", "M1", "--to", "out"), ("chat", "M1")])
def test_a_folder_that_is_no_runs_is_called_so(tmp_path: Path, srlm: Any, words: tuple[str, ...]) -> None:
    command, *rest = words
    said = srlm(command, tmp_path, *rest)
    advice = "not the folder of a run (it has no settings.json); give a run's folder, or its YAML file"
    assert (said.exit_code, said.stderr) == (2, f"srlm: {tmp_path}: {advice}\n")
