"""Every method on a pool of Ray workers: the files that it makes with one engine in its own process, to the byte."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from srlm.methods.base import METHODS
from srlm.methods.run import Run
from srlm.methods.train import train
from tests.srlm.methods.small_runs import RUNS, small
from tests.srlm.methods.test_kill import contents

ALWAYS = ("cream", "meta_rewarding")
"""One that asks for the likelihoods of answers, and one with prompts of its own that is read by its letters; the others
in the soak suite: a pool starts anew for each model that is asked, which takes seconds."""


def made(trained: Path, method: str, folder: Path, runs: str, *more: str) -> Path:
    """The run of a method, at its smallest, in `runs` below a folder, from the M1 of the tiny run."""
    for step in RUNS[method].copied:
        shutil.copytree(trained / "runs/tiny" / step, folder / runs / "small" / step)
    train(Run(small(method, folder, f"runs={folder / runs}", *more)), RUNS[method].last)
    return folder / runs / "small"


def of_steps(run: Path) -> dict[str, str]:
    """Digest of every file of every step; beside them the run keeps its settings, which name the engine."""
    return {name: digest for name, digest in contents(run).items() if "/" in name}


def tokens(run: Path) -> dict[str, Any]:
    """What the engines read and wrote for each stage of each step that was made here."""
    found = {path.parent.name: json.loads(path.read_text()) for path in sorted(run.glob("*/usage.json"))}
    return {
        step: {
            stage: {key: own for key, own in one.items() if key != "processor_seconds"} for stage, one in stages.items()
        }
        for step, stages in found.items()
    }


def test_every_method_is_among_them() -> None:
    assert set(RUNS) == set(METHODS)


@pytest.mark.parametrize("method", [pytest.param(one, marks=[pytest.mark.soak] * (one not in ALWAYS)) for one in RUNS])
def test_through_ray_a_method_makes_the_bytes_of_one_process(
    method: str, cluster: Any, trained: Path, tmp_path: Path
) -> None:
    # Two workers: where M_t is its own judge, answers are judged while more are drawn (test_beside.py).
    pool = ("engine.kind=ray", f"engine.ray.address={cluster.address}", "engine.ray.workers=2")
    alone, pooled = made(trained, method, tmp_path, "alone"), made(trained, method, tmp_path, "pooled", *pool)
    assert len(of_steps(alone)) > 40
    assert of_steps(pooled) == of_steps(alone)
    assert tokens(pooled) == tokens(alone)
