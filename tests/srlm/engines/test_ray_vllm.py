"""Two vLLM workers on a cluster of our own: the words of vLLM in one process, also when their processes are killed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from srlm.engines.base import Engine, Request
from srlm.engines.open import open_folder
from srlm.engines.plain_text import TextPair, text_of
from srlm.engines.ray import RayEngine
from srlm.records import user
from srlm.settings import Settings
from tests.srlm.engines.test_vllm import DRAWN, GREEDY, OF_VLLM, PROMPTS, needs_vllm, requests, settings

pytestmark = OF_VLLM


@needs_vllm
@pytest.mark.soak  # five starts of vLLM, half a minute each
def test_vllm_workers_say_what_vllm_in_one_process_says_and_outlive_a_kill(wide_model: Path) -> None:
    alone = opened(settings(wide_model, kind="vllm", vllm={"enforce_eager": True}), wide_model)
    expected = drawn(alone), scored(alone), plain(alone)
    alone.close()
    before = psutil.Process().children(recursive=True)
    two = {"kind": "ray", "worker": "vllm", "vllm": {"enforce_eager": True}, "ray": {"workers": 2}}
    pool = opened(settings(wide_model, **two), wide_model)
    try:
        assert isinstance(pool, RayEngine)
        assert (drawn(pool), scored(pool), plain(pool)) == expected
        kill(pool, lambda worker: worker)
        assert drawn(pool) == expected[0]
        kill(pool, lambda worker: next(p for p in worker.children() if p.name().startswith("VLLM::")))
        assert drawn(pool) == expected[0]
    finally:
        below = [process for process in psutil.Process().children(recursive=True) if process not in before]
        pool.close()
    assert len(below) > 8  # Ray's own, two workers, and three processes of each
    assert alive(psutil.wait_procs(below, timeout=60)[1]) == []


def opened(asked: Settings, model: Path) -> Engine:
    """An engine on the model."""
    return open_folder(asked, str(model), "M1")


def drawn(engine: Engine) -> list[Any]:
    """Eight calls, as many at once as a stage would make."""
    with ThreadPoolExecutor(engine.concurrency) as threads:
        return list(threads.map(lambda seed: engine.generate(requests(draws=3), DRAWN, seed), range(8)))


def scored(engine: Engine) -> list[list[float]]:
    """Of three continuations behind a beginning."""
    request = Request(messages=user(PROMPTS[0]), prefix="1 gold")
    return engine.loglikelihood([request], [["2 red", "2 gold .", "blue"]])


def plain(engine: Engine) -> list[Any]:
    """Plain text: scored, and written."""
    text, pairs = text_of(engine), [TextPair(PROMPTS[0], more) for more in (" red", " a red b gold c blue copy")]
    return [text.likelihoods(pairs), text.rolling(PROMPTS), text.write(PROMPTS, ["red"], GREEDY, 0)]


def kill(pool: RayEngine, choose: Callable[[psutil.Process], psutil.Process]) -> None:
    """End a process of a worker that has nothing to do; all below it end with it."""
    import ray

    number = pool._free.get(timeout=300)
    assert isinstance(number, int)
    worker = psutil.Process(ray.get(pool._workers[number].__ray_call__.remote(lambda worker: psutil.Process().pid)))
    chosen = choose(worker)
    below = chosen.children(recursive=True)
    assert below
    chosen.kill()
    assert alive(psutil.wait_procs(below, timeout=60)[1]) == []
    pool._free.put(number)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Without those that are dead and that nobody has asked for."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
