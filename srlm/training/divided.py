"""Weights divided over the processes of a training, by FSDP2 or DeepSpeed: joining in, with GPUs or without.

The launcher says by its environment which of them it is (`accelerate launch --config_file configs/accelerate/...`).
On GPUs accelerate does the rest. Without one it divides nothing: its `AcceleratorState` takes up FSDP where the
processes are MULTI_GPU or the like, and MULTI_CPU is not on that list (1.15, state.py). So there we say it ourselves,
on the public fields of the same state, and all that follows is the code that runs on GPUs, over gloo.
"""

import os
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_model

from srlm.errors import SettingsError
from srlm.text.counts import counted


def divides() -> Literal["FSDP", "DEEPSPEED"] | None:
    """What the launcher wants weights divided by; None: each process is to hold all of them."""
    for name in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true":
            return name
    return None


def join(timeout: int, bfloat16: bool, max_grad_norm: float) -> None:
    """Join the other processes of this training, which wait for each other for `timeout` seconds.

    `bfloat16`: passes are computed in it. Raises SettingsError where weights cannot be divided as the launcher says.
    """
    # The run file decides, and not the launcher's file. (DeepSpeed clips gradients itself, accelerate tells it at 1.)
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if bfloat16 else "no"
    os.environ["ACCELERATE_GRADIENT_CLIPPING"] = str(max_grad_norm)
    wait = timedelta(seconds=timeout)
    if divides() == "DEEPSPEED" and find_spec("deepspeed") is None:
        raise SettingsError(
            "launch.command: DeepSpeed is to divide the weights, and is not installed; pip install 'srlm[deepspeed]', "
            "or launch with FSDP (configs/accelerate/fsdp.yaml)"
        )
    if torch.cuda.is_available() or divides() is None:
        PartialState(cpu=not torch.cuda.is_available(), timeout=wait)
    elif divides() == "FSDP":
        PartialState(cpu=True, timeout=wait)
        _take_up_fsdp(bfloat16)
    else:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
        # accelerate would take `cpu=True` for a wish to go without DeepSpeed.
        PartialState(backend="gloo", timeout=wait)


def _take_up_fsdp(bfloat16: bool) -> None:
    plugin = FullyShardedDataParallelPlugin()
    if plugin.fsdp_version != 2:
        raise SettingsError(
            "without a GPU only the second version of FSDP can divide weights; set fsdp_version: 2 in the launcher's "
            f"file (or FSDP_VERSION=2), which says {plugin.fsdp_version}"
        )
    if bfloat16:
        plugin.set_mixed_precision("bf16")
    state = Accelerator(cpu=True).state
    state.fsdp_plugin = plugin
    state.distributed_type = PartialState().distributed_type = DistributedType.FSDP


def arguments() -> dict[str, Any]:
    """TrainingArguments that keep what `join` has set up; each would begin anew, and divide nothing without a GPU."""
    if divides() is None or torch.cuda.is_available() or not torch.distributed.is_initialized():
        return {}
    return {"accelerator_config": {"use_configured_state": True}}


def divide_layers(accelerator: Accelerator, model: Any) -> None:
    """Divide a model that reads along as FSDP2 divides the one that is trained: layer by layer.

    TRL (1.16, `prepare_fsdp`) would divide it as one piece, all of which each process holds whenever it computes, but
    leaves one that is divided as it is. Where weights are not divided by FSDP2, nothing is done.
    """
    if accelerator.distributed_type == DistributedType.FSDP and accelerator.state.fsdp_plugin.fsdp_version == 2:
        fsdp2_prepare_model(accelerator, model)


def say_rate(trainer: Any) -> None:
    """Let schedules have the learning rate from DeepSpeed's optimizers too, which do not keep what theirs was given."""
    create = trainer.create_scheduler

    def create_scheduler(num_training_steps: int, optimizer: Any = None) -> Any:
        inner = getattr(trainer.optimizer, "optimizer", None)
        if inner is not None and not hasattr(inner, "defaults"):
            inner.defaults = {"lr": trainer.args.learning_rate}
        return create(num_training_steps, optimizer)

    trainer.create_scheduler = create_scheduler


WHOLE = "whole weights in each process"


def saved_with(checkpoint: Path) -> str:
    """How the weights of a training were divided when it saved a checkpoint, in words."""
    if (checkpoint / "latest").is_file():
        optimizers = len(list(checkpoint.glob("global_step*/*_optim_states.pt")))
        weights = any(checkpoint.glob("global_step*/zero_pp_rank_*_model_states.pt"))
        return _zero(3 if weights else 2 if optimizers else 0, optimizers)
    if (checkpoint / "pytorch_model_fsdp_0").is_dir():
        return _fsdp("SHARDED_STATE_DICT")
    return _fsdp("FULL_STATE_DICT") if (checkpoint / "pytorch_model_fsdp.bin").is_file() else WHOLE


def trains_with(trainer: Any) -> str:
    """How the weights of a training are divided, in the same words.

    FSDP takes up what another number of processes has saved, DeepSpeed does not.
    """
    accelerator = trainer.accelerator
    if accelerator.distributed_type == DistributedType.DEEPSPEED:
        return _zero(accelerator.state.deepspeed_plugin.zero_stage, accelerator.num_processes)
    if accelerator.distributed_type == DistributedType.FSDP:
        return _fsdp(accelerator.state.fsdp_plugin.state_dict_type.name)
    return WHOLE


def _zero(stage: int, processes: int) -> str:
    if stage == 0:
        return "DeepSpeed without ZeRO"
    return f"DeepSpeed's ZeRO stage {'3' if stage == 3 else '1 or 2'} in {counted(processes, 'processes')}"


def _fsdp(state: str) -> str:
    return f"FSDP ({state})"
