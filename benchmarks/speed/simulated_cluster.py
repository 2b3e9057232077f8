"""How the loop's own scheduling of blocks fills 10, 100 and 1,000 workers, in simulated time.

    python benchmarks/speed/simulated_cluster.py

Real: the pool of threads that hands out blocks (`srlm.store.files.worked`), the queue of free workers, and the taking
over of a lost worker's call (`srlm.engines.ray.RayEngine`). Scripted: the workers behind Ray's calls, and the clock,
which jumps to the next thing that ends when nobody has anything to do before. A block takes a worker

    calls x read + (tokens of the longest answer) x step + (tokens of all answers) x token      seconds / speed

by the formulas of `srlm estimate` for Llama-2-70B on four H200. Answers have lognormal lengths. One worker in fifty has
half the speed; one in fifty (at least one) is lost in its first block and is back after ten minutes.

`filled`: work done, divided by what all workers that were there could have done in that time; 1 is linear.
"""

import argparse
import heapq
import logging
import math
import queue
import random
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, NamedTuple

from srlm.engines.base import Request
from srlm.engines.ray import RayEngine
from srlm.settings import RaySettings, Sampling
from srlm.store.files import worked
from srlm.usage import Usage

WORKERS = (10, 100, 1000)
BATCHES = (256, 64, 16, 4)
LOAD = 600.0
"""Seconds until a lost worker has its model again."""
RARE = 50
"""One worker in so many is slow, and another one is lost."""


class Kind(NamedTuple):
    """A stage of the paper's run, and the seconds of its parts on a worker of speed 1."""

    name: str
    items: int
    draws: int
    mean: float
    """Tokens of an answer, before it is cut."""
    spread: float
    """Standard deviation of the lengths' logarithms."""
    most: int
    read: float
    step: float
    token: float


# 68.98 billion parameters, 327,680 bytes of cache a token; 989 TFLOP/s at .5 and 4,800 GB/s at .6, four GPUs. Contexts
# of 300 and 860 tokens on average while they are written.
STAGES = (
    Kind("M2: candidates", 5000, 4, 400, 0.6, 1024, 7.0e-3, 12.0e-3, 8.5e-6),
    Kind("M2: judgements", 20000, 3, 150, 0.4, 512, 55.0e-3, 12.0e-3, 24.5e-6),
    Kind("M3: candidates", 8750, 4, 400, 0.6, 1024, 7.0e-3, 12.0e-3, 8.5e-6),
    Kind("M3: judgements", 35000, 3, 150, 0.4, 512, 55.0e-3, 12.0e-3, 24.5e-6),
)


class Result(NamedTuple):
    """One stage on one cluster."""

    blocks: int
    seconds: float
    """Simulated."""
    filled: float
    lost: int
    """Calls that another worker took over."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    words.add_argument(
        "--batch-size", type=int, nargs="+", default=BATCHES, help="engine.batch_size; 256: the run file's"
    )
    words.add_argument("--prompts", type=float, default=1.0, help="times so many prompts as in the paper")
    asked = words.parse_args()
    logging.getLogger("srlm.engines.ray").setLevel(logging.ERROR)  # it tells of each worker that is lost
    print(f"{'stage':16}{'batch_size':>11}{'workers':>9}{'blocks':>8}{'seconds':>10}{'filled':>8}{'lost':>6}")
    for kind in STAGES:
        for batch in asked.batch_size:
            for workers in asked.workers:
                found = simulate(kind._replace(items=round(kind.items * asked.prompts)), batch, workers)
                print(
                    f"{kind.name:16}{batch:11}{workers:9}{found.blocks:8}{found.seconds:10.1f}{found.filled:8.3f}{found.lost:6}",
                    flush=True,
                )


def simulate(kind: Kind, batch: int, workers: int, seed: int = 0, troubled: bool = True) -> Result:
    """A stage with `engine.batch_size` of `batch`. Not `troubled`: no worker is slow or lost."""
    size = max(1, 4 * batch // kind.draws)  # Run.block
    cut = {index: range(start, min(start + size, kind.items)) for index, start in enumerate(range(0, kind.items, size))}
    times = {index: _seconds(kind, len(items), seed, index) for index, items in cut.items()}
    rare = range(0, workers, RARE) if troubled else range(0)
    slow, lost = {number + 1 for number in rare}, {number + 2 for number in rare}
    clock = Clock(workers, len(cut))
    actors = [Actor(clock, 0.5 if number in slow else 1.0, number in lost, times) for number in range(workers)]
    engine = Pool(actors)

    def work(index: int) -> list[int]:
        engine.generate([Request(messages=())] * len(cut[index]), Sampling(), index)
        return list(cut[index])

    made = sorted(item for _, items in worked(work, cut, lambda: engine.concurrency) for item in items)
    assert made == list(range(kind.items))
    able = sum(actor.speed * (clock.now - actor.away()) for actor in actors)
    return Result(len(cut), clock.now, sum(times.values()) / able, clock.lost)


def _seconds(kind: Kind, calls: int, seed: int, index: int) -> float:
    """What a block takes a worker of speed 1."""
    drawn = random.Random(f"{seed} {kind.name} {index}")
    middle = math.log(kind.mean) - kind.spread**2 / 2
    lengths = [min(kind.most, drawn.lognormvariate(middle, kind.spread)) for _ in range(calls * kind.draws)]
    return calls * kind.read + max(lengths) * kind.step + sum(lengths) * kind.token


class Lost(Exception):
    """A worker is gone with the call it had in hand."""


class Never(Exception):
    """What does not happen here."""


class Clock:
    """Simulated time: it moves when each worker that can be at work is, and then to the first thing that ends."""

    def __init__(self, workers: int, calls: int) -> None:
        self.now, self.lost = 0.0, 0
        self._there, self._left, self._busy = workers, calls, 0
        self._order = 0
        self._ends: list[tuple[float, int, Callable[[], None]]] = []
        self._lock = threading.RLock()

    def work(self, seconds: float, fails: bool) -> None:
        """Returns when a call of so many seconds is over; where it fails, its worker is gone."""
        over = threading.Event()

        def end() -> None:
            self._busy -= 1
            self._there -= fails
            self._left -= not fails
            self.lost += fails
            over.set()

        with self._lock:
            self._busy += 1
            self._at(seconds, end)
            self._move()
        over.wait()

    def back(self, seconds: float, then: Callable[[], None]) -> None:
        """A worker that was lost is there again after so many seconds."""

        def end() -> None:
            self._there += 1
            then()

        with self._lock:
            self._at(seconds, end)
            self._move()

    def _at(self, seconds: float, end: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._ends, (self.now + seconds, self._order, end))

    def _move(self) -> None:
        while self._left and self._ends and self._busy >= min(self._there, self._left):
            self.now, _, end = heapq.heappop(self._ends)
            end()


class Actor:
    """A worker as RayEngine sees it through Ray."""

    def __init__(self, clock: Clock, speed: float, doomed: bool, times: dict[int, float]) -> None:
        self._clock, self.speed, self._doomed, self._times = clock, speed, doomed, times
        self._started = False
        self._gone: float | None = None
        self._back: float | None = None
        self.generate = SimpleNamespace(remote=lambda requests, sampling, seed: Call(self, seed))
        self.ready = SimpleNamespace(
            options=lambda **_: SimpleNamespace(remote=lambda: SimpleNamespace(future=self._up))
        )

    def answer(self, block: int) -> tuple[list[Any], Usage]:
        """What Ray waits for."""
        seconds = self._times[block] / self.speed
        fails, self._doomed = self._doomed, False
        if fails:
            self._gone = self._clock.now + seconds / 2
        self._clock.work(seconds / 2 if fails else seconds, fails)
        if fails:
            raise Lost("lost")
        return [], Usage()

    def away(self) -> float:
        """Seconds of the stage, which is over, in which it was not there."""
        if self._gone is None:
            return 0.0
        return max(0.0, (self._clock.now if self._back is None else self._back) - self._gone)

    def _up(self) -> "Future[None]":
        up: Future[None] = Future()
        if not self._started:
            self._started = True
            up.set_result(None)
        else:

            def back() -> None:
                self._back = self._clock.now
                up.set_result(None)

            self._clock.back(LOAD, back)
        return up


class Call:
    """A call as RayEngine sees it through Ray."""

    def __init__(self, actor: Actor, block: int) -> None:
        self._actor, self._block = actor, block
        self._lost: Lost | None = None

    def wait(self) -> "Call":
        """Returns when it is over."""
        try:
            self._answer = self._actor.answer(self._block)
        except Lost as error:
            self._lost = error
        return self

    def get(self) -> tuple[list[Any], Usage]:
        """What has come of it."""
        if self._lost is not None:
            raise self._lost
        return self._answer


class Pool(RayEngine):
    """RayEngine with scripted workers in place of Ray's. No call is late: half the speed is not slow enough."""

    def __init__(self, actors: list[Actor]) -> None:
        self._id, self._settings, self._workers = "simulated", RaySettings(workers=len(actors)), actors
        never = {name: Never for name in ("WorkerCrashedError", "NodeDiedError", "ObjectLostError", "RayTaskError")}
        self._ray = SimpleNamespace(
            exceptions=SimpleNamespace(RayActorError=Lost, **never),
            wait=lambda calls, timeout: ([calls[0].wait()], []),
            get=Call.get,
        )
        self._free = queue.SimpleQueue()
        self._absent = set()
        self._seconds = defaultdict(deque)
        self._closed = False
        for number in range(len(actors)):
            self._await(number)


if __name__ == "__main__":
    main()
