"""Dropout is in force, and off, in whatever architecture, by whatever name, and nothing else is touched."""

from pathlib import Path

import pytest
import torch

from srlm.engines.weights import load_model
from srlm.settings import ModelSettings
from srlm.training.dropout import set_dropout
from tests.srlm.training import families

OWN = ModelSettings(base="unused", dtype="auto")
IDS = torch.tensor([[2, 4, 16, 5, 26, 7]])


@torch.no_grad()  # type: ignore[untyped-decorator]
def varies(model: torch.nn.Module) -> bool:
    """Whether a model in training says one thing and then another."""
    one, other = (model(input_ids=IDS, use_cache=False).logits for _ in range(2))
    return not torch.equal(one, other)


@pytest.mark.parametrize("name", families.SHAPES)
def test_dropout_is_in_force_where_the_architecture_has_some_and_off_at_0(name: str, tmp_path: Path) -> None:
    families.make(name, tmp_path / "model")
    model = load_model(tmp_path / "model", OWN, dtype="float32").train()
    set_dropout(model, 0.5)
    assert varies(model) == (name not in ("mamba", "mamba2"))  # state spaces have none
    set_dropout(model, 0)
    assert not varies(model)


def test_what_is_no_dropout_of_the_decoder_stays(tmp_path: Path) -> None:
    families.make("opt", tmp_path / "model")
    model = load_model(tmp_path / "model", OWN)
    model.config.layerdrop = 0.25
    model.config.classifier_dropout = 0.5
    set_dropout(model, 0.125)
    assert (model.config.dropout, model.config.attention_dropout) == (0.125, 0.125)
    assert (model.config.layerdrop, model.config.classifier_dropout) == (0.25, 0.5)


def test_of_a_model_that_sees_only_the_decoder_is_meant() -> None:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {**families.WIDE, "head_dim": 8, "vocab_size": 64}
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    with torch.device("meta"):
        model = Gemma3ForConditionalGeneration(Gemma3Config(text_config=text, vision_config=vision))
    set_dropout(model, 0.5)
    assert model.config.text_config.attention_dropout == 0.5
    assert model.config.vision_config.attention_dropout == 0
    assert model.get_decoder().layers[0].self_attn.attention_dropout == 0.5
