"""How often does the gate call unchanged code a regression? Fresh seeds, each trained, measured and held against it.

    python benchmarks/pocket/false_alarms.py --seeds 101-120 --jobs 2

Runs lie under runs/ as NAME-s101, NAME-s102, ... and go on where they were. Prints each verdict, and the rate with its
exact (Clopper-Pearson) interval.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from running import changed, python, seeds_of, train_and_measure
from scipy import stats


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=Path("configs/pocket-quick.yaml"))
    words.add_argument("--against", type=Path, default=Path("benchmarks/pocket/pocket-quick.json"))
    words.add_argument("--seeds", default="101-120")
    words.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    asked = words.parse_args()
    seeds = seeds_of(asked.seeds)
    with ThreadPoolExecutor(asked.jobs) as pool:
        alarms = sum(pool.map(lambda seed: alarm(asked.run, asked.against, seed), seeds))
    exact = stats.binomtest(alarms, len(seeds)).proportion_ci(method="exact")
    print(f"\nfalse alarms: {alarms} of {len(seeds)} ({exact.low:.3f} to {exact.high:.3f}, exact 95% interval)")


def alarm(run: Path, against: Path, seed: int) -> bool:
    """Whether the gate calls this seed's run a regression."""
    settings = (f"seed={seed}", f"name={run.stem}-s{seed}", "threads=1")
    train_and_measure(run, settings)
    done = python("eval", "regress", "--against", str(against), "--run", str(run), *changed(settings))
    if done.returncode not in (0, 1):
        raise RuntimeError(f"seed {seed}: the gate could not judge:\n{done.stdout}{done.stderr}")
    print(f"seed {seed}: {done.stdout.splitlines()[-1]}", flush=True)
    return done.returncode == 1


if __name__ == "__main__":
    main()
