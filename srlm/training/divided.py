"""Weights divided over the processes of a training, by FSDP2 or DeepSpeed: joining in, with GPUs or without.

The launcher says by its environment which of them it is (`accelerate launch --config_file configs/accelerate/...`).
On GPUs accelerate does the rest. Without one it divides nothing: its `AcceleratorState` takes up FSDP where the
processes are MULTI_GPU or the like, and MULTI_CPU is not on that list (1.15, state.py). So there we say it ourselves,
on the public fields of the same state, and all that follows is the code that runs on GPUs, over gloo.
"""

import os
from datetime import timedelta
from typing import Any, Literal

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

from srlm.errors import SettingsError


def divides() -> Literal["FSDP", "DEEPSPEED"] | None:
    """What the launcher wants weights divided by; None: each process is to hold all of them."""
    for name in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true":
            return name
    return None


def join(timeout: int, bfloat16: bool) -> None:
    """Join the other processes of this training, which wait for each other for `timeout` seconds.

    `bfloat16`: passes are computed in it. Raises SettingsError where weights cannot be divided as the launcher says.
    """
    # The run file decides, and not the `mixed_precision` of the launcher's file.
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if bfloat16 else "no"
    wait = timedelta(seconds=timeout)
    if torch.cuda.is_available() or divides() is None:
        PartialState(cpu=not torch.cuda.is_available(), timeout=wait)
    elif divides() == "FSDP":
        PartialState(cpu=True, timeout=wait)
        _take_up_fsdp(bfloat16)
    else:
        # DeepSpeed's own accelerator is the CPU then; accelerate would take `cpu=True` for a wish to go without it.
        PartialState(backend="gloo", timeout=wait)


def _take_up_fsdp(bfloat16: bool) -> None:
    plugin = FullyShardedDataParallelPlugin()
    if plugin.fsdp_version != 2:
        raise SettingsError(
            f"FSDP {plugin.fsdp_version} divides no weights without a GPU; set fsdp_version: 2 in the launcher's file "
            "(or FSDP_VERSION=2)"
        )
    if bfloat16:
        plugin.set_mixed_precision("bf16")
    state = Accelerator(cpu=True).state
    state.fsdp_plugin = plugin
    state.distributed_type = PartialState().distributed_type = DistributedType.FSDP


def arguments() -> dict[str, Any]:
    """TrainingArguments that keep what `join` has set up; each would begin anew, and divide nothing without a GPU."""
    if divides() is None or torch.cuda.is_available():
        return {}
    return {"accelerator_config": {"use_configured_state": True}}
