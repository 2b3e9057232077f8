"""How long the workers of an iteration have nothing to do: answers and judgements one after the other, and at once.

    srlm train --run configs/pocket.yaml --to M1
    python benchmarks/speed/idle.py
    python benchmarks/speed/idle.py --run configs/smollm2-errands.yaml --set prompts.count=24 --set engine.batch_size=8

M1's answers to M2's prompts, and their judgements, as the loop makes them (`srlm.methods.stages`), in three places:

    one process     M1 in this process judges itself: opened for each stage (as before November 2026), or kept open
    two workers     M1 in a pool of two Ray workers judges itself: opened twice, kept open, and both stages at once
    a server        M1 in this process answers, and a server on this machine judges, which takes --latency an answer
                    and answers 8 at a time: one stage after the other, and both at once

Idle is, of workers, their time on the clock without their processor time; of a server, the time without a request.
The records of all ways are compared: they must be the same bytes where the judge is the same.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from srlm.engines.ray import RayEngine
from srlm.methods import start
from srlm.methods.base import method_of
from srlm.methods.run import Run
from srlm.methods.stages import RESPONSES, candidates, judged_candidates, new_prompts, reward_answers
from srlm.rewards.base import JUDGEMENTS
from srlm.run_file import load
from tests.chat_server import Reply, serving, words

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("data", "M0", "SFT", "M1")
POOL = ("engine.kind=ray", "engine.ray.workers=2")


class Took(NamedTuple):
    """What one way took."""

    seconds: float
    idle: float | None
    """Seconds of all workers together; None: there are none beside this process."""
    records: str
    """Digest of the answers and judgements."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=ROOT / "configs/pocket.yaml")
    words.add_argument("--made", type=Path, help="the run up to M1; default: where the run file puts it")
    words.add_argument("--set", action="append", default=[], dest="overrides", metavar="NAME=VALUE")
    words.add_argument("--latency", type=float, default=0.05, help="seconds of the server for an answer")
    words.add_argument("--times", type=int, default=2, help="how often each way is taken; the fastest counts")
    asked = words.parse_args()
    torch.set_num_threads(1)
    made = asked.made or load(asked.run, []).folder
    base = [*asked.overrides, "threads=1"]

    def best(way: Callable[[Run], None], settings: list[str], watched: "Watched") -> Took:
        return min(measured(asked.run, made, way, [*base, *settings], watched) for _ in range(asked.times))

    here = {
        "opened for each stage": best(cold, [], Nobody()),
        "kept open": best(warm, [], Nobody()),
    }
    pool = {
        "opened for each stage": best(cold, [*POOL], RayWorkers()),
        "kept open": best(warm, [*POOL], RayWorkers()),
        "both stages at once": best(both, [*POOL], RayWorkers()),
    }
    with serving() as serve:
        requests = Requests(asked.latency)
        url = serve(requests.reply).url
        judge = [f"judge.engine.{one}" for one in ("kind=openai", "model=judge", f"base_url={url}", "concurrency=8")]
        server = {
            "one after the other": best(cold, judge, requests),
            "both stages at once": best(both, judge, requests),
        }
    print("| place | way | seconds | idle seconds | ratio of seconds |\n|---|---|---|---|---|")
    for place, ways in (("one process", here), ("two workers", pool), ("a server", server)):
        first = next(iter(ways.values()))
        for name, took in ways.items():
            idle = "" if took.idle is None else f"{took.idle:.2f}"
            print(f"| {place} | {name} | {took.seconds:.2f} | {idle} | {took.seconds / first.seconds:.2f} |")
    same = len({one.records for ways in (here, pool) for one in ways.values()}) == 1
    same &= len({one.records for one in server.values()}) == 1
    print("the same records, byte for byte" if same else "THE RECORDS DIFFER")
    sys.exit(not same)


# Ways -----------------------------------------------------------------------------------------------------------------


def cold(run: Run) -> None:
    """One stage after the other, each with an engine of its own."""
    _stages(run, at_once=False, keep=False)


def warm(run: Run) -> None:
    """One stage after the other, with one engine."""
    _stages(run, at_once=False, keep=True)


def both(run: Run) -> None:
    """Answers are judged while more are drawn."""
    _stages(run, at_once=True, keep=True)


def _stages(run: Run, at_once: bool, keep: bool) -> None:
    step = next(one for one in method_of(run.settings).steps(run.settings, 2) if one.name == "M2")
    model = run.parent(step)
    with run.held():
        prompts = new_prompts(run, step, model, start.seed_data(run))
        with run.warm(model) if keep else nullcontext():
            if at_once:
                judged_candidates(run, step, model, prompts)
            else:
                reward_answers(run, step, model, prompts, candidates(run, step, model, prompts))


def measured(file: Path, made: Path, way: Callable[[Run], None], settings: list[str], watched: "Watched") -> Took:
    """The run up to M1 is copied, and a way is taken from there."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(load(file, [*settings, f"runs={folder}"]))
        for name in COPIED:
            shutil.copytree(made / name, run.folder.path / name)
        with watched:
            began = time.perf_counter()
            way(run)
            seconds = time.perf_counter() - began
        found = hashlib.sha256()
        for name in (RESPONSES, JUDGEMENTS):
            found.update(run.path("M2", name).read_bytes())
    return Took(seconds, watched.idle(seconds), found.hexdigest())


# Who has nothing to do ------------------------------------------------------------------------------------------------


class Nobody:
    """This process alone."""

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...

    def idle(self, seconds: float) -> float | None:
        return None


class RayWorkers:
    """Ray's workers with a model: processor time that they have used when their engine is closed."""

    def __enter__(self) -> None:
        self._used = 0.0
        self._close = RayEngine.close
        watching = self

        def close(engine: RayEngine) -> None:
            watching._used += sum(
                sum(one.cpu_times()[:2])
                for one in psutil.Process().children(recursive=True)
                if one.cmdline()[:1] == ["ray::Worker"]
            )
            watching._close(engine)

        RayEngine.close = close  # type: ignore[method-assign, assignment]

    def __exit__(self, *error: object) -> None:
        RayEngine.close = self._close  # type: ignore[method-assign]

    def idle(self, seconds: float) -> float | None:
        return 2 * seconds - self._used


class Requests:
    """A judge behind a server, whose scores follow from what it is asked: the time in which it had a request."""

    def __init__(self, latency: float) -> None:
        self._latency, self._lock = latency, threading.Lock()
        self._now, self._since, self._busy = 0, 0.0, 0.0

    def __enter__(self) -> None:
        self._busy = 0.0

    def __exit__(self, *error: object) -> None: ...

    def reply(self, asked: dict[str, Any], number: int) -> Reply:
        """What the server says."""
        self._count(1)
        time.sleep(self._latency)  # the server's work
        self._count(-1)
        score = sum(asked["messages"][0]["content"].encode()) % 6
        return words(*[f"Score: {score}"] * asked.get("n", 1))

    def _count(self, change: int) -> None:
        with self._lock:
            if not self._now:
                self._since = time.perf_counter()
            self._now += change
            if not self._now:
                self._busy += time.perf_counter() - self._since

    def idle(self, seconds: float) -> float | None:
        return seconds - self._busy


Watched = Nobody | RayWorkers | Requests


if __name__ == "__main__":
    main()
