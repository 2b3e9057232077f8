"""The cache with room ahead, beside the one of transformers that it stands for."""

from copy import deepcopy

import torch
from transformers import DynamicCache, LlamaConfig, MistralConfig
from transformers.cache_utils import DynamicLayer

from srlm.engines.cache import AHEAD, RoomyLayer, new_cache

CONFIG = LlamaConfig(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, vocab_size=7)


def states(rows: int, tokens: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values of two heads, (rows, heads, tokens, width)."""
    drawn = torch.randn((2, rows, 2, tokens, 4), generator=torch.Generator().manual_seed(seed))
    return drawn[0], drawn[1]


def both(caches: tuple[DynamicCache, DynamicCache], rows: int, tokens: int, seed: int) -> None:
    """The same tokens into both caches, which must then remember the same."""
    for layer in range(2):
        keys, values = states(rows, tokens, seed + layer)
        ours, theirs = (cache.update(keys, values, layer) for cache in caches)
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert caches[0].get_seq_length() == caches[1].get_seq_length()


def test_it_remembers_what_the_cache_of_transformers_does_whatever_is_done_to_it() -> None:
    caches = new_cache(CONFIG), DynamicCache(config=CONFIG)
    both(caches, rows=3, tokens=5, seed=1)
    for seed in range(2 * AHEAD):
        both(caches, rows=3, tokens=1, seed=seed)
    for cache in caches:
        cache.reorder_cache(torch.tensor([2, 0, 2, 1]))
    for seed in range(3):
        both(caches, rows=4, tokens=1, seed=seed)
    for cache in caches:
        cache.crop(-4)
    both(caches, rows=4, tokens=1, seed=9)
    both(caches, rows=4, tokens=6, seed=10)
    both(caches, rows=4, tokens=1, seed=11)
    for cache in caches:
        cache.batch_select_indices(torch.tensor([1, 3]))
        cache.batch_repeat_interleave(2)
    both(caches, rows=4, tokens=1, seed=12)
    for cache in caches:
        cache.reset()
    both(caches, rows=2, tokens=1, seed=13)
    both(caches, rows=2, tokens=1, seed=14)
    assert caches[0].get_seq_length() == 2


def test_a_copy_and_what_it_was_copied_from_go_on_apart() -> None:
    caches = new_cache(CONFIG), DynamicCache(config=CONFIG)
    both(caches, rows=2, tokens=3, seed=1)
    both(caches, rows=2, tokens=1, seed=2)
    copies = deepcopy(caches[0]), deepcopy(caches[1])
    both(copies, rows=2, tokens=1, seed=3)
    both(caches, rows=2, tokens=1, seed=4)
    both(copies, rows=2, tokens=1, seed=5)


def test_a_token_takes_its_place_and_the_others_stay_where_they_are() -> None:
    layer = RoomyLayer()
    layer.update(*states(2, 5, 1))
    places = set()
    for seed in range(AHEAD):
        keys, values = layer.update(*states(2, 1, seed))
        places.add((keys.data_ptr(), values.data_ptr()))
    assert len(places) == 1
    keys, values = layer.update(*states(2, 1, 99))
    assert (keys.data_ptr(), values.data_ptr()) not in places


def test_layers_that_look_back_only_so_far_are_those_of_transformers() -> None:
    config = MistralConfig(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, sliding_window=4, vocab_size=7)
    assert not any(isinstance(layer, RoomyLayer) for layer in new_cache(config).layers)
    assert [type(layer) for layer in new_cache(CONFIG).layers] == [RoomyLayer, RoomyLayer]
    assert issubclass(RoomyLayer, DynamicLayer)
