"""The process that has imported everything, and forks into a command for each connection to its socket.

    python -m tests.forks.server SOCKET

A request is one JSON object with three file descriptors: standard input, output and error of the command. The answer
is a line with its process id, and at its end a line with its exit status (negative: the signal that ended it). A
client that hangs up has its command killed. With a `host` (tests/hosts.py) the command runs there; with `outlives` it
goes on when its client is gone, as on a machine of its own.
"""

import contextlib
import gc
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
from importlib import import_module
from typing import Any

from srlm.processes import die_with_parent
from tests.hosts import enter

IMPORTED = (
    "torch", "transformers", "trl", "scipy.stats", "eval.cli", "eval.gate.command", "eval.report.page", "eval.run",
    "srlm.cli.main", "srlm.engines.transformers", "srlm.methods.self_rewarding", "srlm.methods.train",
    "srlm.training.launch", "srlm.training.scratch",
    "transformers.models.llama.modeling_llama", "transformers.trainer", "trl.trainer.dpo_trainer",
    "trl.trainer.sft_trainer",
)  # fmt: skip
"""What the commands import when they need it."""
LONGEST = 2**20


def main(path: str) -> None:
    die_with_parent(signal.SIGKILL)
    for name in IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()
    attending: list[int] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(16)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            attending = [process for process in attending if os.waitpid(process, os.WNOHANG) == (0, 0)]
            process = os.fork()
            if process == 0:
                listener.close()
                return attend(connection)
            attending.append(process)
            connection.close()


def attend(connection: socket.socket) -> None:
    """Fork into the command that a client asks for, and tell the client its process and its end."""
    text, streams, _, _ = socket.recv_fds(connection, LONGEST, 3)
    asked = json.loads(text)
    command = os.fork()
    if command == 0:
        connection.close()
        return be(asked, streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{command}\n".encode())
    ended = os.pidfd_open(command)
    wait = select.poll()
    wait.register(ended, select.POLLIN)
    if not asked.get("outlives"):
        wait.register(connection, select.POLLIN | select.POLLHUP)
    if ended not in dict(wait.poll()):
        os.kill(command, signal.SIGKILL)  # the client says nothing while it waits: it is gone
    _, status = os.waitpid(command, 0)
    with contextlib.suppress(OSError):  # gone meanwhile
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def be(asked: dict[str, Any], streams: list[int]) -> None:
    """Be the command: `python -m MODULE ...`, `python -c PROGRAM ...` or `python SCRIPT ...`."""
    os.setsid()
    if asked.get("host"):
        enter(asked["host"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    # Ctrl-C is heeded even where the tests run in a shell's background, which ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # As a new interpreter opens its streams.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    at_once = os.environ.get("PYTHONUNBUFFERED", "") != ""
    out = open(1, "wb", buffering=0 if at_once else -1, closefd=False)  # noqa: SIM115
    sys.stdout = io.TextIOWrapper(out, "utf-8", write_through=at_once)
    err = open(2, "wb", closefd=False)  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(err, "utf-8", "backslashreplace", line_buffering=True)
    first, *words = asked["words"]
    sys.path[0] = asked["cwd"] if first in ("-m", "-c") else os.path.dirname(first)
    if first == "-m":
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *words[1:]]
        exec(compile(words[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [first, *words]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
