"""Fuzzing for minutes: `python -m tests.fuzz [TARGET ...] --seconds 300`.

    python -m tests.fuzz                                  every target by hypothesis, 300 seconds each
    python -m tests.fuzz score verdict --seconds 60       two of them
    python -m tests.fuzz score --with atheris             by coverage (pip install 'srlm[fuzz]')

A failing input is written to fuzz-failures/ and shown; put it into a test of what it failed in. Exit status 1 where
there is one.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.inputs import damaged
from tests.fuzz.targets import TARGETS, check, names

FAILURES = Path("fuzz-failures")
BATCH = 200
"""Inputs between two looks at the clock."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="which; all where none is named")
    parser.add_argument("--seconds", type=int, default=300, help="of each target")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch; the next one's is one higher")
    parser.add_argument("--with", dest="by", choices=("hypothesis", "atheris"), default="hypothesis")
    asked = parser.parse_args()
    failed = 0
    for name in names(asked.targets):
        try_it = _by_hypothesis if asked.by == "hypothesis" else _by_atheris
        failed += try_it(name, asked.seconds, asked.seed)
    return int(failed > 0)


def _by_hypothesis(name: str, seconds: int, first_seed: int) -> int:
    target, tried, number, began = TARGETS[name], 0, first_seed, time.monotonic()
    # Outside pytest no profile is set: nothing is kept between runs, and a slow machine fails nothing.
    how = settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    with tempfile.TemporaryDirectory() as place:
        while time.monotonic() < began + seconds:
            last = b""

            @seed(number)
            @how
            @given(content=damaged(target.examples))
            def batch(content: bytes) -> None:
                nonlocal tried, last
                if time.monotonic() > began + seconds:
                    return
                last, tried = content, tried + 1
                check(target, content, Path(place))

            try:
                batch()
            except Exception:
                _keep(name, last)
                return 1
            number += 1
    print(f"{name:20} {tried:8,} inputs in {time.monotonic() - began:4.0f} s, seeds {first_seed} to {number - 1}: held")
    return 0


def _by_atheris(name: str, seconds: int, first_seed: int) -> int:
    """In a process of its own, which libFuzzer ends."""
    with tempfile.TemporaryDirectory() as corpus:
        for content in TARGETS[name].examples:
            (Path(corpus) / hashlib.sha256(content).hexdigest()).write_bytes(content)
        FAILURES.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.fuzz.by_coverage", name, corpus, f"-max_total_time={seconds}"]
        command += [f"-seed={first_seed}", f"-artifact_prefix={FAILURES}/{name}-", "-timeout=60", "-rss_limit_mb=8192"]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, check=False)
    print(f"{name:20} by coverage for {seconds} s: {'held' if done.returncode == 0 else 'FAILED'}")
    return int(done.returncode != 0)


def _keep(name: str, content: bytes) -> None:
    FAILURES.mkdir(exist_ok=True)
    path = FAILURES / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"
    path.write_bytes(content)
    traceback.print_exc()
    print(f"{name:20} FAILED on {path}: {content[:300]!r}")


if __name__ == "__main__":
    sys.exit(main())
