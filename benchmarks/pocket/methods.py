"""Methods of the pocket world compared: `srlm-eval methods` of a study file, some seeds at once.

    python benchmarks/pocket/methods.py --jobs 2
    python benchmarks/pocket/methods.py --seeds 201-204 --only spin --only cream --jobs 2

Each process trains the methods of one seed, one after the other, for they share its data, M0, SFT baseline and M1.
Runs go on where they were. What each came to is kept in benchmarks/pocket/methods/sSEED.json at once, from which the
study goes on where runs/ is gone. The page is written when all seeds are done (docs/methods.md). Status 1 where a run
stopped.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from running import CHECKOUT, python, seeds_of

sys.path.insert(0, str(CHECKOUT))
from eval.study.file import read


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--study", type=Path, default=Path("configs/studies/pocket-methods.yaml"))
    words.add_argument("--seeds", default="", help="those of the study, where left out")
    words.add_argument("--only", action="append", default=[], help="this method only; repeatable")
    words.add_argument("--jobs", type=int, default=2, help="seeds at once, one thread each")
    asked = words.parse_args()
    seeds = seeds_of(asked.seeds) if asked.seeds else read(CHECKOUT / asked.study).seeds
    with ThreadPoolExecutor(asked.jobs) as pool:
        whole = list(pool.map(lambda seed: trained(asked.study, seed, asked.only), seeds))
    done = python("eval", "methods", str(asked.study), "--no-train")
    print(done.stdout + done.stderr, end="")
    sys.exit(done.returncode or not all(whole))


def trained(study: Path, seed: int, only: Sequence[str]) -> bool:
    """Train and measure methods of one seed; whether every run came to its end."""
    chosen = [word for name in only for word in ("--only", name)]
    done = python("eval", "methods", str(study), "--seeds", str(seed), "--no-report", *chosen)
    said = done.stdout if done.returncode == 0 else done.stdout + done.stderr[-2000:]
    print(f"seed {seed}:\n{said}", end="", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
