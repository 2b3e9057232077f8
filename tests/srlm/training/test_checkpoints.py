"""A checkpoint is what its mark vouches for, or training resumes at the one before it, to the same bytes."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.weights import load_model, load_tokenizer
from srlm.errors import StoreError
from srlm.run_file import load
from srlm.settings import ModelSettings, SftSettings
from srlm.training import checkpoints, dpo, launch, sft
from srlm.training.checkpoints import PAUSED, WHOLE
from srlm.training.warned import also_logged

MODEL = ModelSettings(base="unused", dtype="auto")
ROWS = [
    sft.Example([2, 4, 16 + number % 3, 5, 26, 6 + number, 3], [-100] * 4 + [26, 6 + number, 3], 1.0)
    for number in range(12)
]
PAIRS = [dpo.PairExample([2, 4, 16, 5], [26, 6 + number, 3], [26, 17 - number, 27, 3]) for number in range(12)]


class Killed(Exception):
    """The training stops here."""


def training(model: Path, folder: Path, kill_at: int = 0, seed: int = 3, **more: Any) -> list[int]:
    """Train for eight steps with a checkpoint every second one; returns the steps that were made."""
    steps: list[int] = []

    def report(done: int, total: int) -> None:
        steps.append(done)
        if done == kill_at:
            raise Killed

    words = {"batch_size": 4, "micro_batch_size": 2, "max_steps": 8, "save_steps": 2, "learning_rate": 1e-3}
    sft.fine_tune(
        load_model(model, MODEL),
        load_tokenizer(model, MODEL),
        ROWS,
        SftSettings.model_validate({**words, **more}),
        seed=seed,
        dtype="float32",
        work=folder / "training",
        target=folder / "model",
        report=report,
    )
    return steps


@pytest.fixture(scope="module")
def undisturbed(bead_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    training(bead_model, folder)
    return folder


@pytest.fixture(scope="module")
def killed(bead_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stopped in its seventh step: with the checkpoints of steps 4 and 6."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.raises(Killed):
        training(bead_model, folder, kill_at=7)
    return folder


@pytest.fixture
def stopped(killed: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(killed, tmp_path / "stopped"))


def outcome(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "model/model.safetensors").read_bytes(), (folder / "training.json").read_bytes()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Ours; the libraries say more."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("srlm.training")]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def link(path: Path) -> None:
    path.rename(path.parents[2] / "elsewhere")
    path.symlink_to(path.parents[2] / "elsewhere")


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def test_the_mark_has_size_and_digest_of_every_file_all_of_which_were_on_the_disk_before(
    bead_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: list[str] = []
    sync = os.fsync

    def fsync(opened: int) -> None:
        on_disk.append(os.readlink(f"/proc/self/fd/{opened}"))
        sync(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Killed):
        training(bead_model, tmp_path, kill_at=3)
    folder = tmp_path / "training/checkpoint-2"
    mark = json.loads((folder / WHOLE).read_bytes())
    names = sorted(path.name for path in folder.iterdir() if path.name != WHOLE)
    assert {"model.safetensors", "optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json"} < set(names)
    assert mark["step"] == 2
    assert mark["files"] == {
        name: {
            "size": (folder / name).stat().st_size,
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
        }
        for name in names
    }
    before = on_disk[: on_disk.index(str(folder / f"{WHOLE}.part"))]
    assert {str(folder), *(str(folder / name) for name in names)} <= set(before)


@pytest.mark.parametrize(
    ("name", "damage", "why"),
    [
        pytest.param("optimizer.pt", Path.unlink, "optimizer.pt is gone", id="deleted"),
        pytest.param("optimizer.pt", cut, "optimizer.pt is not what it was when it was saved", id="cut"),
        pytest.param("model.safetensors", flip, "model.safetensors is not what it was when it was saved", id="a-bit"),
        pytest.param("rng_state.pth", link, "rng_state.pth is not what it was when it was saved", id="a-link"),
        pytest.param("scheduler.pt", pipe, "scheduler.pt is not what it was when it was saved", id="a-pipe"),
        pytest.param("pytorch_model.bin", Path.touch, "pytorch_model.bin is new", id="added"),
        pytest.param(WHOLE, cut, "whole, which vouches for its files, cannot be read", id="mark-cut"),
        pytest.param(WHOLE, pipe, "whole is no file", id="mark-a-pipe"),
    ],
)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_taken(
    name: str,
    damage: Callable[[Path], None],
    why: str,
    undisturbed: Path,
    stopped: Path,
    bead_model: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    newest = stopped / "training/checkpoint-6"
    damage(newest / name)
    with pytest.raises(Killed):
        training(bead_model, stopped, kill_at=5)
    assert warnings(caplog) == [f"{newest}: {why}; set aside as damaged-6; training resumes at checkpoint-4"]
    assert sorted(path.name for path in (stopped / "training").glob("*-*")) == ["checkpoint-4", "damaged-6"]
    assert training(bead_model, stopped) == [5, 6, 7, 8]
    assert outcome(stopped) == outcome(undisturbed)
    assert sorted(path.name for path in stopped.iterdir() if path.name != "elsewhere") == ["model", "training.json"]


def test_a_training_under_way_writes_its_checkpoints_and_nothing_else(stopped: Path) -> None:
    assert sorted(path.name for path in (stopped / "training").iterdir()) == ["checkpoint-4", "checkpoint-6"]


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
def test_a_damaged_adapter_is_set_aside_and_training_ends_with_the_same_bytes(
    damage: Callable[[Path], None], bead_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lora: dict[str, Any] = {"lora": {"rank": 2, "alpha": 4}}
    training(bead_model, tmp_path / "one", **lora)
    with pytest.raises(Killed):
        training(bead_model, tmp_path / "two", kill_at=7, **lora)
    newest = tmp_path / "two/training/checkpoint-6"
    damage(newest / "adapter_model.safetensors")
    caplog.clear()
    assert training(bead_model, tmp_path / "two", **lora) == [5, 6, 7, 8]
    (said,) = warnings(caplog)
    assert said.startswith(f"{newest}: adapter_model.safetensors is ") and said.endswith("resumes at checkpoint-4")
    assert outcome(tmp_path / "two") == outcome(tmp_path / "one")


def test_where_no_checkpoint_is_good_training_begins_anew_and_says_so(
    undisturbed: Path, stopped: Path, bead_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flip(stopped / "training/checkpoint-6/optimizer.pt")
    flip(stopped / "training/checkpoint-4/trainer_state.json")
    assert training(bead_model, stopped) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [line.rpartition("; ")[2] for line in warnings(caplog)] == ["training begins anew"] * 2
    assert outcome(stopped) == outcome(undisturbed)


def test_a_checkpoint_of_another_training_is_not_taken_up(
    stopped: Path, bead_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert training(bead_model, stopped, seed=4) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert "it belongs to another step or another training" in caplog.text


def test_a_checkpoint_under_the_name_of_another_step_is_not_taken_up(
    undisturbed: Path, stopped: Path, bead_model: Path
) -> None:
    shutil.rmtree(stopped / "training/checkpoint-6")
    (stopped / "training/checkpoint-4").rename(stopped / "training/checkpoint-6")
    assert training(bead_model, stopped) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert outcome(stopped) == outcome(undisturbed)


def test_one_of_an_earlier_version_is_used_unverified_and_set_aside_where_it_cannot_be_read(
    undisturbed: Path, stopped: Path, bead_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for step in (4, 6):
        (stopped / f"training/checkpoint-{step}" / WHOLE).write_text("")
    newest = stopped / "training/checkpoint-6"
    cut(newest / "rng_state.pth")
    with pytest.raises(StoreError) as error:
        training(bead_model, stopped)
    assert str(error.value).startswith(f"{newest}: cannot be resumed (")
    assert str(error.value).endswith(
        ") and was set aside: run the same command again to resume at the checkpoint before it, or to begin the "
        "training anew where none is left"
    )
    caplog.clear()
    assert training(bead_model, stopped) == [5, 6, 7, 8]
    assert warnings(caplog) == [
        f"{newest.with_name('checkpoint-4')}: saved by an earlier version, without digests: it is used unverified"
    ]
    assert outcome(stopped) == outcome(undisturbed)


def contested(model: Path, tiny: Path, folder: Path, margin: Callable[[Path, int], float]) -> None:
    """DPO of eight steps with a contest at every second one."""
    steps = ["batch_size=4", "micro_batch_size=2", "max_steps=8", "save_steps=2", "learning_rate=1e-3"]
    launch.optimise(
        model,
        PAIRS,
        ROWS,
        load(tiny, [f"dpo.{step}" for step in steps]),
        seed=3,
        work=folder / "training",
        target=folder / "model",
        report=lambda done, total: None,
        contest=margin,
    )


def test_a_damaged_checkpoint_that_waits_for_its_contest_is_made_again(
    tiny: Path, bead_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held: list[int] = []

    def margin(model: Path, step: int) -> float:
        held.append(step)
        return -1 if step == 6 else 1

    def stop(model: Path, step: int) -> float:
        if step == 4:
            raise Killed
        return 1

    contested(bead_model, tiny, tmp_path / "undisturbed", margin)
    with pytest.raises(Killed):
        contested(bead_model, tiny, tmp_path / "stopped", stop)
    waiting = tmp_path / "stopped/training/checkpoint-4"
    assert (waiting / PAUSED).exists() and not (waiting / WHOLE).exists()
    cut(waiting / "plain/model.safetensors")
    held.clear()
    contested(bead_model, tiny, tmp_path / "stopped", margin)
    assert held == [4, 6]
    assert "plain/model.safetensors is not what it was when it was saved" in caplog.text
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "undisturbed")


def test_a_damaged_checkpoint_that_has_won_is_not_the_model(
    tiny: Path, bead_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    once = True

    def margin(model: Path, step: int) -> float:
        nonlocal once
        if step == 4 and once:
            once = False
            flip(tmp_path / "damaged/training/checkpoint-2/plain/model.safetensors")
        return -1 if step == 4 else 1

    contested(bead_model, tiny, tmp_path / "undisturbed", lambda model, step: -1 if step == 4 else 1)
    contested(bead_model, tiny, tmp_path / "damaged", margin)
    assert "it has won a contest, so training makes it again" in caplog.text
    assert outcome(tmp_path / "damaged") == outcome(tmp_path / "undisturbed")


def test_what_training_warns_of_is_in_the_runs_log() -> None:
    lines: list[str] = []
    with also_logged(lines.append):
        logging.getLogger("srlm.training.checkpoints").warning("checkpoint-6: %s", "cut\nshort")
    logging.getLogger("srlm.training.checkpoints").warning("later")
    assert lines == ["warning: checkpoint-6: cut?short"]


def test_what_has_no_mark_was_cut_short_and_is_deleted_and_all_else_is_left_alone(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path / "none", 1) is None
    (tmp_path / "runs").mkdir()
    (tmp_path / "checkpoint-2").mkdir()
    (tmp_path / "checkpoint-4").write_text("a file")
    assert checkpoints.newest(tmp_path, 1) is None
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
