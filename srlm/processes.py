"""No process outlives the one that it works for, not even where that one was killed outright (Linux)."""

import ctypes
import os
import signal
import sys

OWNER = "SRLM_VLLM_OWNER"
"""Environment variable: the process id of the program that has opened vLLM in itself."""


def die_with_parent(by: signal.Signals = signal.SIGTERM) -> None:
    """Have the system end this process when its parent is gone, however that came about (Linux alone can)."""
    if sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_parent_death_signal, by)


def vllm_plugin() -> None:
    """vLLM calls this in each of its processes (entry point `vllm.general_plugins`); it acts in those of our engine.

    vLLM's engine would finish what it was asked, and then wait with the GPU's memory in its hands, for a parent that
    will never ask again. Its workers look after themselves, and end with the engine.
    """
    owner = os.environ.get(OWNER)
    if owner is not None and owner == str(os.getppid()):
        die_with_parent(signal.SIGKILL)
        if owner != str(os.getppid()):  # gone before we could ask to be told
            os._exit(1)
