"""805 judge calls against a server on this machine that answers in 200 ms and allows 64 at once (429 beyond).

    python benchmarks/speed/judge_calls.py [--faults | --theirs] [--runs 5]

Prints the ideal of 805 x 0.2 / 64 s, our time (the median of the runs) and the ratio of both. 805 calls in rounds of 64
take 13 rounds, which alone are 96.8% of that ideal; the rest is the processor's. `--faults`: every tenth answer is a
429, a 500, cut off in the middle or never comes; then what counts is that every call is accounted for, and none asked
again that was answered.
`--theirs`: alpaca-eval's own annotator against the same server, in the same run. The server is a process of its own and
shares the machine: run it on two cores with nothing else on them.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from srlm.engines.openai.calls import Answer, Call, CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint

CALLS, SECONDS, AT_ONCE = 805, 0.2, 64
RUNS = 5
TIMEOUT = 2.0
QUESTION = "Which of these two answers is better? " + "Words of an answer. " * 150


def body(content: str) -> bytes:
    """A chat completion of one token with its log-probabilities."""
    token = {"token": "m", "bytes": [109], "logprob": -0.1}
    top = [token, {"token": "M", "bytes": [77], "logprob": -2.35}]
    choice = {
        "index": 0,
        "finish_reason": "length",
        "message": {"role": "assistant", "content": content},
        "logprobs": {"content": [{**token, "top_logprobs": top}]},
    }
    usage = {"prompt_tokens": 700, "completion_tokens": 1, "total_tokens": 701}
    whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole).encode()


class Judge(asyncio.Protocol):
    """One connection to the server: HTTP as far as these clients speak it."""

    under_way = 0
    seen: ClassVar[Counter[str]] = Counter()
    answered: ClassVar[Counter[str]] = Counter()
    faults = False
    draws = random.Random(1)

    def connection_made(self, transport: Any) -> None:
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, end, content = self.data.partition(b"\r\n\r\n")
        length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
        if not end or len(content) < length:
            return
        self.data = b""
        if head.startswith(b"GET /stop"):
            found = {"seen": Judge.seen, "twice": sum(n > 1 for n in Judge.answered.values())}
            self._send(200, json.dumps(found | {"answered": len(Judge.answered)}).encode())
            Judge.seen, Judge.answered = Counter(), Counter()
            Judge.faults = head.startswith(b"GET /stop-faults")
            return
        if head.startswith(b"GET "):  # which models there are: it does not say
            self._send(404, b"{}")
            return
        asked = json.loads(content)["messages"][-1]["content"]
        loop = asyncio.get_running_loop()
        fault = Judge.draws.choice(("429", "500", "cut", "hang")) if Judge.faults and Judge.draws.random() < 0.1 else ""
        if Judge.under_way >= AT_ONCE or fault == "429":
            Judge.seen["429"] += 1
            self._send(429, b'{"error": {"message": "rate limit", "code": "rate_limit_exceeded"}}')
            return
        Judge.under_way += 1
        loop.call_later(SECONDS, self._answer, asked, fault)

    def _answer(self, asked: str, fault: str) -> None:
        Judge.under_way -= 1
        Judge.seen[fault or "answered"] += 1
        if fault == "500":
            self._send(500, b'{"error": {"message": "internal error"}}')
        elif fault == "cut":
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + body("m")[:300])
            self.transport.close()
        elif not fault:
            Judge.answered[asked] += 1
            self._send(200, body("m"))

    def _send(self, status: int, content: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self.transport.write(head.encode() + content)


def serve(port: Any) -> None:
    """The server's process."""

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Judge, "127.0.0.1", 0, backlog=1024)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


def account(url: str, faults: bool = False) -> dict[str, Any]:
    """What the server saw since the last question; `faults` from now on."""
    from urllib.request import urlopen

    with urlopen(url.replace("/v1", "/stop-faults" if faults else "/stop")) as said:
        found: dict[str, Any] = json.load(said)
        return found


class Took(NamedTuple):
    """One run of ours."""

    seconds: float
    processor: float
    """Seconds of this process's processor time."""
    tally: dict[str, int]


def ours(url: str, concurrency: int) -> Took:
    """All calls, from an empty store."""
    settings = {"max_tokens": 1, "temperature": 1, "logprobs": True, "top_logprobs": 5}
    calls = [
        Call(
            service="compatible",
            model="judge",
            messages=({"role": "system", "content": "You judge."}, {"role": "user", "content": f"{n} {QUESTION}"}),
            settings=settings,
            template="t",
        )
        for n in range(CALLS)
    ]
    endpoint = Endpoint(service="compatible", base_url=url, concurrency=concurrency, timeout=TIMEOUT, tries=10)
    with tempfile.TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        with closing(Client(endpoint, store)) as client:
            began, worked = time.perf_counter(), time.process_time()
            said = client.ask(calls)
            took, worked = time.perf_counter() - began, time.process_time() - worked
        assert sum(isinstance(one, Answer) for one in said) == CALLS, Counter(map(type, said))
    return Took(took, worked, dict(client.tally))


def theirs(url: str) -> float | None:
    """Seconds alpaca-eval's decoder takes for the same calls; None where it stops with an exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from alpaca_eval.decoders.openai import openai_completions
    prompts = [
        f"<|im_start|>system\nYou judge.\n<|im_end|>\n<|im_start|>user\n{n} {QUESTION}\n<|im_end|>"
        for n in range(CALLS)
    ]
    began = time.perf_counter()
    try:
        openai_completions(
            prompts,
            model_name="judge",
            max_tokens=1,
            temperature=1,
            logprobs=True,
            top_logprobs=5,
            num_procs=AT_ONCE,
            price_per_token=0,
            openai_api_base=url,
            openai_api_keys=["none"],
        )
    except Exception as error:  # whatever ends it is the finding
        print(f"  alpaca-eval stops after {time.perf_counter() - began:.1f} s: {type(error).__name__}: {error}")
        return None
    return time.perf_counter() - began


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--faults", action="store_true")
    words.add_argument("--theirs", action="store_true")
    words.add_argument("--runs", type=int, default=RUNS)
    words.add_argument("--concurrency", type=int, default=AT_ONCE)
    chosen = words.parse_args()
    if chosen.theirs and chosen.faults:
        words.error("alpaca-eval waits ten minutes for an answer that never comes: --theirs goes without --faults")
    logging.disable(logging.CRITICAL)
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    try:
        account(url, chosen.faults)
        ideal = CALLS * SECONDS / AT_ONCE
        print(
            f"{CALLS} calls{', faults in every tenth answer' if chosen.faults else ''}; load {os.getloadavg()[0]:.1f}"
        )
        runs = []
        for _ in range(chosen.runs):
            runs.append(ours(url, chosen.concurrency))
            print(
                f"  {runs[-1].seconds:.3f} s, {runs[-1].processor / CALLS * 1e3:.2f} ms of the processor a call; "
                f"counted {runs[-1].tally}; the server saw {account(url, chosen.faults)}"
            )
        took = statistics.median(run.seconds for run in runs)
        print(f"ideal  {ideal:.3f} s\nours   {took:.3f} s, the median of {len(runs)}\nratio  {ideal / took:.1%}")
        if chosen.theirs:
            other = theirs(url)
            said = "did not finish" if other is None else f"{other:.3f} s = {ideal / other:.1%} of the ideal"
            print(f"theirs {said}; the server saw {account(url)}")
            if other is not None:
                print(f"ours is {other / took:.1f} times as fast")
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
