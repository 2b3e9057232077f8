"""A method that ranks answers by their likelihoods, on vLLM from M0 to M2. See tests/srlm/engines/test_vllm.py for the
environment that these tests need."""

import importlib.util
import math
from pathlib import Path

import pytest

from srlm.engines.base import Request
from srlm.engines.likelihoods import of_answers
from srlm.engines.open import open_folder
from srlm.methods.run import Run
from srlm.methods.train import train
from srlm.records import AnswerLikelihood, Prompt, Response
from srlm.store import files
from tests.srlm.methods.small_runs import small

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("vllm") is None, reason="needs an environment with vllm (pip install 'srlm[vllm]')"
    ),
    # As in tests/srlm/engines/test_vllm.py.
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed context <zmq:ResourceWarning"),
]
SHAPE = "{width: 128, layers: 1, heads: 2, feed_forward: 128, max_positions: 128}"
"""Heads of 64, the smallest that vLLM computes everywhere."""


def test_on_vllm_cream_ranks_answers_by_the_likelihoods_of_the_transformers_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    chosen = [f"model.scratch={SHAPE}", "judge.monitor_sets=0"]
    train(Run(small("cream", tmp_path, *chosen, "engine.kind=vllm", "engine.vllm.enforce_eager=true")), 2)
    run = tmp_path / "runs/small"
    prompts = {one.id: one for one in files.read(run / "M2/prompts.jsonl", Prompt)}
    answers = files.read(run / "M2/responses.jsonl", Response)
    assert max(len(one.text.split()) for one in answers) > 4  # longer ones than letters, which are asked in another way
    for file, model in (("likelihoods.jsonl", "M1"), ("likelihoods_base.jsonl", "M0")):
        found = files.read(run / "M2" / file, AnswerLikelihood)
        engine = open_folder(small("cream", tmp_path, *chosen), str(run / model / "model"), model)
        requests = [Request(messages=prompts[one.prompt_id].messages) for one in answers]
        expected = of_answers(engine, requests, [one.text for one in answers])
        engine.close()
        assert len(found) == 16
        assert [one.log_probability for one in found] == pytest.approx(expected, abs=1e-3)
        assert all(one.log_probability is not None and math.isfinite(one.log_probability) for one in found)
