"""What tests of vLLM need, alone and as a worker of Ray."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def one_gigabyte() -> Iterator[None]:
    """vLLM on a CPU would take a share of all memory, others' too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        yield


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with random weights and heads of 64, the smallest that vLLM computes everywhere."""
    import torch

    from srlm.engines.weights import save
    from srlm.settings import ScratchModel
    from srlm.training import scratch
    from srlm.worlds.beads import program

    words = scratch.tokenizer(program.vocabulary())
    shape = ScratchModel(width=128, layers=2, heads=2, feed_forward=128, max_positions=64)
    random = scratch.random_model(shape, words, seed=1)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():  # larger weights: what it writes hangs on the prompt
        for weight in random.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
    folder = tmp_path_factory.mktemp("wide model") / "model"
    save(random, words, folder)
    return folder
