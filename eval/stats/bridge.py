"""A model's win rate on the scale of a judge that is gone, from another judge and anchors whose figures are known.

On the logit scale, for each model m with the candidate's figure c_m and the figure o_m of the judge that is gone:

    logit o_m = logit c_m + offset + slope * (logit c_m - centre) + length * (l_m - centre) + e_m
    e_m ~ N(0, scatter^2 + v_m)

l_m is how long the model's answers are beside the baseline's (`relative_length`): judges differ in how much they like
length, and it wears off, as in the length-controlled win rate.
`scatter` is how differently two judges take to one model's ways, and v_m the noise of the prompts. With a handful of
anchors a plain line overfits, so offset, slope and length are shrunk to 0, a judge that needs no correction, as far as
PRIORS say; the scatter is averaged over, which gives the tails of a t distribution where anchors are few. The interval
is of a new model's figure, and so contains the scatter. All is exact but for a grid over the scatter.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from srlm.records import Record

Array = npt.NDArray[np.float64]

FEWEST_ANCHORS = 3
"""Below it the scatter is a guess: no figure is given."""
DISAGREEMENT = 0.8
"""Variance over prompts of (official - candidate preference), in units of the candidate's own, where none is measured.
A yes-or-no annotator beside GPT-4 Turbo's probabilities on AlpacaEval: 1.0; the same probabilities, rounded: 0.1."""
GRID = np.exp(np.linspace(np.log(0.01), np.log(1.5), 60))
"""Of the scatter, logits."""
FARTHEST = 12.0
"""Logits: the ends of any interval lie within."""


class Priors(NamedTuple):
    """Standard deviations on the logit scale.

    Weak beside what judges on alpaca_eval's other leaderboards need (offset -.23 to .41, slope .73 to 1.0, length 0 to
    -.6, scatter .09 to .18 by least squares): not optimised, but chosen with these judges in view.
    """

    offset: float = 1.0
    slope: float = 0.2
    """Around a slope of 1, of which it is the deviation."""
    length: float = 0.5
    scatter: float = 0.2
    """Scale of a half-t distribution with 3 degrees of freedom."""


PRIORS = Priors()


class Judged(NamedTuple):
    """One model as a candidate judges it; rates in 0..1, strictly between."""

    candidate: float
    length: float
    """As `relative_length` gives it."""
    noise: float
    """Variance of logit(official) - logit(candidate) that the prompts bring, with the judges' scatter left out."""


class Anchor(NamedTuple):
    """A model whose figure is known."""

    judged: Judged
    official: float


class Bridged(NamedTuple):
    """A model's figure on the other scale, 0..1."""

    value: float
    low: float
    high: float
    scatter: float
    """Posterior mean, logits."""
    offset: float
    """Official minus candidate at the anchors' mean, logits; posterior mean."""


class Order(NamedTuple):
    """Spearman's rank correlation of the anchors' figures by both judges."""

    value: float | None
    """None: a judge gives all anchors one figure, or there are fewer than three."""
    low: float | None
    high: float | None
    """Fisher's z with Bonett and Wright's (2000) error, which needs four anchors or more."""


class Doubts(Record):
    """What speaks against carrying the scale, as numbers."""

    anchors: int
    order: Order
    gain: float | None
    """Root mean square error of the anchors left out one by one, in units of what their mean figure makes: 1 or more
    says that the candidate tells no more than nothing. None: too few anchors."""
    alike: bool
    """Whether the candidate gives all anchors one figure."""
    beyond: float
    """Logits by which the model's candidate figure lies outside the anchors'; 0: within."""


def relative_length(characters: float, baseline: float) -> float:
    """tanh(log(characters / baseline)), -1..1: how long answers are beside the baseline's."""
    return float(np.tanh(np.log(max(characters, 1.0) / max(baseline, 1.0))))


def logit_noise(rate: float, error: float, n: int, total: int, disagreement: float, *, paired: bool) -> float:
    """Variance of logit(official) - logit(candidate) from the prompts.

    `error` is the standard error of the candidate's `rate` over `n` prompts. Where the official figure is over all
    `total` prompts, these n are a sample of them without replacement; where it is `paired`, it is over the same n.
    """
    each = error * error * n  # variance a prompt
    sampling = 0.0 if paired else max(0.0, 1 / n - 1 / total)
    variance = each * (sampling + disagreement / (n if paired else total))
    return float(variance / (rate * (1 - rate)) ** 2)


def bridge(anchors: Sequence[Anchor], own: Judged, confidence: float, priors: Priors = PRIORS) -> Bridged | None:
    """The model's figure and its interval. None: there are fewer than FEWEST_ANCHORS anchors."""
    if len(anchors) < FEWEST_ANCHORS:
        return None
    judged = [one.judged for one in anchors]
    candidate, length, noise = np.array(judged, dtype=np.float64).T
    x = special.logit(candidate)
    y = special.logit(np.array([one.official for one in anchors])) - x
    at, centre, middle = float(special.logit(own.candidate)), float(x.mean()), float(length.mean())
    rows = np.stack([np.ones_like(x), x - centre, length - middle], axis=1)
    row = np.array([1.0, at - centre, own.length - middle])
    precision = np.diag(1 / np.square([priors.offset, priors.slope, priors.length]))

    variance = np.square(GRID)[:, None] + noise  # (grid, anchors)
    weighted = rows.T[None] / variance[:, None]  # (grid, 3, anchors)
    h = precision + weighted @ rows
    covariance = np.linalg.inv(h)
    coefficients = np.einsum("gij,gj->gi", covariance, weighted @ y)
    misfit = (y * y / variance).sum(1) - np.einsum("gi,gij,gj->g", coefficients, h, coefficients)
    log_likelihood = -0.5 * (np.log(variance).sum(1) + np.linalg.slogdet(h)[1] + misfit)
    # The grid is even in the logarithm of the scatter, hence the last term.
    weights = special.softmax(log_likelihood + stats.t.logpdf(GRID / priors.scatter, 3) + np.log(GRID))

    means = coefficients @ row
    spreads = np.sqrt(np.einsum("i,gij,j->g", row, covariance, row) + np.square(GRID) + own.noise)

    def beyond(z: float, p: float) -> float:
        return float(weights @ stats.norm.cdf((z - means) / spreads)) - p

    ends = [optimize.brentq(beyond, -FARTHEST, FARTHEST, (p,)) for p in ((1 - confidence) / 2, (1 + confidence) / 2)]
    low, high = special.expit(at + np.array(ends))
    value = special.expit(at + float(weights @ means))
    return Bridged(float(value), float(low), float(high), float(weights @ GRID), float(weights @ coefficients[:, 0]))


def doubts(anchors: Sequence[Anchor], own: Judged, confidence: float) -> Doubts:
    """What the anchors say of whether the candidate can carry the scale to this model."""
    at = special.logit(own.candidate)
    seen = [special.logit(one.judged.candidate) for one in anchors]
    beyond = max(0.0, float(at - max(seen)), float(min(seen) - at)) if seen else 0.0
    return Doubts(
        anchors=len(anchors),
        order=order(anchors, confidence),
        gain=gain(anchors),
        alike=bool(seen) and len(set(seen)) == 1,
        beyond=beyond,
    )


def order(anchors: Sequence[Anchor], confidence: float) -> Order:
    """Whether both judges put the anchors in the same order."""
    candidate, official = [one.judged.candidate for one in anchors], [one.official for one in anchors]
    if len(anchors) < 3 or len(set(candidate)) == 1 or len(set(official)) == 1:
        return Order(None, None, None)
    rho = float(stats.spearmanr(candidate, official).statistic)
    if len(anchors) < 4:
        return Order(rho, None, None)
    half = stats.norm.ppf(0.5 + confidence / 2) * np.sqrt((1 + rho * rho / 2) / (len(anchors) - 3))
    # An order that is the same throughout has an infinite z, and its interval no lower end of its own: the one of the
    # order with two neighbours exchanged is the nearest that has.
    nearest = 1 - 12 / (len(anchors) * (len(anchors) ** 2 - 1))
    z = np.arctanh(np.clip(rho, -nearest, nearest))
    low, high = np.tanh([z - half, z + half])
    return Order(rho, min(float(low), rho), max(float(high), rho))


def gain(anchors: Sequence[Anchor]) -> float | None:
    """How well the anchors tell each other: see Doubts.gain."""
    if len(anchors) <= FEWEST_ANCHORS:
        return None
    bridged, plain = [], []
    for place, (own, official) in enumerate(anchors):
        others = [one for other, one in enumerate(anchors) if other != place]
        found = bridge(others, own, 0.95)
        if found is None:
            return None
        truth = special.logit(official)
        bridged.append(special.logit(found.value) - truth)
        plain.append(np.mean(special.logit([one.official for one in others])) - truth)
    nothing = float(np.sqrt(np.mean(np.square(plain))))
    return float(np.sqrt(np.mean(np.square(bridged)))) / nothing if nothing else None


# Before anybody is asked ----------------------------------------------------------------------------------------------

USUAL_SCATTER = 0.15
"""Logits: of judges of one family on alpaca_eval's other leaderboards. It is what a plan counts on."""
WORLDS = 40
"""Drawn to say how wide an interval would be."""


class Candidate(NamedTuple):
    """A model that could be an anchor, before it is judged."""

    name: str
    official: float
    """0..1."""
    length: float
    """As in Judged."""


def choose(pool: Sequence[Candidate], count: int, targets: Sequence[tuple[float, float]]) -> list[Candidate]:
    """The `count` of the pool that say most of models at `targets`, (rate, length) each; one after the other.

    Each next one is that which lowers the mean variance of a prediction there the most (I-optimal, USUAL_SCATTER).
    """
    rates, lengths = np.array(targets, dtype=np.float64).T
    at = np.stack([np.ones_like(rates), special.logit(rates), lengths], axis=1)
    centre = at.mean(0) * [0, 1, 1]
    at = at - centre
    rows = np.array([[1.0, special.logit(one.official), one.length] for one in pool]) - centre
    information = np.diag(1 / np.square([PRIORS.offset, PRIORS.slope, PRIORS.length]))
    left, chosen = list(range(len(pool))), []
    for _ in range(min(count, len(pool))):
        tried = information + rows[left][:, :, None] * rows[left][:, None, :] / USUAL_SCATTER**2
        variance = np.einsum("ti,pij,tj->p", at, np.linalg.inv(tried), at)
        best = left.pop(int(variance.argmin()))
        information = information + np.outer(rows[best], rows[best]) / USUAL_SCATTER**2
        chosen.append(pool[best])
    return chosen


def expected_half_width(
    anchors: Sequence[Candidate], own: Candidate, n: int, total: int, confidence: float, seed: int
) -> float | None:
    """Half of the interval that `n` of `total` prompts would give, 0..1: the mean over WORLDS drawn at USUAL_SCATTER.

    None: there are too few anchors.
    """
    draw, found = np.random.default_rng(seed), []

    def judged(one: Candidate) -> Judged:
        spread = np.sqrt(one.official * (1 - one.official) / n)
        noise = logit_noise(one.official, float(spread), n, total, DISAGREEMENT, paired=False)
        shift = draw.normal(0, np.sqrt(USUAL_SCATTER**2 + noise))
        return Judged(float(special.expit(special.logit(one.official) - shift)), one.length, noise)

    for _ in range(WORLDS):
        made = bridge([Anchor(judged(one), one.official) for one in anchors], judged(own), confidence)
        if made is None:
            return None
        found.append((made.high - made.low) / 2)
    return float(np.mean(found))
