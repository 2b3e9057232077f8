"""A command that the server has forked into, as its starter sees it: the part of `subprocess.Popen` that tests use."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, Self

from tests.hosts import Host

CHECKOUT = Path(__file__).resolve().parents[2]


class Ended(NamedTuple):
    """How a command ended."""

    returncode: int
    """Negative: the signal that ended it."""
    stdout: str
    stderr: str


class Command:
    """One command, from its start on. Standard input is empty."""

    def __init__(
        self, path: Path, words: Sequence[str], cwd: Path, environment: Mapping[str, str], host: str | None = None
    ) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(str(path))
        asked = {"words": list(words), "cwd": str(cwd), "environment": dict(environment), "host": host}
        given = json.dumps(asked).encode()
        nothing = os.open(os.devnull, os.O_RDONLY)
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        socket.send_fds(self._connection, [given], [nothing, its_out, its_err])
        for descriptor in (nothing, its_out, its_err):
            os.close(descriptor)
        self.stdout: IO[str] = os.fdopen(out, encoding="utf-8")
        self.stderr: IO[str] = os.fdopen(err, encoding="utf-8")
        self._answers = self._connection.makefile("r", encoding="ascii")
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Exit status, once it has ended. Raises TimeoutError after so many seconds."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self.returncode = int(self._answers.readline())
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it wrote, once it has ended. Raises TimeoutError where it goes on for so many seconds."""
        written: dict[str, str] = {}

        def read(name: str, stream: IO[str]) -> None:
            written[name] = stream.read()

        readers = [threading.Thread(target=read, args=one) for one in (("out", self.stdout), ("err", self.stderr))]
        for reader in readers:
            reader.start()
        try:
            self.wait(timeout)
        except TimeoutError:
            self.kill()
            raise
        finally:
            for reader in readers:
                reader.join()
        return written["out"], written["err"]

    def send_signal(self, number: signal.Signals) -> None:
        """As `kill` in a shell; nothing where it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """A command that still runs is killed by the server, which sees the connection go."""
        for one in (self._answers, self._connection, self.stdout, self.stderr):
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Forks:
    """The server, begun with the first command; it ends with this process.

    `folder`: for its socket. `environment`: in addition to this process's, for the server and its commands.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.path = folder / "forks.socket"
        where = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
        self.environment = {"PYTHONPATH": where, "OMP_NUM_THREADS": "1", **(environment or {})}
        self._server: subprocess.Popen[str] | None = None
        self._begun: list[Command] = []

    def begin(self) -> None:
        """Start the server, where it was not."""
        if self._server is None:
            command = [sys.executable, "-m", "tests.forks.server", str(self.path)]
            self._server = subprocess.Popen(
                command, cwd=CHECKOUT, env={**os.environ, **self.environment}, stdout=subprocess.PIPE, text=True
            )
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == "ready\n"

    def launcher(self, *hosts: Host, processes: int = 2) -> list[str]:
        """A `launch.command` of so many processes, or of one on each host."""
        self.begin()
        places = [word for host in hosts for word in host]
        script = Path(__file__).with_name("launcher.py")
        return [sys.executable, str(script), str(self.path), f"--processes={len(hosts) or processes}", *places]

    def start(
        self,
        *words: str,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        host: Host | None = None,
    ) -> Command:
        """Begin `python WORDS`, where the first word is `-m`, `-c` or a script, in a folder (on a host)."""
        self.begin()
        given = {**os.environ, **self.environment, **(environment or {})}
        begun = Command(self.path, words, cwd or Path.cwd(), given, None if host is None else host.name)
        self._begun.append(begun)
        return begun

    def run(self, *words: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Ended:
        """What `python WORDS` wrote, and how it ended."""
        with self.start(*words, cwd=cwd, environment=environment) as command:
            out, err = command.communicate()
            return Ended(command.wait(), out, err)

    def close(self) -> None:
        for command in self._begun:
            command.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            if self._server.stdout is not None:
                self._server.stdout.close()


Start = Callable[..., Command]
"""`start("srlm", "train", ...)` begins `python -m srlm train ...`."""
