"""Signs of life between the processes of a launched training: where one is lost, the others say so and end.

The processes' collectives wait for `launch.timeout` (a day), as a judge or a large model that is saved may take long.
A host that has lost its power or its network closes no connection, so that nothing else would end that wait. Each
process counts up a number of its own in the launcher's store every second; the first process reads them all, the
others see by the store's answers that the first one's host is there.
"""

import contextlib
import os
import socket
import threading
from datetime import timedelta
from typing import NoReturn

import torch.distributed as dist

from srlm.terminal import flush, say

BEAT = 1.0
"""Seconds between two signs of life, where the limit is ten or more."""
QUIET = 4
"""Beats that a process misses before a broken connection is put down to it."""
JOINING = 5
"""How many times as long as for a lost one the processes wait to meet: hosts start when they can (torchrun: 600 s)."""
FAULT = "srlm: "
"""Begins a line in which a process tells what the user can mend."""
FAILED = "srlm/failed"
"""Key in the store, there once any process has failed."""
WHAT_NOW = "; run the same command again to resume from the last checkpoint, on the same hosts or others"


class Joining:
    """Within it the processes meet; this one ends with a line where they do not. `limit`: as of Heartbeat."""

    def __init__(self, limit: float) -> None:
        seconds = JOINING * limit
        said = f"the processes of this training did not find each other within {seconds:g} s"
        self._timer = threading.Timer(seconds, _end, [f"{said}; are all hosts up, and can each reach the first?"])
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *ended: object) -> None:
        self._timer.cancel()


class Heartbeat:
    """The signs of life of this process, given while the block lasts; processes must have met.

    `limit`: seconds of silence after which another process counts as lost, which ends this one.
    """

    def __init__(self, limit: float) -> None:
        self._limit, self._every = limit, min(BEAT, limit / 10)
        self._rank = dist.get_rank()
        self._silent = dict.fromkeys(range(1, dist.get_world_size()) if self._rank == 0 else (), 0.0)
        """Seconds since each process's last sign of life, in the first process."""
        self._unanswered = 0.0
        self._has_failed = False
        """Some process has: what it said is the reason of all that follows."""
        self._ended = threading.Event()
        self._ending = threading.Lock()
        # A connection of its own: in the processes' common one a call that waits keeps all others waiting.
        self._store = dist.TCPStore(
            os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), None, False, timedelta(seconds=limit)
        )
        self._store.set(f"srlm/host/{self._rank}", socket.gethostname())

    def __enter__(self) -> "Heartbeat":
        for work in (self._beat, self._look):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._ended.set()

    def failed(self) -> None:
        """This process fails, perhaps because another one is gone without a word: if so, end with a line that says so.

        Returns where no other is gone; then the error at hand is the reason.
        """
        with contextlib.suppress(RuntimeError):  # the store is gone
            self._store.set(f"{FAILED}/{self._rank}", "")
            self._store.set(FAILED, "")
        if self._rank:
            return
        self._ended.wait((QUIET + 1) * self._every)
        for rank, silent in self._silent.items():
            if silent >= (QUIET - 1) * self._every and not self._store.check([f"{FAILED}/{rank}"]):
                self._lost(rank, silent)

    def _beat(self) -> None:
        heard: dict[int, int] = {}
        # Silence is counted in this process's own beats: a machine that was itself asleep has missed nothing.
        while not self._ended.wait(self._every):
            try:
                self._store.add(f"srlm/beat/{self._rank}", 1)
                for rank in self._silent:
                    number = self._store.add(f"srlm/beat/{rank}", 0)
                    self._silent[rank] = 0.0 if number != heard.get(rank) else self._silent[rank] + self._every
                    heard[rank] = number
                self._has_failed = self._has_failed or self._store.check([FAILED])
            except RuntimeError:  # the store has ended, or does not answer
                if not self._ended.is_set():
                    self._first_is_lost()
                return
            self._unanswered = 0.0
            for rank, silent in self._silent.items():
                if silent > self._limit:
                    self._lost(rank, silent)

    def _look(self) -> None:
        while not self._ended.wait(self._every):
            self._unanswered += self._every
            if self._unanswered > self._limit:
                self._first_is_lost()

    def _lost(self, rank: int, silent: float) -> NoReturn:
        with self._ending:
            host = self._store.get(f"srlm/host/{rank}").decode(errors="replace")
            _end(
                f"process {rank} of this training, on host {host}, has given no sign of life for {silent:.0f} s: it "
                f"was killed, or its host or network is down{WHAT_NOW}"
            )

    def _first_is_lost(self) -> NoReturn:
        with self._ending:
            if self._has_failed:
                os._exit(1)
            _end(
                f"process {self._rank} of this training, on host {socket.gethostname()}, has lost the first process: "
                f"it has ended, or its host or network is down{WHAT_NOW}"
            )


def _end(why: str) -> NoReturn:
    """End this process, whatever its other threads wait for."""
    try:
        say(f"{FAULT}{why}")
        flush()
    finally:
        os._exit(1)
