"""The parts of a model's architecture that determine memory and time, from its configuration; no weights are read."""

from pathlib import Path
from typing import Any, NamedTuple

from srlm import examples
from srlm.engines.model_files import json_object, refuse_unusable_config
from srlm.engines.weights import read_config
from srlm.errors import SettingsError, first_line
from srlm.settings import Settings
from srlm.worlds.table import WORLDS


class Shape(NamedTuple):
    """The parts of a model's architecture that determine memory and time."""

    parameters: int
    layers: int
    hidden: int
    cached: int
    """Bytes that one token's keys and values take, in two-byte numbers."""
    queries: int
    """Width of all heads of queries together; 0: there is no attention."""
    feed_forward: int
    """Width of a feed-forward layer; of experts, of those that see a token."""
    vocabulary: int
    tied: bool
    """The output embedding is the input embedding."""
    two_bytes: bool
    """Its own number format, in which `model.dtype: auto` generates, takes two bytes a number."""

    @property
    def embedding(self) -> int:
        """Weights of an embedding."""
        return self.vocabulary * self.hidden

    @property
    def body(self) -> int:
        """Weights that every token is multiplied with: all but the embeddings."""
        return self.parameters - self.embedding * (1 if self.tied else 2)


def read_shape(settings: Settings, path: Path | None) -> Shape:
    """The model's shape from its own configuration, or from a file in the same format. No weights are read."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        if path is not None:
            known = json_object(path)
            refuse_unusable_config(str(path), known, settings.model.trust_remote_code)
            config = AutoConfig.for_model(known.pop("model_type"), **known)
        elif settings.model.base == "scratch":
            from srlm.training import scratch

            words = scratch.tokenizer(WORLDS[settings.data.kind].vocabulary(settings.data))
            config = scratch.random_model(settings.model.scratch, words, 0).config
        else:
            config = read_config(settings.model.base, settings.model)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=settings.model.trust_remote_code)
        return _shape(model, config.get_text_config())  # of a model that also sees, the part that writes
    except Exception as error:  # transformers raises anything from OSError to KeyError for a broken configuration
        said = first_line(error)
        raise SettingsError(
            f"{path or settings.model.base}: cannot read the model configuration: {said}; give one with --shape FILE, "
            "in the format of config.json (examples: configs/shapes)" + (examples.advice(path) if path else "")
        ) from None


def _shape(model: Any, config: Any) -> Shape:
    heads = getattr(config, "num_attention_heads", None)
    keys = queries = 0  # states instead of attention: nothing is kept of each token
    if heads:
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        queries = heads * width
        keys = (getattr(config, "num_key_value_heads", None) or heads) * width
    layers = config.num_hidden_layers
    wide = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    if experts := getattr(config, "num_experts_per_tok", None):
        wide = experts * (getattr(config, "moe_intermediate_size", None) or wide)
    weights = sum(weight.numel() for weight in model.parameters())
    tied = bool(getattr(config, "tie_word_embeddings", False))
    # A configuration that does not say is taken for a model as they are published, in bfloat16; a model from random
    # weights says float32.
    two_bytes = str(getattr(config, "dtype", None) or "bfloat16").removeprefix("torch.") in ("bfloat16", "float16")
    return Shape(
        weights, layers, config.hidden_size, 2 * 2 * layers * keys, queries, wide, config.vocab_size, tied, two_bytes
    )
