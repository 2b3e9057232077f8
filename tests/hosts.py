"""Two hosts on one machine: network namespaces with an address each, joined by a pair of interfaces (Linux).

Processes of a host reach its own loopback and the other host, and nothing else; all see the same files, as hosts do
that share a file system. A host that is ended falls silent first, as one without power: nobody's connection is closed.

    python hosts.py on HOST PROGRAM ARGUMENT ...           # run a program on a host
    python hosts.py each HOST ... -- PROGRAM ARGUMENT ...  # one process a host, as `srun` starts them
"""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

INTERFACE = "eth0"
"""Its name on both hosts."""
PREFIX = "srlm-hosts"
"""Begins the name of every host."""
NEW_NET, NEW_UTS = 0x40000000, 0x04000000  # CLONE_NEWNET, CLONE_NEWUTS


def refusal() -> str | None:
    """Why there can be no hosts here; None where there can."""
    if sys.platform != "linux" or shutil.which("ip") is None or shutil.which("ss") is None:
        return "needs network namespaces: Linux with iproute2 (Debian: apt-get install iproute2); .ci/run installs it"
    name = f"{PREFIX}-{os.getpid()}-trial"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if tried.returncode:
        return f"needs network namespaces, which root alone can make: {tried.stderr.strip()}"
    _ip("netns", "delete", name)
    return None


class Host(NamedTuple):
    """A network namespace, and what runs in it."""

    name: str
    address: str

    def on(self, *words: str) -> list[str]:
        """The command that runs a command there."""
        return [sys.executable, str(Path(__file__).resolve()), "on", self.name, *words]

    def processes(self) -> list[int]:
        """All process ids of the host."""
        return [int(word) for word in _ip("netns", "pids", self.name).split()]

    def listening(self) -> list[str]:
        """ADDRESS:PORT of every TCP socket that listens there."""
        found = subprocess.run(self.on("ss", "-Hltn"), check=True, capture_output=True, text=True).stdout
        return [line.split()[3] for line in found.splitlines()]

    def lose(self) -> None:
        """Cut it off, and then end all that runs there."""
        _ip("-n", self.name, "link", "set", INTERFACE, "down")
        while left := self.processes():
            _end(left)

    def restore(self) -> None:
        """Have it back, as after a restart."""
        _ip("-n", self.name, "link", "set", INTERFACE, "up")


@contextlib.contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts that reach each other; nothing of them is left afterwards, but where this process is killed: then the
    next one that makes hosts removes them."""
    for name in _ip("netns", "list").split():
        if name.startswith(f"{PREFIX}-") and not Path("/proc", name.split("-")[2]).exists():
            _remove(Host(name, ""))
    first, second = hosts = tuple(Host(f"{PREFIX}-{os.getpid()}-{number}", f"10.83.0.{number}") for number in (1, 2))
    try:
        for host in hosts:
            _ip("netns", "add", host.name)
        _ip("-n", first.name, "link", "add", INTERFACE, "type", "veth", "peer", INTERFACE, "netns", second.name)
        for host in hosts:
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", INTERFACE)
            _ip("-n", host.name, "link", "set", "lo", "up")
            _ip("-n", host.name, "link", "set", INTERFACE, "up")
        yield first, second
    finally:
        for host in hosts:
            _remove(host)


def _remove(host: Host) -> None:
    with contextlib.suppress(subprocess.CalledProcessError):  # it was not even made
        while left := host.processes():
            _end(left)
        _ip("netns", "delete", host.name)


def enter(name: str) -> None:
    """Make this process one of a host, with the host's name."""
    library = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}") as place:
        if library.setns(place.fileno(), NEW_NET) or library.unshare(NEW_UTS):
            raise OSError(ctypes.get_errno(), f"cannot enter {name}")
    socket.sethostname(name)


def each(names: Sequence[str], words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command on every host, told its number as Slurm does; the first failure ends the others (`srun -K`)."""
    here = [sys.executable, str(Path(__file__).resolve()), "on"]
    begun: list[subprocess.Popen[bytes]] = []
    try:
        for number, name in enumerate(names):
            place = {"SLURM_NNODES": str(len(names)), "SLURM_NODEID": str(number)}
            place |= {"PMI_SIZE": place["SLURM_NNODES"], "PMI_RANK": place["SLURM_NODEID"]}
            begun.append(subprocess.Popen([*here, name, *words], env={**environment, **place}))
        watched = {os.pidfd_open(process.pid): process for process in begun}
        while watched:
            for ended in select.select(list(watched), [], [])[0]:
                status = watched.pop(ended).wait()
                os.close(ended)
                # Slurm hears nothing of a lost host either, for minutes.
                if status not in (0, -signal.SIGKILL):
                    return status
        return next((process.returncode for process in begun if process.returncode), 0)
    finally:
        for process in begun:
            process.terminate()
        for process in begun:
            process.wait()


def _end(processes: Sequence[int]) -> None:
    """Kill processes, and wait until they are no more (they may be another's children)."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            watched = os.pidfd_open(process)
            os.kill(process, signal.SIGKILL)
            ends = select.poll()
            ends.register(watched)
            ends.poll()
            os.close(watched)


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def main() -> None:
    what, *words = sys.argv[1:]
    if what == "on":
        enter(words[0])
        os.execvp(words[1], words[1:])
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    place = words.index("--")
    sys.exit(each(words[:place], words[place + 1 :], os.environ))


if __name__ == "__main__":
    main()
