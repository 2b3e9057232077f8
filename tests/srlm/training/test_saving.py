"""What was trained is what is saved, in float32, with all that the model brought along."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from srlm.engines.weights import beside_weights, load_model, load_tokenizer, save, serving_format
from srlm.settings import LoraSettings, ModelSettings, SftSettings
from srlm.training import sft
from tests.srlm.training import families
from tests.srlm.training.divided import MODEL, step

CHECKOUT = Path(__file__).resolve().parents[3]
OWN = ModelSettings(base="unused", dtype="auto")
IDS = torch.tensor([[2, 4, 16, 5, 26, 7]])
ROWS = [sft.Example([2, 4, 16 + n % 3, 5, 26, 6 + n, 3], [-100] * 4 + [26, 6 + n, 3]) for n in range(4)]
LORA = LoraSettings(rank=2, alpha=4, dropout=0.05)


@torch.no_grad()  # type: ignore[untyped-decorator]
def logits(model: Any) -> torch.Tensor:
    """What a model says to six tokens, without dropout."""
    training = model.training
    found: torch.Tensor = model.eval()(input_ids=IDS, use_cache=False).logits.clone()
    model.train(training)
    return found


def fine_tune(folder: Path, target: Path, **changes: Any) -> torch.Tensor:
    """Train the model in a folder three steps, and return what it says at the end, before it is saved."""
    model, said = load_model(folder, OWN, dtype="float32"), []
    settings = SftSettings.model_validate(
        {"batch_size": 2, "micro_batch_size": 2, "max_steps": 3, "save_steps": 2, "learning_rate": 1e-3} | changes
    )

    def report(done: int, total: int) -> None:
        if done == total:
            said.append(logits(model))

    sft.fine_tune(
        model, load_tokenizer(folder, OWN), ROWS, settings, seed=1, dtype=serving_format(folder, OWN),
        work=target.with_name("work"), target=target, report=report, beside=beside_weights(folder, OWN),
    )  # fmt: skip
    return said[0]


@pytest.mark.parametrize("lora", [None, LORA], ids=["all weights", "adapters"])
@pytest.mark.parametrize("name", families.SHAPES)
def test_a_model_of_any_architecture_is_saved_as_it_was_trained_with_all_that_it_brought(
    name: str, lora: LoraSettings | None, tmp_path: Path
) -> None:
    families.make(name, tmp_path / "M0")
    before, target = logits(load_model(tmp_path / "M0", OWN, dtype="float32")), tmp_path / "M1/model"
    trained = fine_tune(tmp_path / "M0", target, lora=lora, dropout=0.1, activation_checkpointing=name == "llama")
    after = logits(load_model(target, OWN, dtype="float32"))
    if lora is None:
        assert torch.equal(after, trained)
    assert torch.allclose(after, trained, rtol=0, atol=1e-5)  # an adapter is added to its weight in float32
    assert (after - before).abs().max() > 1e-4
    assert load_model(target, OWN).dtype == torch.bfloat16  # engines cast when they load
    weights = [load_file(folder / "model.safetensors") for folder in (tmp_path / "M0", target)]
    assert weights[0].keys() == weights[1].keys()  # tied ones once, experts under their own names
    assert {weight.dtype for weight in weights[1].values()} == {torch.float32}
    for file in ("generation_config.json", "preprocessor_config.json"):
        assert (target / file).read_bytes() == (tmp_path / "M0" / file).read_bytes()
    configs = [json.loads((folder / "config.json").read_text()) for folder in (tmp_path / "M0", target)]
    if name == "mpt":  # its attention's configuration gets the number format, too
        for config in configs:
            config["attn_config"].pop("dtype", None)
    assert configs[0] == configs[1]  # dropout, use_cache and end tokens among it
    assert len(list((tmp_path / "M1").iterdir())) == 2  # the model and training.json


def test_a_model_without_generation_config_gets_none(bead_model: Path, tmp_path: Path) -> None:
    save(load_model(bead_model, OWN), load_tokenizer(bead_model, OWN), tmp_path / "M0")
    (tmp_path / "M0/generation_config.json").unlink()
    fine_tune(tmp_path / "M0", tmp_path / "M1/model")
    assert not (tmp_path / "M1/model/generation_config.json").exists()
    ends = [
        load_model(folder, OWN).generation_config.eos_token_id for folder in (tmp_path / "M0", tmp_path / "M1/model")
    ]
    assert ends[0] == ends[1] == 3


def test_the_format_of_a_model_is_told_by_its_weights_where_its_configuration_says_nothing(
    bead_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "M0"
    save(load_model(bead_model, MODEL), load_tokenizer(bead_model, MODEL), folder)
    config = json.loads((folder / "config.json").read_text())
    assert config.pop("dtype") == "bfloat16"
    (folder / "config.json").write_text(json.dumps(config))
    assert serving_format(folder, OWN) == "bfloat16"
    fine_tune(folder, tmp_path / "M1/model")
    assert serving_format(tmp_path / "M1/model", OWN) == "bfloat16"  # its weights are float32
    assert serving_format(folder, ModelSettings(base="unused", dtype="float32")) == "float32"


@pytest.mark.parametrize(
    "how",
    [
        "fsdp",
        pytest.param(
            "deepspeed", marks=pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs deepspeed installed")
        ),
    ],
)
def test_divided_weights_are_saved_whole_in_float32_and_tied_ones_once(
    how: str, bead_model: Path, tmp_path: Path
) -> None:
    narrow, target = tmp_path / "narrow", tmp_path / "model"
    save(load_model(bead_model, MODEL), load_tokenizer(bead_model, MODEL), narrow)
    model = load_model(narrow, MODEL, dtype="float32")
    step(model, torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0))
    words = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(CHECKOUT / "tests/srlm/training/divided.py"),
    ]
    place = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    place["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), place["PATH"]])
    done = subprocess.run([*words, how, str(narrow), str(target)], env=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after, own = (
        load_file(narrow / "model.safetensors"),
        load_file(target / "model.safetensors"),
        model.state_dict(),
    )
    assert before.keys() == after.keys()  # no lm_head.weight: it is the embedding
    assert {weight.dtype for weight in after.values()} == {torch.float32}
    # DeepSpeed's gradients are bfloat16: some of their signs differ where they are almost 0.
    near = 1e-8 if how == "fsdp" else 2.1e-6
    assert all(torch.allclose(after[name], own[name], rtol=0, atol=near) for name in after)
    assert not any(torch.equal(after[name], before[name].float()) for name in after if "norm" not in name)
    assert json.loads((target / "config.json").read_text())["dtype"] == "bfloat16"
    assert load_model(target, MODEL).dtype == torch.bfloat16
