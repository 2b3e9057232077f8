"""Supervised fine-tuning: the SFT baseline (IFT), M1 (IFT + EFT), M0 from scratch, and the method `positive_sft`.

Loss on the answer's tokens only. Examples come tokenised by `srlm.text.chat`, as generation sees them.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from srlm.records import Demonstration
from srlm.settings import Training
from srlm.text.chat import Chat
from srlm.training.adapters import adapters, peft_without_noise
from srlm.training.batches import IGNORED, collator, refuse_leaks
from srlm.training.dropout import set_dropout
from srlm.training.head import TRIAL, router_arguments, use_right_head
from srlm.training.saving import Brought
from srlm.training.trainer import Watch, arguments, on_one_gpu, train


class Example(NamedTuple):
    """Token ids, the label of each (IGNORED: no loss), and the weight of its loss."""

    input_ids: list[int]
    labels: list[int]
    weight: float = 1.0


def examples(
    chat: Chat, demonstrations: Sequence[Demonstration], max_length: int, ift_weight: float = 1.0
) -> tuple[list[Example], int]:
    """Demonstrations as examples, and how many were longer than `max_length` and left out."""
    supervised = []
    for demonstration in demonstrations:
        prompt, answer = chat.tokens(demonstration.messages, demonstration.response, thought=demonstration.thought)
        weight = ift_weight if demonstration.kind == "ift" else 1.0
        if len(prompt) + len(answer) <= max_length:
            supervised.append(Example(prompt + answer, [IGNORED] * len(prompt) + answer, weight))
    return supervised, len(demonstrations) - len(supervised)


class WeightedSFTTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer with a weight for each example.

        loss = - sum over tokens of weight * log p(token) / sum over tokens of weight

    Both sums go over the whole batch of an optimiser step, however it is cut into micro batches. Equal weights give
    TRL's own loss.
    """

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["input_ids", "labels", "weight"]

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], Any]:
        """The micro batches of a step, and the weights of all their tokens with loss (TRL: how many those are)."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        weights = [((batch["labels"][:, 1:] != IGNORED) * batch["weight"][:, 1:]).sum() for batch in batches]
        return batches, self.accelerator.gather(torch.stack(weights).sum().to(device)).sum() if weights else None

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        weights = inputs.pop("weight")
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        loss = -(outputs.log_probs * weights[:, 1:]).sum() / num_items_in_batch.clamp(min=1e-8)
        # The sum of weights is over all processes, and gradients are averaged over them.
        return loss * self.accelerator.num_processes


def fine_tune(
    model: Any,
    tokenizer: Any,
    data: Sequence[Example],
    settings: Training,
    *,
    seed: int,
    dtype: str,
    work: Path,
    target: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    report_to: Sequence[str] = (),
    beside: Mapping[str, bytes] | None = None,
) -> list[dict[str, float]]:
    """Fine-tune `model` on examples and save it to `target`; `work` holds checkpoints. Returns the loss history.

    The model is trained and saved in float32; `dtype` is the format in which it will generate, `beside` what
    `weights.beside_weights` found where it came from. `report_to` names who else is sent the history as it is made
    (TRL's own setting of that name).
    """
    brought = Brought.by(model, tokenizer, dtype, beside)
    set_dropout(model, settings.dropout)
    model.float()
    weighted = len({example.weight for example in data}) > 1
    rows = [{"input_ids": e.input_ids, "labels": e.labels, **({"weight": e.weight} if weighted else {})} for e in data]
    if settings.packing and data:
        refuse_leaks(model, data[0].input_ids, data[-1].input_ids)
    trial = data[0].input_ids[:TRIAL]
    with peft_without_noise():
        trainer = (WeightedSFTTrainer if weighted else SFTTrainer)(
            model=model,
            args=on_one_gpu(
                SFTConfig(
                    **arguments(settings, work, seed, dtype, report_to),
                    dataset_kwargs={"skip_prepare_dataset": True},
                    packing=False,
                    **router_arguments(model, trial),
                )
            ),
            data_collator=collator(tokenizer.pad_token_id, settings.packing),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=adapters(model, settings.lora),
        )
    use_right_head(trainer, trial)
    return train(trainer, tokenizer, brought, Watch(report), work, target)
