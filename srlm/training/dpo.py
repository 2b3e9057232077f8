"""Direct Preference Optimisation, M_t -> M_t+1, with M_t and nothing else as the reference (TRL's DPOTrainer).

    loss = -log sigmoid(beta * [(log pi(y_w|x) - log ref(y_w|x)) - (log pi(y_l|x) - log ref(y_l|x))])

(Rafailov et al. 2023, equation 7), log-probabilities summed over the answer's tokens. Options: negative log-likelihood
of the chosen answers (a mean over all their tokens in a micro batch), and a batch of EFT examples beside every batch of
pairs, so that the judge is not forgotten.

Two more change the loss of a pair itself, which is then `pair_loss`: a length margin (`dpo.length_margin`), and a pair
whose label has a weight C below 1 (CREAM, Wang et al. 2024). With z what stands within the sigmoid,

    z    = beta * [...] + alpha * (|y_w| - |y_l|)
    loss = C * l(z) + (1 - C) * l(-z) = l(z) + (1 - C) * z        where l(z) = -log sigmoid(z)

(TRL's `robust` loss subtracts the second term.) The margin's sign follows from the reward that is maximised: with
r(x, y) - alpha * |y| in the place of r(x, y), r is beta * log(pi / ref) + alpha * |y| up to what y does not change.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from srlm.errors import DataError
from srlm.records import PreferencePair, seed_for
from srlm.settings import DpoSettings
from srlm.text.chat import Chat, alike
from srlm.training.adapters import adapters, peft_without_noise
from srlm.training.batches import Collator, collator, refuse_leaks
from srlm.training.divided import divide_layers
from srlm.training.dropout import set_dropout
from srlm.training.head import TRIAL, router_arguments, use_right_head
from srlm.training.saving import Brought
from srlm.training.sft import Example
from srlm.training.trainer import Watch, arguments, on_one_gpu, train


class PairExample(NamedTuple):
    """Token ids of a prompt and of the two answers to it, and the weight of the label."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]
    label_weight: float = 1.0
    """C: this pair's weight; the swapped pair has 1 - C."""


def examples(chat: Chat, pairs: Sequence[PreferencePair], max_length: int) -> tuple[list[PairExample], int]:
    """Pairs as examples, and how many were left out: longer than `max_length`, or with an answer of no token at all.

    Raises DataError for a pair without messages, as srlm kept them before they were part of a pair.
    """
    pair_examples = []
    for pair in pairs:
        if not pair.prompt:
            raise DataError(
                f"pair {pair.id}: has no messages, because an older srlm wrote it; delete its pairs.jsonl and run the "
                "same command again, which rebuilds it from the step's answers and judgements"
            )
        chosen, rejected = (
            chat.tokens(pair.prompt, turn.content, ended=finish != "length", thought=thought)
            for (turn,), finish, thought in (
                (pair.chosen, pair.chosen_finish, pair.chosen_thought),
                (pair.rejected, pair.rejected_finish, pair.rejected_thought),
            )
        )
        if not chosen.answer or not rejected.answer:
            continue
        # Where one thought and the other did not, their prompts may end at different places.
        shared = alike(chosen.prompt, rejected.prompt)
        prompt = chosen.prompt[:shared]
        better, worse = (one.prompt[shared:] + one.answer for one in (chosen, rejected))
        if len(prompt) + max(len(better), len(worse)) <= max_length:
            pair_examples.append(PairExample(prompt, better, worse, pair.label_weight))
    return pair_examples, len(pairs) - len(pair_examples)


def pair_loss(
    ratios: torch.Tensor, lengths: torch.Tensor, weights: torch.Tensor | None, beta: float, alpha: float
) -> torch.Tensor:
    """Mean over pairs of l(z) + (1 - C) z; see above.

    `ratios` are log pi - log ref of each answer in nats, `lengths` its tokens; both of shape (2 pairs,), the chosen
    answers first. `weights` are the pairs' C, of shape (pairs,); None: all are 1.
    """
    chosen, rejected = ratios.chunk(2)
    longer, shorter = lengths.chunk(2)
    z = beta * (chosen - rejected) + alpha * (longer - shorter)
    losses = -torch.nn.functional.logsigmoid(z)
    return losses.mean() if weights is None else (losses + (1 - weights) * z).mean()


class WithLabelWeights:
    """TRL's batches of pairs, with the weights of their labels."""

    def __init__(self, collate: Callable[[Any], dict[str, torch.Tensor]]) -> None:
        self._collate = collate

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        return {**self._collate(examples), "label_weight": torch.tensor([one["label_weight"] for one in examples])}


@contextmanager
def _outputs(*models: Any) -> Iterator[list[Any]]:
    """What each pass of these models gives, in the order of the passes."""
    found: list[Any] = []

    def keep(model: Any, given: Any, output: Any) -> None:
        found.append(output)

    hooks = [model.register_forward_hook(keep) for model in models if model is not None]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


class PairTrainer(DPOTrainer):  # type: ignore[misc]
    """DPOTrainer on pairs that come tokenised, as generation sees them, with EFT replay."""

    length_margin: float | None = None
    """None: the loss of a pair is TRL's. Else it is `pair_loss`, and TRL computes the other terms."""
    replay: "Replay | None" = None
    _place: tuple[int, int] = (-1, 0)
    """Optimiser step, and number of the micro batch within it, of the last replay."""

    def __init__(self, *, ref_model: Any, **rest: Any) -> None:
        self._reads_along = ref_model
        super().__init__(ref_model=ref_model, **rest)

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        reference, self._reads_along = self._reads_along, None
        if reference is not None:
            divide_layers(self.accelerator, reference)

    def _prepare_dataset(self, dataset: Any, *rest: Any) -> Any:
        # TRL would render and tokenise again by its own rules (and train on what ChatML adds behind the end token).
        return dataset

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if self.length_margin is None:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        else:
            loss = self._with_pair_loss(model, inputs, self.length_margin)
        if self.replay is None or return_outputs or not self.model.training:
            return loss
        # Micro batches are dealt out to the processes in turn.
        micro = self._replayed() * self.accelerator.num_processes + self.accelerator.process_index
        batch = self.replay.batch(self.state.global_step, micro, loss.device)
        outputs = model(**batch, use_cache=False, fused_lm_head=True)
        nll = -outputs.log_probs.sum() / outputs.label_mask.sum().clamp(min=1)
        return loss + self.replay.weight * nll

    def _with_pair_loss(self, model: Any, inputs: Any, alpha: float) -> Any:
        """TRL's loss, which has no term for pairs here, and theirs from the same two passes."""
        inputs = dict(inputs)
        weights = inputs.pop("label_weight", None)
        with _outputs(self.model, self.ref_model) as passes:
            others = super().compute_loss(model, inputs)
        mask = inputs["completion_mask"][:, 1:]
        policy, reference = (one.log_probs[:, -mask.size(1) :].sum(1) for one in passes)
        return others + pair_loss(policy - reference, mask.sum(1), weights, self.beta, alpha)

    def _replayed(self) -> int:
        """Number of this micro batch within its optimiser step (a resumed training counts alike)."""
        step, micro = self._place
        now: int = self.state.global_step
        self._place = (now, micro + 1 if step == now else 0)
        return self._place[1]


class Replay:
    """Batches of EFT examples, chosen by step and seed alone, so that a resumed training draws the same."""

    def __init__(self, data: Sequence[Example], size: int, weight: float, seed: int, collate: Collator) -> None:
        self._data, self._size, self._seed, self._collate = data, size, seed, collate
        self.weight = weight

    def batch(self, step: int, micro: int, device: Any) -> dict[str, torch.Tensor]:
        """What a model's forward takes, labels among it."""
        chance = random.Random(seed_for(self._seed, "replay", step, micro))
        rows = chance.sample(self._data, min(self._size, len(self._data)))
        batch = self._collate([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
        return {key: value.to(device) for key, value in batch.items()}


def optimise(
    model: Any,
    reference: Any,
    tokenizer: Any,
    pairs: Sequence[PairExample],
    replay: Sequence[Example],
    settings: DpoSettings,
    *,
    seed: int,
    dtype: str,
    work: Path,
    target: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    report_to: Sequence[str] = (),
    beside: Mapping[str, bytes] | None = None,
    pauses: bool = False,
) -> list[dict[str, float]]:
    """Train `model` on pairs against `reference` and save it to `target`. Returns the loss history.

    `dtype`, `beside` and `report_to` as in `sft.fine_tune`. One that `pauses` ends at each checkpoint, and at the end,
    for a contest (`trainer.paused`).

    `reference` is M_t loaded a second time from its folder. It is never left to TRL, which would reload whatever the
    model's configuration names. With LoRA it is not used: the reference is the model with its adapters off.
    """
    brought = Brought.by(model, tokenizer, dtype, beside)
    # With LoRA the reference is the policy's own layers, in training mode: dropout in them would shake it.
    set_dropout(model, 0.0 if settings.lora else settings.dropout)
    model.float()
    if reference is not None:
        reference.float()  # as the policy: where nothing has been learnt yet, both must give the same numbers
    losses: dict[str, Any] = {"loss_type": ["sigmoid"]}
    weighted = any(pair.label_weight != 1 for pair in pairs)
    own = weighted or settings.length_margin > 0
    if own:
        losses = {"loss_type": ["sft"], "loss_weights": [settings.nll_weight]}
    elif settings.nll_weight:
        losses = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, settings.nll_weight]}
    trial = [*pairs[0].prompt_ids, *pairs[0].chosen_ids][:TRIAL]
    with peft_without_noise():
        trainer = PairTrainer(
            model=model,
            ref_model=None if settings.lora else reference,
            args=on_one_gpu(
                DPOConfig(
                    **arguments(settings, work, seed, dtype, report_to),
                    beta=settings.beta,
                    disable_dropout=False,  # set_dropout has seen to it; TRL would also switch off the adapters' own
                    **losses,
                    **router_arguments(model, trial),
                )
            ),
            train_dataset=Dataset.from_list([_row(pair, weighted) for pair in pairs]),
            processing_class=tokenizer,
            peft_config=adapters(model, settings.lora),
        )
    if own:
        trainer.length_margin = settings.length_margin
    if weighted:
        trainer.data_collator = WithLabelWeights(trainer.data_collator)
    if settings.eft_replay and replay:
        if settings.packing:
            refuse_leaks(model, replay[0].input_ids, replay[-1].input_ids)
        collate = collator(tokenizer.pad_token_id, settings.packing)
        trainer.replay = Replay(replay, settings.micro_batch_size, settings.eft_replay, seed, collate)
    use_right_head(trainer, trial)
    return train(trainer, tokenizer, brought, Watch(report, pauses), work, target)


def _row(pair: PairExample, weighted: bool) -> dict[str, Any]:
    row = pair._asdict()
    if not weighted:
        del row["label_weight"]
    return row
