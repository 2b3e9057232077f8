"""Weights divided over processes by FSDP2 and DeepSpeed, on CPUs: the weights of one process, stopped or not.

The model is a Qwen2 of two layers with tied embeddings and bfloat16 weights, which is handed on in float32.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from srlm.errors import LaunchError, StoreError
from srlm.run_file import load
from srlm.settings import Settings
from srlm.training import dpo, launch, reward_model, sft
from tests.forks.command import Forks
from tests.srlm.training import families
from tests.srlm.training.test_launch import (
    CHECKOUT,
    LOOPBACK,
    TORCHRUN,
    Stopped,
    contested,
    furthest,
    plain,
    processes_of,
    silent,
    stopped_at,
    wait_until_none_is_left,
)
from tests.srlm.training.test_launch_online import PAIRS as RANKED
from tests.srlm.training.test_launch_online import Shortness, learn

FSDP = ("ACCELERATE_USE_FSDP=true", "FSDP_VERSION=2", "FSDP_AUTO_WRAP_POLICY=TRANSFORMER_BASED_WRAP")
"""What `accelerate launch` says with configs/accelerate/fsdp.yaml."""
TOLERANCE = 5e-6
"""Largest difference of a weight, where training moves weights by 4e-3 and adapters by 3e-2.

Gradients and their norm are added up in another order, layer by layer and process by process, and AdamW makes a whole
step of the smallest gradient. The largest that was seen is 2.5e-6, over ten architectures.
"""
ROWS = [
    sft.Example([2, 4, 16 + number % 3, 5, *labels], [-100] * 4 + labels, 3.0 if number % 2 else 1.0)
    for number in range(16)
    for labels in [[26, 6 + number, *([27] * (number % 4)), 3]]
]
PAIRS = [dpo.PairExample([2, 4, 16, 5], [26, 6 + number, 3], [26, 22 - number, 27, 3]) for number in range(16)]
ALL, ADAPTERS = (), ("lora.rank=2", "lora.alpha=4", "lora.dropout=0", "learning_rate=1e-2")
"""More settings of a training. Each process draws the adapters' dropout for its own examples."""
KINDS = [("sft", ALL), ("dpo", ALL), ("sft", ADAPTERS), ("dpo", ADAPTERS)]
NAMES = ["sft", "dpo", "sft-lora", "dpo-lora"]


def zero(stage: int) -> tuple[str, ...]:
    """What `accelerate launch` says with configs/accelerate/deepspeed-zero3.yaml, or that file with another stage."""
    return ("ACCELERATE_USE_DEEPSPEED=true", f"ACCELERATE_DEEPSPEED_ZERO_STAGE={stage}")


INSTALLED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs deepspeed installed")
WAYS = [
    pytest.param(FSDP, id="fsdp"),
    *(pytest.param(zero(stage), id=f"zero{stage}", marks=INSTALLED) for stage in (2, 3)),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("M0") / "M0"
    families.make("qwen2", folder)
    return folder


@pytest.fixture
def on(forks: Forks) -> Callable[..., tuple[str, ...]]:
    """`on(FSDP, 4)` is a launcher of four processes with these words in its environment."""
    return lambda how, processes=2: (*LOOPBACK, *how, *forks.launcher(processes=processes))


def settings(tiny: Path, more: tuple[str, ...] = (), command: tuple[str, ...] = ()) -> Settings:
    steps = ("batch_size=8", "micro_batch_size=2", "max_steps=8", "save_steps=3", "learning_rate=1e-3", *more)
    words = [f"{part}.{step}" for part in ("sft", "dpo") for step in steps]
    return load(tiny, [*words, f"launch.command=[{', '.join(command)}]"])


def train(kind: str, model: Path, wanted: Settings, folder: Path, report: Callable[[int, int], None] = silent) -> Path:
    """SFT with weights, or DPO with replay; the folder of the trained model."""
    places: dict[str, Any] = {"work": folder / "training", "target": folder / "model", "seed": 3, "report": report}
    if kind == "sft":
        launch.fine_tune(model, ROWS, wanted, **places)
    else:
        launch.optimise(model, PAIRS, ROWS, wanted, **places)
    return folder / "model"


def halves(checkpoint: Path, pattern: str) -> list[int]:
    """Sizes of the files of a checkpoint in which processes have saved a part of the weights each."""
    return [path.stat().st_size for path in checkpoint.glob(pattern)]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        pytest.param(*kind, id=name, marks=[] if name in ("sft", "dpo-lora") else pytest.mark.soak)
        for kind, name in zip(KINDS, NAMES, strict=True)
    ],
)
def test_weights_divided_by_fsdp_are_those_of_one_process_and_their_checkpoints_want_fsdp_again(
    kind: str, more: tuple[str, ...], on: Any, tiny: Path, model: Path, tmp_path: Path
) -> None:
    one = train(kind, model, settings(tiny, more), tmp_path / "one")
    with pytest.raises(Stopped):
        train(kind, model, settings(tiny, more, on(FSDP)), tmp_path / "two", stopped_at(4))
    checkpoint = tmp_path / "two/training/checkpoint-3"
    assert len(halves(checkpoint, "pytorch_model_fsdp_0/*.distcp")) == 2
    with pytest.raises(StoreError) as error:
        train(kind, model, settings(tiny, more), tmp_path / "two")
    assert str(error.value).endswith(
        "was saved by a training with FSDP (SHARDED_STATE_DICT), and this one has whole weights in each process; "
        f"set the launch.command that it was begun with, or delete {checkpoint.parent} to begin it anew"
    )
    two = train(kind, model, settings(tiny, more, on(FSDP)), tmp_path / "two")
    assert furthest(one, two) < TOLERANCE
    before, after = (load_file(folder / "model.safetensors") for folder in (model, two))
    assert {str(weight.dtype) for weight in after.values()} == {"torch.float32"}
    assert before.keys() == after.keys()  # no lm_head.weight: it is the embedding
    assert max(float((after[name] - before[name]).abs().max()) for name in after) > 500 * TOLERANCE


REFERENCE = """
import gc, sys
from pathlib import Path
from torch.distributed.fsdp import FSDPModule
from srlm.run_file import load
from srlm.training import divided, dpo, launch
from tests.srlm.training import test_divided as here

model, folder = Path(sys.argv[1]), Path(sys.argv[2])
wanted = here.settings(here.CHECKOUT / "tests/tiny.yaml", ("max_steps=2",))
divided.join(60, bfloat16=False, max_grad_norm=1.0)
seen = []

def report(done, total):
    (trainer,) = [one for one in gc.get_objects() if isinstance(one, dpo.PairTrainer)]
    for whole in (trainer.accelerator.unwrap_model(trainer.model), trainer.ref_model):
        seen.append([isinstance(part, FSDPModule) for part in (whole, *whole.model.layers)])

places = {"work": folder / "training", "target": folder / "model", "seed": 3, "report": report}
launch.optimise(model, here.PAIRS, here.ROWS, wanted, **places)
print(seen[0], seen[1])
"""


def test_the_reference_is_divided_layer_by_layer_as_the_model_that_is_trained(model: Path, tmp_path: Path) -> None:
    """As one piece, each GPU would hold all of a reference's weights whenever it computes."""
    environment = dict(one.split("=") for one in FSDP) | {
        "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0",
        "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    said = subprocess.run(
        [sys.executable, "-c", REFERENCE, str(model), str(tmp_path)],
        env=os.environ | environment | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.splitlines()[-1:] == ["[True, True, True] [True, True, True]"], said.stderr[-2000:]


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "more"), KINDS, ids=NAMES)
def test_a_training_goes_on_in_any_number_of_processes(
    kind: str, more: tuple[str, ...], on: Any, tiny: Path, model: Path, tmp_path: Path
) -> None:
    """Two, then four through accelerate's own launcher and our file for it, then one."""
    file = CHECKOUT / "configs/accelerate/fsdp.yaml"
    accelerate = (*LOOPBACK, "accelerate", "launch", "--config_file", str(file), "--num_processes=4")
    one = train(kind, model, settings(tiny, more), tmp_path / "one")
    for command, step in ((on(FSDP), 4), (accelerate, 7)):
        with pytest.raises(Stopped):
            train(kind, model, settings(tiny, more, command), tmp_path / "some", stopped_at(step))
    assert len(halves(tmp_path / "some/training/checkpoint-6", "pytorch_model_fsdp_0/*.distcp")) == 4
    last = train(kind, model, settings(tiny, more, on(FSDP, 1)), tmp_path / "some")
    assert furthest(one, last) < TOLERANCE


def killing(folder: Path, rank: str | None, seen: list[int]) -> Callable[[int, int], None]:
    """Kill the process of a rank at step 5, or the launcher."""

    def environment(pid: int) -> list[str]:
        return Path(f"/proc/{pid}/environ").read_text().split("\0")

    def report(done: int, total: int) -> None:
        seen.append(done)
        if done == 5:
            (found,) = (
                pid
                for pid in processes_of(folder)
                if next((word[5:] for word in environment(pid) if word.startswith("RANK=")), None) == rank
            )
            os.kill(found, signal.SIGKILL)

    return report


@pytest.mark.soak
@pytest.mark.parametrize("rank", ["0", "1", None], ids=["first process", "second process", "launcher"])
def test_after_kill_9_of_any_process_the_others_end_and_the_training_goes_on(
    rank: str | None, tiny: Path, model: Path, tmp_path: Path
) -> None:
    command = (*LOOPBACK, *FSDP, *TORCHRUN[2:])
    one, steps = train("sft", model, settings(tiny), tmp_path / "one"), list[int]()
    with pytest.raises(LaunchError):
        train("sft", model, settings(tiny, (), command), tmp_path / "two", killing(tmp_path / "two", rank, []))
    wait_until_none_is_left(tmp_path / "two/launch")
    two = train("sft", model, settings(tiny, (), command), tmp_path / "two", lambda done, total: steps.append(done))
    assert steps[0] in (4, 7) and steps[-1] == 8
    assert furthest(one, two) < TOLERANCE


@pytest.mark.soak
@pytest.mark.parametrize(
    ("how", "more"),
    [(FSDP, ALL), (FSDP, ADAPTERS), pytest.param(zero(3), ALL, marks=INSTALLED)],
    ids=["fsdp", "fsdp-lora", "zero3"],
)
def test_early_stop_with_divided_weights_keeps_the_checkpoint_that_one_process_keeps(
    how: tuple[str, ...], more: tuple[str, ...], on: Any, tiny: Path, model: Path, tmp_path: Path
) -> None:
    nets = {3: 0.5, 6: -0.1}
    looked = [plain(3).replace("Llama", "Qwen2"), plain(6).replace("Llama", "Qwen2")]
    for name, command in (("one", ()), ("two", on(how))):
        compared = contested(model, settings(tiny, more, command), tmp_path / name, nets)
        assert list(compared.values()) == looked
    assert furthest(tmp_path / "one/model", tmp_path / "two/model") < TOLERANCE


@pytest.mark.soak
@pytest.mark.parametrize("how", WAYS)
def test_steps_that_bfloat16_cannot_tell_are_handed_on_though_passes_are_in_bfloat16(
    how: tuple[str, ...], on: Any, tiny: Path, model: Path, tmp_path: Path
) -> None:
    more = ("autocast=bfloat16", "learning_rate=1e-6", "final_learning_rate=1e-6")
    one = train("sft", model, settings(tiny, more), tmp_path / "one")
    two = train("sft", model, settings(tiny, more, on(how)), tmp_path / "two")
    before, alone, after = (load_file(folder / "model.safetensors") for folder in (model, one, two))
    assert {str(weight.dtype) for weight in after.values()} == {"torch.float32"}
    for name, weight in after.items():
        moved = (weight - before[name].float()).abs()
        assert float(moved.max()) < 8.2e-6  # eight steps of the rate, and what float32 rounds of a weight of 1
        assert float((moved > 0).float().mean()) > 0.99
    # Passes in bfloat16 round in another order: where a gradient is almost 0 its sign may be the other one.
    off = torch.cat([(weight - alone[name]).flatten() for name, weight in after.items()])
    assert float(off.pow(2).mean().sqrt()) < 5e-7


@pytest.mark.soak
@pytest.mark.parametrize("how", WAYS)
def test_a_reward_model_with_divided_weights_is_that_of_one_process(
    how: tuple[str, ...], on: Any, tiny: Path, model: Path, tmp_path: Path
) -> None:
    steps = ["batch_size=8", "micro_batch_size=2", "learning_rate=1e-3", "save_steps=2", "max_steps=4"]
    for name, command in (("one", ()), ("two", on(how))):
        words = [*(f"reward_model.{step}" for step in steps), f"launch.command=[{', '.join(command)}]"]
        places: dict[str, Any] = {"work": tmp_path / name / "training", "target": tmp_path / name / "model"}
        launch.fit_reward_model(model, RANKED, load(tiny, words), seed=3, report=silent, **places)
    assert furthest(tmp_path / "one/model", tmp_path / "two/model") < TOLERANCE
    assert reward_model.HEAD in "".join(load_file(tmp_path / "two/model/model.safetensors"))


@pytest.mark.soak
def test_online_training_with_divided_weights_is_refused(on: Any, tiny: Path, model: Path, tmp_path: Path) -> None:
    steps = ["online.batch_size=8", "online.micro_batch_size=2", "online.beta=0", "candidates.count=4"]
    with pytest.raises(LaunchError, match="use a launch without FSDP or DeepSpeed"):
        learn(model, load(tiny, [*steps, f"launch.command=[{', '.join(on(FSDP))}]"]), tmp_path, Shortness())


@pytest.mark.soak
def test_the_first_version_of_fsdp_is_refused_without_a_gpu(on: Any, tiny: Path, model: Path, tmp_path: Path) -> None:
    command = on(("ACCELERATE_USE_FSDP=true", "FSDP_VERSION=1"))
    with pytest.raises(
        LaunchError, match=r"only the second version of FSDP can divide weights; set fsdp_version: 2 .* says 1"
    ):
        train("sft", model, settings(tiny, (), command), tmp_path)


@pytest.mark.soak
@INSTALLED
@pytest.mark.parametrize("stage", [2, 3])
@pytest.mark.parametrize(("kind", "more"), KINDS, ids=NAMES)
def test_weights_divided_by_deepspeed_are_those_of_one_process_and_are_taken_up_in_as_many(
    kind: str, more: tuple[str, ...], stage: int, on: Any, tiny: Path, model: Path, tmp_path: Path
) -> None:
    # Gradients are clipped as the run file says; accelerate tells DeepSpeed 1 where nobody tells it.
    more = (*more, "max_grad_norm=0.05")
    one = train(kind, model, settings(tiny, more), tmp_path / "one")
    with pytest.raises(Stopped):
        train(kind, model, settings(tiny, more, on(zero(stage))), tmp_path / "two", stopped_at(4))
    checkpoint = tmp_path / "two/training/checkpoint-3"
    assert len(halves(checkpoint, "global_step3/*_optim_states.pt")) == 2
    if kind == "sft":
        with pytest.raises(LaunchError, match=r"stage .* in 2 processes, and this one has .* in 4 processes; set the"):
            train(kind, model, settings(tiny, more, on(zero(stage), 4)), tmp_path / "two")
    two = train(kind, model, settings(tiny, more, on(zero(stage))), tmp_path / "two")
    assert furthest(one, two) < TOLERANCE


@pytest.mark.skipif(find_spec("deepspeed") is not None, reason="needs an environment without deepspeed")
def test_deepspeed_that_is_not_installed_is_named(on: Any, tiny: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(
        LaunchError, match=r"and is not installed; pip install 'srlm\[deepspeed\]', or launch with FSDP"
    ):
        train("sft", model, settings(tiny, (), on(zero(3))), tmp_path)
