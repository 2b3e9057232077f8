"""What is said of a step that was stopped: each file that it has made is looked at, wherever in its folder it lies."""

import json
from pathlib import Path

import pytest

from srlm.errors import RecordError, StoreError
from srlm.methods.base import run_folder
from srlm.methods.recognised import refuse_faults
from srlm.methods.verify import Row, verify
from srlm.records import Prompt, Response
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

NAME = "validation/validation-000002.jsonl"


@pytest.fixture
def stopped(tmp_path: Path) -> RunFolder:
    """A run that was stopped while M2 was trained in processes that were launched for it, with contests."""
    settings = {"name": "run", "runs": f"{tmp_path}/runs", "model": {"base": "scratch"}, "data": {"kind": "beads"}}
    folder = run_folder(Settings.model_validate(settings))
    with folder.held():
        files.write(folder.step("M2") / "prompts.jsonl", [Prompt.of("one", "test")])
        files.write(folder.step("M2") / NAME, [Response.of(Prompt.of("one", "test").id, "words", "M2", 0)])
        files.write_json(folder.step("M2") / "launch/job.json", {"work": "training"})
        (folder.step("M2") / "launch/job.json").unlink()
    return folder


def of_step(folder: RunFolder) -> list[Row]:
    return [row for row in verify(folder).rows if row.part == "M2"]


def test_all_that_a_stopped_step_has_made_is_as_it_was(stopped: RunFolder) -> None:
    assert of_step(stopped) == [Row("M2", "prompts.jsonl", "ok"), Row("M2", NAME, "ok")]
    assert verify(stopped).sound


def test_answers_to_validation_prompts_that_have_changed_or_are_gone_are_told(stopped: RunFolder) -> None:
    path = stopped.step("M2") / NAME
    path.write_text(path.read_text().replace("words", "other"))
    assert [(row.name, row.state) for row in of_step(stopped)] == [("prompts.jsonl", "ok"), (NAME, "changed")]
    path.unlink()
    assert [(row.name, row.state) for row in of_step(stopped)] == [("prompts.jsonl", "ok"), (NAME, "gone")]


def test_what_an_older_srlm_recorded_of_a_stopped_step_is_used_once_and_not_missed(stopped: RunFolder) -> None:
    record = stopped.step("M2") / "so_far.json"
    record.write_text(json.dumps({"prompts.jsonl": "0" * 64}))
    assert [row.state for row in of_step(stopped)] == ["ok", "ok"]  # this srlm has sealed it
    with stopped.held():
        stopped.check_steps()
        stopped.record_steps(refuse_faults)
    assert not record.exists()
    assert verify(stopped).sound


def test_a_broken_record_of_an_older_srlm_is_refused(stopped: RunFolder) -> None:
    (stopped.step("M2") / "so_far.json").write_text("[1]")
    with stopped.held(), pytest.raises(RecordError, match=r"so_far\.json: a JSON list, where an object is expected"):
        stopped.check_steps()


def test_broken_seals_are_refused_with_advice_on_them_alone(stopped: RunFolder) -> None:
    (stopped.path / "seals.json").write_text("{")
    with pytest.raises(StoreError) as refused:
        run_folder(stopped.given)
    assert str(refused.value) == (
        f"{stopped.path}/seals.json: not a record of SHA-256 by file; restore the file, or delete it: the files are "
        "then recorded as they are now, and earlier changes to them cannot be detected"
    )
