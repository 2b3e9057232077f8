"""Which token comes next: drawn from a model's scores, or the best one.

torch draws one random number a word, and top-p sorts all words. On a CPU, with the 49,152 words of SmolLM2 and 64 rows,
each of the two took as long as the model itself. So with a large vocabulary there one number is drawn a row, and only
the best words are sorted. The probabilities are the same, the draws of a seed are others.
"""

import torch
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

from srlm.settings import Sampling

LARGE = 8192
"""Words in a vocabulary from which this pays on a CPU. Below, a seed draws what torch draws."""
BEST = 256
"""Words that are sorted; where they have less than top_p of a row's probability, all are."""


def next_tokens(ids: torch.Tensor, scores: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """A token a row, of shape (rows,): `scores` (rows, words) are float32 logits behind `ids` (rows, tokens)."""
    if sampling.temperature == 0:
        return scores.argmax(-1)
    if scores.shape[-1] < LARGE or scores.device.type != "cpu":
        return torch.multinomial(_warped(ids, scores, sampling).softmax(-1), 1)[:, 0]
    scores = scores / sampling.temperature
    if sampling.top_p < 1:
        best, words = scores.topk(BEST)
        chances = (best - scores.logsumexp(-1, keepdim=True)).exp()
        before = chances.cumsum(-1) - chances
        if (before[:, -1] + chances[:, -1] >= sampling.top_p).all():
            # As TopPLogitsWarper: a word stays where those above it have less than top_p.
            return words.gather(-1, _drawn(chances.masked_fill(before >= sampling.top_p, 0)))[:, 0]
        scores = TopPLogitsWarper(sampling.top_p)(ids, scores)
    return _drawn(scores.softmax(-1))[:, 0]


def _warped(ids: torch.Tensor, scores: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Scores with what was asked for and nothing else, whatever the model's own generation configuration says."""
    warpers = LogitsProcessorList()
    if sampling.temperature != 1:
        warpers.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    warped: torch.Tensor = warpers(ids, scores)
    return warped


def _drawn(chances: torch.Tensor) -> torch.Tensor:
    """A place a row, of shape (rows, 1), drawn in proportion to `chances`; never one without a chance."""
    sums = chances.double().cumsum(-1)
    return torch.searchsorted(sums, torch.rand(len(sums), 1, dtype=torch.float64) * sums[:, -1:], right=True)
