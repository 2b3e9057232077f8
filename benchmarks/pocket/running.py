"""What the scripts of this folder share: seeds from words, and runs, each in a process and a thread of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def seeds_of(words: str) -> range:
    """`11-20` or `11`."""
    first, _, last = words.partition("-")
    return range(int(first), int(last or first) + 1)


def python(*words: str, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    """`python -m WORDS` with the code that lies in `cwd`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(cwd)}
    return subprocess.run([sys.executable, "-m", *words], cwd=cwd, env=environment, capture_output=True, text=True)


def changed(settings: Sequence[str]) -> list[str]:
    """Settings as words of a command line."""
    return [word for setting in settings for word in ("--set", setting)]


def train_and_measure(run: Path, settings: Sequence[str], suites: Sequence[str] = ("all",)) -> None:
    """Train a run to its end and measure it; both go on where they were. Raises RuntimeError with what was said."""
    for words in (("srlm", "train"), *(("eval", suite) for suite in suites)):
        done = python(*words, "--run", str(run), *changed(settings))
        if done.returncode:
            raise RuntimeError(f"{' '.join(settings)}: {' '.join(words)} stopped:\n{done.stderr[-2000:]}")
