"""Dropout of whatever decoder, by whatever name its architecture has for it."""

from collections.abc import Iterator
from typing import Any

import torch

NAMES = frozenset(
    (
        *("dropout", "dropout_p", "dropout_rate", "activation_dropout"),
        *("attention_dropout", "attention_probs_dropout_prob", "attn_dropout", "attn_dropout_p", "attn_pdrop"),
        *("lsh_attention_probs_dropout_prob", "local_attention_probs_dropout_prob"),
        *("emb_pdrop", "embd_pdrop", "embed_dropout", "embedding_dropout"),
        *("hidden_dropout", "hidden_dropout_prob", "resid_dropout", "resid_pdrop", "residual_dropout"),
        *("ff_dropout", "ffn_dropout", "mlp_dropout"),
    )
)
"""What the causal language models in transformers call it, in their configurations and as numbers in their layers.

Not among them: whole layers left out (`layerdrop`), classifiers' and summaries' heads, which no language model has, and
what feeds a decoder from other encoders (`projector_dropout`, `feat_proj_dropout`).
"""


def set_dropout(model: Any, share: float) -> None:
    """Dropout wherever the decoder has it: in its configuration, which some layers read as they run, and in layers."""
    for config in _configurations(model.config.get_text_config(decoder=True)):
        for name in NAMES:
            if _is_number(getattr(config, name, None)):
                vars(config)[config.attribute_map.get(name, name)] = share  # some configurations want whole numbers
    for module in model.get_decoder().modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        for name in NAMES & vars(module).keys():
            if _is_number(getattr(module, name)):
                setattr(module, name, share)


def _configurations(config: Any) -> Iterator[Any]:
    """A decoder's configuration and those within it (of its attention, its feed-forward layers)."""
    yield config
    for name in config.sub_configs:
        if (inner := getattr(config, name, None)) is not None:
            yield from _configurations(inner)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
