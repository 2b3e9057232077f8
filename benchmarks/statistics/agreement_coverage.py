"""How often the 95% intervals of the agreement figures hold the truth, over simulated worlds.

    python benchmarks/statistics/agreement_coverage.py --worlds 1000 --prompts 190

A world: prompts with two to five answers each; people see an answer's quality through noise and rank, with ties; the
judge sees it through more noise, better on some prompts than on others, and gives whole points 0 to 5; one judgement in
fifty has no score. The truth is the figure of 400,000 such prompts.
"""

import argparse

import numpy as np

from eval.benchmarks.judge_agreement.figures import by_tie_policy, described
from eval.stats.intervals import Resampling
from srlm.judge.agreement import measure

HOW = Resampling(resamples=100, confidence=0.95, seed=1)
TRUTH = 400_000
"""Prompts behind the true figures."""


def world(generator: np.random.Generator, prompts: int) -> tuple[list[list[int]], list[list[float | None]]]:
    """Ranks and scores of `prompts` sets of answers."""
    ranks, scores = [], []
    for size in generator.integers(2, 6, prompts):
        quality = generator.normal(size=size)
        seen = np.round(quality + generator.normal(scale=0.7, size=size))
        ladder = sorted(set(seen.tolist()), reverse=True)
        ranks.append([ladder.index(value) for value in seen.tolist()])
        noise = generator.choice([0.3, 2.0])
        points = np.clip(np.round(2.5 + 1.5 * (quality + generator.normal(scale=noise, size=size))), 0, 5)
        scores.append([None if generator.random() < 0.02 else value for value in points.tolist()])
    return ranks, scores


def coverage(worlds: int, prompts: int, truth: int = TRUTH, seed: int = 1) -> dict[str, float]:
    """Share of worlds whose interval holds the truth, by measure."""
    generator = np.random.default_rng(seed)
    true = {name: one.value for name, one in by_tie_policy(measure(*world(generator, truth))).items()}
    ids = [str(place) for place in range(prompts)]
    held = dict.fromkeys(true, 0)
    for _ in range(worlds):
        found = measure(*world(generator, prompts))
        for metric in described("judge", "simulated", ids, found, HOW):
            value = true[metric.metric]
            assert value is not None and metric.low is not None and metric.high is not None
            held[metric.metric] += metric.low <= value <= metric.high
    return {name: count / worlds for name, count in held.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--prompts", type=int, default=190)
    wanted = parser.parse_args()
    error = 1.96 * (0.95 * 0.05 / wanted.worlds) ** 0.5
    print(f"{wanted.worlds} worlds of {wanted.prompts} prompts; chance alone moves a share by {100 * error:.1f} points")
    for name, share in coverage(wanted.worlds, wanted.prompts).items():
        print(f"{name:32} {100 * share:.1f}%")


if __name__ == "__main__":
    main()
