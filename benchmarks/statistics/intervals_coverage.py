"""How often the intervals of stats/ hold the truth, over a grid of prompts, rates, ties and clusters; before and after.

    python benchmarks/statistics/intervals_coverage.py --worlds 1000
    python benchmarks/statistics/intervals_coverage.py --only share --n 5 20

`before` is what the harness printed until November 2026: Wilson's interval for yes or no, a percentile bootstrap for
all else. A share's coverage is exact, the rest is simulated. `f` marks what is above 97% where so few prompts force it:
no set of counts in a row has a chance between 93 and 97% at this rate.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from eval.stats.bounded import SHARE, SIGNED
from eval.stats.intervals import (
    Estimate,
    Resampling,
    mean,
    of_sums,
    paired_pooled_difference,
    pooled,
    pooled_each,
    share,
)

Array = npt.NDArray[np.float64]
NS = (5, 10, 20, 50, 100, 256, 805)
RATES = (0.005, 0.02, 0.05, 0.2, 0.5, 0.8, 0.995)
HOW = Resampling(resamples=300, confidence=0.95, seed=1)
LOW, HIGH = 0.93, 0.97
FEW = 200
"""Worlds of what was before: a bootstrap takes its time, and its misses are not subtle."""


class Case(NamedTuple):
    """One estimator on one kind of data at one rate."""

    truth: float
    draw: Callable[[np.random.Generator, int], tuple[Array, Array]]
    """n prompts: hits and totals, or values and ones."""
    after: Callable[[Array, Array], Estimate]
    low: float = 0.0
    """Of the range."""


def outcomes(rate: float, ties: float) -> tuple[float, float]:
    """Chances of a win and of a tie with this mean, a win 1 and a tie half."""
    tie = min(ties, 2 * min(rate, 1 - rate) * 0.98)
    return rate - tie / 2, tie


def cases(name: str, rate: float) -> Case:
    """A case by the name of its estimator and data."""

    def of_outcomes(ties: float) -> Callable[[np.random.Generator, int], tuple[Array, Array]]:
        win, tie = outcomes(rate, ties)

        def draw(random: np.random.Generator, n: int) -> tuple[Array, Array]:
            u = random.random(n)
            return np.where(u < win, 1.0, np.where(u < win + tie, 0.5, 0.0)), np.ones(n)

        return draw

    def of_beta(sharpness: float) -> Callable[[np.random.Generator, int], tuple[Array, Array]]:
        return lambda random, n: (random.beta(rate * sharpness, (1 - rate) * sharpness, n), np.ones(n))

    def clustered(alike: float) -> Callable[[np.random.Generator, int], tuple[Array, Array]]:
        def draw(random: np.random.Generator, n: int) -> tuple[Array, Array]:
            totals, other = random.integers(1, 8, n), 1 / alike - 1
            return random.binomial(totals, random.beta(rate * other, (1 - rate) * other, n)).astype(float), totals * 1.0

        return draw

    def bounded_mean(values: Array, totals: Array) -> Estimate:
        return mean(values.tolist(), HOW, SHARE)

    def win_minus_lose(values: Array, totals: Array) -> Estimate:
        return mean((2 * values - 1).tolist(), HOW, SIGNED)

    def pooled_share(hits: Array, totals: Array) -> Estimate:
        return pooled(hits.tolist(), totals.tolist(), HOW)

    def correlation(values: Array, totals: Array) -> Estimate:
        return pooled_each({"": ((2 * values - 1).tolist(), totals.tolist())}, HOW, correlations=("",))[""]

    table = {
        "mean preference, a third ties": Case(rate, of_outcomes(0.3), bounded_mean),
        "mean preference, nine in ten ties": Case(rate, of_outcomes(0.9), bounded_mean),
        "weighted preference, sure": Case(rate, of_beta(0.2), bounded_mean),
        "weighted preference, unsure": Case(rate, of_beta(2.0), bounded_mean),
        "wins minus losses, a third ties": Case(2 * rate - 1, of_outcomes(0.3), win_minus_lose, -1.0),
        "pooled share, alike by .3": Case(rate, clustered(0.3), pooled_share),
        "pooled share, alike by .8": Case(rate, clustered(0.8), pooled_share),
        "mean correlation": Case(2 * rate - 1, of_beta(1.0), correlation, -1.0),
    }
    return table[name]


SIMULATED = (
    "mean preference, a third ties",
    "mean preference, nine in ten ties",
    "weighted preference, sure",
    "weighted preference, unsure",
    "wins minus losses, a third ties",
    "pooled share, alike by .3",
    "pooled share, alike by .8",
    "mean correlation",
)


def percentile(hits: Array, totals: Array, low: float, random: np.random.Generator) -> tuple[float, float]:
    """The interval that was: a percentile bootstrap over prompts."""
    counts = random.multinomial(len(hits), np.full(len(hits), 1 / len(hits)), size=HOW.resamples)
    drawn = (counts @ hits) / (counts @ totals)
    ends = np.quantile(drawn, [0.025, 0.975])
    return (float(low + (1 - low) * ends[0]), float(low + (1 - low) * ends[1]))


def simulated(name: str, n: int, rate: float, worlds: int, seed: int) -> tuple[float, float]:
    """Coverage before and after."""
    random, case, held = np.random.default_rng(seed), cases(name, rate), [0, 0]
    slack = 1e-12
    few = min(worlds, FEW)
    for world in range(worlds):
        hits, totals = case.draw(random, n)
        if world < few:
            low, high = percentile(hits, totals, case.low, random)
            held[0] += low - slack <= case.truth <= high + slack
        found = case.after(hits, totals)
        assert found.low is not None and found.high is not None, found.method
        held[1] += found.low - slack <= case.truth <= found.high + slack
    return held[0] / few, held[1] / worlds


def exact(n: int, rate: float) -> tuple[float, float]:
    """Coverage of Wilson's interval, and of ours."""
    chance = stats.binom.pmf(range(n + 1), n, rate)
    before, after = 0.0, 0.0
    for yes, p in enumerate(chance):
        wilson = stats.binomtest(yes, n).proportion_ci(method="wilson")
        before += p * (wilson.low <= rate <= wilson.high)
        now = share([True] * yes + [False] * (n - yes), HOW)
        assert now.low is not None and now.high is not None
        after += p * (now.low <= rate <= now.high)
    return before, after


def forced(n: int, rate: float) -> bool:
    """Whether no run of counts has a chance in 93..97%: a yes-or-no interval is then below or above at this rate."""
    chance = np.cumsum(stats.binom.pmf(range(n + 1), n, rate))
    starts = np.concatenate([[0.0], chance[:-1]])
    within = chance[None, :] - starts[:, None]
    return not bool(((within >= LOW) & (within <= HIGH)).any())


def grid(only: str, ns: tuple[int, ...], rates: tuple[float, ...], worlds: int) -> Iterator[str]:
    """A line an estimator and n: coverage before -> after at each rate."""
    for name in ("share", *SIMULATED):
        if only and only not in name:
            continue
        for n in ns:
            cells = []
            for rate in rates:
                before, after = exact(n, rate) if name == "share" else simulated(name, n, rate, worlds, seed=n)
                mark = "!" if after < LOW - (0 if name == "share" else 2 * (LOW * (1 - LOW) / worlds) ** 0.5) else ""
                mark = "f" if after > HIGH and forced(n, rate) else "+" if after > HIGH else mark
                cells.append(f"{100 * before:5.1f} ->{100 * after:6.1f}{mark:1}")
            yield f"{name:34} {n:4d}  " + "  ".join(cells)


def kappas(worlds: int) -> Iterator[str]:
    """Of two annotators who agree on four in five pairs: the jackknife's interval of kappa."""
    from eval.benchmarks.judge_agreement.people import kappa

    chances = np.array([[0.36, 0.02, 0.07], [0.02, 0.04, 0.02], [0.07, 0.02, 0.38]])
    truth, random = float(kappa(chances)), np.random.default_rng(3)
    for n in NS:
        held = defined = 0
        for _ in range(worlds):
            said = random.choice(9, size=n, p=chances.ravel())
            counts = np.zeros((n, 9))
            counts[range(n), said] = 1
            found = of_sums("kappa", tuple(counts.T), lambda sums: kappa(sums.reshape(*sums.shape[:-1], 3, 3)), HOW)
            if found.low is not None and found.high is not None:
                defined += 1
                held += found.low <= truth <= found.high
        yield f"kappa {n:4d}  {100 * held / max(1, defined):5.1f}  (no interval: {100 * (1 - defined / worlds):.0f}%)"


def differences(worlds: int) -> Iterator[str]:
    """Two judges on the same prompts, of which one is better by a tenth."""
    random = np.random.default_rng(4)
    for n in NS:
        held = 0
        for _ in range(worlds):
            totals = random.integers(1, 5, n)
            q = random.beta(2, 1, n)
            a, b = random.binomial(totals, 0.1 + 0.9 * q), random.binomial(totals, q)
            found = paired_pooled_difference((a.tolist(), totals.tolist()), (b.tolist(), totals.tolist()), HOW)
            held += (found.low or 0) <= 0.1 * (1 - 2 / 3) <= (found.high or 0)
        yield f"paired difference of pooled shares {n:4d}  {100 * held / worlds:5.1f}"


def quantities(worlds: int) -> Iterator[str]:
    """Lengths and seconds: Student's t on a skewed quantity, against the percentile bootstrap."""
    random = np.random.default_rng(5)
    for n in NS:
        held, before, none = 0, 0, 0
        for _ in range(worlds):
            values = random.lognormal(0, 0.7, n)
            truth = float(np.exp(0.7**2 / 2))
            low, high = percentile(values, np.ones(n), 0.0, random)
            before += low <= truth <= high
            found = mean(values.tolist(), HOW)
            none += found.low is None
            held += found.low is not None and found.high is not None and found.low <= truth <= found.high
        known = worlds - none
        after = f"{100 * held / known:5.1f}" if known else "none: too few prompts"
        yield f"mean of a skewed quantity {n:4d}  {100 * before / worlds:5.1f} -> {after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--only", default="", help="estimators with this in their name")
    parser.add_argument("--n", type=int, nargs="+", default=NS)
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    asked = parser.parse_args()
    print("coverage of nominal 95%, before -> after; f: above 97% is forced, +: above 97%, !: below 93% beyond chance")
    print(f"{'':34}    n  " + "  ".join(f"rate {rate:<12g}" for rate in asked.rates))
    for line in grid(asked.only, tuple(asked.n), tuple(asked.rates), asked.worlds):
        print(line, flush=True)
    for name, lines in (("kappa", kappas), ("difference", differences), ("quantity", quantities)):
        if asked.only in name:
            for line in lines(asked.worlds):
                print(line, flush=True)


if __name__ == "__main__":
    main()
