"""The head of the model that is trained: TRL's, where it says what the model says, and else the model's own.

TRL computes the log-probabilities of the labels from the last hidden states and the output embedding, without all
logits in memory. What a model's own head does besides (scales, caps, a norm) it knows of some architectures. On the
others it would train another model without a word, or fail. So both are held against each other on one example.

On a CPU, TRL's head computes every position, and only afterwards forgets those whose label is IGNORED. With 49,152
words that was half of a training step of SmolLM2-135M, so there it is given the labelled positions alone.
"""

import functools
import types
from collections.abc import Sequence
from typing import Any

import torch
from accelerate.utils import broadcast_object_list

from srlm.errors import first_line
from srlm.terminal import logger
from srlm.training.batches import IGNORED
from srlm.training.trainer import processes

log = logger(__name__)

OFF = 1e-3
"""Nats a token by which the two may differ in 32 bits; in 16 bits fifty times as much."""

TRIAL = 64
"""Tokens of an example that are enough to tell."""

LARGE = 8192
"""Words in a vocabulary from which TRL's head is spared the positions without a label (srlm/training/head.py says why).
Below, nothing is gained: models of a small world are the same to the last bit as before."""


def use_right_head(trainer: Any, ids: Sequence[int], temperature: float = 1.0) -> None:
    """Give the trainer's model, and its reference, their own head where TRL's differs on the example `ids`.

    `temperature`: what TRL was told to divide logits by. The reference is a model of the same kind, and is given the
    same head. It is not compared: in a training with autocast it computes in 16 bits already, in which the two heads
    round differently and yet say the same.
    """
    whole, reference = trainer.accelerator.unwrap_model(trainer.model), getattr(trainer, "ref_model", None)
    if _in_parts(whole):
        log.info("%s: its weights are sharded, so TRL's head is not compared with its own", _name(whole))
        return
    differs = give_right_head(whole.get_base_model() if hasattr(whole, "get_base_model") else whole, ids, temperature)
    if reference is not None:
        _give_head(trainer.accelerator.unwrap_model(reference), differs, temperature, autocast=trainer.args.bf16)


def give_right_head(model: Any, ids: Sequence[int], temperature: float = 1.0) -> bool:
    """Give a model to which TRL has added its head its own where they differ on `ids`; whether that was so."""
    fault = _agreed(_fault(model, ids, temperature))
    if fault is not None:
        log.warning("%s: trained with its own head, which takes more memory than TRL's (%s)", _name(model), fault)
    _give_head(model, fault is not None, temperature)
    return fault is not None


def _give_head(model: Any, own: bool, temperature: float, autocast: bool = False) -> None:
    """Its own head, or TRL's; `autocast` as in `_with_own_head`."""
    if own:
        _with_own_head(model, temperature, autocast)
    elif model.get_output_embeddings().weight.shape[0] >= LARGE:
        _spare_unlabelled(model)


def _agreed(found: str | None) -> str | None:
    """What the first process has found: all of a training must compute in the same way."""
    if processes() == 1:
        return found
    said = [found]
    broadcast_object_list(said)
    return said[0]


@torch.no_grad()  # type: ignore[untyped-decorator]
def router_arguments(model: Any, ids: Sequence[int]) -> dict[str, float]:
    """TRL's arguments on the loss that balances a model's experts: none where it can be had, else that it is left out.

    TRL adds it wherever the configuration speaks of it, and some speak of it without experts, or give it no weight.
    """
    config = model.config.get_text_config()
    weight = getattr(config, "router_aux_loss_coef", 0.0)
    if not hasattr(config, "output_router_logits") or weight == 0 or _in_parts(model):
        return {}
    row, training = torch.tensor([list(ids)], device=model.device), model.training
    model.eval()
    try:
        found = model(input_ids=row, use_cache=False, output_router_logits=True).aux_loss
        usable = isinstance(found, torch.Tensor) and bool(torch.isfinite(found).all()) and weight is not None
        why = None if usable else "the model has none, or no weight for it"
    except Exception as error:  # a model's code may raise anything
        why = first_line(error)
    finally:
        model.train(training)
    if (why := _agreed(why)) is None:
        return {}
    log.warning("%s: trained without the load-balancing loss of experts (%s)", _name(model), why)
    return {"router_aux_loss_coef": 0.0}


@torch.no_grad()  # type: ignore[untyped-decorator]
def _fault(model: Any, ids: Sequence[int], temperature: float) -> str | None:
    """Why TRL's head is not this model's; None where it is."""
    row = torch.tensor([list(ids)], device=model.device)
    training = model.training
    model.eval()
    try:
        logits = model(input_ids=row, use_cache=False).logits
        expected = (logits[:, :-1].float() / temperature).log_softmax(-1).gather(-1, row[:, 1:, None])[..., 0]
        try:
            found = model(input_ids=row, labels=row, use_cache=False, fused_lm_head=True).log_probs
        except Exception as error:  # it reaches into models that are built in other ways
            return first_line(error)
    finally:
        model.train(training)
    off = float((found.float() - expected).abs().max())
    allowed = OFF if logits.dtype == torch.float32 else 50 * OFF
    return None if off <= allowed else f"log-probabilities differ by {off:.2g}"


def _with_own_head(model: Any, temperature: float, autocast: bool) -> None:
    """Let the model answer TRL's calls with what its own forward pass says.

    `autocast`: in bfloat16, for a reference, which accelerate has prepared for it and is not going to prepare again.
    """
    from trl.trainer.utils import FusedCausalLMOutput

    # Beneath TRL's forward, which stands in the instance, is the class's own.
    own = type(model).forward
    if autocast:
        own = torch.autocast(model.device.type, torch.bfloat16)(own)

    @functools.wraps(own)
    def forward(self: Any, *rest: Any, fused_lm_head: bool = False, **named: Any) -> Any:
        if not fused_lm_head:
            return own(self, *rest, **named)
        labels, items = named.pop("labels"), named.pop("num_items_in_batch", None)
        outputs = own(self, *rest, **named)
        logits = outputs.logits[:, :-1].float() / temperature
        wanted = labels[:, 1:]
        mask = wanted != IGNORED
        every = logits.log_softmax(-1)
        log_probs = every.gather(-1, wanted.clamp(min=0)[..., None])[..., 0].masked_fill(~mask, 0.0)
        spread = every.detach()
        loss = -log_probs.sum() / (mask.sum().clamp(min=1) if items is None else items)
        balance = getattr(outputs, "aux_loss", None)
        if balance is not None:
            loss = loss + getattr(self.config, "router_aux_loss_coef", 0.0) * balance
        return FusedCausalLMOutput(
            loss=loss,
            aux_loss=balance,
            log_probs=log_probs,
            entropy=(-(spread.exp() * spread).sum(-1)).masked_fill(~mask, 0.0),
            log_sum_sq_probs=(2 * spread).logsumexp(-1).masked_fill(~mask, 0.0),
            mean_logits=logits.detach().mean(-1).masked_fill(~mask, 0.0),
            is_top1=(spread.argmax(-1) == wanted) & mask,
            label_mask=mask,
        )

    model.forward = types.MethodType(forward, model)


def _spare_unlabelled(model: Any) -> None:
    """Let TRL's head, on a CPU, see the hidden states before labelled tokens only, as it does by itself on a GPU."""
    fused = model.forward

    @functools.wraps(type(model).forward)
    def forward(self: Any, *rest: Any, **named: Any) -> Any:
        labels = named.get("labels")
        if not named.get("fused_lm_head") or labels is None or labels.device.type != "cpu":
            return fused(*rest, **named)
        scored = labels[:, 1:] != IGNORED
        if not scored.any():
            return fused(*rest, **named)
        wanted = labels[:, 1:][scored]

        def keep(backbone: Any, given: Any, output: Any) -> Any:
            hidden = output.last_hidden_state[:, :-1][scored]
            # TRL leaves out the last position and the first label.
            output.last_hidden_state = torch.cat([hidden, hidden[:1]])[None]
            return output

        hook = self.base_model.register_forward_hook(keep)
        try:
            outputs = fused(*rest, **{**named, "labels": torch.cat([wanted[:1], wanted])[None]})
        finally:
            hook.remove()
        for name in ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1", "label_mask"):
            value = outputs.get(name)
            if value is not None:
                outputs[name] = value.new_zeros(scored.shape).masked_scatter(scored, value)
        return outputs

    model.forward = types.MethodType(forward, model)


def _in_parts(model: Any) -> bool:
    """Whether DeepSpeed holds only a part of each weight here, before training has begun."""
    return any(hasattr(weight, "ds_id") for weight in model.parameters())


def _name(model: Any) -> str:
    return type(model).__name__
