"""Every method with its trainings in two processes: the records of one process, and its weights but for rounding."""

import json
import shutil
from pathlib import Path

import pytest

from srlm.methods.run import Run
from srlm.methods.train import train
from tests.forks.command import Forks
from tests.srlm.methods.small_runs import RUNS, small
from tests.srlm.training.test_launch import LOOPBACK, TOLERANCE, furthest

SAMPLED_IN_TRAINING = ("self_rewarding_rl", "rlhf")
"""Of these, each process samples its share of the answers from a seed of its own (docs/scale.md)."""
PROBABILITIES = {"constitutional": ("M3/choices.jsonl", "M3/pairs.jsonl")}
"""Records with probabilities by a model that was itself trained in two processes: they differ in their last digits."""


def made(trained: Path, method: str, folder: Path, *more: str) -> Path:
    """The run of a method, at its smallest, from the M1 of the tiny run."""
    folder.mkdir()
    for step in RUNS[method].copied:
        shutil.copytree(trained / "runs/tiny" / step, folder / "runs/small" / step)
    train(Run(small(method, folder, *more)), RUNS[method].last)
    return folder / "runs/small"


def records(run: Path) -> dict[str, bytes]:
    """All JSON lines of a run: prompts, answers, judgements, pairs."""
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in sorted(run.rglob("*.jsonl"))}


def words(lines: bytes) -> list[dict[str, object]]:
    """Of each record what is no probability, nor the id that hangs on one, nor what holds them."""
    every = [json.loads(line) for line in lines.splitlines()]
    return [{name: one[name] for name in one if isinstance(one[name], str) and name != "id"} for one in every]


@pytest.mark.soak  # by default: each kind of training, without a method around it (tests/srlm/training/test_launch*.py)
@pytest.mark.parametrize("method", RUNS)
def test_launched_a_method_makes_the_records_and_the_models_of_one_process(
    method: str, forks: Forks, trained: Path, tmp_path: Path
) -> None:
    alone = made(trained, method, tmp_path / "alone")
    command = ", ".join((*LOOPBACK, *forks.launcher()))
    launched = made(trained, method, tmp_path / "launched", f"launch.command=[{command}]")
    models = sorted(path.parent.relative_to(alone) for path in alone.glob("*/model/model.safetensors"))
    new = [one for one in models if one.parts[0] not in RUNS[method].copied]
    assert new
    if method in SAMPLED_IN_TRAINING:
        assert set(records(launched)) == set(records(alone))
        new = [one for one in new if one.parts[0] == "RM"]
    else:
        one, two = records(alone), records(launched)
        apart = [name for name in one if two[name] != one[name]]
        assert one.keys() == two.keys() and set(apart) <= set(PROBABILITIES.get(method, ()))
        for name in apart:
            assert words(two[name]) == words(one[name])
    assert [one for one in new if furthest(alone / one, launched / one) > TOLERANCE] == []
