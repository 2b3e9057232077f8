"""Weak-to-strong's losses of a choice between two answers (Burns et al. 2023, arXiv 2312.09390, section 4.3.1).

With y the weak label, the probability that the first of two answers is the better one, and log p(A), log p(B) the
model's own log-probabilities of the two letters:

    CE(t) = -(t log p(A) + (1 - t) log p(B))
    loss  = (1 - a) CE(y) + a CE(h),       the mean over the batch

h hardens the model's own prediction q = p(A) / (p(A) + p(B)): 1 where q >= threshold, else 0. The threshold is the
quantile of the batch's q at 1 - mean(y), so that as many are hardened to 1 as the weak labels hold on average. a is
`aux_coef` times the fraction of the steps done, while that is at most `warm_up`, and `aux_coef` itself after: it jumps,
as in the public code (openai/weak-to-strong, loss.py). `aux_coef` 0 is plain cross-entropy on the weak labels.
"""

from collections.abc import Sequence

import numpy as np
import torch

from srlm.section import Section, Share


class ConfidenceSettings(Section):
    """The loss of the student."""

    aux_coef: Share = 0.5
    """Weight of the student's own hardened predictions; 0: cross-entropy on the weak labels alone."""
    warm_up: Share = 0.1
    """Share of the steps in which the weight is `aux_coef` times the share of the steps done."""


def coefficient(settings: ConfidenceSettings, done: int, steps: int) -> float:
    """Weight of the hardened predictions in the step behind `done` of `steps`."""
    fraction = done / steps
    return settings.aux_coef * (1.0 if fraction > settings.warm_up else fraction)


def threshold(predictions: Sequence[float], labels: Sequence[float]) -> float:
    """The quantile of the predictions above which they are hardened to 1 (linear interpolation, as torch's)."""
    return float(np.quantile(np.asarray(predictions, dtype=np.float64), 1 - float(np.mean(labels))))


def targets(labels: torch.Tensor, predictions: torch.Tensor, at: float, weight: float) -> torch.Tensor:
    """What each prediction is pulled to: (1 - weight) label + weight [prediction >= at]; (examples,) each."""
    return (1 - weight) * labels + weight * (predictions >= at).to(labels.dtype)


def choice_losses(log_first: torch.Tensor, log_second: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """CE of each example, in nats; (examples,) each."""
    return -(wanted * log_first + (1 - wanted) * log_second)
