"""Attention of many rows to what all of them begin with, kept once: neither copied for each row nor read anew for each.

A cache keeps keys and values of whole rows, and is copied at every new token. Of rows with long shared beginnings
(few-shot examples) that is nearly all the work. Here a row's cache holds what is its own; for a new token the scores
of all rows against the beginning are one matrix product. The softmax is over both parts, in float32.

It fits attention that goes through transformers' attention interface and looks back without bounds. Whether it fits a
model is tried on the model itself (srlm/engines/memory.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "srlm_shared_beginning"
_AS_USUAL = "sdpa"


class LayerBehind(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values of rows behind a beginning: (rows, heads, tokens, size) of what is their own."""

    def __init__(self, begun: Any) -> None:
        """`begun`: the layer of the beginning, (1, heads, tokens, size)."""
        super().__init__()
        self.keys: torch.Tensor
        self.values: torch.Tensor
        self.first_keys, self.first_values = begun.keys, begun.values

    def get_seq_length(self) -> int:
        """Tokens of a row, the beginning's among them."""
        return int(self.first_keys.shape[-2]) + int(super().get_seq_length())

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Go on with these rows."""
        if super().get_seq_length():
            self.keys, self.values = self.keys[beam_idx], self.values[beam_idx]


def cache_behind(config: Any, begun: Any) -> Any:
    """An empty cache of rows that begin with what the cache `begun` holds of one row. Raises ValueError where a layer
    of it is none that looks back without bounds."""
    if not begun.layers or any(type(layer) is not DynamicLayer for layer in begun.layers):
        raise ValueError("a layer has a window or a state")
    cache = DynamicCache(config=config)
    cache.layers = [LayerBehind(layer) for layer in begun.layers]
    return cache


@contextmanager
def attending(model: Any, cache: Any) -> Iterator[None]:
    """A forward pass of rows behind a beginning, where the cache is one of `cache_behind`; else as ever."""
    if not any(isinstance(layer, LayerBehind) for layer in getattr(cache, "layers", ())):
        yield
        return
    before = model.config._attn_implementation
    if before != _AS_USUAL:
        raise ValueError(f"its attention is {before}")
    token = _LAYERS.set(cache.layers)
    model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before
        _LAYERS.reset(token)


_LAYERS: ContextVar[Sequence[LayerBehind]] = ContextVar("layers of the cache of the forward pass under way")


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """See transformers' attention functions; `key` and `value` are the rows' own, (rows, heads, own tokens, size), and
    the mask, (rows, 1, new tokens, all tokens), is of the beginning, too."""
    layer = _LAYERS.get()[module.layer_idx]
    first_keys, first_values = layer.first_keys, layer.first_values
    rows, heads, new, size = query.shape
    if new > 1:
        whole = [
            torch.cat([first.expand(rows, -1, -1, -1), own], 2)
            for first, own in ((first_keys, key), (first_values, value))
        ]
        found, _ = sdpa_attention_forward(
            module, query, *whole, attention_mask, scaling=scaling, dropout=dropout, **more
        )
        return found, None
    if more.get("softcap") is not None or more.get("s_aux") is not None or more.get("position_bias") is not None:
        raise ValueError("its attention is not plain")
    groups, shared = key.shape[1], first_keys.shape[2]
    asks = query.float().reshape(rows, groups, heads // groups, size) * (size**-0.5 if scaling is None else scaling)
    # All rows' queries against the one beginning: (groups, rows * heads of a group, shared).
    together = asks.transpose(0, 1).reshape(groups, -1, size)
    to_first = (together @ first_keys[0].float().transpose(1, 2)).reshape(groups, rows, -1, shared).transpose(0, 1)
    to_own = asks @ key.float().transpose(2, 3)
    if attention_mask is not None:  # (rows, 1, 1, all): a beginning is never masked
        seen = attention_mask[..., shared:]
        to_own = to_own.masked_fill(~seen, -torch.inf) if seen.dtype == torch.bool else to_own + seen
    weights = torch.cat([to_first, to_own], -1).softmax(-1)
    of_first = weights[..., :shared].transpose(0, 1).reshape(groups, -1, shared) @ first_values[0].float()
    found = of_first.reshape(groups, rows, -1, size).transpose(0, 1) + weights[..., shared:] @ value.float()
    return found.reshape(rows, 1, heads, size).to(query.dtype), None


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
