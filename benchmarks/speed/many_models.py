"""A whole leaderboard: every model recomputed with intervals, raw and length-controlled, all pairs compared.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/speed/many_models.py --alpaca-dir alpaca_eval

Prints seconds and the largest memory for 15, 30 and 60 models, each in a process of its own; reading files is in them.
Where the folder has fewer models, the same ones are taken again under other names. alpaca-eval has nothing to compare.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import alpaca_data

from eval.benchmarks.alpaca_eval.leaderboard import compared, recomputed, samples_of
from eval.data.alpaca_eval import AlpacaEval
from eval.stats.intervals import Resampling

SIZES = (15, 30, 60)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--alpaca-dir", type=Path, help="without it: made-up rows of the same size")
    asked = words.parse_args()
    print("models  pairs  recomputed  compared   total  seconds/model  memory")
    with tempfile.TemporaryDirectory() as temporary:
        for models in SIZES:
            folder = Path(temporary) / str(models)
            alpaca_data.lay_out(asked.alpaca_dir, folder, models)
            with multiprocessing.get_context("spawn").Pool(1) as alone:
                board, pairs, memory = alone.apply(measured, (folder,))
            print(
                f"{models:6d} {models * (models - 1) // 2:6d} {board:9.1f} s {pairs:7.1f} s {board + pairs:5.1f} s "
                f"{(board + pairs) / models:14.2f} {memory:5.0f} MB"
            )


def measured(folder: Path) -> tuple[float, float, float]:
    """Seconds of the leaderboard and of the comparisons, and the process's largest memory in MB."""
    how, data = Resampling(resamples=1000, confidence=0.95, seed=1), AlpacaEval(folder)
    began = time.perf_counter()
    recomputed(folder / "results", data, how)
    board = time.perf_counter() - began
    began = time.perf_counter()
    compared(samples_of(sorted(path.name for path in (folder / "results").iterdir()), data), data.glm, how)
    return board, time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
