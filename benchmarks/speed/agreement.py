"""Seconds for all agreement figures, with intervals, of many judgements on one thread: ours, and scipy's set by set.

    OMP_NUM_THREADS=1 python benchmarks/speed/agreement.py

Sets of two to five answers, whole scores 0 to 5, one score in a hundred missing.
scipy's part is its spearmanr and kendalltau on each set, without any interval.
"""

import argparse
import time
import warnings

import numpy as np
from scipy import stats

from eval.benchmarks.judge_agreement.figures import described
from eval.stats.intervals import Resampling
from srlm.judge.agreement import measure


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--judgements", type=int, default=100_000)
    judgements = words.parse_args().judgements
    generator = np.random.default_rng(1)
    ranks: list[list[int]] = []
    scores: list[list[float | None]] = []
    left = judgements
    while left > 0:
        size = int(generator.integers(2, 6))
        left -= size
        ranks.append(generator.permutation(size).tolist())
        drawn = generator.integers(0, 6, size)
        scores.append([None if generator.random() < 0.01 else float(points) for points in drawn])
    prompts = [str(place) for place in range(len(ranks))]

    began = time.perf_counter()
    found = measure(ranks, scores)
    measured = time.perf_counter() - began
    figures = described("judge", "agreement", prompts, found, Resampling(resamples=100, confidence=0.95, seed=1))
    ours = time.perf_counter() - began

    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # undefined where a side is constant
        for people, judge in zip(ranks, scores, strict=True):
            if None not in judge:
                stats.spearmanr(people, judge)
                stats.kendalltau(people, judge)
    theirs = time.perf_counter() - began

    print(f"{judgements:,} judgements in {len(ranks):,} sets: {len(figures)} figures with intervals in {ours:.2f} s")
    print(f"the measures alone {measured:.2f} s; scipy's two correlations set by set {theirs:.2f} s")
    print(f"ratio (scipy's two / our eight measures, no intervals): {theirs / measured:.0f}")


if __name__ == "__main__":
    main()
