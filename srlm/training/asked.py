"""Rewards for launched processes: the first of them asks, and the process that has launched them answers.

The asking process says ASK on its output, sends one message through a socket, and waits for the answer. Only this
machine, and this user, can reach the socket. A message is JSON: {"step", "sampled": [[place, completion], ...]} is
answered with the rewards, {"step", "advantages"} with an empty list.
"""

import json
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from srlm.engines.base import Completion, Engine
from srlm.errors import LaunchError
from srlm.terminal import say
from srlm.training.online import Sampled, Scorer

ASK = "srlm ask"
"""A line of the first process: a message follows in the socket."""


class Asked:
    """The answering side; `with` it the socket is there."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._connection: Connection[Any, Any] | None = None

    def __enter__(self) -> "Asked":
        self._folder = tempfile.TemporaryDirectory(prefix="srlm-")  # only its user may enter it
        self.address = str(Path(self._folder.name) / "rewards")
        try:
            self._listener = Listener(self.address, family="AF_UNIX")
        except OSError as error:  # the system has a longest path
            self._folder.cleanup()
            raise LaunchError(
                f"launch.command: cannot listen at {self.address}: {error.strerror or error}; set TMPDIR to a short "
                "path on this machine"
            ) from None
        return self

    def __exit__(self, *ended: object) -> None:
        if self._connection is not None:
            self._connection.close()
        self._listener.close()
        self._folder.cleanup()

    def answer(self) -> bool:
        """Read one message, and answer it; whether the asking process was there for both."""
        try:
            if self._connection is None:
                self._connection = self._listener.accept()
            said = json.loads(self._connection.recv_bytes())
        except (EOFError, ConnectionError):
            return False
        answer = json.dumps(self._answer(said)).encode()  # what a judge raises is no word of that process
        try:
            self._connection.send_bytes(answer)
        except ConnectionError:
            return False
        return True

    def _answer(self, said: dict[str, Any]) -> list[float | None]:
        if "advantages" in said:
            self._scorer.keep(said["step"], said["advantages"])
            return []
        sampled = [Sampled(place, Completion.model_validate(written)) for place, written in said["sampled"]]
        return self._scorer.rewards(said["step"], sampled, None)


class AskingScorer:
    """The asking side (`srlm.training.online.Scorer`)."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection: Connection[Any, Any] | None = None

    def rewards(self, step: int, sampled: Sequence[Sampled], policy: Engine | None) -> list[float | None]:
        """See Scorer."""
        written = [[one.place, one.written.model_dump(mode="json")] for one in sampled]
        return self._ask({"step": step, "sampled": written})

    def keep(self, step: int, advantages: Sequence[float]) -> None:
        """See Scorer."""
        self._ask({"step": step, "advantages": list(advantages)})

    def _ask(self, message: dict[str, Any]) -> list[float | None]:
        # First: should this process end now, the one that is told to listen finds a connection that has ended.
        if self._connection is None:
            try:
                self._connection = Client(self._address, family="AF_UNIX")
            except OSError as error:
                raise LaunchError(
                    "launch.command: the first process cannot ask `srlm train` for rewards "
                    f"({error.strerror or error}); have both run on the same machine"
                ) from None
        say(ASK)
        self._connection.send_bytes(json.dumps(message).encode())
        answered: list[float | None] = json.loads(self._connection.recv_bytes())
        return answered
