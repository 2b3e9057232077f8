"""A launcher of processes (`launch.command`) that are forks of the server's: a launch costs no imports.

    python launcher.py SOCKET --processes=2 -m srlm worker FOLDER

As torchrun does, it ends all when it is stopped, and the others when one fails. It imports nothing of the checkout.
"""

import json
import os
import selectors
import signal
import socket
import sys


def main(path: str, processes: int, words: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    place["LOCAL_WORLD_SIZE"] = place["WORLD_SIZE"]
    said: dict[socket.socket, bytes] = {}
    waiting = selectors.DefaultSelector()
    try:
        for rank in range(processes):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            environment = {**os.environ, **place, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            asked = json.dumps({"words": words, "cwd": os.getcwd(), "environment": environment}).encode()
            socket.send_fds(connection, [asked], [0, 1, 2])
            waiting.register(connection, selectors.EVENT_READ)
            said[connection] = b""
        while waiting.get_map():
            for key, _ in waiting.select():
                connection = key.fileobj  # type: ignore[assignment]
                if more := connection.recv(100):
                    said[connection] += more
                    continue
                waiting.unregister(connection)
                if status := int(said[connection].split()[1]):
                    return status
        return 0
    finally:
        for connection in said:
            connection.shutdown(socket.SHUT_WR)  # the server kills what still runs
        for connection in said:
            while connection.recv(100):
                pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2].removeprefix("--processes=")), sys.argv[3:]))
