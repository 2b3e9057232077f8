"""Started by torchrun: a model divided over two processes makes a step in float32 and is saved whole.

    torchrun --nproc-per-node=2 divided.py fsdp FOLDER TARGET
    torchrun --nproc-per-node=2 divided.py deepspeed FOLDER TARGET     (its CPU accelerator, ZeRO stage 3)

accelerate, which does this on GPUs, divides nothing on a CPU.
"""

import os
import sys
from pathlib import Path
from typing import Any

import torch

from srlm.engines.weights import load_model, load_tokenizer, save
from srlm.settings import ModelSettings
from srlm.training.saving import gathered, gathered_by_deepspeed, tied_once

MODEL = ModelSettings(base="unused", dtype="bfloat16")
RATE = 1e-6
"""Far below what bfloat16 can tell of most weights."""


def loss(model: Any) -> Any:
    """What the step makes less probable."""
    logits = model(input_ids=torch.tensor([[2, 4, 16, 5, 26, 7]])).logits
    return logits.float().log_softmax(-1)[..., 3].sum()


def step(model: Any, optimiser: Any) -> None:
    """One step of an optimiser on a whole model, or on one that FSDP has divided."""
    loss(model).backward()
    optimiser.step()


def by_fsdp(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model after its step, and all its weights on the first process."""
    from torch.distributed.fsdp import fully_shard

    torch.distributed.init_process_group("gloo")
    model = load_model(folder, MODEL, device="cpu", dtype="float32")
    for layer in model.model.layers:
        fully_shard(layer)
    fully_shard(model)
    assert sum(weight.to_local().numel() for weight in model.parameters()) < sum(map(torch.numel, model.parameters()))
    step(model, torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0))
    return model, gathered(model)


def by_deepspeed(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The same, with bfloat16 arithmetic."""
    os.environ["DS_ACCELERATOR"] = "cpu"
    import deepspeed

    deepspeed.init_distributed("gloo")
    model = load_model(folder, MODEL, device="cpu", dtype="float32")
    engine, *_ = deepspeed.initialize(
        model=model,
        optimizer=torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0),
        config={
            "train_micro_batch_size_per_gpu": 1,
            "bf16": {"enabled": True},
            "zero_optimization": {"stage": 3},
            "zero_allow_untested_optimizer": True,
        },
    )
    engine.backward(loss(engine))
    engine.step()
    return engine.module, gathered_by_deepspeed(engine.module, torch.distributed.get_rank() == 0)


def main(how: str, folder: Path, target: Path) -> None:
    model, state = {"fsdp": by_fsdp, "deepspeed": by_deepspeed}[how](folder)
    if torch.distributed.get_rank() == 0:
        save(model, load_tokenizer(folder, MODEL), target, tied_once(model, state), "bfloat16")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
