"""The intervals of agreement figures hold the truth about as often as they say, in a small simulation."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/statistics/agreement_coverage.py"


def test_the_intervals_hold_the_truth_in_most_worlds() -> None:
    found = importlib.util.spec_from_file_location("agreement_coverage", SCRIPT)
    assert found is not None and found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    shares = script.coverage(worlds=120, prompts=120, truth=60_000)
    assert set(shares) >= {"pairwise_accuracy", "five_best", "exact_match", "spearman", "kendall"}
    # 95% of 120 worlds is 114; 105 or fewer has a chance of 1 in 1,000. An interval half as wide would hold 81.
    assert min(shares.values()) > 105 / 120, shares
    assert max(shares.values()) < 1, shares
