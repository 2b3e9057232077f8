import datetime
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import RecordError, StoreError
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, RunManifest
from srlm.settings import Settings
from srlm.store.folder import differences, recorded


def settings(tmp_path: Path, **changes: Any) -> Settings:
    given: dict[str, Any] = {
        "name": "run",
        "runs": str(tmp_path / "runs"),
        "model": {"base": "scratch"},
        "data": {"kind": "beads"},
        **changes,
    }
    return Settings.model_validate(given)


def manifest(step: str) -> RunManifest:
    return RunManifest(
        step=step,
        settings_digest="0" * 16,
        seed=1,
        versions={"srlm": "0.1.0"},
        commit=None,
        checkpoint=Checkpoint(name=step, parent=None, path=f"{step}/model", digest="0" * 16),
        inputs={},
        outputs={},
        counts={"pairs": 3},
    )


HOLD = """
import sys
from srlm.methods.base import run_folder
from srlm.settings import Settings

with run_folder(Settings.model_validate_json(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_run_held_by_another_process_is_refused_until_it_ends(tmp_path: Path) -> None:
    mine = run_folder(settings(tmp_path))
    command = [sys.executable, "-c", HOLD, settings(tmp_path).model_dump_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(StoreError, match=rf"another process is working on this run \(process {other.pid}\)"),
            mine.held(),
        ):
            pass
        other.communicate("\n")
    with mine.held():
        pass


def test_a_lock_left_by_a_killed_process_does_not_hold(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, settings(tmp_path).model_dump_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        other.kill()
    with run_folder(settings(tmp_path)).held():
        pass


def test_a_run_is_free_again_after_an_error(tmp_path: Path) -> None:
    run = run_folder(settings(tmp_path))
    with pytest.raises(ZeroDivisionError), run.held():
        _ = 1 / 0
    with run.held():
        pass


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"seed": 2}, "seed: 1 -> 2", id="top-level"),
        pytest.param({"dpo": {"beta": 0.5}}, "dpo.beta: 0.1 -> 0.5", id="nested"),
        pytest.param({"candidates": {"sampling": {"top_p": 1}}}, "candidates.sampling.top_p: 0.9 -> 1.0", id="deeper"),
        pytest.param({"sft": {"lora": {"rank": 4}}}, "sft.lora.rank: None -> 4", id="a-section-that-was-none"),
        pytest.param({"judge": {"engine": {"model": "m"}}}, "judge.engine.model: None -> 'm'", id="another-judge"),
        pytest.param({"engine": {"kind": "openai"}}, "engine.kind: 'transformers' -> 'openai'", id="another-engine"),
    ],
)
def test_a_setting_changed_between_two_commands_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    run = run_folder(settings(tmp_path))
    with run.held():
        run.finish(manifest("M2"))
    with pytest.raises(StoreError) as caught, run_folder(settings(tmp_path, **changes)).held():
        pass
    assert "was made with other settings (" in str(caught.value)
    assert said in str(caught.value)
    assert "choose a new name" in str(caught.value)
    with run_folder(settings(tmp_path)).held():  # the settings it was made with are still the ones on disk
        pass


@pytest.mark.parametrize(
    ("step", "changes", "fixed"),
    [
        pytest.param(None, {"seed": 2}, False, id="nothing-made-yet"),
        pytest.param("data", {"data": {"kind": "beads", "ift": 3}}, True, id="data-of-the-data"),
        pytest.param("data", {"model": {"base": "elsewhere"}}, False, id="the-model-before-M0"),
        pytest.param("M0", {"model": {"base": "elsewhere"}}, True, id="the-model-of-M0"),
        pytest.param("M0", {"sft": {"epochs": 3}}, False, id="sft-before-it-begins"),
        pytest.param("SFT", {"sft": {"epochs": 3}}, True, id="sft-of-the-baseline"),
        pytest.param("SFT", {"judge": {"template": "beads"}}, False, id="the-judge-before-M1"),
        pytest.param("M1", {"judge": {"template": "beads"}}, True, id="the-judge-of-M1"),
        pytest.param("M1", {"dpo": {"beta": 0.2}}, False, id="dpo-before-M2"),
        pytest.param("M1", {"reward": {"kind": "random"}}, False, id="the-reward-before-M2"),
        pytest.param("M2", {"reward": {"kind": "random"}}, True, id="the-reward-of-M2"),
        pytest.param("M2", {"selection": {"flip": True}}, True, id="the-selection-of-M2"),
        pytest.param("SFT", {"method": "positive_sft"}, False, id="the-method-before-M1"),
        pytest.param("M1", {"method": "positive_sft"}, True, id="the-method-of-M1"),
        pytest.param("M2", {"dpo": {"beta": 0.2}}, True, id="dpo-of-M2"),
        pytest.param("M2", {"judge": {"on_collapse": "continue"}}, False, id="a-run-that-gave-up-goes-on"),
    ],
)
def test_a_setting_is_fixed_once_a_step_that_it_shapes_has_begun(
    tmp_path: Path, step: str | None, changes: dict[str, Any], fixed: bool
) -> None:
    run = run_folder(settings(tmp_path))
    with run.held():
        (run.path / "M1").mkdir()
        (run.path / "M1" / "timings.json").write_text("{}")  # a stage that failed at once leaves this
        if step is not None:
            run.step(step).mkdir(exist_ok=True)
            (run.step(step) / "records.jsonl.part").touch()
    if fixed:
        with pytest.raises(StoreError, match="other settings"), run_folder(settings(tmp_path, **changes)).held():
            pass
    else:
        with run_folder(settings(tmp_path, **changes)).held():
            pass


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iterations": 9}, id="how-far-it-goes"),
        pytest.param({"evaluation": {"bootstrap": 10}}, id="how-it-is-measured"),
        pytest.param({"engine": {"timeout": 5, "concurrency": 1, "retries": 0}}, id="how-a-server-is-asked"),
        pytest.param({"engine": {"base_url": "http://127.0.0.1:1/v1", "api_key_env": "K"}}, id="where-a-server-is"),
    ],
)
def test_what_shapes_no_model_may_change(tmp_path: Path, changes: dict[str, Any]) -> None:
    before, after = settings(tmp_path), settings(tmp_path, **changes)
    with run_folder(before).held():
        pass
    with run_folder(after).held():
        pass
    assert before.digest == after.digest
    on_disk = json.loads((after.folder / "settings.json").read_text())
    assert on_disk == after.model_dump(mode="json")


@pytest.mark.parametrize(("beta", "fits"), [(0.1, True), (0.2, False)])
def test_a_setting_that_did_not_exist_when_a_run_was_made_had_its_default(
    tmp_path: Path, beta: float, fits: bool
) -> None:
    run = run_folder(settings(tmp_path))
    with run.held():
        (run.step("M2")).mkdir()
        (run.step("M2") / "pairs.jsonl").touch()
    stored = json.loads((run.path / "settings.json").read_text())
    del stored["dpo"]["beta"]
    (run.path / "settings.json").write_text(json.dumps(stored))
    (run.path / "seals.json").unlink()  # as an older srlm leaves it
    again = run_folder(settings(tmp_path, dpo={"beta": beta}))
    if fits:
        with again.held():
            pass
    else:
        with pytest.raises(StoreError, match=r"dpo\.beta: 0\.1 -> 0\.2"), again.held():
            pass


@pytest.mark.parametrize(
    ("arm", "changes", "said"),
    [
        pytest.param("self_rewarding", {}, None, id="the-default"),
        pytest.param("random_scores", {"reward": {"kind": "random"}}, None, id="random-rewards"),
        pytest.param("positive_only", {"method": "positive_sft"}, None, id="another-method"),
        pytest.param("random_scores", {}, "reward.kind: 'random' -> 'judge'", id="another-reward-now"),
        pytest.param("positive_only", {}, "method: 'positive_sft' -> 'self_rewarding'", id="another-method-now"),
    ],
)
def test_a_run_that_was_recorded_with_an_arm_goes_on_under_the_settings_of_today(
    tmp_path: Path, arm: str, changes: dict[str, Any], said: str | None
) -> None:
    run = run_folder(settings(tmp_path))
    with run.held():
        (run.step("M2")).mkdir()
        (run.step("M2") / "pairs.jsonl").touch()
    stored = json.loads((run.path / "settings.json").read_text()) | {"arm": arm, "method": "self_rewarding"}
    del stored["reward"], stored["selection"]
    (run.path / "settings.json").write_text(json.dumps(stored))
    (run.path / "seals.json").unlink()  # as an older srlm leaves it
    found = recorded(run.path)
    assert (found.reward.kind, found.method.name) == (
        {"random_scores": "random"}.get(arm, "judge"), {"positive_only": "positive_sft"}.get(arm, "self_rewarding")
    )  # fmt: skip
    again = run_folder(settings(tmp_path, **changes))
    if said is None:
        with again.held():
            assert "arm" not in json.loads((run.path / "settings.json").read_text())
    else:
        with pytest.raises(StoreError, match=re.escape(said)), again.held():
            pass


def test_a_method_s_own_setting_is_the_same_whether_or_not_its_default_is_written(tmp_path: Path) -> None:
    plain = run_folder(settings(tmp_path, method="positive_sft"))
    with plain.held():
        plain.finish(manifest("M2"))
    written = run_folder(settings(tmp_path, method={"name": "positive_sft", "min_reward": 5}))
    assert written.given.digest == plain.given.digest
    with written.held():
        assert json.loads((plain.path / "settings.json").read_text())["method"] == "positive_sft"
    other = run_folder(settings(tmp_path, method={"name": "positive_sft", "min_reward": 4}))
    assert other.given.digest != plain.given.digest
    with pytest.raises(StoreError, match=r"method\.min_reward: None -> 4\.0"), other.held():
        pass


@pytest.mark.parametrize("content", ["[]", "null", "5"])
def test_a_settings_file_that_holds_none_is_an_error(tmp_path: Path, content: str) -> None:
    run = run_folder(settings(tmp_path))
    run.path.mkdir(parents=True)
    (run.path / "settings.json").write_text(content)
    with pytest.raises(RecordError, match=r"settings\.json: has no settings"), run.held():
        pass


def test_a_run_keeps_the_day_it_began_as_the_day_its_templates_are_told(tmp_path: Path) -> None:
    began, before = run_folder(settings(tmp_path)), datetime.date.today()
    with began.held():
        began.finish(manifest("M0"))
    assert began.settings.model.date is not None
    assert before <= began.settings.model.date <= datetime.date.today()
    (began.path / "inputs.json").write_text('{"date": "2026-02-03"}')  # as if that had been then
    (began.path / "seals.json").unlink()
    later = run_folder(settings(tmp_path))
    assert later.settings.model.date == datetime.date(2026, 2, 3)
    with later.held():
        assert later.settings.model.date == datetime.date(2026, 2, 3)
    on_disk = json.loads((later.path / "settings.json").read_text())
    assert on_disk["model"]["date"] is None
    assert json.loads((later.path / "inputs.json").read_text())["date"] == "2026-02-03"
    with run_folder(settings(tmp_path, model={"base": "scratch", "date": "2026-02-03"})).held():
        pass
    with (
        pytest.raises(StoreError, match=r"model\.date: '2026-02-03' -> '2026-02-04'"),
        run_folder(settings(tmp_path, model={"base": "scratch", "date": "2026-02-04"})).held(),
    ):
        pass
    with later.held():  # the date that was tried is not kept
        assert later.settings.model.date == datetime.date(2026, 2, 3)


def test_before_a_model_is_begun_the_date_may_still_be_set(tmp_path: Path) -> None:
    with run_folder(settings(tmp_path)).held():
        pass
    run = run_folder(settings(tmp_path, model={"base": "scratch", "date": "2020-02-29"}))
    with run.held():
        run.finish(manifest("M0"))
    with run_folder(settings(tmp_path)).held():
        assert run_folder(settings(tmp_path)).settings.model.date == datetime.date(2020, 2, 29)


def test_differences_are_dotted_names_in_order() -> None:
    before = {"b": {"x": 1, "y": 2}, "a": None, "same": {"z": 1}}
    now = {"b": {"x": 1, "y": 3}, "a": {"k": 1}, "same": {"z": 1}, "new": 1}
    assert list(differences(before, now)) == [("a.k", None, 1), ("b.y", 2, 3), ("new", None, 1)]


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file stands here")
    with pytest.raises(StoreError, match="cannot create it"), run_folder(settings(tmp_path)).held():
        pass


def test_a_step_is_done_when_its_manifest_is_there(tmp_path: Path) -> None:
    run = run_folder(settings(tmp_path))
    assert run.manifest("M1") is None
    assert run.checkpoint("M1") is None
    run.step("M1").mkdir(parents=True)
    assert run.manifest("M1") is None
    run.finish(manifest("M1"))
    assert run.manifest("M1") == manifest("M1")
    assert run.checkpoint("M1") == manifest("M1").checkpoint


def test_checkpoints_are_in_the_order_they_are_made_and_only_the_finished_ones(tmp_path: Path) -> None:
    run = run_folder(settings(tmp_path))
    for step in ("M2", "SFT", "M1", "M0"):
        run.finish(manifest(step))
    run.step("M3").mkdir()
    (run.step("M3") / "responses.jsonl.part").touch()
    assert [checkpoint.name for checkpoint in run.checkpoints()] == ["M0", "SFT", "M1", "M2"]
    assert [checkpoint.name for checkpoint in run.measured()] == ["SFT", "M1", "M2"]
    assert run.holding("responses.jsonl.part") == [run.step("M3") / "responses.jsonl.part"]
    assert run.model_path(run.checkpoints()[0]) == run.path / "M0" / "model"


@pytest.mark.parametrize("content", ["{}", '{"step": "M1"}', "not json"])
def test_a_broken_manifest_is_an_error_that_names_the_file(tmp_path: Path, content: str) -> None:
    run = run_folder(settings(tmp_path))
    run.step("M1").mkdir(parents=True)
    (run.step("M1") / "manifest.json").write_text(content)
    with pytest.raises(RecordError, match=r"M1/manifest\.json: not a RunManifest.*delete the folder of M1 and"):
        run.manifest("M1")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("inputs.json", "not a RunInputs.*or delete it: the inputs are then recorded as they are now"),
        ("settings.json", r"not JSON.*restore the file, choose a new name \(--set name=OTHER\) or delete the folder"),
    ],
)
def test_a_record_of_the_run_that_was_cut_says_what_to_do(tmp_path: Path, name: str, said: str) -> None:
    run = run_folder(settings(tmp_path))
    with run.held():
        pass
    file = run.path / name
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(RecordError, match=rf"(?s)run/{name}: {said}"), run_folder(settings(tmp_path)).held():
        pass


def test_a_line_of_the_log_has_the_time_and_a_full_disk_is_a_store_error(tmp_path: Path) -> None:
    run = run_folder(settings(tmp_path))
    run.path.mkdir(parents=True)
    run.log("M1: begins")
    run.log("M1: done")
    lines = (run.path / "log.txt").read_text().splitlines()
    assert [line[19:] for line in lines] == [" M1: begins", " M1: done"]
    (run.path / "log.txt").unlink()
    (run.path / "log.txt").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="the disk is full"):
        run.log("M2: begins")
