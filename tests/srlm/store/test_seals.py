"""What a run vouches for: sealed before a file takes its name, confirmed whenever it is read."""

import json
import shutil
from pathlib import Path

import pytest

from srlm.contents import sha256_of
from srlm.errors import RecordError, StoreError
from srlm.records import Judgement, Prompt
from srlm.store import files, seals

ONE, OTHER = [Prompt.of("one", "test")], [Prompt.of("other", "test")]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with one sealed file."""
    folder = tmp_path / "run"
    with seals.held(folder, sha256_of):
        files.write(folder / "M2/prompts.jsonl", ONE)
    return folder


def kept(run: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads((run / "seals.json").read_text())
    return found


def test_what_the_holder_of_a_run_writes_is_sealed_and_what_others_write_is_not(run: Path, tmp_path: Path) -> None:
    files.write(run / "M2/pairs.jsonl", ONE)  # a process that does not hold the run
    with seals.held(tmp_path / "second", sha256_of):
        files.write(run / "M2/responses.jsonl", ONE)
    assert kept(run) == {"M2/prompts.jsonl": [sha256_of(run / "M2/prompts.jsonl")]}


@pytest.mark.parametrize("content", [b"", b'{"id":', Prompt.of("other", "test").model_dump_json().encode() + b"\n"])
def test_a_sealed_file_that_has_changed_is_refused_by_every_reader(run: Path, content: bytes) -> None:
    path = run / "M2/prompts.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordError):
        files.read(path, Prompt)
    if content != b'{"id":':
        with pytest.raises(RecordError, match="has changed since it was made, SHA-256"):
            files.Kept(path, Prompt)


@pytest.mark.parametrize("name", ["one.json", "deep/er/one.json"])
def test_a_json_document_is_confirmed_too(run: Path, name: str) -> None:
    path = run / "evaluation" / name
    with seals.held(run, sha256_of):
        files.write_json(path, {"value": 1})
    assert files.read_json(path) == {"value": 1}
    path.write_text('{"value": 2}')
    with pytest.raises(RecordError, match="has changed since it was made"):
        files.read_json(path)


def test_a_file_that_was_being_replaced_when_the_process_died_may_have_either_content(run: Path) -> None:
    path = run / "M2/prompts.jsonl"
    before = path.read_bytes()

    class Killed(BaseException):
        pass

    def dies() -> None:
        with seals.held(run, sha256_of), seals.naming(path, seals.sha256_of_bytes(b"new\n")):
            raise Killed

    with pytest.raises(Killed):
        dies()
    assert len(kept(run)["M2/prompts.jsonl"]) == 2
    assert files.read(path, Prompt) == ONE
    path.write_bytes(b"new\n")
    assert seals.confirm(path, sha256_of(path))
    path.write_bytes(before)
    with seals.held(run, sha256_of):
        pass
    assert kept(run)["M2/prompts.jsonl"] == [sha256_of(path)]  # the next process has looked


def test_a_file_of_an_older_run_is_sealed_when_it_is_first_read(run: Path) -> None:
    files.write(run / "evaluation/M2/responses.jsonl", ONE)
    with seals.held(run, sha256_of) as own:
        assert files.read(run / "evaluation/M2/responses.jsonl", Prompt) == ONE
        assert own.late == ["evaluation/M2/responses.jsonl"]
    files.write(run / "evaluation/M2/responses.jsonl", OTHER)
    with pytest.raises(RecordError, match="has changed since it was made"):
        files.read(run / "evaluation/M2/responses.jsonl", Prompt)


@pytest.mark.parametrize("whole", [False, True])
def test_a_record_that_contradicts_itself_is_refused_where_nothing_vouches_for_it(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "judgements.jsonl"
    files.write(path, [Judgement.of("r", "M1", 0, "Score: 4", 4.0).model_copy(update={"raw": "Score: 5"})])
    with pytest.raises(RecordError, match=r"judgements.jsonl:1: this Judgement contradicts itself: its id is not that"):
        files.read(path, Judgement) if whole else list(files.Kept(path, Judgement))


def test_a_manifest_vouches_for_what_it_lists(tmp_path: Path) -> None:
    files.write(tmp_path / "M2/prompts.jsonl", ONE)
    outputs = {"prompts.jsonl": {"sha256": sha256_of(tmp_path / "M2/prompts.jsonl")}}
    (tmp_path / "M2/manifest.json").write_text(json.dumps({"outputs": outputs}))
    assert files.read(tmp_path / "M2/prompts.jsonl", Prompt) == ONE
    files.write(tmp_path / "M2/prompts.jsonl", OTHER)
    with pytest.raises(RecordError, match="has changed since it was made"):
        files.read(tmp_path / "M2/prompts.jsonl", Prompt)


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": "b"}', b'{"a": []}', b'{"a": ["1", "2", "3"]}', b"[" * 9999])
def test_broken_seals_say_what_to_do(run: Path, content: bytes) -> None:
    (run / "seals.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"seals\.json: not a record of SHA-256 by file; restore the file, or delete"):
        files.read(run / "M2/prompts.jsonl", Prompt)


def test_what_was_read_and_made_is_gathered_with_its_digest(run: Path) -> None:
    with seals.using() as used:
        files.read(run / "M2/prompts.jsonl", Prompt)
        files.write(run / "M2/pairs.jsonl", ONE)
    files.write(run / "M2/responses.jsonl", ONE)
    assert used == {run / name: sha256_of(run / name) for name in ("M2/prompts.jsonl", "M2/pairs.jsonl")}


def test_where_a_run_lies_says_nothing_of_its_seals(run: Path, tmp_path: Path) -> None:
    moved = Path(shutil.move(run, tmp_path / "moved"))
    assert files.read(moved / "M2/prompts.jsonl", Prompt) == ONE
    assert seals.of_run(moved).of(moved / "M2/prompts.jsonl") == (sha256_of(moved / "M2/prompts.jsonl"),)
