"""How often does the gate's interval hold the truth? A run against a baseline of one run and of six; before and after.

    python benchmarks/statistics/gate_coverage.py --worlds 1000

Both codes are alike, or the later one does a fifth of what was right wrong; the truth is the difference of the codes'
figures. With six runs each is trained to a skill of its own, and so is the run that is held against them. `before` is
what the gate printed until November 2026: a t interval over runs or over prompts, whichever is wider, that has no width
where all prompts differ alike. `called` are runs called a regression at margin 0, in percent: 5 or fewer where nothing
was lost.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from eval.stats.bounded import SHARE, SIGNED, Bounds
from eval.stats.regression import Values, loss

Array = npt.NDArray[np.float64]
NS = (5, 10, 20, 50, 256, 805)
RATES = (0.005, 0.02, 0.05, 0.2, 0.5, 0.8, 0.995)
LOW = 0.93
LOST = 0.2
SKILL, HARD = 0.3, 1.5
"""Logits: standard deviation of runs of one code (six runs alone), and of prompts."""


class Kind(NamedTuple):
    """One kind of values."""

    draw: Callable[[np.random.Generator, Array], Array]
    """Values of prompts from their chances."""
    bounds: Bounds | None
    mean: Callable[[float], float]
    """The expected value at a rate."""
    weighted: bool = False


KINDS = {
    "yes or no": Kind(lambda random, p: (random.random(p.shape) < p).astype(float), SHARE, lambda rate: rate),
    "wins minus losses": Kind(
        lambda random, p: np.where(random.random(p.shape) < 0.3, 0.0, np.where(random.random(p.shape) < p, 1.0, -1.0)),
        SIGNED,
        lambda rate: 0.7 * (2 * rate - 1),
    ),
    "graded, 0 to 5": Kind(lambda random, p: random.binomial(5, p).astype(float), Bounds(0, 5), lambda rate: 5 * rate),
    "pairs in sets": Kind(lambda random, p: random.binomial(3, p) / 3, SHARE, lambda rate: rate, weighted=True),
    "without a range": Kind(
        lambda random, p: random.lognormal(0, 0.7, p.shape) * 100 * p, None, lambda rate: 100 * rate * np.exp(0.245)
    ),
}


def chances(random: np.random.Generator, rate: float, n: int, runs: int, skill: float) -> Array:
    """Of each run and prompt, shape (runs, n); prompts are as hard for all, and the mean is `rate` over both."""
    spread = np.sqrt(HARD**2 + skill**2)
    hard, own = random.normal(0, HARD, n), random.normal(0, skill, (runs, 1)) if skill else np.zeros((runs, 1))
    return np.asarray(special.expit(_middle(rate, float(spread)) + hard + own))


@cache
def _middle(rate: float, spread: float) -> float:
    """The logit around which a normal of this spread has the mean chance `rate`."""
    nodes = stats.norm.ppf((np.arange(4000) + 0.5) / 4000) * spread
    return float(optimize.brentq(lambda middle: float(special.expit(middle + nodes).mean()) - rate, -20, 20))


def before(runs: list[Values], now: Values) -> tuple[float, float]:
    """The interval that was."""
    figures, parts = [], []
    for run in (*runs, now):
        values, weights = np.array(run.values, dtype=float), np.array(run.weights or [1.0] * len(run.values))
        figures.append(float((weights * values).sum() / weights.sum()))
        parts.append(weights * (values - figures[-1]) / weights.mean())
    apart, k, n = parts[-1] - np.mean(parts[:-1], axis=0), len(runs), len(now.values)
    error, freedom = float(np.std(apart, ddof=1) / np.sqrt(n)), n - 1
    if k >= 3 and (by_runs := float(np.std(figures[:-1], ddof=1) * np.sqrt(1 + 1 / k))) >= error:
        error, freedom = by_runs, k - 1
    value, half = figures[-1] - float(np.mean(figures[:-1])), float(stats.t.ppf(0.975, freedom)) * error
    return value - half, value + half


class Covered(NamedTuple):
    """Shares of worlds."""

    before: float
    after: float | None
    """None: no interval in any of them."""
    called: float


def simulated(kind: Kind, n: int, rate: float, runs: int, lost: float, worlds: int, seed: int) -> Covered:
    """`lost`: the share of prompts that the later code does as badly as can be."""
    random, held, known, called = np.random.default_rng(seed), [0, 0], 0, 0
    worst = kind.bounds.low if kind.bounds else 0.0
    truth = lost * (worst - kind.mean(rate))
    skill = SKILL if runs > 1 else 0.0
    for _ in range(worlds):
        drawn = kind.draw(random, chances(random, rate, n, runs + 1, skill))
        if lost:
            drawn[-1] = np.where(random.random(n) < lost, worst, drawn[-1])
        weights = tuple(random.integers(1, 7, n).astype(float)) if kind.weighted else ()
        all_runs = [Values(row.tolist(), weights) for row in drawn]
        low, high = before(all_runs[:-1], all_runs[-1])
        held[0] += low - 1e-12 <= truth <= high + 1e-12
        found = loss(all_runs[:-1], all_runs[-1], 0.0, bounds=kind.bounds)
        if found.low is not None and found.high is not None:
            known += 1
            held[1] += found.low - 1e-12 <= truth <= found.high + 1e-12
        called += found.p is not None and found.p < 0.05
    return Covered(held[0] / worlds, held[1] / known if known else None, called / worlds)


def grid(only: str, worlds: int, ns: tuple[int, ...], rates: tuple[float, ...]) -> Iterator[str]:
    """A line a kind of values, baseline and n."""
    for name, kind in KINDS.items():
        if only not in name:
            continue
        for runs, lost, n in product((1, 6), (0.0, LOST), ns):
            cells = []
            for rate in rates:
                one = simulated(kind, n, rate, runs, lost, worlds, seed=n)
                slack = 2 * (LOW * (1 - LOW) / worlds) ** 0.5
                after = "  none " if one.after is None else f"{100 * one.after:6.1f}"
                mark = "!" if one.after is not None and one.after < LOW - slack else ""
                cells.append(f"{100 * one.before:5.1f} ->{after}{mark:1} {100 * one.called:5.1f}")
            what = f"{runs} run{'s' * (runs > 1):1} {'a fifth lost' if lost else 'alike':12}"
            yield f"{name:18} {what} {n:4d}  " + "  ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--only", default="", help="kinds of values with this in their name")
    parser.add_argument("--n", type=int, nargs="+", default=NS)
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    asked = parser.parse_args()
    print("coverage of nominal 95%, before -> after, and called; !: below 93% beyond chance")
    print(f"{'':44}" + "  ".join(f"rate {rate:<16g}" for rate in asked.rates))
    for line in grid(asked.only, asked.worlds, tuple(asked.n), tuple(asked.rates)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
