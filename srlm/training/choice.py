"""Training a language model to choose between two answers by one letter, on labels that may be probabilities.

The loss is in `srlm.training.confidence`. Each example is read twice, once with each letter behind it, as DPO reads its
two answers: so TRL's head, adapters and sharded weights serve here, too. The predictions that the threshold is taken of
are those of the whole batch of an optimiser step, whatever its micro batches and processes: they are made before its
first micro batch, without dropout and without gradient.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from srlm.errors import ModelError
from srlm.records import user
from srlm.settings import Training
from srlm.text.chat import Chat
from srlm.training.adapters import adapters, peft_without_noise
from srlm.training.batches import IGNORED, Batch, collator
from srlm.training.confidence import ConfidenceSettings, choice_losses, coefficient, targets, threshold
from srlm.training.dropout import set_dropout
from srlm.training.head import TRIAL, router_arguments, use_right_head
from srlm.training.saving import Brought
from srlm.training.trainer import Watch, arguments, on_one_gpu, train


class ChoiceExample(NamedTuple):
    """Token ids of a prompt, the two tokens that answer it, and the probability that the first is right."""

    input_ids: list[int]
    first: int
    second: int
    label: float


def examples(
    chat: Chat, asked: Sequence[tuple[str, float]], labels: tuple[str, str], max_length: int
) -> tuple[list[ChoiceExample], int]:
    """(prompt, probability of the first label) as examples, and how many exceed `max_length` and were left out.

    The tokens are the first ones of the labels where the answer begins. Raises ModelError where they are the same.
    """
    found = []
    for text, label in asked:
        scored = chat.scored(user(text), "", labels)
        first, second = (ids[0] for ids in scored.continuations)
        if first == second:
            raise ModelError(
                f"the tokenizer gives `{labels[0]}` and `{labels[1]}` the same first token, so no choice can be "
                "trained; use a pairwise template with other labels"
            )
        if len(scored.prompt) < max_length:
            found.append(ChoiceExample(scored.prompt, first, second, label))
    return found, len(asked) - len(found)


class BothLetters:
    """Examples as rows by twos: the prompt with the first letter, and with the second; a label for every two rows."""

    def __init__(self, pad: int) -> None:
        self._collate = collator(pad, packing=False)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        doubled = [
            {"input_ids": [*row["input_ids"], row[letter]], "labels": [IGNORED] * len(row["input_ids"]) + [row[letter]]}
            for row in rows
            for letter in ("first", "second")
        ]
        return {**self._collate(doubled), "choice": torch.tensor([row["label"] for row in rows], dtype=torch.float32)}


class ChoiceTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer with the loss of `srlm.training.confidence`."""

    loss_is_scaled_for_ga = True
    """`compute_loss` divides by the examples of the whole step; transformers must not divide again."""
    confidence = ConfidenceSettings(aux_coef=0)
    _at = 0.5
    """The threshold of the optimiser step."""

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["input_ids", "first", "second", "label"]

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], Any]:
        """The micro batches of a step, and how many examples they and those of the other processes hold."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        if not batches:
            return batches, None
        labels = torch.cat([batch["choice"] for batch in batches]).to(device)
        if self.confidence.aux_coef:
            predictions = torch.cat([self._predicted(batch, device) for batch in batches])
            predictions, every = self.accelerator.gather((predictions, labels))
            self._at = threshold(predictions.tolist(), every.tolist())
        number = torch.tensor(len(labels), device=device)
        return batches, self.accelerator.gather(number).sum()

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _predicted(self, batch: Mapping[str, Any], device: Any) -> torch.Tensor:
        """The model's own probability of the first letter, of both."""
        model = self.model_wrapped
        training = model.training
        model.eval()
        try:
            rows = {name: value.to(device) for name, value in batch.items() if name != "choice"}
            with self.compute_loss_context_manager():
                return _probabilities(*_letters(model, rows))
        finally:
            model.train(training)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        labels = inputs.pop("choice")
        first, second = _letters(model, inputs)
        weight = coefficient(self.confidence, self.state.global_step, self.state.max_steps)
        wanted = targets(labels, _probabilities(first, second).detach(), self._at, weight)
        loss = choice_losses(first, second, wanted).sum() / num_items_in_batch
        # The number of examples is that of all processes, and gradients are averaged over them.
        return loss * self.accelerator.num_processes


def _letters(model: Any, rows: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of both letters of each example; (examples,) each."""
    outputs = model(**rows, use_cache=False, fused_lm_head=True)
    both = outputs.log_probs.sum(-1).float().view(-1, 2)  # all but the letter's own are 0
    return both[:, 0], both[:, 1]


def _probabilities(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(first - second)


def fine_tune(
    model: Any,
    tokenizer: Any,
    data: Sequence[ChoiceExample],
    settings: Training,
    confidence: ConfidenceSettings,
    *,
    seed: int,
    dtype: str,
    work: Path,
    target: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    report_to: Sequence[str] = (),
    beside: Mapping[str, bytes] | None = None,
) -> list[dict[str, float]]:
    """Train `model` on choices and save it to `target`; the arguments are those of `sft.fine_tune`.

    Returns the loss history. Examples are padded, also where `settings.packing` is set.
    """
    brought = Brought.by(model, tokenizer, dtype, beside)
    set_dropout(model, settings.dropout)
    model.float()
    trial = [*data[0].input_ids, data[0].first][-TRIAL:]
    with peft_without_noise():
        trainer = ChoiceTrainer(
            model=model,
            args=on_one_gpu(
                SFTConfig(
                    **arguments(settings, work, seed, dtype, report_to),
                    dataset_kwargs={"skip_prepare_dataset": True},
                    packing=False,
                    **router_arguments(model, trial),
                )
            ),
            data_collator=BothLetters(tokenizer.pad_token_id),
            train_dataset=Dataset.from_list([example._asdict() for example in data]),
            processing_class=tokenizer,
            peft_config=adapters(model, settings.lora),
        )
    trainer.confidence = confidence
    use_right_head(trainer, trial)
    return train(trainer, tokenizer, brought, Watch(report), work, target)
