"""The length-controlled win rate with 1,000 bootstrap re-fits of one model, against alpaca-eval's own fit repeated.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/speed/length_controlled.py --alpaca-dir alpaca_eval

Both are given the same rows and the same gamed rows; reading files is in neither time. alpaca-eval's fit is run
`--repeats` times, taking turns with ours, and its mean is multiplied by 1,000.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path

# What alpaca-eval asks of the hub lies in the cache that is made below.
os.environ["HF_HUB_OFFLINE"] = "1"

import alpaca_data
import numpy as np
import pandas as pd

from eval.benchmarks.alpaca_eval.scores import sample
from eval.data.alpaca_eval import ANNOTATOR
from eval.data.alpaca_files import read_annotations
from eval.stats import length_controlled, rates
from eval.stats.intervals import Resampling

REFITS = 1000


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--alpaca-dir", type=Path, help="without it: made-up rows of the same size")
    words.add_argument("--repeats", type=int, default=10)
    asked = words.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        data = alpaca_data.lay_out(asked.alpaca_dir, Path(temporary) / "alpaca", 1)
        path = data.results() / "model-00" / ANNOTATOR / "annotations.json"
        rows = sample(read_annotations(path, data.prompts), data.prompts).rows(data.glm)
        frame = pd.DataFrame(json.loads(path.read_text()))
        theirs = alpaca_evals(Path(temporary) / "hub", Path(temporary) / "alpaca" / data.glm.gamed.file)
        how = Resampling(resamples=REFITS, confidence=0.95, seed=1)
        own, other = [], []
        for turn in range(asked.repeats):
            began = time.perf_counter()
            times = rates.counts(len(rows.delta), how.using(turn))
            found = length_controlled.refit(rows, data.glm.gamed, times)
            own.append(time.perf_counter() - began)
            assert np.isfinite(found.win_rate).all(), "a re-fit did not converge"
            began = time.perf_counter()
            theirs_said = theirs(frame.copy(), save_weights_dir=None)["length_controlled_winrate"]
            other.append(time.perf_counter() - began)
    said = 100 * length_controlled.fit(rows, data.glm.gamed).win_rate[0]
    ours, expected = float(np.mean(own)), REFITS * float(np.mean(other))
    print(f"length-controlled win rate: ours {said:.3f}, alpaca-eval's {theirs_said:.3f}")
    print(f"ours, {REFITS} re-fits:        {ours:9.3f} s (mean of {asked.repeats})")
    print(f"alpaca-eval's fit x {REFITS}:  {expected:9.1f} s (mean of {asked.repeats} fits x {REFITS})")
    print(f"ratio:                    {expected / ours:9.0f}")


def alpaca_evals(cache: Path, gamed: Path):  # type: ignore[no-untyped-def]
    """Its own function, whose hub cache holds this file of gamed rows."""
    from alpaca_eval import constants
    from alpaca_eval.metrics.glm_winrate import get_length_controlled_winrate

    snapshot = cache / "datasets--tatsu-lab--alpaca_eval" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0" * 40)
    shutil.copy(gamed, snapshot / "df_gamed.csv")
    constants.DEFAULT_CACHE_DIR = str(cache)
    return get_length_controlled_winrate


if __name__ == "__main__":
    main()
