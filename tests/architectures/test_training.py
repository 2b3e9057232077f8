"""On every architecture, what training changed is in the folder it saved, in full, and the rest is as M0 had it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from srlm.engines.base import Request
from srlm.engines.transformers import TransformersEngine
from srlm.engines.weights import beside_weights, load_model
from srlm.records import user
from srlm.settings import DpoSettings, LoraSettings, ModelSettings, Sampling, SftSettings
from srlm.text.chat import Chat
from srlm.training import dpo, sft
from srlm.training.batches import IGNORED
from tests.architectures import zoo

MODEL = ModelSettings(base="unused", dtype="bfloat16")
RATE = {"full": 2e-3, "lora": 2e-2}
PAIRS = [dpo.PairExample([2, 4, 10 + n, 20 + n, 5], [30 + n, 11, 3], [40 + n, 12, 13, 3]) for n in range(4)]
EXAMPLES = [sft.Example([*pair.prompt_ids, *pair.chosen_ids], [IGNORED] * 5 + pair.chosen_ids) for pair in PAIRS]
# What no released transformers would save again: a temperature without sampling. Some published models have it.
GENERATION = {
    "temperature": 0.6,
    "top_p": 0.95,
    "do_sample": False,
    "eos_token_id": [3, 1],
    "transformers_version": "5.0",
}


def base(name: str, folder: Path) -> Path:
    """A model as published: weights in bfloat16, a tokenizer, and a generation config of its own."""
    model = zoo.random_model(name, "bfloat16")
    model.save_pretrained(folder)
    zoo.tokenizer().save_pretrained(folder)
    (folder / "generation_config.json").write_text(json.dumps(GENERATION))
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for file in folder.glob("*.safetensors"):
        found |= load_file(file)
    return found


def trained(kind: str, how: str, before: Path, folder: Path) -> Any:
    """The model in memory after a few steps, saved in `folder / "model"`; both as adapters or in full."""
    common: dict[str, Any] = {
        "max_steps": 3,
        "batch_size": 4,
        "micro_batch_size": 4,
        "learning_rate": RATE[how],
        "final_learning_rate": RATE[how],
        "schedule": "constant",
        "lora": LoraSettings(rank=4, alpha=8, dropout=0.0) if how == "lora" else None,
    }
    place: dict[str, Any] = {
        "seed": 1,
        "dtype": "bfloat16",
        "work": folder / "training",
        "target": folder / "model",
        "beside": beside_weights(before, MODEL),
    }
    model = load_model(before, MODEL, dtype="float32")
    words = zoo.tokenizer()
    if kind == "dpo":
        reference = load_model(before, MODEL, dtype="float32").eval()
        dpo.optimise(model, reference, words, PAIRS, [], DpoSettings(**common), **place)
    else:
        sft.fine_tune(model, words, EXAMPLES, SftSettings(**common), **place)
    return model


# Every architecture by DPO, in full and by adapters; supervised training shares all but the loss with it.
CASES = [("dpo", how, name) for name in zoo.CONFIGS for how in RATE] + [
    ("sft", how, name) for name in ("llama", "gemma3", "gpt-oss", "mamba", "granite4-hybrid") for how in RATE
]


@pytest.mark.parametrize(("kind", "how", "name"), CASES)
def test_what_was_learnt_is_saved_and_the_rest_is_as_it_was(kind: str, how: str, name: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    before = base(name, tmp_path / "M0")
    model = trained(kind, how, before, tmp_path)
    after = tmp_path / "model"
    old, new = weights(before), weights(after)
    assert old.keys() == new.keys()
    assert {weight.dtype for weight in new.values() if weight.is_floating_point()} == {torch.float32}
    moved = {key for key in old if not torch.equal(old[key].float(), new[key])}
    layers = {key for key in old if ".layers." in key or ".h." in key}
    if how == "full":
        assert len(moved) > 0.8 * len(old)  # experts that no token chose, and masks, stay
    else:
        assert moved and moved <= layers  # adapters are for the decoder's linear layers
    # What the next training starts from is what this one ended with.
    again = load_model(after, MODEL, dtype="float32").eval()
    row = torch.tensor([[2, 4, 17, 29, 5, 31, 11]])
    with torch.no_grad():
        expected = model.eval()(row, use_cache=False).logits if how == "full" else None
        logits = again(row, use_cache=False).logits
    if expected is not None:
        assert torch.allclose(logits, expected, atol=1e-5)
    # M0's own settings are still there, and the model generates as they say.
    assert json.loads((after / "generation_config.json").read_text()) == GENERATION
    configs = [json.loads((folder / "config.json").read_text()) for folder in (before, after)]
    for key in ("use_cache", "dtype", "eos_token_id", "pad_token_id", "tie_word_embeddings"):
        assert configs[0].get(key) == configs[1].get(key), key
    # Not the folder's: to some kinds of models transformers gives their own tokenizer, whatever was saved.
    engine = TransformersEngine(load_model(after, MODEL).eval(), Chat(zoo.tokenizer()), "M1", batch_size=4)
    assert engine.model.dtype == torch.bfloat16
    assert {1, 3} <= set(engine.model.generation_config.eos_token_id)
    written = engine.generate(
        [Request(messages=user(zoo.sentence(words, seed=words))) for words in (3, 14)],
        Sampling(temperature=0, max_new_tokens=6),
        seed=0,
    )
    assert all(completion.tokens is not None for (completion,) in written)


@pytest.mark.parametrize("name", ["llama", "gemma2", "llama4"])
def test_in_bfloat16_a_reference_gives_the_numbers_of_the_model_that_begins_as_its_copy(
    name: str, tmp_path: Path
) -> None:
    """log 2 = .693147 is DPO's loss where both say the same. gemma2 caps its logits, llama4 has its own head."""
    torch.set_num_threads(1)
    before = base(name, tmp_path / "M0")
    model, reference = (load_model(before, MODEL, dtype="float32") for _ in range(2))
    settings = DpoSettings(max_steps=1, batch_size=4, micro_batch_size=4, learning_rate=1e-3, autocast="bfloat16")
    history = dpo.optimise(
        model, reference.eval(), zoo.tokenizer(), PAIRS, [], settings,
        seed=1, dtype="bfloat16", work=tmp_path / "training", target=tmp_path / "model",
        beside=beside_weights(before, MODEL),
    )  # fmt: skip
    assert history[0]["loss"] == pytest.approx(0.6931472, abs=1e-6)
    assert history[0]["rewards/margins"] == 0
