"""Many seeds and arms of the pocket run: what the loop gains, what its arms gain, and what worse judges cost.

    python benchmarks/pocket/study.py --seeds 11-20 --arms arms --jobs 2     # every arm beside the loop itself
    python benchmarks/pocket/study.py --seeds 11-15 --arms judge --jobs 2    # worse judges: wrong verdicts, less EFT
    python benchmarks/pocket/study.py --summary                              # the tables again, from what is there

Runs lie under runs/study/ and go on where they were; steps that an arm shares with the loop itself are taken from it.
What is found is kept, an entry a run, in benchmarks/pocket/study.json. Intervals are by bootstrap over seeds and
prompts: both are drawn anew in every resample, and all runs answered the same prompts.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[2]
RUNS = Path("runs/study")
FOUND = CHECKOUT / "benchmarks/pocket/study.json"
LOOP = "self_rewarding"
ONE_AT_A_TIME = Lock()


class Arm(NamedTuple):
    """Settings that make an arm, how far it goes, and the steps it shares with the loop itself."""

    settings: tuple[str, ...]
    last: int
    shares: tuple[str, ...]


UP_TO_M1 = ("data", "M0", "SFT", "M1")
ARMS = {
    LOOP: Arm((), 4, ()),
    "random_scores": Arm(("arm=random_scores",), 3, UP_TO_M1),
    "flipped_pairs": Arm(("arm=flipped_pairs",), 3, UP_TO_M1),
    "positive_only": Arm(("arm=positive_only",), 3, UP_TO_M1),
    "form_scores": Arm(("arm=form_scores",), 3, UP_TO_M1),
    "oracle_scores": Arm(("arm=oracle_scores",), 3, UP_TO_M1),
}
JUDGES = {
    **{f"wrong_{p}": Arm((f"data.wrong_verdicts={p / 100}",), 3, ("M0", "SFT")) for p in (10, 20, 30, 40)},
    **{f"eft_{n}": Arm((f"data.eft_sets={n // 4}",), 3, ("M0", "SFT")) for n in (500, 1500, 4000)},
}
EVERY = ARMS | JUDGES


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=Path("configs/pocket.yaml"))
    words.add_argument("--seeds", default="11-20")
    words.add_argument("--arms", default="arms", help="`arms`, `judge`, or names with commas between")
    words.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    words.add_argument("--summary", action="store_true", help="run nothing")
    asked = words.parse_args()
    if not asked.summary:
        names = {"arms": list(ARMS), "judge": list(JUDGES)}.get(asked.arms) or asked.arms.split(",")
        first, _, last = asked.seeds.partition("-")
        seeds = range(int(first), int(last or first) + 1)
        with ThreadPoolExecutor(asked.jobs) as pool:
            list(pool.map(lambda seed: study(asked.run, seed, names), seeds))
    print(summary(json.loads(FOUND.read_text(encoding="utf-8"))))


def study(run: Path, seed: int, names: Sequence[str]) -> None:
    """All wanted arms of one seed, one after the other; the loop itself comes first, for they share its steps."""
    for name in (LOOP, *(name for name in names if name != LOOP)):
        if key(name, seed) not in kept():
            keep(name, seed, one(run, seed, name))
            print(f"{name}, seed {seed}: done", flush=True)


def one(run: Path, seed: int, name: str) -> dict[str, Any]:
    """Train and measure one arm of one seed; what is kept of it."""
    arm, folder = EVERY[name], RUNS / f"{name}-s{seed}"
    for step in arm.shares:
        if not (folder / step / "manifest.json").exists():
            shutil.copytree(RUNS / f"{LOOP}-s{seed}" / step, folder / step, dirs_exist_ok=True)
    settings = (f"name={folder.name}", f"runs={RUNS}", f"seed={seed}", "threads=1", f"iterations={arm.last}")
    changes = [word for setting in (*settings, *arm.settings) for word in ("--set", setting)]
    for words in (("srlm", "train"), ("eval", "all")):
        done = subprocess.run(
            [sys.executable, "-m", *words, "--run", str(run), *changes],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{name}, seed {seed}: {' '.join(words)} stopped:\n{done.stderr[-2000:]}")
    return what_was_found(folder)


def what_was_found(folder: Path) -> dict[str, Any]:
    """The share of figures that the tables need, and for every model which prompts it answered right."""
    from srlm.data import beads
    from srlm.records import Prompt, Response
    from srlm.store import files

    prompts = files.read(folder / "data/evaluation_prompts.jsonl", Prompt)
    found: dict[str, Any] = {}
    for metric in json.loads((folder / "evaluation/metrics.json").read_text(encoding="utf-8")):
        if metric["baseline"] is None and metric["benchmark"] != "head_to_head":
            name = f"{metric['benchmark']}/{metric['metric']}"
            found.setdefault(metric["model"], {})[name] = metric["value"]
    for path in sorted(folder.glob("evaluation/*/responses.jsonl")):
        answers = files.read(path, Response)
        right = [beads.grade(p.text, r.text).correct for p, r in zip(prompts, answers, strict=True)]
        found[path.parent.name]["right"] = "".join(str(int(hit)) for hit in right)
    return found


def key(name: str, seed: int) -> str:
    return f"{name}, seed {seed}"


def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
    return found


def keep(name: str, seed: int, found: dict[str, Any]) -> None:
    from srlm.store import files

    with ONE_AT_A_TIME:
        files.write_json(FOUND, kept() | {key(name, seed): found})


# Tables ----------------------------------------------------------------------------------------------------------


class Estimate(NamedTuple):
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def rows(found: dict[str, Any], arm: str, model: str) -> dict[int, np.ndarray[Any, Any]]:
    """Seed -> right or not by prompt."""
    made = {}
    for name, models in found.items():
        which, _, seed = name.partition(", seed ")
        if which == arm and model in models:
            made[int(seed)] = np.array([int(hit) for hit in models[model]["right"]], dtype=float)
    return made


def gain(found: dict[str, Any], arm: str, later: str, earlier: str, resamples: int = 4000) -> Estimate | None:
    """Mean of later - earlier in `correct` at T = 1, over seeds and prompts."""
    after, before = rows(found, arm, later), rows(found, arm, earlier)
    seeds = sorted(after.keys() & before.keys())
    if not seeds:
        return None
    table = np.stack([after[seed] - before[seed] for seed in seeds])
    draws = np.random.default_rng(0)
    means = [
        table[draws.integers(len(table), size=len(table))][
            :, draws.integers(table.shape[1], size=table.shape[1])
        ].mean()
        for _ in range(resamples)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(table.mean()), float(low), float(high))


def mean(found: dict[str, Any], arm: str, model: str, metric: str) -> str:
    values = [
        models[model][metric]
        for name, models in found.items()
        if name.startswith(f"{arm}, ") and model in models and models[model].get(metric) is not None
    ]
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})" if values else "-"


def summary(found: dict[str, Any]) -> str:
    """Everything as Markdown."""
    lines = ["| arm | seeds | M2 - M1 | M3 - M2 | M3 - M1 |", "| --- | --- | --- | --- | --- |"]
    for arm in EVERY:
        if seeds := rows(found, arm, "M2"):
            gains = [gain(found, arm, *pair) for pair in (("M2", "M1"), ("M3", "M2"), ("M3", "M1"))]
            lines.append(f"| {arm} | {len(seeds)} | " + " | ".join(str(one) for one in gains) + " |")
    models = ("M0", "SFT", "M1", "M2", "M3", "M4")
    lines += ["", f"{LOOP}, mean over seeds (lowest to highest):", ""]
    lines += ["| | " + " | ".join(models) + " |", "| --- |" + " --- |" * len(models)]
    for metric in (
        "beads/correct", "beads/oracle_score", "bead_skills/greedy_correct", "answers/characters",
        "judge_agreement/pairwise_accuracy", "judge_agreement/spearman", "bead_judge/heldout_correct",
        "bead_judge/own_pairwise_accuracy", "bead_judge/own_correct", "bead_judge/own_relevant",
        *(f"bead_skills/greedy_correct_{name}" for name in ("copy", "reverse", "skip", "turn", "mate")),
    ):  # fmt: skip
        lines.append(f"| {metric} | " + " | ".join(mean(found, LOOP, model, metric) for model in models) + " |")
    lines += ["", "| judge | verdicts on `correct` at M1 | pairwise at M1 | M3 - M1 |", "| --- | --- | --- | --- |"]
    for arm in (LOOP, *JUDGES):
        if rows(found, arm, "M3"):
            wanted = ("bead_judge/heldout_correct", "judge_agreement/pairwise_accuracy")
            figures = [mean(found, arm, "M1", name) for name in wanted]
            lines.append(f"| {arm} | " + " | ".join(figures) + f" | {gain(found, arm, 'M3', 'M1')} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
