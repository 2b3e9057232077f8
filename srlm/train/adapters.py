"""Low-rank adapters: which layers take them."""

from typing import Any

import torch

from srlm.errors import SettingsError
from srlm.settings import LoraSettings

FUSED = {
    "mamba": ("x_proj", "dt_proj", "out_proj", "conv1d"),
    "falcon_mamba": ("x_proj", "dt_proj", "out_proj", "conv1d"),
    "mamba2": ("out_proj", "conv1d"),
    "falcon_h1": ("out_proj", "conv1d"),
    "nemotron_h": ("out_proj", "conv1d"),
    "bamba": ("out_proj", "conv1d"),
}
"""Layers of state space models whose bare weights the fused kernels are given: an adapter on them would not be heard.
peft refuses most of them."""


def adapters(model: Any, settings: LoraSettings | None) -> Any:
    """peft's configuration for all linear layers of the decoder that can take one; None where all weights are trained.

    Experts that are one tensor together, and a head, stay as they are. Raises SettingsError where no layer is left.
    """
    if settings is None:
        return None
    from peft import LoraConfig
    from transformers.pytorch_utils import Conv1D

    within, head = set(model.get_decoder().modules()), model.get_output_embeddings()
    fused = FUSED.get(model.config.get_text_config(decoder=True).model_type, ())
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D)
        and module in within
        and module is not head
        and name.rpartition(".")[2] not in fused
    ]
    if not names:
        raise SettingsError(f"lora: a {type(model).__name__} has no layer that takes an adapter; train without lora")
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=names,
        task_type="CAUSAL_LM",
    )
