"""What the scripts of this folder share: seeds from words, and runs, each in a process and a thread of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
RUNS = Path("runs/study")
LOOP = "self_rewarding"
"""Arm of the loop itself."""


def seeds_of(words: str) -> range:
    """`11-20` or `11`."""
    first, _, last = words.partition("-")
    return range(int(first), int(last or first) + 1)


def settings_of(arm: str, seed: int, last: int) -> tuple[str, ...]:
    """Where the run of an arm and a seed lies, and how far it goes; what else makes the arm is to be added."""
    return (f"name={arm}-s{seed}", f"runs={RUNS}", f"seed={seed}", "threads=1", f"iterations={last}")


def python(*words: str, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    """`python -m WORDS` with the code that lies in `cwd`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(cwd)}
    return subprocess.run([sys.executable, "-m", *words], cwd=cwd, env=environment, capture_output=True, text=True)


def changed(settings: Sequence[str]) -> list[str]:
    """Settings as words of a command line."""
    return [word for setting in settings for word in ("--set", setting)]


def train(run: Path, settings: Sequence[str]) -> None:
    """Train a run to its end; it goes on where it was. Raises RuntimeError with what was said."""
    _do(("srlm", "train"), run, settings)


def measure(run: Path, settings: Sequence[str], suite: str = "all") -> None:
    """Measure a trained run. Raises RuntimeError with what was said."""
    _do(("eval", suite), run, settings)


def _do(words: Sequence[str], run: Path, settings: Sequence[str]) -> None:
    done = python(*words, "--run", str(run), *changed(settings))
    if done.returncode:
        raise RuntimeError(f"{' '.join(settings)}: {' '.join(words)} stopped:\n{done.stderr[-2000:]}")
