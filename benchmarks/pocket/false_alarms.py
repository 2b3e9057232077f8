"""How often does the gate call unchanged code a regression? Fresh seeds, each trained, measured and held against it.

    python benchmarks/pocket/false_alarms.py --seeds 101-120 --jobs 2

Runs lie under runs/ as NAME-s101, NAME-s102, ... and go on where they were. Prints each verdict, and the rate with its
exact (Clopper-Pearson) interval.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scipy import stats


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=Path("configs/pocket-quick.yaml"))
    words.add_argument("--against", type=Path, default=Path("benchmarks/pocket/pocket-quick.json"))
    words.add_argument("--seeds", default="101-120")
    words.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    asked = words.parse_args()
    first, _, last = asked.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    with ThreadPoolExecutor(asked.jobs) as pool:
        alarms = sum(pool.map(lambda seed: alarm(asked.run, asked.against, seed), seeds))
    exact = stats.binomtest(alarms, len(seeds)).proportion_ci(method="exact")
    print(f"\nfalse alarms: {alarms} of {len(seeds)} ({exact.low:.3f} to {exact.high:.3f}, exact 95% interval)")


def alarm(run: Path, against: Path, seed: int) -> bool:
    """Whether the gate calls this seed's run a regression."""
    own = ["--run", str(run), "--set", f"seed={seed}", "--set", f"name={run.stem}-s{seed}", "--set", "threads=1"]
    for words in (("srlm", "train"), ("eval", "all"), ("eval", "regress", "--against", str(against))):
        done = subprocess.run(
            [sys.executable, "-m", *words, *own],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode and (words[-1] != str(against) or done.returncode != 1):
            raise RuntimeError(f"seed {seed}: {' '.join(words)} stopped:\n{done.stderr[-2000:]}")
    print(f"seed {seed}: {done.stdout.splitlines()[-1]}", flush=True)
    return done.returncode == 1


if __name__ == "__main__":
    main()
