"""Runs `srlm` or `python -m eval` for chaos.py, counts its writes step by step, and ends the process at one of them.

    python chaos_inside.py FILE AFTER NUMBER SECONDS PROGRAM ARGUMENT ...

A write is a file opened for writing, or given its name, under the working directory. From the first write on that finds
the file AFTER there, the process is killed at write NUMBER, before it happens, or after SECONDS, whichever comes first
(0: never). Both ends are the system's: no Python code runs any more. A process that ends in peace leaves the count of
every step's writes in FILE.
"""

import atexit
import json
import os
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

count, after, number, seconds, program, *arguments = sys.argv[1:]
here, last = Path.cwd(), int(number)
seen: Counter[str] = Counter()
left = None if last or float(seconds) else 0
"""Writes until the end; None: the time has not begun to run; 0: no end."""


def audit(name: str, values: tuple[Any, ...]) -> None:
    global left
    if name == "open":
        path, _, flags = values
        if not isinstance(path, str) or not flags & (os.O_WRONLY | os.O_RDWR):
            return
    elif name == "os.rename":
        path = values[1]
    else:
        return
    found = os.path.abspath(str(path))
    if not found.startswith(f"{here}/"):
        return
    seen["".join(Path(found).relative_to(here).parts[2:3])] += 1  # runs/NAME/STEP/...
    if left is None:
        if not os.path.exists(after):
            return
        signal.setitimer(signal.ITIMER_REAL, float(seconds))  # nobody handles its signal, which ends the process
        left = last
    if left:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(audit)
atexit.register(lambda: Path(count).write_text(json.dumps(seen)))
sys.argv = [program, *arguments]
runpy.run_module(program, run_name="__main__")
