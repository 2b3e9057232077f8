"""Does an interval over prompts hold the noise of a judge that samples its verdicts? Coverage, in made-up worlds.

    python benchmarks/statistics/votes.py --worlds 2000

Each prompt has a probability of its own that the judge prefers the first model, and one that the order of showing adds
or takes. The judge gives k verdicts in both orders. `prompts` is the harness's interval over the prompts' means against
the value of all prompts there are; `these prompts` is the votes' own interval against the value of just those asked;
`prompts alone` leaves the votes out: what an interval would cover that took the means for exact.
"""

import argparse

import numpy as np
from scipy import stats

from eval.stats.intervals import Resampling, mean
from eval.stats.votes import on_these_prompts

HOW = Resampling(resamples=100, confidence=0.95, seed=1)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--n", type=int, nargs="+", default=[50, 256])
    words.add_argument("--votes", type=int, nargs="+", default=[1, 3, 5])
    words.add_argument("--worlds", type=int, default=2000)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    print(f"{asked.worlds} worlds, nominal 95%; coverage in percent, with its exact interval")
    for n in asked.n:
        for votes in asked.votes:
            for name, hits in covered(n, votes, asked.worlds, asked.seed).items():
                low, high = stats.binomtest(sum(hits), len(hits)).proportion_ci()
                share = f"{100 * sum(hits) / len(hits):5.1f} [{100 * low:.1f}, {100 * high:.1f}]"
                print(f"  n = {n:4}  votes = {votes}  {name:14} {share}", flush=True)


def covered(n: int, votes: int, worlds: int, seed: int) -> dict[str, list[bool]]:
    """Whether each interval covered its truth, world by world."""
    random = np.random.default_rng(seed)
    whole = _probabilities(np.random.default_rng(0), 200_000)
    truth = float(whole.mean())
    found: dict[str, list[bool]] = {"prompts": [], "prompts alone": []} | ({"these prompts": []} if votes > 1 else {})
    for _ in range(worlds):
        chances = _probabilities(random, n)
        said = random.random((n, 2, votes)) < chances[:, :, None]
        means = said.mean(axis=(1, 2))
        own = mean(means.tolist(), HOW)
        found["prompts"].append(own.low is not None and own.high is not None and own.low <= truth <= own.high)
        half = 1.96 * float(chances.mean(axis=1).std(ddof=1)) / np.sqrt(n)
        found["prompts alone"].append(abs(float(means.mean()) - truth) <= half)
        if votes > 1:
            these = on_these_prompts(said.astype(float).tolist(), 0.95)
            exact = float(chances.mean())
            found["these prompts"].append(these is not None and (these.low or 0) <= exact <= (these.high or 0))
    return found


def _probabilities(random: np.random.Generator, n: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Of each prompt in either order: that the judge prefers the first model."""
    first = random.beta(1.2, 0.9, size=n)
    bias = random.normal(0.08, 0.15, size=n)
    return np.clip(np.column_stack([first + bias, first - bias]), 0, 1)


if __name__ == "__main__":
    main()
