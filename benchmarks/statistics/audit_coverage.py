"""How often does the interval of the audit's `length_log_odds` hold the truth? Few prompts, skewed lengths, clusters.

    python benchmarks/statistics/audit_coverage.py --worlds 1000

A judge prefers an answer by its length, `slope` for each doubling, and by people's order; pairs of one prompt agree by
`alike` more than that. `before` is what was printed until November 2026: G / (G - 1) of the plain sandwich, which takes
the fit's own residuals for errors. Worlds in which length and order tell every preference apart have no figure at all.
"""

import argparse
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from eval.benchmarks.audit.effects import slope
from eval.stats.intervals import Resampling

HOW = Resampling(resamples=100, confidence=0.95, seed=1)
SLOPES = ((0.0, 0.0), (0.7, 1.2), (2.0, 1.2))
"""Log-odds for a doubling of length, and for people's order."""

Array = npt.NDArray[np.float64]


class Cell(NamedTuple):
    """One kind of data."""

    prompts: int
    pairs: int
    """Of a prompt, in the mean."""
    length: float
    order: float
    alike: float
    skewed: bool


def drawn(cell: Cell, random: np.random.Generator) -> tuple[Array, npt.NDArray[np.bool_], Array]:
    """Rows of doublings and order, what the judge preferred, and the prompt of each pair."""
    sizes = random.integers(1, 2 * cell.pairs, cell.prompts)  # 1 ... 2 pairs - 1
    group = np.repeat(np.arange(cell.prompts), sizes)
    n = len(group)
    doublings = random.normal(size=n)
    if cell.skewed:
        doublings = 0.7 * np.sign(doublings) * random.lognormal(0, 1, n)
    doublings += random.normal(0, 0.7, cell.prompts)[group]
    x = np.column_stack([doublings, random.choice([-1.0, 1.0], n)])
    own = np.sqrt(1 - cell.alike) * random.normal(size=n)
    together = np.sqrt(cell.alike) * random.normal(size=cell.prompts)[group]
    chance = special.expit(x @ [cell.length, cell.order])
    return x, special.ndtr(own + together) < chance, group


def before(x: Array, chosen: npt.NDArray[np.bool_], group: Array, value: float) -> float:
    """Half of the interval that was, around a fitted length slope; the order's slope is fitted again."""
    beta = np.array([value, 0.0])
    for _ in range(50):
        p = special.expit(x @ beta)
        beta[1] += ((chosen - p) @ x[:, 1]) / max(1e-9, float((p * (1 - p)) @ x[:, 1] ** 2))
    p, count = special.expit(x @ beta), int(group.max()) + 1
    bread = np.linalg.pinv((x * (p * (1 - p))[:, None]).T @ x)
    scores = np.zeros((count, 2))
    np.add.at(scores, group, (chosen - p)[:, None] * x)
    variance = count / (count - 1) * bread @ (scores.T @ scores) @ bread
    return float(stats.t.ppf(0.975, count - 1) * np.sqrt(variance[0, 0]))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--worlds", type=int, default=1000)
    words.add_argument("--prompts", type=int, nargs="+", default=[10, 20, 50, 256])
    asked = words.parse_args()
    print("prompts pairs slope alike lengths   before -> after, %   half width    figures  no interval")
    kinds = ((1, 0.0), (3, 0.0), (3, 0.5))
    for prompts, (pairs, alike), (length, order), skewed in product(asked.prompts, kinds, SLOPES, (False, True)):
        cell, random = Cell(prompts, pairs, length, order, alike, skewed), np.random.default_rng(7)
        held, widths, figures, none = [0, 0], [[0.0], [0.0]], 0, 0
        for _ in range(asked.worlds):
            x, chosen, group = drawn(cell, random)
            found = slope(x, chosen, [str(one) for one in group], HOW)
            if found.value is None:
                continue
            figures += 1
            if found.low is None or found.high is None:
                none += 1
                continue
            halves = before(x, chosen, group, found.value), (found.high - found.low) / 2
            for place, half in enumerate(halves):
                held[place] += abs(found.value - length) <= half
                widths[place].append(half)
        shares = " -> ".join(f"{100 * one / max(1, figures - none):5.1f}" for one in held)
        half = " -> ".join(f"{np.median(one):.2f}" for one in widths)
        shape = "skewed" if skewed else "normal"
        print(
            f"{prompts:7d} {pairs:5d} {length:5.1f} {alike:5.1f} {shape:8}  {shares}   {half}  {figures:6d}  {none}",
            flush=True,
        )


if __name__ == "__main__":
    main()
