"""How far a judge's own noise moves a figure: sampled verdicts on the same prompts, asked again.

An interval over prompts needs no more than its prompts' means: by the law of total variance the variance between these
means is that of the prompts plus that of the votes within them, so that the interval holds both already
(benchmarks/statistics/votes.py counts it). Of the same prompts asked again, only the votes' part remains:

    var(mean over n prompts) = 1/n^2 sum_i s_i^2 / k_i

with s_i^2 the unbiased variance of prompt i's k_i votes. The two orders of a pair are two such means, halved.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import variance

from scipy.stats import norm

from .intervals import Estimate

METHOD = "normal interval from the variance of votes within the same prompts"


def vote_noise(prompts: Sequence[Sequence[Sequence[float]]]) -> float | None:
    """Standard error of the mean over these very prompts, from their votes in each order.

    None: a prompt has an order with a single vote, from which no noise can be told.
    """
    if not prompts or any(len(votes) < 2 for orders in prompts for votes in orders):
        return None
    own = [sum(variance(votes) / len(votes) for votes in orders) / len(orders) ** 2 for orders in prompts]
    return sqrt(sum(own)) / len(prompts)


def on_these_prompts(prompts: Sequence[Sequence[Sequence[float]]], confidence: float) -> Estimate | None:
    """The mean preference and where it would lie if the judge were asked for ever about these very prompts.

    None: see vote_noise, or all votes of every prompt agree, and say nothing of how often they would not.
    """
    error = vote_noise(prompts)
    if not error:
        return None
    means = [sum(sum(votes) / len(votes) for votes in orders) / len(orders) for orders in prompts]
    value, half = sum(means) / len(means), float(norm.ppf((1 + confidence) / 2)) * error
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate(value=value, low=low, high=high, n=len(means), method=METHOD)
