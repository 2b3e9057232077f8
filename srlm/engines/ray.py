"""One model over a cluster: a pool of Ray actors, each with a local engine, that writes what one such engine writes.

A call (of `generate`, say) goes whole to one worker, with its own seed, and as many calls run at once as there are
workers. The stages cut their work into calls by `batch_size`, whatever the engine, so that no record depends
on who made it.
Ray starts, places and restarts the workers. A call whose worker is lost, alone or with its node, is given to another.

A call that takes LATE times as long as calls of its method do (the median of the last RECENT) is given to a second
worker as soon as one has nothing to do, and the first answer counts: a worker that is slow, or hangs without dying,
does not hold up the end of a stage. Answers hang on the call alone, so the records stay the same. What comes too late
is dropped, and its tokens are not counted, as those of a lost worker are not; its worker is free again when it comes.
"""

import os
import queue
import socket
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from srlm import usage
from srlm.engines.base import Completion, Engine, Request
from srlm.engines.open import open_folder
from srlm.engines.plain_text import Likelihood, TextPair, text_of
from srlm.errors import DeadEngineError, EngineError, SrlmError, first_line
from srlm.settings import RaySettings, Sampling, Settings
from srlm.terminal import logger

LOG = logger(__name__)
TRIES = 5
"""Workers that may be lost over one call before the call itself is suspected."""
LATE = 3.0
"""A call that takes so many times as long as usual is late,"""
SOON = 5.0
"""but none is within so many seconds: calls of a moment may wait that long for a busy machine."""
RECENT = 100
"""Calls of a method of which the median is what is usual."""
LOOK = 1.0
"""Seconds between two looks at the clock while a call is under way."""
REACH = 10.0
"""Seconds to reach a cluster's address; Ray itself would try for minutes."""
STORE = 100_000_000
"""Bytes of shared memory for a cluster of our own; only words and numbers travel."""


class RayEngine:
    """A pool of workers as an engine. Opening it returns at once; the first call waits for a worker."""

    def __init__(self, settings: Settings, path: str, id: str, plain: bool = False) -> None:
        """Raises EngineError where Ray is missing or the cluster cannot be joined."""
        self._id = id
        self._settings = settings.engine.ray
        _connect(self._settings)
        import ray

        self._ray = ray
        folder = Path(path)
        worker = ray.remote(
            num_cpus=self._settings.cpus_per_worker, num_gpus=self._settings.gpus_per_worker, max_restarts=-1
        )(Worker)
        local = _of_a_worker(settings)
        place = str(folder.resolve()) if folder.is_dir() else path
        self._workers = [worker.remote(local, place, id, plain, folder.is_dir()) for _ in range(self._settings.workers)]
        self._free: queue.SimpleQueue[int | Exception] = queue.SimpleQueue()
        self._absent: set[int] = set()
        self._seconds: dict[str, deque[float]] = defaultdict(partial(deque, maxlen=RECENT))
        self._closed = False
        for number in range(len(self._workers)):
            self._await(number)

    @property
    def id(self) -> str:
        return self._id

    @property
    def concurrency(self) -> int:
        """See Engine: one call a worker."""
        return len(self._workers)

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        """See Engine."""
        written: list[tuple[Completion, ...]]
        written, used = self._ask("generate", list(requests), sampling, seed)
        usage.count(used)
        return written

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        """See Engine."""
        scores: list[list[float]]
        scores, used = self._ask("loglikelihood", list(requests), [list(texts) for texts in continuations])
        usage.count(used)
        return scores

    def plain_text(self) -> "RayText":
        """See HasText."""
        return RayText(self._ask)

    def close(self) -> None:
        """End the workers, and the cluster where it was started here; calls under way fail."""
        if self._closed:
            return
        self._closed = True
        self._free.put(EngineError("the ray engine is closed"))  # wakes whoever waits for a worker
        for worker in self._workers:
            self._ray.kill(worker)
        _leave()

    # Workers --------------------------------------------------------------------------------------------------------

    def _ask(self, method: str, *arguments: Any) -> Any:
        """What a free worker answers; one that is lost meanwhile costs time and nothing else."""
        calls: dict[Any, int] = {}
        lost, doubled, began = 0, False, time.monotonic()
        try:
            while not self._closed:
                number = self._spare(method, began) if calls else self._take()
                if number is not None:
                    doubled = bool(calls)
                    began = time.monotonic()
                    calls[getattr(self._workers[number], method).remote(*arguments)] = number
                ended, _ = self._ray.wait(list(calls), timeout=LOOK)
                if not ended:
                    continue
                try:
                    answer = self._answer(calls.pop(ended[0]), ended[0])
                except _Lost as error:
                    lost += 1
                    if lost == TRIES:
                        raise EngineError(_too_many(error)) from None
                    continue
                if not doubled:  # else the time since the last start says little
                    self._seconds[method].append(time.monotonic() - began)
                return answer
        finally:
            for call, number in calls.items():
                # Where it is dead by then, the next call finds out.
                call.future().add_done_callback(partial(self._free_again, number))
        raise EngineError("the ray engine is closed")

    def _answer(self, number: int, call: Any) -> Any:
        """What has come of a call; its worker is free again. Raises _Lost where it died, and is being started again."""
        lost = self._ray.exceptions
        try:
            answer = self._ray.get(call)
        except (lost.RayActorError, lost.WorkerCrashedError, lost.NodeDiedError, lost.ObjectLostError) as error:
            if self._closed:
                raise EngineError("the ray engine is closed") from None
            why = first_line(error)
        except lost.RayTaskError as error:
            if not isinstance(error.cause, DeadEngineError):
                self._free.put(number)
                raise _mendable(error) from None
            why = first_line(error.cause)
            self._ray.kill(self._workers[number], no_restart=False)
        else:
            self._free.put(number)
            return answer
        LOG.warning("ray: a worker died; another one takes over its work (%s)", why)
        self._await(number)
        raise _Lost(why)

    def _spare(self, method: str, began: float) -> int | None:
        """A worker that has nothing to do, for a call that is late."""
        took, usual = time.monotonic() - began, list(self._seconds[method])
        if not usual or took < max(SOON, LATE * statistics.median(usual)):
            return None
        try:
            found = self._free.get_nowait()
        except queue.Empty:
            return None
        if isinstance(found, int):
            LOG.warning("ray: a worker is late (%.0f s); another one makes its answer, too", took)
            return found
        self._free.put(found)
        return None

    def _free_again(self, number: int, ended: "Future[Any]") -> None:
        self._free.put(number)

    def _take(self) -> int:
        """The number of a worker that has its model and nothing to do."""
        while True:
            if self._closed:
                raise EngineError("the ray engine is closed")
            try:
                found = self._free.get(timeout=self._settings.patience)
            except queue.Empty:
                if len(self._absent) < len(self._workers):
                    continue  # all that are there are at work
                raise EngineError(self._no_room()) from None
            if isinstance(found, int):
                return found
            self._free.put(found)  # every other thread is to hear of it too
            raise found

    def _await(self, number: int) -> None:
        """Have a worker join the free ones as soon as it has its model: Ray starts it again until it does."""
        self._absent.add(number)
        ready = self._workers[number].ready.options(max_task_retries=-1).remote()
        ready.future().add_done_callback(partial(self._joined, number))

    def _joined(self, number: int, ready: "Future[None]") -> None:
        error = ready.exception()
        if error is None:
            self._absent.discard(number)
            self._free.put(number)
        else:
            self._free.put(_mendable(error))

    def _no_room(self) -> str:
        wanted = f"{self._settings.cpus_per_worker} CPU and {self._settings.gpus_per_worker:g} GPU"
        has = self._ray.cluster_resources()
        return (
            f"ray: no worker after {self._settings.patience:g} s; each needs {wanted}, and all nodes together have "
            f"{has.get('CPU', 0):g} CPU and {has.get('GPU', 0):g} GPU: lower engine.ray.cpus_per_worker or "
            "gpus_per_worker, add nodes, or raise engine.ray.patience if loading takes longer"
        )


class _Lost(Exception):
    """A worker died with the call that it had in hand."""


class RayText:
    """Plain text on a pool; see PlainText."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def likelihoods(self, pairs: Sequence[TextPair], rendered: bool = False) -> list[Likelihood]:
        """See PlainText."""
        found: list[Likelihood] = self._ask("likelihoods", list(pairs), rendered)
        return found

    def rolling(self, texts: Sequence[str]) -> list[float]:
        """See PlainText."""
        found: list[float] = self._ask("rolling", list(texts))
        return found

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool = False
    ) -> list[str]:
        """See PlainText."""
        written: list[str] = self._ask("write", list(prompts), list(stops), sampling, seed, rendered)
        return written


class Worker:
    """A local engine in a process of its own, on whichever node Ray has put it."""

    def __init__(self, settings: Settings, path: str, id: str, plain: bool, is_folder: bool) -> None:
        self._settings, self._path, self._id, self._plain, self._is_folder = settings, path, id, plain, is_folder

    @cached_property
    def _engine(self) -> Engine:
        """Loaded at the first call, which after a restart may be any."""
        if self._is_folder and not Path(self._path).is_dir():
            raise EngineError(
                f"{self._path}: not visible from the node {socket.gethostname()}; the folder of the run (and that of "
                "model.base) must have the same path on a file system shared by all nodes"
            )
        if not self._settings.engine.ray.gpus_per_worker:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray would leave it all GPUs, and each worker would take the first
            # vLLM would bind the threads of every worker on this machine to the same cores, all but one.
            os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
        threads = self._settings.threads or self._settings.engine.ray.cpus_per_worker
        os.environ["OMP_NUM_THREADS"] = str(threads)  # of vLLM's own processes
        import torch
        from transformers.utils import logging

        logging.disable_progress_bar()
        logging.set_verbosity_error()
        torch.set_num_threads(threads)
        return open_folder(self._settings, self._path, self._id, self._plain)

    def ready(self) -> None:
        """Returns when the model is in memory."""
        _ = self._engine

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, seed: int
    ) -> tuple[list[tuple[Completion, ...]], usage.Usage]:
        """See Engine; and what it took."""
        with usage.metered() as meter:
            return self._engine.generate(requests, sampling, seed), meter.total

    def loglikelihood(
        self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]
    ) -> tuple[list[list[float]], usage.Usage]:
        """See Engine; and what it took."""
        with usage.metered() as meter:
            return self._engine.loglikelihood(requests, continuations), meter.total

    def likelihoods(self, pairs: Sequence[TextPair], rendered: bool) -> list[Likelihood]:
        """See PlainText."""
        return text_of(self._engine).likelihoods(pairs, rendered)

    def rolling(self, texts: Sequence[str]) -> list[float]:
        """See PlainText."""
        return text_of(self._engine).rolling(texts)

    def write(
        self, prompts: Sequence[str], stops: Sequence[str], sampling: Sampling, seed: int, rendered: bool
    ) -> list[str]:
        """See PlainText."""
        return text_of(self._engine).write(prompts, stops, sampling, seed, rendered)


def _of_a_worker(settings: Settings) -> Settings:
    """The settings as a worker's own engine reads them: its kind, and no path that hangs on this process's folder."""
    engine = settings.engine.model_copy(update={"kind": settings.engine.worker})
    model = settings.model
    if model.chat_template is not None:
        model = model.model_copy(update={"chat_template": str(Path(model.chat_template).resolve())})
    return settings.model_copy(update={"engine": engine, "model": model})


def _too_many(error: _Lost) -> str:
    return (
        f"ray: {TRIES} workers died on the same call ({error}); is there enough memory for engine.batch_size? "
        "Ray's own logs are in /tmp/ray/session_latest/logs on the cluster's nodes"
    )


_engines = 0
"""Engines that share this process's connection, as Ray allows one; 0 where it is not ours, or there is none."""


def _connect(settings: RaySettings) -> None:
    """Join the cluster, or start one. Raises EngineError where neither can be had."""
    global _engines
    # Read when ray is imported. A call after the end must fail, not start another cluster; Ray counts no uses of ours.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if settings.address is None:
        # The name speaks of other systems; what it does on any is bind every port of Ray to 127.0.0.1.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise EngineError("engine.kind ray: the package ray is not installed; pip install 'srlm[ray]'") from None
    if ray.is_initialized():
        _engines += _engines > 0  # else the program around us has joined, and leaves
        return
    own = {"include_dashboard": False, "object_store_memory": STORE} if settings.address is None else {}
    if settings.address not in (None, "auto"):
        _reach(str(settings.address))
    try:
        ray.init(address=settings.address or "local", logging_level="error", log_to_driver=False, **own)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise EngineError(
            f"engine.ray.address {settings.address}: {first_line(error)}; give HOST:PORT as printed by `ray start "
            "--head`, and run this on a machine that has joined with `ray start --address`"
        ) from None
    _engines = 1


def _leave() -> None:
    """The last engine ends the cluster that was started here, and only leaves another."""
    global _engines
    import ray

    if _engines == 1:
        ray.shutdown()
    _engines = max(0, _engines - 1)


def _reach(address: str) -> None:
    """Raises EngineError where nobody listens."""
    host, _, port = address.rpartition(":")
    where = f"engine.ray.address {address}"
    if not host or not port.isdecimal():
        raise EngineError(f"{where}: not an address; write HOST:PORT, as in 10.0.0.1:6379, or auto")
    try:
        socket.create_connection((host, int(port)), timeout=REACH).close()
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"{where}: cannot be reached ({error}); is the cluster up (`ray status`), and is this its head's address?"
        ) from None


def _mendable(error: BaseException) -> Exception:
    """What a worker raised, as it would have been raised here."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, SrlmError):
        return cause
    if type(error).__name__ == "ActorDiedError":
        return EngineError(f"ray: cannot start a worker: {first_line(error)} (is srlm installed on every node?)")
    return error if isinstance(error, Exception) else EngineError(first_line(error))
