"""Does a judge's figure corrected by a few human labels hold the truth, and is it narrower than the labels alone?

    python benchmarks/statistics/labels_coverage.py --data human_rankings --worlds 1000

A world: 805 units drawn with replacement from published human verdicts, a few of them labelled at random, and a real
judge's verdicts on all. The truth is the figure of people over the whole publication. Win rates of the answer listed
first, and agreement: how often a judge is right by people, where another judge's verdicts stand for people's on all
units. Without `--data` only simulated judges: yes-or-no and graded, of several correlations with people, at several
rates.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import stats

from eval.stats.intervals import Resampling
from eval.stats.labels import corrected
from srlm.data.lines import listed, objects
from srlm.data.rankings import read

Array = npt.NDArray[np.float64]
HOW = Resampling(resamples=100, confidence=0.95, seed=1)
UNITS = 805
PANDALM = {"1": 1.0, "2": 0.0, "Tie": 0.5}
SUBSETS = ("Natural", "Adversarial_GPTInst", "Adversarial_GPTOut", "Adversarial_Manual", "Adversarial_Neighbor")


def real(folder: Path) -> Iterator[tuple[str, Array, Array]]:
    """Name, the judge's values and people's, of every figure the publications give."""
    place = folder / "pandalm_testset"
    sets = {one.key: one.ranked.ranks for one in read(str(place / "testset-v1.json.gz"), None, option="--format").sets}
    people = {key: 0.5 if ranks[0] == ranks[1] else float(ranks[0] < ranks[1]) for key, ranks in sets.items()}
    verdicts: dict[str, dict[int, float]] = {}
    for name, file, column in (
        ("gpt-3.5-turbo", "gpt-3.5-turbo-testset-v1.json.gz", "gpt_result"),
        ("pandalm-7b", "pandalm-7b-testset-v1.json.gz", "pandalm_result"),
    ):
        rows = [row.value for row in listed(place / file)]
        column = column if column in rows[0] else next(key for key in rows[0] if key.endswith("result"))
        said = {row["idx"]: PANDALM.get(str(row[column]).strip().capitalize()) for row in rows}
        verdicts[name] = {key: value for key, value in said.items() if value is not None and key in people}
        keys = list(verdicts[name])
        yield (
            f"PandaLM win rate by {name}",
            np.array([verdicts[name][key] for key in keys]),
            np.array([people[key] for key in keys]),
        )
    one, other = verdicts.values()
    keys = [key for key in one if key in other and people[key] != 0.5 and other[key] != 0.5]
    yield (
        "PandaLM agreement of gpt-3.5-turbo, pandalm-7b for people",
        np.array([float(one[key] == other[key]) for key in keys]),
        np.array([float(one[key] == people[key]) for key in keys]),
    )
    found: dict[str, list[float | None]] = {"Vanilla": [], "CoT": []}
    truth: list[float] = []
    for subset in SUBSETS:
        for kind, into in found.items():
            rows = objects(folder / "llmbar" / "judge_outputs" / subset / "ChatGPT" / kind / "result.json.gz")
            for row in rows:
                winner = row.value["results"][0]["swap = False"]["winner"]
                into.append({"1": 1.0, "2": 0.0}.get(str(winner)))
                if kind == "Vanilla":
                    truth.append(float(str(row.value["label"]) == "1"))
    for kind, said_by in found.items():
        known = [place for place, value in enumerate(said_by) if value is not None]
        yield (
            f"LLMBar win rate by ChatGPT {kind}",
            np.array([said_by[place] for place in known], dtype=np.float64),
            np.array([truth[place] for place in known]),
        )
    both = [
        place for place in range(len(truth)) if found["CoT"][place] is not None and found["Vanilla"][place] is not None
    ]
    yield (
        "LLMBar agreement of ChatGPT CoT, ChatGPT Vanilla for people",
        np.array([float(found["CoT"][place] == found["Vanilla"][place]) for place in both]),
        np.array([float(found["CoT"][place] == truth[place]) for place in both]),
    )


def simulated(seed: int) -> Iterator[tuple[str, Array, Array]]:
    """People say yes or no, the judge sees the same through noise, and says yes or no or how sure it is."""
    random = np.random.default_rng(seed)
    for rate in (0.05, 0.3, 0.5, 0.9):
        for alike in (0.0, 0.7, 0.95):
            seen, noise = random.normal(size=(2, 100_000))
            people = (seen < stats.norm.ppf(rate)).astype(float)
            sure = stats.norm.cdf(2 * (stats.norm.ppf(rate) - alike * seen - (1 - alike**2) ** 0.5 * noise))
            yield f"simulated, rate {rate:g}, judge sees {alike:g}, yes or no", (sure > 0.5).astype(float), people
            yield f"simulated, rate {rate:g}, judge sees {alike:g}, graded", sure, people
    people = np.ones(100_000)
    people[:500] = 0
    yield "simulated, rate .995, the judge always agrees", people, people


def covered(judge: Array, people: Array, labels: int, worlds: int, seed: int) -> str:
    """Coverage of the three intervals and their mean widths."""
    random, truth = np.random.default_rng(seed), float(people.mean())
    held, wide, narrowest = np.zeros(3), np.zeros(3), 1.0
    for _ in range(worlds):
        drawn = random.integers(len(judge), size=UNITS)  # in random order, so the first ones are a random sample
        told = [float(value) if place < labels else None for place, value in enumerate(people[drawn])]
        found = corrected(judge[drawn].tolist(), told, HOW)
        for place, one in enumerate((found.judge, found.labels, found.corrected)):
            assert one.low is not None and one.high is not None
            held[place] += one.low - 1e-12 <= truth <= one.high + 1e-12
            wide[place] += one.high - one.low
        assert found.corrected.low is not None and found.corrected.high is not None
        narrowest = min(narrowest, found.corrected.high - found.corrected.low)
    cells = "  ".join(f"{100 * h / worlds:5.1f}% {w / worlds:.3f}" for h, w in zip(held, wide, strict=True))
    return f"{labels:4d}  {cells}   {wide[2] / wide[1]:.2f}   {narrowest:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("SRLM_SHARED")
    parser.add_argument("--data", type=Path, default=Path(shared) / "data" / "human_rankings" if shared else None)
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 50, 100])
    parser.add_argument("--worlds", type=int, default=1000)
    asked = parser.parse_args()
    print(
        f"{asked.worlds} worlds of {UNITS} units: coverage of nominal 95% and mean width; width over the labels' own;"
    )
    print("and the narrowest corrected interval of all\n")
    print(f"{'':60}  correlation  labels    judge alone   labels alone     corrected  ratio  narrowest")
    populations = [*(real(asked.data) if asked.data else ()), *simulated(1)]
    for name, judge, people in populations:
        spread = judge.std() * people.std()
        alike = float(((judge - judge.mean()) * (people - people.mean())).mean() / spread) if spread else 0.0
        for labels in asked.labels:
            print(f"{name:60}  {alike:11.2f}  {covered(judge, people, labels, asked.worlds, labels)}", flush=True)


if __name__ == "__main__":
    main()
