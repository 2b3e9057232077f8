"""What tests in many folders need."""

import os
from pathlib import Path

import pytest

# Tests reach nothing outside this machine: the libraries would look for newer files, and count their uses, on the hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that is not part of the repository: SRLM_SHARED, or `shared` beside the checkout."""
    folder = Path(os.environ.get("SRLM_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the shared data; {folder} has no data folder, set SRLM_SHARED to the one that has")
    return folder


@pytest.fixture(scope="session")
def bead_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bead world's tokenizer and a Llama of width 32 with one layer and random weights."""
    import torch

    from srlm.data import beads
    from srlm.engines.weights import save
    from srlm.settings import ScratchModel
    from srlm.train import scratch

    torch.set_num_threads(1)  # several threads on a small machine are slower, and sum in another order
    words = scratch.tokenizer(beads.vocabulary())
    shape = ScratchModel(width=32, layers=1, heads=2, feed_forward=64, max_positions=96)
    folder = tmp_path_factory.mktemp("bead model") / "model"
    save(scratch.random_model(shape, words, seed=1), words, folder)
    return folder
