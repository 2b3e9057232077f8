"""Checkpoints in many files, as FSDP and DeepSpeed leave them: damage of any one of them is noticed before a resume.

The files are named as the libraries name them, and made here: a mark vouches for whatever is in them.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from srlm.training import checkpoints, divided
from srlm.training.checkpoints import WHOLE

SEED = 3
OWN = ("trainer_state.json", "scheduler.pt", "rng_state_0.pth", "rng_state_1.pth", "training_args.bin")
FSDP = (
    *(f"{part}_0/{name}" for part in ("pytorch_model_fsdp", "optimizer") for name in ("__0_0.distcp", "__1_0.distcp")),
    *(f"{part}_0/.metadata" for part in ("pytorch_model_fsdp", "optimizer")),
)
DEEPSPEED = (
    "latest",
    "zero_to_fp32.py",
    *(f"global_step{{step}}/zero_pp_rank_{rank}_mp_rank_00_model_states.pt" for rank in range(2)),
    *(f"global_step{{step}}/bf16_zero_pp_rank_{rank}_mp_rank_00_optim_states.pt" for rank in range(2)),
)
LORA = ("adapter_model.safetensors", "adapter_config.json", "optimizer.pt")
LAYOUTS = {"fsdp": FSDP, "deepspeed": DEEPSPEED, "lora": LORA}


def checkpoint(work: Path, layout: str, step: int) -> Path:
    """A whole one."""
    folder = work / f"checkpoint-{step}"
    for number, name in enumerate((*OWN, *LAYOUTS[layout])):
        path = folder / name.format(step=step)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{name} of step {step}".encode() * (number + 1))
    checkpoints.vouch(folder, SEED)
    return folder


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def add(path: Path) -> None:
    path.with_name("__2_0.distcp").touch()


def link_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name(f"{path.parent.name} elsewhere"))
    path.parent.symlink_to(f"{path.parent.name} elsewhere")


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink, link, pipe, add])
@pytest.mark.parametrize(
    ("layout", "name"), [(layout, name) for layout, names in LAYOUTS.items() for name in (*names, OWN[2])]
)
def test_a_damaged_part_sets_the_checkpoint_aside(
    layout: str, name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    before, last = checkpoint(tmp_path, layout, 200), checkpoint(tmp_path, layout, 400)
    assert checkpoints.newest(tmp_path, SEED) == last
    damage(last / name.format(step=400))
    assert checkpoints.newest(tmp_path, SEED) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-200", "damaged-400"]


@pytest.mark.parametrize(("layout", "part"), [("fsdp", "optimizer_0"), ("deepspeed", "global_step400")])
def test_a_folder_of_parts_that_is_gone_or_another_sets_the_checkpoint_aside(
    layout: str, part: str, tmp_path: Path
) -> None:
    for change in (shutil.rmtree, lambda folder: link_folder(folder / "any")):
        work = tmp_path / getattr(change, "__name__", "link").strip("<>")
        before, last = checkpoint(work, layout, 200), checkpoint(work, layout, 400)
        change(last / part)
        assert checkpoints.newest(work, SEED) == before


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("fsdp", "FSDP (SHARDED_STATE_DICT)"),
        ("deepspeed", "DeepSpeed's ZeRO stage 3 in 2 processes"),
        ("lora", "whole weights in each process"),
    ],
)
def test_a_checkpoint_tells_how_weights_were_divided(layout: str, said: str, tmp_path: Path) -> None:
    assert divided.saved_with(checkpoint(tmp_path, layout, 200)) == said


def test_a_checkpoint_of_zero_2_has_whole_weights_once_and_one_without_zero_no_optimizer_beside(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "deepspeed", 200)
    for path in folder.glob("*/*_model_states.pt"):
        path.unlink()
    (folder / "global_step200/mp_rank_00_model_states.pt").touch()
    assert divided.saved_with(folder) == "DeepSpeed's ZeRO stage 1 or 2 in 2 processes"
    for path in folder.glob("*/*_optim_states.pt"):
        path.unlink()
    assert divided.saved_with(folder) == "DeepSpeed without ZeRO"


def test_a_full_state_of_fsdp_is_told_from_a_sharded_one(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model_fsdp.bin").touch()
    assert divided.saved_with(tmp_path) == "FSDP (FULL_STATE_DICT)"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parts_of_another_step_or_without_a_mark_are_not_used(layout: str, tmp_path: Path) -> None:
    """A process that was killed between two saves may leave parts of both."""
    before, last = checkpoint(tmp_path, layout, 200), checkpoint(tmp_path, layout, 400)
    first = LAYOUTS[layout][0]
    shutil.copyfile(before / first.format(step=200), last / first.format(step=400))
    cut_short = checkpoint(tmp_path, layout, 600)
    (cut_short / WHOLE).unlink()
    assert checkpoints.newest(tmp_path, SEED) == before
    assert not cut_short.exists()
