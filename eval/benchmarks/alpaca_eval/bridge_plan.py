"""Which anchors and how many prompts a budget buys, and how wide the interval would be; nobody is asked."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from srlm.errors import SettingsError

from ...data.alpaca_eval import BASELINE
from ...data.verdicts import OfficialFigure
from ...stats.bridge import FEWEST_ANCHORS, Candidate, choose, expected_half_width, relative_length

BASELINE_CHARACTERS = 2049
"""GPT-4 1106 preview's mean answer, by the leaderboard."""
MOST_ANCHORS = 16
FEWEST_PROMPTS = 50
NEAR = 1.2
"""Logits: anchors are taken this near to the guess, where there are enough."""
EDGES = (0.02, 0.6)
"""Rates of possible anchors: beyond, a yes or a no decides over a logit, or a model games the judge."""
MIDDLE = (0.1, 0.9)
"""Quantiles of the leaderboard between which anchors are taken where nobody guesses."""
LENGTHS = (0.4, 1.65)
"""Of a possible anchor's answers, in units of the baseline's."""
LEFT_OVER = 0.05
"""Share of the budget that is kept: the price of a call is an estimate."""

Price = Callable[[float], float]
"""Dollars of one prompt of a model whose answers are this many characters long."""


class BridgeOption(NamedTuple):
    """One way to spend the budget."""

    anchors: tuple[Candidate, ...]
    prompts: int
    dollars: float
    half_width: float
    """Points of percent, expected."""

    @property
    def calls(self) -> int:
        """One a prompt and model, the own one among them."""
        return self.prompts * (len(self.anchors) + 1)


def anchor_pool(leaderboard: Mapping[str, OfficialFigure], among: Sequence[str] | None = None) -> list[Candidate]:
    """The models that could be anchors, by name; `among`: only these."""
    found = []
    for name in sorted(leaderboard):
        row = leaderboard[name]
        if (among is not None and name not in among) or name == BASELINE or row.foreign or not row.length:
            continue
        if EDGES[0] < row.win_rate < EDGES[1] and LENGTHS[0] < row.length / BASELINE_CHARACTERS < LENGTHS[1]:
            found.append(Candidate(name, row.win_rate, relative_length(row.length, BASELINE_CHARACTERS)))
    return found


def options(
    pool: Sequence[Candidate],
    guess: float | None,
    length: float | None,
    budget: float,
    total: int,
    price: Price,
    confidence: float,
    seed: int,
) -> list[BridgeOption]:
    """Ways to spend the budget, the narrowest interval first. `guess` and `length` are the own model's, where known.

    Raises SettingsError where the pool or the budget is too small.
    """
    near = pool
    if guess is None and pool:
        low, high = np.quantile([one.official for one in pool], MIDDLE)
        middle = [one for one in pool if low <= one.official <= high]
        near = middle if len(middle) > 2 * FEWEST_ANCHORS else pool
    elif guess is not None:
        logit = np.log(guess / (1 - guess))
        close = [one for one in pool if abs(np.log(one.official / (1 - one.official)) - logit) <= NEAR]
        near = close if len(close) > 2 * FEWEST_ANCHORS else pool
    if len(near) < FEWEST_ANCHORS:
        raise SettingsError(
            f"the bridge needs {FEWEST_ANCHORS} anchors with a known figure; there are {len(near)}: give more outputs "
            "in --anchors, or a fuller --leaderboard"
        )
    rates = [guess] if guess is not None else list(np.quantile([one.official for one in near], [0.2, 0.4, 0.6, 0.8]))
    lengths = [length] if length is not None else list(np.quantile([one.length for one in near], [0.2, 0.5, 0.8]))
    targets = [(rate, along) for rate in rates for along in lengths]
    own = Candidate("own model", float(np.mean(rates)), float(np.mean(lengths)))
    order = choose(near, MOST_ANCHORS, targets)
    prices, own_price = [price(characters(one)) for one in order], price(characters(own))
    found = []
    for count in range(FEWEST_ANCHORS, len(order) + 1):
        anchors = order[:count]
        each = sum(prices[:count]) + own_price
        prompts = total if each <= 0 else min(total, int((1 - LEFT_OVER) * budget / each))
        if prompts < FEWEST_PROMPTS:
            break
        half = expected_half_width(anchors, own, prompts, total, confidence, seed)
        if half is not None:
            found.append(BridgeOption(tuple(anchors), prompts, each * prompts, 100 * half))
    if not found:
        least = sum(prices[:FEWEST_ANCHORS]) + own_price
        raise SettingsError(
            f"--max-cost {budget:g}: {FEWEST_ANCHORS} anchors and the own model on {FEWEST_PROMPTS} prompts cost about "
            f"${least * FEWEST_PROMPTS / (1 - LEFT_OVER):.2f}; raise it, or choose a cheaper judge"
        )
    return sorted(found, key=lambda one: one.half_width)


def characters(one: Candidate) -> float:
    """The mean length of its answers, from that beside the baseline's."""
    return BASELINE_CHARACTERS * float(np.exp(np.arctanh(one.length)))
