"""What a model brought along before a trainer touched it, and saving with it what was trained.

Weights are saved in float32, as they were trained: at the usual rates most steps are smaller than bfloat16 can tell,
and M_t+1 is to go on from what M_t learnt. config.json names the format in which models generate; engines cast to it.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate.utils import DistributedType
from transformers import GenerationConfig

from srlm.engines.weights import save
from srlm.training.adapters import peft_without_noise


class Brought(NamedTuple):
    """A model's own settings. Trainers write into them: caches, dropout, end and pad tokens, number format."""

    config: Any
    generation: Any
    served: str
    """Number format in which the model generates."""
    beside: Mapping[str, bytes] | None
    """Files saved as they are (`weights.beside_weights`); None: there is no folder that they would come from."""

    @classmethod
    def by(cls, model: Any, tokenizer: Any, served: str, beside: Mapping[str, bytes] | None) -> "Brought":
        """Set aside what a model has, and leave it a generation config that can be saved with every checkpoint."""
        brought = cls(copy.deepcopy(model.config), model.generation_config, served, beside)
        tokens = ("bos_token_id", "eos_token_id", "pad_token_id")
        model.generation_config = GenerationConfig(**{name: getattr(tokenizer, name) for name in tokens})
        return brought


def in_parts(trainer: Any) -> bool:
    """Whether each process holds a part of the weights only."""
    return trainer.accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)


def save_trained(trainer: Any, tokenizer: Any, brought: Brought, target: Path, first: bool) -> None:
    """Save the whole model as a plain one; where it is in parts, every process takes part in gathering them."""
    model, state = trainer.accelerator.unwrap_model(trainer.model), None
    if trainer.accelerator.distributed_type == DistributedType.DEEPSPEED:
        state = gathered_by_deepspeed(model, first)
    elif in_parts(trainer):
        state = gathered(trainer.model_wrapped)
    if not first:
        return
    if hasattr(model, "merge_and_unload"):
        if state is not None:
            model, state = with_weights(model, state), None
        model = model.merge_and_unload()
    # Layers go on with the configuration that they were given; a model that is trained on needs it, and keeps it.
    trained_with, model.config, model.generation_config = model.config, brought.config, brought.generation
    save(model, tokenizer, target, None if state is None else tied_once(model, state), brought.served, brought.beside)
    model.config = trained_with


def gathered(model: Any) -> dict[str, Any]:
    """All weights of a model that FSDP has divided, in float32, as it keeps and trains them; on the first process."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    whole: dict[str, Any] = get_model_state_dict(
        model, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )
    return whole


def gathered_by_deepspeed(model: Any, first: bool) -> dict[str, Any]:
    """All weights of a model in DeepSpeed, in float32, on the first process; the others take part and keep nothing.

    It computes with bfloat16 weights, which accelerate would gather, and keeps apart the float32 ones that it trains.
    """
    import deepspeed
    from deepspeed.utils import safe_get_full_fp32_param

    weights = dict(model.named_parameters())
    state = {name: value.cpu() for name, value in model.state_dict().items() if name not in weights} if first else {}
    for name, weight in weights.items():
        whole = safe_get_full_fp32_param(weight)
        if whole is None:  # it is not trained
            with deepspeed.zero.GatheredParameters([weight]):
                whole = weight.detach().float().clone()
        if first:
            state[name] = whole.view(getattr(weight, "ds_shape", weight.shape)).cpu()
    return state


def with_weights(model: Any, state: Mapping[str, Any]) -> Any:
    """A model with adapters like the given one, which holds a part of its weights only, with these gathered ones."""
    from peft import get_peft_model

    inner = model.get_base_model()
    with torch.device("meta"), peft_without_noise():
        whole = get_peft_model(type(inner)(copy.deepcopy(inner.config)), copy.deepcopy(model.active_peft_config))
    whole.load_state_dict(state, strict=False, assign=True)
    whole.get_base_model().tie_weights()
    lacking = [name for name, weight in whole.named_parameters() if weight.is_meta]
    assert not lacking, f"not gathered: {lacking[:3]}"
    return whole


def tied_once(model: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """A gathered state without the second names of tied weights, which are one tensor no longer."""
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    return {name: weight for name, weight in state.items() if tied.get(name) not in state}
