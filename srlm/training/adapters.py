"""Low-rank adapters: which layers take them, and whether peft can put them there."""

import copy
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from srlm.engines.weights import read_config
from srlm.errors import ModelError, SettingsError, first_line
from srlm.settings import LoraSettings, ModelSettings
from srlm.terminal import logger

log = logger(__name__)

FUSED = {
    **dict.fromkeys(("mamba", "falcon_mamba"), ("x_proj", "dt_proj", "out_proj", "conv1d")),
    **dict.fromkeys(("mamba2", "falcon_h1", "nemotron_h", "bamba"), ("out_proj", "conv1d")),
}
"""Layers of state space models whose bare weights the fused kernels are given: an adapter on them would not be heard.
peft refuses most of them."""


def adapters(model: Any, settings: LoraSettings | None, classifier_head: str | None = None) -> Any:
    """peft's configuration for the decoder's linear layers; None where all weights are trained.

    `classifier_head`: the name of a sequence classifier's head, which is new and trained whole.

    A head, and experts that are one tensor together, stay as they are; where experts are named as the layers beside
    them are, peft adapts them, too, and cannot have dropout. What it makes of the model is tried on a skeleton without
    weights. Raises SettingsError where it makes nothing.
    """
    if settings is None:
        return None
    kind, layers = type(model).__name__, _linear_layers(model)
    if not layers:
        raise SettingsError(f"lora: a {kind} has no layer that supports adapters; train without lora")
    fault: Exception | None = None
    for dropout in (settings.dropout, 0.0):
        wanted = _lora(settings, layers, dropout, classifier_head)
        fault = _refusal(model, wanted)
        if fault is None:
            if dropout != settings.dropout:
                log.warning("lora: adapters on the experts of a %s do not support dropout; it is off for them", kind)
            return wanted
    assert fault is not None
    raise SettingsError(
        f"lora: peft cannot add adapters to a {kind}: {first_line(fault)}; train without lora"
    ) from fault


def check_adapters(path: str | Path, model: ModelSettings, settings: LoraSettings) -> None:
    """Raise SettingsError where the model in a folder, or on the hub, can have no adapters; reads no weights."""
    adapters(_skeleton(path, model), settings)


def transposed_layers(path: str | Path, model: ModelSettings) -> set[str]:
    """Names of the linear layers whose weights are kept the other way round, (in, out), as GPT-2's are; reads no
    weights."""
    from transformers.pytorch_utils import Conv1D

    return {name for name, layer in _linear_layers(_skeleton(path, model)).items() if isinstance(layer, Conv1D)}


def _skeleton(path: str | Path, model: ModelSettings) -> Any:
    """The model in a folder, or on the hub, without weights. Raises ModelError where its configuration is invalid."""
    from transformers import AutoModelForCausalLM

    config = read_config(path, model)
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=model.trust_remote_code)
    except Exception as error:  # transformers raises anything from OSError to KeyError for a broken folder
        raise ModelError(f"{path}: config.json is not a valid model configuration: {first_line(error)}") from error


def _linear_layers(model: Any) -> dict[str, Any]:
    """Name to layer."""
    from transformers.pytorch_utils import Conv1D

    within, head = set(model.get_decoder().modules()), model.get_output_embeddings()
    fused = FUSED.get(model.config.get_text_config(decoder=True).model_type, ())
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D)
        and module in within
        and module is not head
        and name.rpartition(".")[2] not in fused
    }


def _lora(settings: LoraSettings, layers: Mapping[str, Any], dropout: float, classifier_head: str | None) -> Any:
    from peft import LoraConfig
    from transformers.pytorch_utils import Conv1D

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=dropout,
        target_modules=list(layers),
        fan_in_fan_out=all(isinstance(layer, Conv1D) for layer in layers.values()),
        task_type="CAUSAL_LM" if classifier_head is None else "SEQ_CLS",
        modules_to_save=None if classifier_head is None else [classifier_head],
    )


@contextmanager
def peft_without_noise() -> Iterator[None]:
    """Without what peft says of experts that get no adapters: it had prepared a rank for them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"The following (?:rank|alpha)_pattern keys did not match", RuntimeWarning)
        yield


def _refusal(model: Any, config: Any) -> Exception | None:
    """What peft says where it puts no adapters on a skeleton of the model, without weights."""
    from peft import get_peft_model

    try:
        with torch.device("meta"):
            skeleton = type(model)(copy.deepcopy(model.config))
        with peft_without_noise():
            get_peft_model(skeleton, config)
    except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
        return error
    return None
