"""A run is what it is made from: an input or a file of its own that has changed is refused with its name."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import StoreError
from srlm.methods.run import Run
from srlm.records import Input
from srlm.run_file import load
from srlm.settings import Settings


class Place:
    """A run of files and folders that lie in `folder`, of which nothing is made yet."""

    def __init__(self, folder: Path, bead_model: Path) -> None:
        self.folder = folder
        self.base = Path(shutil.copytree(bead_model, folder / "base"))
        self.writer = Path(shutil.copytree(bead_model, folder / "writer"))
        for name in ("trees.jsonl", "asked.jsonl", "new.jsonl", "rubric.txt", "chat.jinja"):
            (folder / name).write_text(f"first {name}\n")

    def settings(self, **prompts: Any) -> Settings:
        return Settings.model_validate(
            {
                "name": "run",
                "runs": str(self.folder / "runs"),
                "model": {"base": str(self.base), "chat_template": str(self.folder / "chat.jinja")},
                "data": {"kind": "oasst", "path": f"{self.folder}/trees.jsonl"}
                | {"prompts_path": f"{self.folder}/asked.jsonl"},
                "judge": {"template": f"{self.folder}/rubric.txt"},
                "prompts": prompts or {"writer": "file", "path": f"{self.folder}/new.jsonl"},
            }
        )

    def begin(self, *steps: str, **prompts: Any) -> None:
        """A first process, which comes into these steps and is then killed."""
        run = Run(self.settings(**prompts))
        with run.held():
            for step in steps:
                run.folder.step(step).mkdir()
                run.path(step, "records.jsonl.part").touch()

    def go_on(self, **prompts: Any) -> None:
        """What the next process does first."""
        with Run(self.settings(**prompts)).held():
            pass

    def recorded(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "runs/run/inputs.json").read_text())["inputs"]
        return found


@pytest.fixture
def place(tmp_path: Path, bead_model: Path) -> Place:
    return Place(tmp_path, bead_model)


EVERY = ("data", "M0", "SFT", "M1", "M2")


@pytest.mark.parametrize(
    ("file", "setting", "first"),
    [
        pytest.param("trees.jsonl", "data.path", "data", id="trees"),
        pytest.param("asked.jsonl", "data.prompts_path", "data", id="evaluation-prompts"),
        pytest.param("chat.jinja", "model.chat_template", "M0", id="chat-template"),
        pytest.param("rubric.txt", "judge.template", "M1", id="rubric"),
        pytest.param("new.jsonl", "prompts.path", "M2", id="prompts"),
    ],
)
def test_a_file_is_fixed_once_a_step_that_it_shapes_has_begun(
    place: Place, file: str, setting: str, first: str
) -> None:
    before = EVERY[: EVERY.index(first)]
    place.begin(*before)
    (place.folder / file).write_text("second\n")
    place.go_on()  # nothing was made from it yet
    place.begin(first)
    (place.folder / file).write_text("third.\n")
    with pytest.raises(StoreError) as caught:
        place.go_on()
    assert f"run was made from other inputs ({setting} {place.folder}/{file}: {file} has changed, " in str(caught.value)
    assert f"{setting} changes {first} first; restore the original inputs, " in str(caught.value)
    assert "choose a new name (--set name=OTHER)" in str(caught.value)
    (place.folder / file).write_text("second\n")  # put back: another time, the same content
    place.go_on()
    (place.folder / file).unlink()  # whoever still needs it says that it is gone
    place.go_on()


def no_config(folder: Path) -> None:
    (folder / "generation_config.json").unlink()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        pytest.param(
            lambda folder: (folder / "config.json").write_text("{}"), "config.json has changed", id="configuration"
        ),
        pytest.param(
            lambda folder: (folder / "tokenizer_config.json").write_text("{}"),
            "tokenizer_config.json has changed",
            id="tokenizer",
        ),
        pytest.param(
            lambda folder: (folder / "chat_template.jinja").write_text("{{ 1 }}"),
            "chat_template.jinja has changed",
            id="its-own-template",
        ),
        pytest.param(
            lambda folder: (
                (folder / "additional_chat_templates").mkdir()
                or (folder / "additional_chat_templates/tools.jinja").write_text("")
            ),
            "additional_chat_templates/tools.jinja is new",
            id="one-more-template",
        ),
        pytest.param(no_config, "generation_config.json is gone", id="generation-configuration"),
        pytest.param(
            lambda folder: (folder / "modeling_own.py").write_text(""), "modeling_own.py is new", id="code-of-the-model"
        ),
        pytest.param(
            lambda folder: (folder / "model.safetensors").write_bytes(b"0"),
            "model.safetensors has changed",
            id="weights",
        ),
    ],
)
@pytest.mark.parametrize(("which", "step"), [("model.base", "M0"), ("prompts.model", "M2")])
def test_a_model_folder_is_all_that_makes_the_model(
    place: Place, edit: Callable[[Path], object], said: str, which: str, step: str
) -> None:
    prompts = {"writer": "fixed", "model": str(place.writer)}
    folder = place.base if which == "model.base" else place.writer
    place.begin(step, **prompts)
    (folder / "README.md").write_text("It makes nothing.")
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    os.utime(folder / "config.json", (1, 1))  # another time, the same content
    place.go_on(**prompts)
    edit(folder)
    with pytest.raises(StoreError) as caught:
        place.go_on(**prompts)
    assert f"{which} {folder}: {said}" in str(caught.value)


def test_of_several_changes_each_is_named(place: Place) -> None:
    place.begin(*EVERY)
    (place.folder / "trees.jsonl").write_text("other")
    (place.folder / "rubric.txt").write_text("other")
    with pytest.raises(StoreError, match=r"data\.path .*trees\.jsonl has changed.*judge\.template .*rubric\.txt has"):
        place.go_on()


def test_what_was_made_before_inputs_were_recorded_goes_on_and_the_log_says_so(place: Place) -> None:
    place.begin("data", "M0", "SFT")
    run = place.folder / "runs/run"
    (run / "inputs.json").unlink()
    (place.folder / "trees.jsonl").write_text("nobody knows")
    place.go_on()
    said = (run / "log.txt").read_text().splitlines()[-1]
    assert said[19:] == (
        " inputs: data.path, data.prompts_path, model.base, model.chat_template recorded only now; the inputs of "
        "earlier steps are unknown"
    )
    (place.folder / "trees.jsonl").write_text("but now it is")
    with pytest.raises(StoreError, match=r"data\.path"):
        place.go_on()


def test_a_template_that_comes_with_srlm_is_an_input_like_any_other(place: Place) -> None:
    settings = place.settings(writer="self").model_copy(
        update={"judge": place.settings().judge.model_copy(update={"template": "additive"})}
    )
    run = Run(settings)
    with run.held():
        run.folder.step("M1").mkdir()
        run.path("M1", "eft_judgements.jsonl.part").touch()
    record = place.folder / "runs/run/inputs.json"
    made = json.loads(record.read_text())
    assert list(made["inputs"]) == [
        *("data.path", "data.prompts_path", "judge.template", "model.base", "model.chat_template", "prompts.writer")
    ]
    made["inputs"]["judge.template"]["files"]["additive.txt"] = "0" * 64  # as an older srlm had it
    record.write_text(json.dumps(made))
    (place.folder / "runs/run/seals.json").unlink()
    with pytest.raises(StoreError, match=r"judge\.template \(srlm's own\): additive\.txt has changed"), run.held():
        pass


def test_lines_may_be_added_to_the_prompts_and_are_fixed_from_then_on(place: Place) -> None:
    prompts = place.folder / "new.jsonl"
    place.begin(*EVERY)
    prompts.write_text("first new.jsonl\nsecond\n")
    place.go_on()
    prompts.write_text("first new.jsonl\nother!\n")
    with pytest.raises(StoreError, match=r"prompts\.path .*new\.jsonl has changed"):
        place.go_on()
    prompts.write_text("first new.jsonl\nsecond\nthird")
    place.go_on()
    prompts.write_text("first new.jsonl\nsecond\nthirds\n")  # the last line was not whole
    with pytest.raises(StoreError, match=r"prompts\.path .*new\.jsonl has changed"):
        place.go_on()


def test_an_edit_between_two_stages_of_one_process_is_refused(place: Place) -> None:
    run = Run(place.settings())
    with run.held():
        with run.stage("M1", "judging"):
            run.folder.step("M1").mkdir()
            run.path("M1", "eft_judgements.jsonl.part").touch()
        (place.folder / "rubric.txt").write_text("other")
        with pytest.raises(StoreError, match=r"judge\.template"), run.stage("M2", "judging"):
            raise AssertionError("a stage that would have read the other rubric")


def test_the_record_names_what_the_settings_name(place: Place) -> None:
    place.begin()
    found = {name: Input.model_validate(one) for name, one in place.recorded().items()}
    assert found["judge.template"].name == str(place.folder / "rubric.txt")
    assert list(found["judge.template"].files) == ["rubric.txt"]
    assert list(found["model.base"].files) == [
        *("chat_template.jinja", "config.json", "generation_config.json", "model.safetensors"),
        *("tokenizer.json", "tokenizer_config.json"),
    ]


# What the run itself has made --------------------------------------------------------------------------------------


@pytest.fixture
def mine(trained: Path, tiny: Path, tmp_path: Path) -> Run:
    """A copy of the tiny run, trained to M2."""
    shutil.copytree(trained / "runs/tiny", tmp_path / "runs/tiny")
    return Run(load(tiny, [f"runs={tmp_path}/runs"]))


def held(run: Run) -> None:
    with Run(run.folder.given).held():
        pass


def swap(path: Path) -> None:
    """Another content of the same length."""
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "step"),
    [
        ("data/ift.jsonl", "data"),
        ("data/heldout_sets.jsonl", "data"),
        ("M0/model/tokenizer.json", "M0"),
        ("M1/model/model.safetensors", "M1"),
        ("M1/model/config.json", "M1"),
        ("M1/eft.jsonl", "M1"),
        ("M2/prompts.jsonl", "M2"),
        ("M2/responses.jsonl", "M2"),
        ("M2/judgements.jsonl", "M2"),
        ("M2/pairs.jsonl", "M2"),
        ("M2/model/generation_config.json", "M2"),
    ],
)
def test_a_finished_steps_file_that_was_edited_is_refused(mine: Run, file: str, step: str) -> None:
    held(mine)
    path = mine.folder.path / file
    before = path.read_bytes()
    swap(path)
    with pytest.raises(StoreError) as caught:
        held(mine)
    assert f"{file} has changed since {step} was finished" in str(caught.value)
    path.unlink()
    with pytest.raises(StoreError, match=f"{file} is gone"):
        held(mine)
    path.write_bytes(before)
    held(mine)


def test_a_model_whose_parent_was_made_anew_from_something_else_is_refused(mine: Run) -> None:
    path = mine.path("M1", "manifest.json")
    manifest = json.loads(path.read_text())
    manifest["checkpoint"]["digest"] = "0" * 64
    path.write_text(json.dumps(manifest))
    (mine.folder.path / "seals.json").unlink()
    with pytest.raises(StoreError, match="M2 was made from a different M1 than the current one"):
        held(mine)


def test_weights_of_a_run_whose_manifests_list_no_model_files_are_compared_by_their_digest(mine: Run) -> None:
    for step in ("M0", "SFT", "M1", "M2"):
        path = mine.path(step, "manifest.json")
        manifest = json.loads(path.read_text())
        manifest["outputs"] = {name: fact for name, fact in manifest["outputs"].items() if "/" not in name}
        path.write_text(json.dumps(manifest))
    (mine.folder.path / "seals.json").unlink()  # as an older srlm leaves it
    held(mine)
    swap(mine.path("SFT", "model") / "model.safetensors")
    with pytest.raises(StoreError, match=r"the weights in .*SFT/model have changed since SFT was finished"):
        held(mine)


@pytest.mark.parametrize("file", ["prompts.jsonl", "responses.jsonl", "judgements.jsonl", "model/config.json"])
def test_a_file_that_a_stopped_step_will_read_again_is_refused_when_edited(mine: Run, file: str) -> None:
    mine.path("M2", "manifest.json").unlink()
    held(mine)
    swap(mine.path("M2", file))
    with pytest.raises(StoreError, match=f"M2/{file} has changed since M2 was interrupted"):
        held(mine)
    mine.path("M2", file).unlink()  # what a message tells to delete may be deleted
    held(mine)


def test_a_finished_step_s_files_are_in_its_manifest_and_no_longer_in_the_seals(mine: Run) -> None:
    sealed = json.loads((mine.folder.path / "seals.json").read_text())
    assert sorted(sealed) == [
        *("M0/manifest.json", "M1/manifest.json", "M2/manifest.json", "SFT/manifest.json", "data/manifest.json"),
        *("inputs.json", "settings.json"),
    ]


def test_what_an_older_srlm_recorded_of_a_stopped_step_is_compared_and_sealed(mine: Run) -> None:
    mine.path("M2", "manifest.json").unlink()
    record, path = mine.path("M2", "so_far.json"), mine.path("M2", "judgements.jsonl")
    record.write_text(json.dumps({"judgements.jsonl": mine.folder.sha256(path)}))
    (mine.folder.path / "seals.json").unlink()
    before = path.read_bytes()
    swap(path)
    with pytest.raises(StoreError, match=r"M2/judgements\.jsonl has changed since M2 was interrupted"):
        held(mine)
    path.write_bytes(before)
    held(mine)
    assert not record.exists()
    swap(path)
    with pytest.raises(StoreError, match=r"M2/judgements\.jsonl has changed since M2 was interrupted"):
        held(mine)


def test_the_command_line_says_it_in_one_message(mine: Run, tiny: Path, srlm: Any) -> None:
    swap(mine.path("M1", "model") / "config.json")
    done = srlm("train", "--run", tiny, "--set", f"runs={mine.folder.path.parent}")
    assert done.exit_code == 2
    assert done.stderr == (
        f"srlm: {mine.folder.path}: M1/model/config.json has changed since M1 was finished. Restore the files, or "
        "delete the folders of these steps and of every step made from them, and run the same command again\n"
    )


USES = ("ift", "rankings", "evaluation_prompts")


def own_files(place: Place) -> Settings:
    """A run of files of one's own, each for its use."""
    given = place.settings().model_dump(mode="json")
    for use in USES:
        (place.folder / f"{use}.jsonl").write_text(f"first {use}\n")
    given["data"] = {"kind": "files", "sources": {use: {"path": f"{place.folder}/{use}.jsonl"} for use in USES}}
    given["prompts"] = {"writer": "file", "source": {"path": f"{place.folder}/new.jsonl"}}
    return Settings.model_validate(given)


@pytest.mark.parametrize("use", USES)
def test_files_of_ones_own_are_fixed_once_the_data_is_read(place: Place, use: str) -> None:
    settings = own_files(place)
    run = Run(settings)
    with run.held():
        run.folder.step("data").mkdir()
        run.path("data", "records.jsonl.part").touch()
    assert {f"data.sources.{one}" for one in USES} | {"prompts.source"} <= place.recorded().keys()
    (place.folder / f"{use}.jsonl").write_text("other words\n")
    with pytest.raises(StoreError, match=rf"data\.sources\.{use}"), Run(settings).held():
        pass


def test_lines_may_be_added_to_a_source_of_prompts_and_not_changed(place: Place) -> None:
    settings = own_files(place)
    run = Run(settings)
    with run.held():
        for step in EVERY:
            run.folder.step(step).mkdir()
            run.path(step, "records.jsonl.part").touch()
    new = place.folder / "new.jsonl"
    new.write_text(new.read_text() + "a further line\n")
    with Run(settings).held():
        pass
    new.write_text("other words\n")
    with pytest.raises(StoreError, match=r"prompts\.source"), Run(settings).held():
        pass
