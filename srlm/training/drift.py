"""How far a model has drifted from another, on answers that it wrote itself: KL divergence per token, in nats.

At each token t of an answer y ~ pi(.|x) both models say what may come next, and

    KL(pi || ref) = E_y sum_t sum_v pi(v | x, y_<t) [log pi(v | x, y_<t) - log ref(v | x, y_<t)]

by the chain rule. The inner sum is taken over the whole vocabulary and not for the token that was drawn alone: the same
expectation, never negative, and with less variance (Amini, Vieira and Cotterell 2025, arXiv 2504.10637). The log-ratio
of the drawn tokens, log pi(y_t) - log ref(y_t), is measured beside it. Where answers were drawn otherwise than from pi
itself (a temperature, top-p), the first is the divergence at the places where the answers led, and the second no
estimate of it. Both models are rounded to the format in which they generate; the arithmetic is float32.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from srlm.engines.weights import context_of, serving_format
from srlm.settings import ModelSettings
from srlm.text.chat import Tokens
from srlm.training.movement import load_rounded


class Drift(NamedTuple):
    """Sums over the tokens of one answer, in nats."""

    tokens: int
    """Of the answer, with the one that ends it."""
    kl: float | None
    """None: no finite number, for the reference says that something cannot be which the model says can; or the answer
    and its prompt are longer than a model's context."""
    log_ratio: float | None


class Drifting:
    """Two models in memory, over all GPUs where there are some."""

    def __init__(self, model: Path | str, reference: Path | str, settings: ModelSettings) -> None:
        served = getattr(torch, serving_format(model, settings))
        self._model, self._reference = (load_rounded(path, settings, served) for path in (model, reference))
        self._longest = min(context_of(one.config) for one in (self._model, self._reference))

    def of(self, answers: Sequence[Tokens]) -> Iterator[Drift]:
        """The drift of each answer, in order; of one without a token it is 0."""
        for one in answers:
            # Words that are read back may be more tokens than were written.
            fits = len(one.prompt) + len(one.answer) <= self._longest
            yield drift(self._model, self._reference, one) if fits else Drift(len(one.answer), None, None)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def drift(model: Any, reference: Any, answer: Tokens) -> Drift:
    """What two models say of one answer, in one pass of each."""
    if not answer.answer:
        return Drift(0, 0.0, 0.0)
    ids = torch.tensor([[*answer.prompt, *answer.answer]])
    own, other = (_following(each, ids, len(answer.prompt)) for each in (model, reference))
    apart = own - other.to(own.device)
    # What the model says cannot be counts nothing, whatever the reference says of it.
    kl = float(torch.where(own == -math.inf, 0.0, own.exp() * apart).sum())
    drawn = torch.tensor(answer.answer, device=own.device)[:, None]
    ratio = float(apart.gather(-1, drawn).sum())
    return Drift(len(answer.answer), kl if math.isfinite(kl) else None, ratio if math.isfinite(ratio) else None)


def _following(model: Any, ids: torch.Tensor, start: int) -> torch.Tensor:
    """Log-probabilities of what comes next at each token from `start` on, (tokens, vocabulary)."""
    logits = model(input_ids=ids.to(model.device), use_cache=False).logits
    return logits[0, start - 1 : -1].float().log_softmax(-1)
