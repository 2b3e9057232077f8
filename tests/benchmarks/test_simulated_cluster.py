"""The simulated cluster: sums by hand, lost workers, and what docs/scale.md says of the scheduling."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/speed/simulated_cluster.py"


@pytest.fixture(scope="module")
def cluster() -> ModuleType:
    found = importlib.util.spec_from_file_location("simulated_cluster", SCRIPT)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def test_three_equal_blocks_take_two_workers_two_rounds(cluster: ModuleType) -> None:
    # Blocks of 4 items: 4 x 1 s to read, and 100 tokens at .01 s. Two workers: 5 + 5 s, and one of them rests for 5.
    kind = cluster.Kind("toy", 12, 1, 100.0, 0.0, 1000, 1.0, 0.01, 0.0)
    found = cluster.simulate(kind, batch=1, workers=2, troubled=False)
    assert found.blocks == 3
    assert found.seconds == pytest.approx(10.0)
    assert found.filled == pytest.approx(15 / 20)
    assert found.lost == 0


def test_a_lost_workers_block_is_made_by_another(cluster: ModuleType) -> None:
    # Worker 2 is gone after 2.5 s of its block and back after the end. Worker 1 takes 10 s a block, worker 0 takes 5:
    # at 5 s worker 0 takes the fourth block or the lost one, at 10 s it and worker 1 have the others done.
    kind = cluster.Kind("toy", 12, 1, 100.0, 0.0, 1000, 1.0, 0.01, 0.0)
    found = cluster.simulate(kind, batch=1, workers=3)
    assert found.lost == 1
    assert found.seconds == pytest.approx(10.0)


def test_ten_workers_are_filled_by_small_blocks_and_a_thousand_not_by_the_run_files(cluster: ModuleType) -> None:
    candidates, judgements = cluster.STAGES[:2]
    assert cluster.simulate(judgements, batch=16, workers=10).filled > 0.95
    few = cluster.simulate(candidates, batch=256, workers=1000)
    assert few.blocks == 20  # 5,000 prompts, 256 a block
    assert few.filled < 0.02  # 20 workers of 1,000 have anything to do
