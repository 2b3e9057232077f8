"""Tokens a second of our `openai` engine through a vLLM server, against raw client calls and the transformers engine.

    python benchmarks/speed/vllm_server.py --model DIR --vllm-python vllm-env/bin/python [--requests 256] [--tokens 64]
    python benchmarks/speed/vllm_server.py --model DIR --base-url http://127.0.0.1:8000/v1 --served-name NAME

DIR is a model folder (safetensors). With --vllm-python a server is started on 127.0.0.1, on a port of the system's
choice, and ended. All answer the same requests greedily. After a round that nobody times, the raw calls and our engine
take turns, so that a busy machine hits both alike; the raw calls are the `openai` client's own, as many at once, with
the answers parsed by the client. The transformers engine runs once, on as many requests as asked.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx2
import openai

from srlm.engines.base import Engine, Request
from srlm.engines.open import open_folder, open_server
from srlm.records import user
from srlm.settings import EngineSettings, Sampling, Settings

PATIENCE = 300.0
"""Seconds for the server to load its model."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--model", type=Path, required=True)
    words.add_argument("--vllm-python", type=Path, help="Python of an environment with vllm")
    words.add_argument("--base-url", help="of a server that runs already")
    words.add_argument("--served-name", default="bench", help="the model's name there")
    words.add_argument("--requests", type=int, default=256)
    words.add_argument("--tokens", type=int, default=64)
    words.add_argument("--at-once", type=int, default=32)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--transformers-requests", type=int, default=256, help="0: not run")
    words.add_argument("--threads", type=int, default=1, help="of the transformers engine")
    asked = words.parse_args()
    if (asked.vllm_python is None) == (asked.base_url is None):
        words.error("give --vllm-python or --base-url")
    requests = [Request(messages=user(text)) for text in prompts(asked.requests)]
    sampling = Sampling(temperature=0, top_p=1, max_new_tokens=asked.tokens)
    print(f"{asked.requests} requests, at most {asked.tokens} tokens each, {asked.at_once} at once", flush=True)
    if asked.base_url is not None:
        through_server(asked.base_url, asked.served_name, requests, sampling, asked.at_once, asked.rounds)
    else:
        with serving(asked.vllm_python, asked.model, asked.served_name) as url:
            through_server(url, asked.served_name, requests, sampling, asked.at_once, asked.rounds)
    if asked.transformers_requests:
        here(asked.model, requests[: asked.transformers_requests], sampling, asked.threads)


def prompts(number: int) -> list[str]:
    """Different small tasks whose answers are long enough."""
    things = ("rivers", "bread", "clocks", "gardens", "bridges", "music", "maps", "rain", "glass", "trains", "salt")
    tasks = (
        "Explain to a child what is special about {}.",
        "Write a short story about {}.",
        "List five facts about {}.",
    )
    return [f"{tasks[i % 3].format(things[i % 11])} Give it the number {i}." for i in range(number)]


@contextmanager
def serving(python: Path, model: Path, name: str) -> Iterator[str]:
    """The address of a server of our own, which ends with the `with`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--served-model-name", name, "--host", "127.0.0.1", "--port", str(port), "--enforce-eager"]
    command += ["--generation-config", "vllm", "--max-model-len", "1024"]
    quiet = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen(
        command, env={"VLLM_CPU_KVCACHE_SPACE": "1", **os.environ, **quiet}, stdout=subprocess.DEVNULL
    )
    try:
        wait(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


def wait(url: str, server: subprocess.Popen[bytes]) -> None:
    """Until the server is well."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(1)
    sys.exit(f"the server did not come up (exit status {server.poll()})")


def through_server(
    url: str, name: str, requests: Sequence[Request], sampling: Sampling, at_once: int, rounds: int
) -> None:
    """Our engine and raw calls in turn."""
    engine = open_server(EngineSettings(kind="openai", base_url=url, model=name, concurrency=at_once, timeout=600))
    raw_calls(url, name, requests, sampling, at_once)
    ours, raw = [], []
    for _ in range(rounds):
        raw.append(raw_calls(url, name, requests, sampling, at_once))
        ours.append(through_engine(engine, requests, sampling))
    engine.close()
    share = median(a / b for a, b in zip(ours, raw, strict=True))
    print(f"  raw openai client  {median(raw):7.1f} tokens/s   {[round(one) for one in raw]}")
    print(f"  our openai engine  {median(ours):7.1f} tokens/s   {[round(one) for one in ours]}")
    print(f"  ours / raw         {share:7.3f}            (median of the pairs; goal: at least 0.95)", flush=True)


def raw_calls(url: str, name: str, requests: Sequence[Request], sampling: Sampling, at_once: int) -> float:
    """Tokens a second of the client's own calls."""

    async def all_of_them() -> int:
        free = asyncio.Semaphore(at_once)
        http = openai.DefaultAsyncHttpxClient(trust_env=False, timeout=600)
        async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http, timeout=600) as client:

            async def one(request: Request) -> int:
                async with free:
                    answer = await client.chat.completions.create(
                        model=name,
                        messages=[{"role": "user", "content": request.messages[0].content}],
                        temperature=sampling.temperature,
                        top_p=sampling.top_p,
                        max_tokens=sampling.max_new_tokens,
                    )
                assert answer.usage is not None
                return answer.usage.completion_tokens

            return sum(await asyncio.gather(*map(one, requests)))

    began = time.perf_counter()
    tokens = asyncio.run(all_of_them())
    return tokens / (time.perf_counter() - began)


def through_engine(engine: Engine, requests: Sequence[Request], sampling: Sampling) -> float:
    """Tokens a second of an engine."""
    began = time.perf_counter()
    written = engine.generate(requests, sampling, 0)
    return sum(one.tokens or 0 for (one,) in written) / (time.perf_counter() - began)


def here(model: Path, requests: Sequence[Request], sampling: Sampling, threads: int) -> None:
    """The transformers engine, in batches of 32."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(threads)
    settings = Settings.model_validate(
        {"name": "x", "model": {"base": str(model), "dtype": "bfloat16"}, "data": {"kind": "beads"}}
    )
    engine = open_folder(settings, str(model), "M0")
    speed = through_engine(engine, requests, sampling)
    print(f"  transformers       {speed:7.1f} tokens/s   ({len(requests)} requests, {threads} threads, batches of 32)")


if __name__ == "__main__":
    main()
