"""Adapters go on the decoder's layers that hear them; what can have none is refused in words."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from srlm.engines.weights import load_model
from srlm.errors import ModelError, SettingsError
from srlm.methods.checks import check_trainable
from srlm.run_file import load
from srlm.settings import LoraSettings, ModelSettings
from srlm.training.adapters import adapters, check_adapters
from tests.srlm.training import families

OWN = ModelSettings(base="unused", dtype="auto")


def layers(name: str, folder: Path) -> set[str]:
    """Last names of the layers that get adapters."""
    families.make(name, folder)
    return {layer.rpartition(".")[2] for layer in adapters(load_model(folder, OWN), LoraSettings()).target_modules}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("llama", {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}),
        ("gpt2", {"c_attn", "c_proj", "c_fc"}),  # not the head
        ("gpt_oss", {"q_proj", "k_proj", "v_proj", "o_proj"}),  # its experts are one tensor
        ("mamba", {"in_proj"}),  # fused kernels take the bare weights of the others
    ],
)
def test_linear_layers_of_the_decoder_get_adapters(name: str, expected: set[str], tmp_path: Path) -> None:
    assert layers(name, tmp_path / "model") == expected


def test_of_a_model_that_sees_only_the_decoder_gets_adapters() -> None:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {**families.WIDE, "head_dim": 8, "vocab_size": 64}
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    with torch.device("meta"):
        model = Gemma3ForConditionalGeneration(Gemma3Config(text_config=text, vision_config=vision))
    found = adapters(model, LoraSettings()).target_modules
    assert found
    assert not [name for name in found if "vision" in name or "projector" in name]


def test_experts_named_as_the_layers_beside_them_have_adapters_without_dropout(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    families.make("deepseek_v3", tmp_path / "model")
    found: Any = adapters(load_model(tmp_path / "model", OWN), LoraSettings(dropout=0.05))
    assert found.lora_dropout == 0
    assert "adapters on the experts of a DeepseekV3ForCausalLM do not support dropout" in caplog.text


def test_a_model_without_a_layer_for_adapters_is_refused_from_its_configuration(
    bead_model: Path, tmp_path: Path
) -> None:
    check_adapters(bead_model, OWN, LoraSettings())
    folder = Path(shutil.copytree(bead_model, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 0}))
    with pytest.raises(SettingsError, match=r"^lora: a LlamaForCausalLM has no layer that supports adapters"):
        check_adapters(folder, OWN, LoraSettings())
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json is not a valid model configuration"):
        check_adapters(folder, OWN, LoraSettings())


@pytest.mark.parametrize(
    ("lora", "checked"),
    [("sft", True), ("reward_model", True), ("online", True), ("dpo", False)],  # the method does no DPO
)
def test_the_adapters_of_every_training_of_the_method_are_checked_before_the_first(
    lora: str, checked: bool, tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bead_model, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 0}))
    wanted = load(tiny, ["method={name: rlhf}", f"{lora}.lora={{}}"])
    if checked:
        with pytest.raises(SettingsError, match="has no layer that supports adapters"):
            check_trainable(wanted, str(folder))
    else:
        check_trainable(wanted, str(folder))
