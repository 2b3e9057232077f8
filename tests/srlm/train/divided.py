"""Started by torchrun: a model that FSDP2 divides over two processes makes a step in float32 and is saved whole.

torchrun --nproc-per-node=2 divided.py FOLDER TARGET
"""

import sys
from pathlib import Path

import torch
from torch.distributed.fsdp import fully_shard

from srlm.engines.weights import load_model, load_tokenizer, save
from srlm.settings import ModelSettings
from srlm.train.saving import gathered, tied_once

MODEL = ModelSettings(base="unused", dtype="bfloat16")


def step(model: torch.nn.Module) -> None:
    """One step of 1e-6 against the gradient's sign, far below what bfloat16 can tell."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0)
    model(input_ids=torch.tensor([[2, 4, 16, 5, 26, 7]])).logits.float().log_softmax(-1)[..., 3].sum().backward()
    optimiser.step()


def main(folder: Path, target: Path) -> None:
    torch.distributed.init_process_group("gloo")
    model = load_model(folder, MODEL, device="cpu", dtype="float32")
    for layer in model.model.layers:
        fully_shard(layer)
    fully_shard(model)
    assert sum(weight.to_local().numel() for weight in model.parameters()) < sum(map(torch.numel, model.parameters()))
    step(model)
    state = gathered(model)
    if torch.distributed.get_rank() == 0:
        save(model, load_tokenizer(folder, MODEL), target, tied_once(model, state), "bfloat16")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
