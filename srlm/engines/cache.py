"""A cache of keys and values with room ahead: a new token is put behind the others instead of copying them all."""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

AHEAD = 16
"""Tokens for which a layer makes room at once. Copying all that is remembered for every new token takes longer than
the rest of a small model's work."""


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Remembers as DynamicLayer does, with the same numbers; `keys` and `values` are the filled parts of larger ones.

    Of these, (rows, heads, tokens, width), the third dimension has up to `AHEAD` places to fill. What replaces
    `keys` or `values` (rows chosen, tokens cut off) has no room; the next token makes it.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._keys, self._values = _Room(), _Room()

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See DynamicLayer."""
        if not self.is_initialized or key_states.shape[-2] != 1 or self.get_seq_length() == 0:
            super().update(key_states, value_states, *args, **kwargs)
            return self.keys, self.values
        self.keys = self._keys.with_token(self.keys, key_states)
        self.values = self._values.with_token(self.values, value_states)
        return self.keys, self.values


class _Room:
    """A tensor with room, and its filled part as it was last given away."""

    def __init__(self) -> None:
        self._whole: torch.Tensor | None = None
        self._filled: torch.Tensor | None = None

    def with_token(self, filled: torch.Tensor, token: torch.Tensor) -> torch.Tensor:
        """`filled` with a token behind it: in place, where `filled` is this one's and room is left."""
        length = filled.shape[-2]
        if self._whole is None or filled is not self._filled or length == self._whole.shape[-2]:
            rows, heads, _, width = filled.shape
            self._whole = filled.new_empty((rows, heads, length + AHEAD, width))
            self._whole[:, :, :length] = filled
        self._whole[:, :, length : length + 1] = token
        self._filled = self._whole[:, :, : length + 1]
        return self._filled


def new_cache(config: Any) -> DynamicCache:
    """What a model of this configuration remembers of nothing yet; plain attention's layers have room ahead."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
