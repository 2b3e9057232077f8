"""Does the length-controlled win rate corrected by human labels hold people's own? Coverage and width.

    SRLM_SHARED=shared python benchmarks/statistics/lc_labels_coverage.py --worlds 1000

A world is 805 prompts drawn with replacement, some labelled at random. `official`: one model's answers as two real
judges see them, GPT-4 Turbo's graded preferences in the place of people and another annotator's yes or no. `made up`:
people say yes or no by the same preferences raised by some logits, and the judge agrees with them on six in ten prompts
and otherwise has its own mind, which likes length more. Lengths and difficulties are the real ones.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import special

from eval.data.alpaca_eval import AlpacaEval, Gamed
from eval.data.verdicts import read_verdicts
from eval.stats import length_controlled, rates
from eval.stats.intervals import Resampling
from eval.stats.length_controlled import LengthRows
from eval.stats.length_controlled_labels import corrected

FILE = "other_judge.alpaca_eval_gpt4_turbo_fn.csv.gz"
MODEL = "gpt-3.5-turbo-0301"
PROMPTS = 805
HOW = Resampling(resamples=100, confidence=0.95, seed=1)

Array = npt.NDArray[np.float64]


def populations(data: AlpacaEval, folder: Path) -> Iterator[tuple[str, LengthRows, Array]]:
    """Name, rows as the judge has them, and people's values."""
    said = read_verdicts(folder / FILE, data.prompts)[MODEL]
    both = {id: one for id, one in said.items() if one.official is not None and one.candidate is not None}
    people = np.array([one.official for one in both.values()], dtype=np.float64)
    rows = LengthRows(
        np.array([one.candidate for one in both.values()], dtype=np.float64),
        np.array([one.baseline_characters - one.characters for one in both.values()], dtype=np.float64),
        np.array([data.glm.difficulty[id] for id in both]),
    )
    yield "official", rows, people
    random = np.random.default_rng(1)
    seen = np.log((people + 0.01) / (1.01 - people))
    for raised in (2.0, 4.0):
        theirs = (random.random(len(people)) < special.expit(seen + raised)).astype(float)
        length = 0.5 - 0.8 * np.tanh(rows.delta / rows.delta.std())
        own = (random.random(len(people)) < special.expit(seen + raised + length)).astype(float)
        judge = np.where(random.random(len(people)) < 0.6, theirs, own)
        yield f"made up, raised by {raised:g}", rows._replace(preference=judge), theirs


def covered(rows: LengthRows, people: Array, gamed: Gamed, labels: int, worlds: int) -> str:
    """Coverage and width of both, and how often there is no fit."""
    truth = float(length_controlled.fit(rows._replace(preference=people), gamed).win_rate[0])
    random, known = np.random.default_rng(labels), np.arange(PROMPTS) < labels
    held, wide, fitted = np.zeros(2), np.zeros(2), np.zeros(2)
    for _ in range(worlds):
        drawn = random.integers(len(people), size=PROMPTS)
        own = LengthRows(*(column[drawn] for column in rows))
        for place, weight in enumerate((0.0, None)):
            found = corrected(own, people[drawn][known], known, gamed, weight)
            if found is None:
                continue
            one = rates.of_fit("", found.value, found.error, labels, HOW)
            assert one.low is not None and one.high is not None
            fitted[place] += 1
            held[place] += one.low <= truth <= one.high
            wide[place] += one.high - one.low
    cells = "  ".join(f"{100 * h / k:5.1f} {w / k:.3f}" for h, w, k in zip(held, wide, fitted, strict=True))
    none = "  ".join(f"{worlds - int(k)}" for k in fitted)
    return f"{labels:6d}  {cells}   {wide[1] / fitted[1] / (wide[0] / fitted[0]):.2f}   {none}"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("SRLM_SHARED")
    words.add_argument("--alpaca-dir", type=Path, default=Path(shared, "data", "alpaca_eval") if shared else None)
    words.add_argument("--labels", type=int, nargs="+", default=[20, 50, 100, 200])
    words.add_argument("--worlds", type=int, default=1000)
    asked = words.parse_args()
    if asked.alpaca_dir is None:
        words.error("give --alpaca-dir, or set SRLM_SHARED")
    data = AlpacaEval(asked.alpaca_dir)
    gamed = data.glm.gamed
    print(f"{'':24}people  judge  labels  alone: % width  corrected    ratio  no fit")
    for name, rows, people in populations(data, asked.alpaca_dir):
        ours, theirs = (
            100 * float(length_controlled.fit(rows._replace(preference=one), gamed).win_rate[0])
            for one in (people, rows.preference)
        )
        for labels in asked.labels:
            print(
                f"{name:24}{ours:6.1f} {theirs:6.1f}  {covered(rows, people, gamed, labels, asked.worlds)}", flush=True
            )


if __name__ == "__main__":
    main()
