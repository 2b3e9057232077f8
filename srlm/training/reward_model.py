"""A reward model: a language model with a head of one output, trained on pairs of answers (TRL's RewardTrainer).

    loss = -log sigmoid(r(x, y_w) - r(x, y_l)) + center * (r(x, y_w) + r(x, y_l))^2

(Bradley and Terry 1952; the second term, off by default, is Eisenstein et al. 2023's). It is saved as a sequence
classifier, which `reward: {kind: model}` and the judge `reward-model:DIR` open, and reads a conversation in training
exactly as it does there (`srlm.text.rewarded`).
"""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from trl import RewardConfig, RewardTrainer
from trl.trainer.reward_trainer import DataCollatorForPreference, suppress_seqcls_warning

from srlm.engines.weights import read_config, refuse_unusable
from srlm.errors import ModelError, first_line
from srlm.records import PreferencePair
from srlm.settings import ModelSettings, RewardModelSettings
from srlm.text.chat import Chat
from srlm.text.clock import with_clock
from srlm.text.counts import counted
from srlm.text.rewarded import RewardedText
from srlm.training.adapters import adapters, peft_without_noise
from srlm.training.dropout import set_dropout
from srlm.training.saving import Brought
from srlm.training.trainer import Watch, arguments, on_one_gpu, train

CLASSIFIER = "AutoModelForSequenceClassification"
"""Under this name a model's configuration names the code that comes with it."""
HEAD = "score"
"""What transformers calls the head of a sequence classifier."""


class RankedExample(NamedTuple):
    """Token ids of a conversation with the better and with the worse answer."""

    chosen_ids: list[int]
    rejected_ids: list[int]


def reading_tokenizer(chat: Chat) -> Any:
    """The tokenizer to save with a reward model: a template that asks for the date is told the run's for ever."""
    tokenizer = copy.deepcopy(chat.tokenizer)
    tokenizer.chat_template = with_clock(chat.template, chat.date)
    return tokenizer


def examples(tokenizer: Any, pairs: Sequence[PreferencePair], max_length: int) -> tuple[list[RankedExample], int]:
    """Pairs as examples, and how many were left out: with an answer that is longer than `max_length`, or two that read
    alike."""
    text = RewardedText(tokenizer)
    ranked = [
        RankedExample(*(text.ids(pair.prompt, turn.content) for (turn,) in both))
        for pair in pairs
        for both in [(pair.chosen, pair.rejected)]
    ]
    kept = [
        one
        for one in ranked
        if max(len(one.chosen_ids), len(one.rejected_ids)) <= max_length and one.chosen_ids != one.rejected_ids
    ]
    return kept, len(ranked) - len(kept)


def check_classifier(path: Path | str, settings: ModelSettings) -> None:
    """Raise ModelError where transformers has no sequence classifier of a model's architecture; reads no weights."""
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    config = read_config(path, settings)
    own = settings.trust_remote_code and CLASSIFIER in getattr(config, "auto_map", {})
    if not own and type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise ModelError(
            f"{path}: transformers has no sequence classifier for a {config.model_type}, so it cannot become a reward "
            "model; use another base model, or a trained reward model (reward.kind model)"
        )


def load_classifier(path: Path | str, settings: ModelSettings, seed: int) -> Any:
    """The language model in a folder, in float32, with a head of one output whose weights are drawn from the seed.

    Raises ModelError where it cannot be had.
    """
    from transformers import AutoModelForSequenceClassification

    check_classifier(path, settings)
    refuse_unusable(path, settings)
    # The head is new, and is to be trained. Its weights are drawn on the CPU; torch warns where several GPUs' random
    # states would be kept, too.
    with torch.random.fork_rng(devices=()), suppress_seqcls_warning():
        torch.manual_seed(seed)
        try:
            model, loaded = AutoModelForSequenceClassification.from_pretrained(
                path,
                num_labels=1,
                dtype="float32",
                use_safetensors=True,
                trust_remote_code=settings.trust_remote_code,
                revision=settings.revision,
                output_loading_info=True,
            )
        except Exception as error:  # transformers raises anything from OSError to KeyError for a broken folder
            raise ModelError(f"{path}: cannot load the model as a reward model: {first_line(error)}") from error
    if missing := sorted(name for name in loaded["missing_keys"] if not name.startswith(f"{HEAD}.")):
        raise ModelError(
            f"{path}: the weights lack {counted(len(missing), 'tensors')} of a reward model "
            f"({', '.join(missing[:3])}), which "
            "would be random numbers"
        )
    return model


def fit(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[RankedExample],
    settings: RewardModelSettings,
    *,
    seed: int,
    dtype: str,
    work: Path,
    target: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    report_to: Sequence[str] = (),
) -> list[dict[str, float]]:
    """Train a classifier on pairs and save it to `target`; `work` holds checkpoints. Returns the loss history.

    `dtype` is the format that its configuration names, as in `sft.fine_tune`.
    """
    brought = Brought(copy.deepcopy(model.config), None, dtype, {})
    set_dropout(model, settings.dropout)
    model.float()
    padding = _padded_by_unused(tokenizer, pairs)
    with peft_without_noise():
        trainer = RewardTrainer(
            model=model,
            args=on_one_gpu(
                RewardConfig(
                    **arguments(settings, work, seed, dtype, report_to),
                    disable_dropout=False,  # set_dropout has seen to it
                    center_rewards_coefficient=settings.center or None,
                )
            ),
            data_collator=DataCollatorForPreference(pad_token_id=padding.pad_token_id),
            train_dataset=Dataset.from_list([pair._asdict() for pair in pairs]),
            processing_class=padding,  # whose pad token the trainer writes into the model's configuration
            peft_config=adapters(model, settings.lora, HEAD),
        )
    return train(trainer, tokenizer, brought, Watch(report), work, target)


def _padded_by_unused(tokenizer: Any, pairs: Sequence[RankedExample]) -> Any:
    """The tokenizer with a pad token that no pair holds.

    transformers takes the output at the last token that is not the pad token, and a turn may end with the tokenizer's
    own. Raises ModelError where every token is used.
    """
    used = {token for pair in pairs for ids in pair for token in ids}
    found = next((token for token in range(len(tokenizer)) if token not in used), None)
    if found is None:
        raise ModelError(
            f"all {counted(len(tokenizer), 'tokens')} of the vocabulary are in the pairs; none is left for padding"
        )
    padding = copy.deepcopy(tokenizer)
    padding.pad_token = padding.convert_ids_to_tokens(found)
    return padding
