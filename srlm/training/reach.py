"""How far a learning rate can move a weight, and how many weights that is not far enough for.

AdamW moves a weight by about its rate at each step (Kingma & Ba 2015, section 2.1: the rate bounds the step), so a
training moves none further than the sum of its rates. Rounded to nearest, a weight w changes where it moves by half of
the distance to its neighbour: |w| / 256 to |w| / 512 in bfloat16, a 65,536th of that in float32.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from srlm.engines.weights import safetensors
from srlm.settings import Training

SIGNIFICANT = {torch.bfloat16: 8, torch.float16: 11, torch.float32: 24}
"""Bits of a number's significand, the hidden one among them."""
LOOKED_AT = 2**18
"""Weights of each tensor that are looked at, from its first rows on."""


def farthest(training: Training, steps: int) -> float:
    """Sum of the rates of so many steps."""
    warm = min(training.warmup_steps, steps)
    last = training.learning_rate if training.schedule == "constant" else training.final_learning_rate
    # Cosine and straight line have the same mean.
    return warm * training.learning_rate / 2 + (steps - warm) * (training.learning_rate + last) / 2


def out_of_reach(files: Sequence[Path], training: Training, distance: float, format: torch.dtype) -> float | None:
    """Share of the weights in safetensors files that a training cannot change by moving by `distance` at most.

    With adapters it moves by alpha / rank times the sum of `rank` products of a weight of B, which moves so far from 0,
    and one of A, whose standard deviation is 1 / sqrt(3 inputs) (peft's Kaiming initialisation), of random signs:
    alpha / sqrt(rank) * distance / sqrt(3 inputs). Only matrices are looked at then. None: there are no weights.
    """
    if format not in SIGNIFICANT:
        return None
    stuck = total = 0.0
    for file in files:
        with safetensors(file) as weights:
            for name in weights.keys():  # noqa: SIM118  (no mapping)
                tensor = weights.get_slice(name)
                shape = tensor.get_shape()
                if not shape or 0 in shape or (training.lora and len(shape) < 2):
                    continue
                found = tensor[: max(1, LOOKED_AT // math.prod(shape[1:]))]
                if not found.is_floating_point():
                    continue
                lora, far = training.lora, distance
                if lora is not None:
                    far *= lora.alpha / math.sqrt(lora.rank) / math.sqrt(3 * shape[-1])
                # frexp: |w| = mantissa * 2 ** exponent, the mantissa from 1/2 to 1
                _, exponent = torch.frexp(found.float())
                half = torch.exp2((exponent - 1 - SIGNIFICANT[format]).float())
                held = (half > far) & (found != 0)
                stuck += float(held.float().mean()) * math.prod(shape)
                total += math.prod(shape)
    return stuck / total if total else None
