"""An engine that is kept between a model's answers and its judgements: what it saves, frees and leaves as it was."""

import gc
import shutil
from pathlib import Path

import pytest

from srlm.engines.base import Request
from srlm.errors import ModelError
from srlm.methods import start
from srlm.methods.run import Run
from srlm.methods.self_rewarding import METHOD
from srlm.methods.stages import candidates, new_prompts
from srlm.methods.train import train
from srlm.records import user
from srlm.run_file import load
from srlm.settings import Sampling
from tests.srlm.methods.test_kill import contents
from tests.srlm.methods.test_self_rewarding import TINY, models_in_memory

ONE = 2
"""What `models_in_memory` counts of one: a LlamaForCausalLM, and the LlamaModel within it."""


@pytest.fixture
def from_m1(trained: Path, tmp_path: Path) -> Run:
    """The tiny run up to M1."""
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(trained / "runs/tiny" / step, tmp_path / "tiny" / step)
    return Run(load(TINY, [f"runs={tmp_path}"]))


def words(run: Run, step: str) -> str:
    """Eight greedy tokens of a model."""
    with run.engine(next(one for one in run.folder.all_checkpoints() if one.name == step)) as engine:
        request = Request(messages=user("repeat : red"))
        ((said,),) = engine.generate([request], Sampling(temperature=0, max_new_tokens=8), 1)
        return said.text


def test_a_model_that_is_kept_warm_is_read_once_and_freed_at_the_end(from_m1: Run, tmp_path: Path) -> None:
    weights = tmp_path / "tiny/M1/model/model.safetensors"
    m1 = next(one for one in from_m1.folder.all_checkpoints() if one.name == "M1")
    expected = words(from_m1, "M1")
    gc.collect()
    before = models_in_memory()
    with from_m1.warm(m1):
        assert models_in_memory() == before  # nothing is opened before it is needed
        assert words(from_m1, "M1") == expected
        weights.rename(tmp_path / "aside")
        assert words(from_m1, "M1") == expected
        assert models_in_memory() == before + ONE
    assert models_in_memory() == before
    with pytest.raises(ModelError):
        words(from_m1, "M1")


def test_another_model_is_opened_in_the_memory_of_the_one_that_was_kept(from_m1: Run) -> None:
    m1 = next(one for one in from_m1.folder.all_checkpoints() if one.name == "M1")
    gc.collect()
    before = models_in_memory()
    with from_m1.warm(m1):
        words(from_m1, "M1")
        with from_m1.engine(next(one for one in from_m1.folder.all_checkpoints() if one.name == "SFT")):
            assert models_in_memory() == before + ONE
        words(from_m1, "M1")  # opened anew
        with from_m1.engine(m1) as engine, from_m1.engine(m1) as again:
            assert engine.id == again.id == "M1"
            assert models_in_memory() == before + ONE


def test_after_an_error_the_kept_model_is_freed(from_m1: Run) -> None:
    m1 = next(one for one in from_m1.folder.all_checkpoints() if one.name == "M1")
    gc.collect()
    before = models_in_memory()
    with pytest.raises(KeyboardInterrupt), from_m1.warm(m1), from_m1.engine(m1):
        raise KeyboardInterrupt
    gc.collect()
    assert models_in_memory() == before


def test_a_model_that_is_opened_anew_for_its_judgements_makes_the_same_records(
    from_m1: Run, trained: Path, tmp_path: Path
) -> None:
    step = METHOD.steps(from_m1.settings, 2)[-1]
    m1 = from_m1.parent(step)
    with from_m1.held():  # stopped after the candidates
        candidates(from_m1, step, m1, new_prompts(from_m1, step, m1, start.seed_data(from_m1)))
    train(Run(load(TINY, [f"runs={tmp_path}"])), 2)
    anew, kept = contents(tmp_path / "tiny/M2"), contents(trained / "runs/tiny/M2")
    assert {"responses.jsonl", "judgements.jsonl", "model/model.safetensors"} <= anew.keys()
    assert anew == kept
