"""What the ray engine costs beside the same work in one process, and what a node lost half-way costs.

    python benchmarks/speed/ray_pool.py [--requests 512] [--tokens 48] [--rounds 3]

A small Llama with random weights (the bead world's default shape) answers every request through the stage code that
training uses; both ways must give the same records. The first table has one worker against one process, in turn, so
that a busy machine hits both alike; starting the cluster and loading the model stand apart, as they do not grow with
the work. Then two nodes, one of them killed when half is done. Everything listens on 127.0.0.1.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # binds all of Ray to loopback; read when ray is imported
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from srlm.engines.base import Engine, Request
from srlm.engines.open import open_folder
from srlm.engines.weights import save
from srlm.records import Prompt, Response, seed_for, user
from srlm.settings import Sampling, ScratchModel, Settings
from srlm.store import files
from srlm.training import scratch
from srlm.worlds.beads import program

MEMORY = 100_000_000


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--requests", type=int, default=512)
    asked.add_argument("--tokens", type=int, default=48)
    asked.add_argument("--rounds", type=int, default=3)
    options = asked.parse_args()
    prepare()
    prompts = [Prompt.of(f"a gold b red c blue copy {number}", "benchmark") for number in range(options.requests)]
    sampling = Sampling(temperature=1, top_p=1, max_new_tokens=options.tokens)
    with tempfile.TemporaryDirectory() as scratch_folder:
        folder = Path(scratch_folder)
        model = folder / "model"
        words = scratch.tokenizer(program.vocabulary())
        save(scratch.random_model(ScratchModel(), words, seed=1), words, model)
        expected = overhead(model, prompts, sampling, folder, options.rounds)
        lost_node(model, prompts, sampling, folder, expected)


def prepare() -> None:
    """One thread, as each worker has, and no bars of the libraries'."""
    import torch
    from transformers.utils import logging

    torch.set_num_threads(1)
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def overhead(model: Path, prompts: Sequence[Prompt], sampling: Sampling, folder: Path, rounds: int) -> bytes:
    """One worker against one process; the bytes that both wrote."""
    one = open_folder(settings(model), str(model), "M1")
    began = time.perf_counter()
    pool = open_folder(settings(model, workers=1), str(model), "M1")
    pool.generate([Request(messages=user("gold"))], sampling, 0)  # the worker has its model when it answers
    started = time.perf_counter() - began
    seconds: dict[str, list[float]] = {"ray": [], "one process": []}
    written = []
    for number in range(rounds):
        for name, engine in (("one process", one), ("ray", pool)):
            path = folder / f"{name}-{number}.jsonl"
            began = time.perf_counter()
            answers(engine, prompts, sampling, path)
            seconds[name].append(time.perf_counter() - began)
            written.append(path.read_bytes())
    pool.close()
    ours, theirs = (statistics.median(seconds[name]) for name in ("ray", "one process"))
    ratio = statistics.median(a / b for a, b in zip(seconds["ray"], seconds["one process"], strict=True))
    print(f"{len(prompts)} requests, {sampling.max_new_tokens} tokens each, median of {rounds}:")
    print(f"  one process        {theirs:6.2f} s   {[round(s, 2) for s in seconds['one process']]}")
    print(f"  ray, one worker    {ours:6.2f} s   {[round(s, 2) for s in seconds['ray']]}")
    print(f"  ray / one process  {ratio:6.3f}     (median of the pairs; goal: below 1.10)")
    print(f"  beside that, once: {started:.1f} s to start a cluster here and load the model")
    agree(len(set(written)) == 1)
    return written[0]


def lost_node(model: Path, prompts: Sequence[Prompt], sampling: Sampling, folder: Path, expected: bytes) -> None:
    """Two nodes of one worker each, one of them killed when half is done."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY}
    )
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    pool = open_folder(settings(model, address=cluster.address, workers=2), str(model), "M1")
    pool.generate([Request(messages=user("gold"))], sampling, 0)
    killed_at: list[float] = []

    def half_way(done: int, total: int) -> None:
        if not killed_at and 2 * done >= total:
            killed_at.append(time.perf_counter() - began)
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    path = folder / "lost.jsonl"
    began = time.perf_counter()
    answers(pool, prompts, sampling, path, half_way)
    took = time.perf_counter() - began
    pool.close()
    cluster.shutdown()
    print(f"two nodes, one killed after {killed_at[0]:.2f} s with half done: whole after {took:.2f} s")
    agree(path.read_bytes() == expected)


def answers(
    engine: Engine,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    path: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """A stage as the loop writes them, in blocks of 32 prompts."""

    def work(chunk: Sequence[Prompt], index: int) -> list[Response]:
        requests = [Request(messages=user(prompt.text)) for prompt in chunk]
        drawn = engine.generate(requests, sampling, seed_for(1, index))
        return [
            Response.of(prompt.id, completion.text, engine.id, 0, completion.finish)
            for prompt, (completion,) in zip(chunk, drawn, strict=True)
        ]

    files.resumable(
        path, Response, prompts, work, per_item=1, block=32, report=report, concurrency=lambda: engine.concurrency
    )


def settings(model: Path, **ray: Any) -> Settings:
    """Of a run on one thread, here or (with settings of `ray`) on a cluster."""
    engine = {"batch_size": 8, "kind": "ray" if ray else "transformers", "ray": ray}
    return Settings.model_validate(
        {"name": "x", "threads": 1, "model": {"base": str(model)}, "data": {"kind": "beads"}, "engine": engine}
    )


def agree(same: bool) -> None:
    """The figures count only where all ways wrote the same."""
    print("  the same records, byte for byte" if same else "  THE RECORDS DIFFER")
    if not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
