"""How often does the gate call unchanged code a regression? Fresh seeds, each trained, measured and held against it.

    python benchmarks/pocket/false_alarms.py --seeds 11-20 --jobs 2

Runs lie under runs/study/, where study.py has them, and go on where they were: one that has gone farther will do.
Prints each verdict, and the rate with its exact (Clopper-Pearson) interval.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from running import LOOP, changed, measure, python, seeds_of, settings_of, train
from scipy import stats


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=Path("configs/pocket.yaml"))
    words.add_argument("--last", type=int, default=2, help="how far: M2")
    words.add_argument("--against", type=Path, default=Path("benchmarks/pocket/baseline.json"))
    words.add_argument("--seeds", default="11-20")
    words.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    asked = words.parse_args()
    seeds = seeds_of(asked.seeds)
    with ThreadPoolExecutor(asked.jobs) as pool:
        alarms = sum(pool.map(lambda seed: alarm(asked.run, asked.last, asked.against, seed), seeds))
    exact = stats.binomtest(alarms, len(seeds)).proportion_ci(method="exact")
    print(f"\nfalse alarms: {alarms} of {len(seeds)} ({exact.low:.3f} to {exact.high:.3f}, exact 95% interval)")


def alarm(run: Path, last: int, against: Path, seed: int) -> bool:
    """Whether the gate calls this seed's run a regression."""
    settings = settings_of(LOOP, seed, last)
    train(run, settings)
    measure(run, settings)
    done = python("eval", "regress", "--against", str(against), "--run", str(run), *changed(settings))
    if done.returncode not in (0, 1):
        raise RuntimeError(f"seed {seed}: the gate could not judge:\n{done.stdout}{done.stderr}")
    print(f"seed {seed}: {done.stdout.splitlines()[-1]}", flush=True)
    return done.returncode == 1


if __name__ == "__main__":
    main()
