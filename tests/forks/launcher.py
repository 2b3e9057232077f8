"""A launcher of processes (`launch.command`) that are forks of the server's: a launch costs no imports.

    python launcher.py SOCKET --processes=2 [HOST ADDRESS HOST ADDRESS] -m srlm worker FOLDER

As torchrun does, it ends all when it is stopped, and the others when one fails. With hosts (tests/hosts.py) it is as
`srun`: a process on each, which lives on where the launcher is killed, and of which it hears nothing when that process
is killed. It imports nothing of the checkout.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys

PORT = 29500
"""Where the processes of two hosts meet: nothing else listens on the first one."""


def main(path: str, processes: int, hosts: list[str], words: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    if hosts:
        place |= {"MASTER_ADDR": hosts[1], "MASTER_PORT": str(PORT), "GLOO_SOCKET_IFNAME": "eth0"}
    place["LOCAL_WORLD_SIZE"] = "1" if hosts else str(processes)
    said: dict[socket.socket, bytes] = {}
    waiting = selectors.DefaultSelector()
    try:
        for rank in range(processes):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            environment = {**os.environ, **place, "RANK": str(rank), "LOCAL_RANK": "0" if hosts else str(rank)}
            asked = {"words": words, "cwd": os.getcwd(), "environment": environment, "outlives": bool(hosts)}
            asked["host"] = hosts[2 * rank] if hosts else None
            socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
            waiting.register(connection, selectors.EVENT_READ)
            said[connection] = b""
        while waiting.get_map():
            for key, _ in waiting.select():
                connection = key.fileobj  # type: ignore[assignment]
                if more := connection.recv(100):
                    said[connection] += more
                    continue
                waiting.unregister(connection)
                status = int(said.pop(connection).split()[1])
                if status and not (hosts and status == -signal.SIGKILL):
                    return status
        return 0
    finally:
        for connection, answers in said.items():
            if hosts:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int((answers or connection.recv(100)).split()[0]), signal.SIGTERM)
            else:
                connection.shutdown(socket.SHUT_WR)  # the server kills what still runs
        for connection in said:
            while connection.recv(100):
                pass


if __name__ == "__main__":
    program = sys.argv.index("-m")
    number = int(sys.argv[2].removeprefix("--processes="))
    sys.exit(main(sys.argv[1], number, sys.argv[3:program], sys.argv[program:]))
