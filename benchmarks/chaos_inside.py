"""Runs `srlm` or `python -m eval` for chaos.py, counts its writes, and ends the process at one of them.

    python chaos_inside.py FILE NUMBER PROGRAM ARGUMENT ...

A write is a file opened for writing, or given its name, under the working directory. At write NUMBER (0: never) the
process is killed as by SIGKILL from outside, before the write happens. A process that ends in peace leaves the count in
FILE.
"""

import atexit
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

count, number, program, *arguments = sys.argv[1:]
here, last, seen = os.getcwd(), int(number), 0


def audit(name: str, values: tuple[Any, ...]) -> None:
    global seen
    if name == "open":
        path, _, flags = values
        if not isinstance(path, str) or not flags & (os.O_WRONLY | os.O_RDWR):
            return
    elif name == "os.rename":
        path = values[1]
    else:
        return
    if os.path.abspath(str(path)).startswith(here):
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(audit)
atexit.register(lambda: Path(count).write_text(str(seen)))
sys.argv = [program, *arguments]
runpy.run_module(program, run_name="__main__")
