"""Run `srlm` or `python -m eval` and end it at a chosen write, from inside, so that the place is the same every time.

    python killed.py SIGNAL EVENT PATH OCCURRENCE PROGRAM ARGUMENT ...

EVENT is `open` or `rename` (to); PATH the end of the file's path; SIGNAL a number (9: no handler, no clean-up).
"""

import os
import runpy
import sys
from typing import Any

number, event, end, occurrence, program, *arguments = sys.argv[1:]
left = int(occurrence)


def meet(kind: str, path: object) -> None:
    """End the process where the awaited event has come for the awaited time."""
    global left
    if kind == event and str(path).endswith(end):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), int(number))


def audit(name: str, values: tuple[Any, ...]) -> None:
    if name == "open" and isinstance(values[0], str):
        meet("open", values[0])
    elif name == "os.rename":
        meet("rename", values[1])


sys.addaudithook(audit)
sys.argv = [program, *arguments]
runpy.run_module(program, run_name="__main__")
