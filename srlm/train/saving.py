"""What a model brought along before a trainer touched it, and saving with it what was trained.

Weights are saved in float32, as they were trained: at the usual rates most steps are smaller than bfloat16 can tell,
and M_t+1 is to go on from what M_t learnt. config.json names the format in which models generate; engines cast to it.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from accelerate.utils import DistributedType
from transformers import GenerationConfig

from srlm.engines.weights import save


class Brought(NamedTuple):
    """A model's own settings. Trainers write into them: caches, dropout, end and pad tokens, number format."""

    config: Any
    generation: Any
    served: str
    """Number format in which the model generates."""
    beside: Mapping[str, bytes] | None
    """Files saved as they are (`weights.beside_weights`); None: there is no folder that they would come from."""

    @classmethod
    def by(cls, model: Any, served: str, beside: Mapping[str, bytes] | None) -> "Brought":
        """Set aside what a model has, and leave it a generation config that can be saved with every checkpoint."""
        brought = cls(copy.deepcopy(model.config), model.generation_config, served, beside)
        model.generation_config = GenerationConfig()
        return brought


def in_parts(trainer: Any) -> bool:
    """Whether each process holds a part of the weights only."""
    return trainer.accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)


def save_trained(trainer: Any, tokenizer: Any, brought: Brought, target: Path, first: bool) -> None:
    """Save the whole model as a plain one; where it is in parts, every process takes part in gathering them."""
    model, state = trainer.accelerator.unwrap_model(trainer.model), None
    if in_parts(trainer):
        state = _gathered(trainer, model, first)
        if not first:
            return
    elif hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    # Layers go on with the configuration that they were given; a model that is trained on needs it, and keeps it.
    trained_with, model.config, model.generation_config = model.config, brought.config, brought.generation
    save(model, tokenizer, target, state, brought.served, brought.beside)
    model.config = trained_with


def _gathered(trainer: Any, model: Any, first: bool) -> dict[str, Any]:
    """All weights in float32, on the first process; tied ones once, as they are saved."""
    if trainer.accelerator.distributed_type == DistributedType.DEEPSPEED:
        state = _gathered_by_deepspeed(model, first)
    else:
        state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    return {
        name: weight.float() if weight.is_floating_point() else weight
        for name, weight in state.items()
        if tied.get(name) not in state
    }


def _gathered_by_deepspeed(model: Any, first: bool) -> dict[str, Any]:
    """DeepSpeed keeps the weights that it trains in float32 apart; accelerate would gather the bfloat16 ones."""
    import deepspeed
    from deepspeed.utils import safe_get_full_fp32_param

    state = {name: buffer.cpu() for name, buffer in model.state_dict().items() if buffer.numel() and first}
    for name, weight in model.named_parameters():
        whole = safe_get_full_fp32_param(weight)  # every process asks, or all wait
        if whole is None:  # not trained, or trained in its own format
            with deepspeed.zero.GatheredParameters([weight]):
                whole = weight.detach().clone()
        if first:
            state[name] = whole.cpu()
    return state
