"""How models are trained: what SFT and DPO share, what each has of its own, and in how many processes."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from srlm.section import Positive, Section, Share


class LoraSettings(Section):
    """Low-rank adapters (peft) on the decoder's linear layers, merged into the float32 weights of the saved model."""

    rank: Positive = 16
    """Rank of the update."""
    alpha: Positive = 32
    """Scale: the update is multiplied by alpha / rank."""
    dropout: Share = 0.05
    """Dropout on the adapters' input. In DPO it is the only dropout, because the reference is the same model without
    adapters."""


def _rate(full: float, adapters: float) -> Any:
    """Default of a learning rate: `adapters` where `lora` (declared before it) is set.

    Adapters want about ten times the rate of full fine-tuning (Schulman et al. 2025, "LoRA Without Regret"); the
    alignment handbook's Zephyr recipes have the same ratio for DPO (5e-7 and 5e-6).
    """
    return Field(default_factory=lambda before: full if before.get("lora") is None else adapters)


class Training(Section):
    """One training of a model."""

    epochs: Annotated[float, Field(gt=0)] = 2.0
    """Passes over the data."""
    max_steps: Positive | None = None
    """Optimiser steps; overrides epochs."""
    batch_size: Positive = 16
    """Sequences (DPO: pairs) per optimiser step: the global batch size."""
    micro_batch_size: Positive = 16
    """Sequences (DPO: pairs) per forward pass; must divide batch_size."""
    lora: LoraSettings | None = None
    """None: all weights are trained."""
    learning_rate: Annotated[float, Field(gt=0)] = _rate(5.5e-6, 5.5e-5)
    """Peak learning rate. The default with adapters (lora) is ten times as high: 5.5e-05."""
    final_learning_rate: Annotated[float, Field(ge=0)] = _rate(1.1e-6, 1.1e-5)
    """Learning rate after the last step (not used by schedule `constant`). Default with adapters (lora): 1.1e-05."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """Shape of the decay from the peak to the final learning rate."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps in which the learning rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW's decoupled decay."""
    beta1: Share = 0.9
    """AdamW's first moment decay."""
    beta2: Share = 0.999
    """AdamW's second moment decay."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are clipped to this norm."""
    dropout: Share = 0.0
    """Dropout in the model during training (the paper: 0.1)."""
    max_length: Positive = 2048
    """Maximum length of prompt and answer together, in tokens; at most the model's own context. Longer examples are
    left out and counted."""
    save_steps: Positive = 200
    """Optimiser steps between checkpoints. An interrupted training resumes from the last one."""
    autocast: Literal["auto", "bfloat16", "off"] = "auto"
    """Number format of forward and backward passes; weights and optimiser stay in float32. `auto`: bfloat16 on a GPU if
    the models generate in bfloat16. `bfloat16`: also on a CPU (faster with avx512_bf16 or amx, slower without)."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    packing: bool = False
    """Concatenate the examples of a supervised batch: the same loss without padding. Only for models that mix tokens by
    attention alone; others are refused. Pairs, and answers of online training, are padded."""

    def steps_for(self, examples: int) -> int:
        """Optimiser steps of a training on so many examples."""
        return self.max_steps or math.ceil(examples * self.epochs / self.batch_size)


class SftSettings(Training):
    """Supervised fine-tuning of the SFT baseline (IFT) and of M1 (IFT + EFT), both from M0."""

    ift_weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of an IFT token in M1's loss; an EFT token has 1."""


class DpoSettings(Training):
    """Direct Preference Optimisation, M_t -> M_t+1; the reference is M_t."""

    learning_rate: Annotated[float, Field(gt=0)] = _rate(1e-6, 1e-5)
    """Peak learning rate. The default with adapters (lora) is ten times as high: 1e-05."""
    final_learning_rate: Annotated[float, Field(ge=0)] = _rate(1e-7, 1e-6)
    """Learning rate after the last step (not used by schedule `constant`). Default with adapters (lora): 1e-06."""
    beta: Annotated[float, Field(gt=0)] = 0.1
    """Strength of the pull towards the reference (Rafailov et al. 2023, equation 7)."""
    nll_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the negative log-likelihood per token of the chosen answer (the paper: 0)."""
    length_margin: Annotated[float, Field(ge=0)] = 0.0
    """alpha of length-regularised DPO (Liu et al. 2024, Park et al. 2024): alpha times the chosen answer's length minus
    the rejected one's, in tokens, is added within the sigmoid, so that a pair whose chosen answer is the longer one
    teaches less. 0: plain DPO."""
    eft_replay: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the loss on a batch of EFT examples added to every batch of pairs (the paper: 0)."""
    early_stop: Literal["off", "pairwise"] = "off"
    """`pairwise`: stop when a checkpoint's answers to the validation prompts no longer beat those of the checkpoint
    before. The last step is compared, too. The models answer in the number format in which they would be saved."""


class RewardModelSettings(Training):
    """A reward model trained on ranked answers (Bradley and Terry 1952), for the methods that have one."""

    epochs: Annotated[float, Field(gt=0)] = 1.0
    """Passes over the pairs."""
    learning_rate: Annotated[float, Field(gt=0)] = _rate(1e-5, 1e-4)
    """Peak learning rate. The default with adapters (lora) is ten times as high: 0.0001."""
    final_learning_rate: Annotated[float, Field(ge=0)] = _rate(1e-6, 1e-5)
    """Learning rate after the last step (not used by schedule `constant`). Default with adapters (lora): 1e-05."""
    base: Literal["M1", "SFT"] = "M1"
    """The model that gets a head with one output: M1, or the SFT baseline."""
    pairs: Literal["all", "best_worst"] = "all"
    """`all`: every two answers of a ranked set, but ties. `best_worst`: its best against its worst answer."""
    center: Annotated[float, Field(ge=0)] = 0.0
    """Weight of (r_chosen + r_rejected)^2 in the loss: keeps rewards near 0, which pairs alone do not fix."""


class OnlineSettings(Training):
    """Online RL, M_t -> M_t+1: answers are sampled from the model while it is trained, and rewarded at once.

    Each prompt gets `candidates.count` answers, sampled as `candidates.sampling` says.
    """

    epochs: Annotated[float, Field(gt=0)] = 1.0
    """Passes over the prompts."""
    batch_size: Positive = 64
    """Sampled answers per optimiser step; a multiple of candidates.count, because a prompt's answers stay together."""
    micro_batch_size: Positive = 16
    """Answers per forward pass; must divide batch_size."""
    learning_rate: Annotated[float, Field(gt=0)] = _rate(1e-6, 1e-5)
    """Peak learning rate. The default with adapters (lora) is ten times as high: 1e-05."""
    final_learning_rate: Annotated[float, Field(ge=0)] = _rate(1e-7, 1e-6)
    """Learning rate after the last step (not used by schedule `constant`). Default with adapters (lora): 1e-06."""
    dropout: Annotated[float, Field(ge=0, le=0)] = 0.0
    """Always 0, of the adapters, too: the answers would not be samples of the model whose probabilities are trained."""
    algorithm: Literal["rloo", "grpo"] = "rloo"
    """`rloo`: REINFORCE, each answer against the mean of the prompt's others (Ahmadian et al. 2024). `grpo`: against
    the mean of all its answers, over their standard deviation (Shao et al. 2024)."""
    beta: Annotated[float, Field(ge=0)] = 0.05
    """Weight of the KL divergence from the reference: taken off the reward (rloo), or added to the loss of each token
    (grpo). 0: no reference."""
    reference: Literal["first", "parent"] = "first"
    """`first`: M1. `parent`: M_t, the model that training starts from; the only one possible with lora."""
    judge: Literal["parent", "policy"] = "parent"
    """Who judges where reward.kind is `judge` and no judge.engine is set. `parent`: M_t, frozen, in the run's engine.
    `policy`: the model that is being trained, as it is at each step."""


class LaunchSettings(Section):
    """Training in separate processes: several GPUs, several machines (docs/scale.md)."""

    command: tuple[str, ...] = ()
    """Command that starts the processes, as in [accelerate, launch, --config_file, configs/accelerate/fsdp.yaml]; the
    program to run is appended. Empty: train in this process."""
    timeout: Positive = 86_400
    """Seconds that the processes of a training wait for each other before they give up. In online RL all wait while the
    first asks for rewards: a step's judgements must take less. Saving a large model must, too."""
    lost_after: Positive = 120
    """Seconds without a sign of life after which a process, or its host, counts as lost and the training stops. At the
    start the processes wait five times as long for each other."""
