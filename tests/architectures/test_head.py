"""On every architecture a training sees the log-probabilities that the model's own forward pass gives."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM
from trl.trainer.utils import add_fused_lm_head

from srlm.training.batches import IGNORED
from srlm.training.head import LARGE, give_right_head, router_arguments
from tests.architectures import zoo

OWN = {"llama4", "recurrent-gemma"}
"""Those for which TRL's head fails, or leaves out a cap of the logits."""
UNBALANCED = {"granite4-hybrid", "llama4"}
"""Those that speak of a loss over experts without having it."""
ROW = [2, 4, 17, 29, 5, 31, 11, 40, 3]


@pytest.mark.parametrize("name", zoo.CONFIGS)
def test_a_training_sees_the_models_own_log_probabilities(name: str) -> None:
    torch.set_num_threads(1)
    model = zoo.random_model(name)
    ids = torch.tensor([ROW, [*ROW[:6], 3, 0, 0]])
    labels = torch.tensor([[IGNORED] * 5 + ROW[5:], [IGNORED] * 4 + ROW[4:6] + [3, IGNORED, IGNORED]])
    mask = torch.tensor([[1] * 9, [1] * 7 + [0] * 2])
    with torch.no_grad():
        logs = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float().log_softmax(-1)
    wanted = labels[:, 1:]
    expected = logs.gather(-1, wanted.clamp(min=0)[..., None])[..., 0].masked_fill(wanted == IGNORED, 0.0)
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    assert give_right_head(model, ROW) == (name in OWN)
    found = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False, fused_lm_head=True)
    assert torch.allclose(found.log_probs, expected, atol=1e-4)
    assert found.label_mask.tolist() == (wanted != IGNORED).tolist()
    assert found.loss.item() == pytest.approx(float(-expected.sum() / 7), abs=1e-4)
    assert int(found.is_top1.sum()) == int(((logs.argmax(-1) == wanted) & (wanted != IGNORED)).sum())
    found.log_probs.sum().backward()
    assert any(weight.grad is not None and weight.grad.abs().max() > 0 for weight in model.parameters())
    # Without TRL's word for it the forward pass is the model's own.
    assert model(input_ids=ids, use_cache=False).logits.shape == (2, 9, zoo.WORDS)


@pytest.mark.parametrize("name", ["llama", "gpt-oss", "qwen3-next", "granite4-hybrid", "llama4", "deepseek-v3"])
def test_experts_are_balanced_only_where_the_model_has_a_loss_for_it(name: str) -> None:
    expected = {"router_aux_loss_coef": 0.0} if name in UNBALANCED else {}
    assert router_arguments(zoo.random_model(name), ROW) == expected


def test_a_large_head_reads_only_positions_with_a_label_and_says_the_same() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=LARGE, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=2, tie_word_embeddings=True,
        )
    )  # fmt: skip
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    ids = torch.tensor([ROW, [*ROW[:6], 3, 0, 0]])
    batch = {
        "input_ids": ids,
        "attention_mask": torch.tensor([[1] * 9, [1] * 7 + [0] * 2]),
        "labels": torch.tensor([[IGNORED] * 6 + ROW[6:], [IGNORED] * 5 + [31, 3, IGNORED, IGNORED]]),  # 5 of 16 places
        "num_items_in_batch": torch.tensor(10),
        "use_cache": False,
        "fused_lm_head": True,
    }

    def step() -> tuple[Any, torch.Tensor, int]:
        model.zero_grad()
        with FlopCounterMode(display=False) as counter:
            found = model(**batch)
            found.loss.backward()
        return found, model.get_input_embeddings().weight.grad.clone(), counter.get_total_flops()

    every, gradient, work = step()
    assert not give_right_head(model, ROW)
    found, spared_gradient, spared = step()
    for name in ("log_probs", "entropy", "is_top1", "label_mask", "loss"):
        assert torch.allclose(
            found[name].float(), every[name].float() * (every["label_mask"] if every[name].ndim else 1)
        )
    assert torch.allclose(spared_gradient, gradient, atol=1e-7)
    # The counter sees two of the head's four products, each of 2 * 8 * LARGE operations a position.
    assert work - spared == 2 * 2 * 8 * LARGE * (16 - 5)
    batch["labels"] = torch.full_like(ids, IGNORED)
    assert model(**batch).loss == 0
