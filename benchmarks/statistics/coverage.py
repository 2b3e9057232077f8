"""Do 95% intervals hold what they say? Worlds drawn from a known population, and how often each interval covers it.

    python benchmarks/statistics/coverage.py --alpaca-dir alpaca_eval --models claude-2 alpaca-7b --worlds 2000

The population is two models' real annotations of the 805 prompts; a world is n prompts drawn from it with replacement,
and the truth is the same figure of the population. Without --alpaca-dir two models are made up. Judge's draws: every
prompt is judged three times by a coin that shows the prompt's preference; `drawn again` resamples the three as well.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from scipy import stats

from eval.benchmarks.alpaca_eval.scores import sample
from eval.data.alpaca_eval import AlpacaEval, Gamed, annotations_in
from eval.data.alpaca_files import read_annotations
from eval.stats import length_controlled, rates
from eval.stats.intervals import Estimate, Resampling
from eval.stats.length_controlled import LengthRows

DRAWS = 3


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--alpaca-dir", type=Path, default=os.environ.get("SRLM_ALPACA_DIR"))
    words.add_argument("--models", nargs=2, default=["claude-2", "alpaca-7b"], help="with 805 annotations each")
    words.add_argument("--n", type=int, nargs="+", default=[256, 805], help="prompts of a world")
    words.add_argument("--worlds", type=int, default=2000)
    words.add_argument("--resamples", type=int, default=1000)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    if asked.alpaca_dir:
        data = AlpacaEval(Path(asked.alpaca_dir))
        gamed, names = data.glm.gamed, asked.models
        populations = [real(data, name) for name in names]
    else:
        gamed, populations = synthetic(asked.seed)
        names = ["half as good", "a twentieth as good"]
    print(f"{asked.worlds} worlds, {asked.resamples} resamples, nominal 95%; share below and above the interval\n")
    for n in asked.n:
        began = time.monotonic()
        for line in covered(populations, names, gamed, n, asked.worlds, asked.resamples, asked.seed):
            print(line)
        print(f"  ({time.monotonic() - began:.0f} s)\n", flush=True)


def covered(
    populations: list[LengthRows], names: list[str], gamed: Gamed, n: int, worlds: int, resamples: int, seed: int
) -> list[str]:
    """A line a figure: coverage with its exact 95% interval."""
    truth = {}
    for rows, name in zip(populations, names, strict=True):
        truth[f"win rate, {name}"] = truth[f"judge's draws, {name}"] = float(rows.preference.mean())
        truth[f"judge's draws, drawn again, {name}"] = truth[f"win rate, plain percentile, {name}"] = truth[
            f"win rate, {name}"
        ]
        # The gamed rows keep their weight whatever n is, so the target is the population's fit at n rows' weight.
        share = np.full((1, len(rows.delta)), n / len(rows.delta))
        truth[f"LC win rate, {name}"] = float(length_controlled.refit(rows, gamed, share).win_rate[0])
    for kind in ("win rate", "LC win rate"):
        truth[f"difference of {kind}s"] = 100 * (truth[f"{kind}, {names[0]}"] - truth[f"{kind}, {names[1]}"])
    misses = {name: [0, 0] for name in truth}
    for world in range(worlds):
        for name, estimate in intervals(populations, names, gamed, n, resamples, seed + world).items():
            assert estimate.low is not None and estimate.high is not None, estimate.method
            misses[name][0] += truth[name] < estimate.low
            misses[name][1] += truth[name] > estimate.high
    lines = []
    for name, (below, above) in misses.items():
        exact = stats.binomtest(worlds - below - above, worlds).proportion_ci(method="exact")
        lines.append(
            f"n = {n}  {name:52s} {100 * (1 - (below + above) / worlds):5.1f}% [{100 * exact.low:.1f}, "
            f"{100 * exact.high:.1f}]   {100 * below / worlds:.1f}% {100 * above / worlds:.1f}%"
        )
    return lines


def intervals(
    populations: list[LengthRows], names: list[str], gamed: Gamed, n: int, resamples: int, seed: int
) -> dict[str, Estimate]:
    """Every interval of one world; both models answer the same prompts."""
    random = np.random.default_rng(seed)
    drawn = random.integers(len(populations[0].delta), size=n)
    how = Resampling(resamples=resamples, confidence=0.95, seed=seed).using("resamples")
    times = rates.counts(n, how)
    found: dict[str, Estimate] = {}
    raw, lc = [], []
    for population, name in zip(populations, names, strict=True):
        rows = LengthRows(*(column[drawn] for column in population))
        raw.append(rates.drawn_mean(rows.preference, times))
        found[f"win rate, {name}"] = rates.mean_rate(rows.preference.tolist(), how)
        found[f"win rate, plain percentile, {name}"] = percentile(raw[-1].values, n)
        once, again = length_controlled.fit(rows, gamed), length_controlled.refit(rows, gamed, times)
        lc.append(rates.Drawn(float(once.win_rate[0]), again.win_rate))
        found[f"LC win rate, {name}"] = rates.rate("LC", lc[-1].value, float(once.error[0]), n, how)
        said = random.binomial(DRAWS, rows.preference) / DRAWS
        found[f"judge's draws, {name}"] = rates.mean_rate(said.tolist(), how)
        found[f"judge's draws, drawn again, {name}"] = drawn_again(said, times, random)
    for kind, sides in (("win rate", raw), ("LC win rate", lc)):
        value = 100 * (sides[0].value - sides[1].value)
        differences = 100 * (sides[0].values - sides[1].values)
        found[f"difference of {kind}s"] = rates.difference("difference", value, differences, n, how)
    return found


def percentile(resampled: rates.Array, n: int) -> Estimate:
    """The interval that was: percentiles of the resamples."""
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(value=float(resampled.mean()), low=float(low), high=float(high), n=n, method="percentile")


def drawn_again(said: rates.Array, times: rates.Array, random: np.random.Generator) -> Estimate:
    """A percentile interval that resamples prompts and then each prompt's draws: the judge's noise counted twice."""
    redrawn = random.binomial((DRAWS * times).astype(int), said).sum(axis=1) / (DRAWS * len(said))
    low, high = np.quantile(redrawn, [0.025, 0.975])
    return Estimate(value=float(said.mean()), low=float(low), high=float(high), n=len(said), method="two levels")


def real(data: AlpacaEval, name: str) -> LengthRows:
    """One model's official annotations."""
    path = annotations_in(data.results() / name)
    if path is None:
        raise SystemExit(f"{data.results() / name} holds no annotations")
    return sample(read_annotations(path, data.prompts), data.prompts).rows(data.glm)


def synthetic(seed: int) -> tuple[Gamed, list[LengthRows]]:
    """Two models whose judge prefers longer answers, and a baseline asked to be concise and verbose."""
    random = np.random.default_rng(seed)

    def judged(length: rates.Array, difficulty: rates.Array, skill: float) -> rates.Array:
        noise = random.normal(0, 2, size=len(length))
        return 1 / (1 + np.exp(-(skill - 1.7 * np.tanh(length) + 0.8 * difficulty + noise)))

    difficulty = random.normal(0, 1, size=805)
    length = np.concatenate([random.normal(-1, 1, size=805), random.normal(1.5, 1, size=805)])
    both = np.tile(difficulty, 2)
    gamed = Gamed(judged(length, both, 0.0), length, both, "made up")
    models = []
    for skill in (-0.7, -3.0):
        delta = random.normal(600, 900, size=805)
        models.append(LengthRows(judged(delta / 900, difficulty, skill), delta, difficulty))
    return gamed, models


if __name__ == "__main__":
    main()
