"""What was trained is what is saved, in float32, with all that the model brought along."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from srlm.engines.weights import load_model, load_tokenizer, save
from tests.srlm.train.divided import MODEL, step

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def narrow(bead_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the other tests, its weights in bfloat16."""
    folder = tmp_path_factory.mktemp("narrow") / "model"
    save(load_model(bead_model, MODEL), load_tokenizer(bead_model, MODEL), folder)
    return folder


def test_weights_that_fsdp_divides_are_saved_whole_in_float32_and_tied_ones_once(narrow: Path, tmp_path: Path) -> None:
    model = load_model(narrow, MODEL, dtype="float32")
    step(model)
    words = ["torchrun", "--standalone", "--nproc-per-node=2", str(CHECKOUT / "tests/srlm/train/divided.py")]
    place = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    place["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), place["PATH"]])
    done = subprocess.run([*words, str(narrow), str(tmp_path / "model")], env=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = (load_file(folder / "model.safetensors") for folder in (narrow, tmp_path / "model"))
    assert before.keys() == after.keys()  # no lm_head.weight: it is the embedding
    own = model.state_dict()
    assert {name: weight.dtype for name, weight in after.items()} == dict.fromkeys(after, torch.float32)
    assert all(torch.allclose(after[name], own[name], rtol=0, atol=1e-8) for name in after)
    assert not any(torch.equal(after[name], before[name].float()) for name in after if "norm" not in name)
    assert json.loads((tmp_path / "model/config.json").read_text())["dtype"] == "bfloat16"
    assert load_model(tmp_path / "model", MODEL).dtype == torch.bfloat16
