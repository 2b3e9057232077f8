"""A model folder as one GGUF file, by llama.cpp's own converter: a Python script that is no part of srlm."""

import shutil
import subprocess
import sys
from pathlib import Path

from srlm.errors import SettingsError, StoreError
from srlm.printable import one_line
from srlm.secrets import withheld

SCRIPTS = ("convert_hf_to_gguf.py", "convert-hf-to-gguf.py")
LAST_LINES = 5
"""Of the converter's output, in a message."""


def find_converter(given: Path | None) -> Path:
    """The converter. Raises SettingsError, which says how to get it, where there is none."""
    if given is not None:
        if not given.is_file():
            raise SettingsError(f"--converter {given}: no such file; name llama.cpp's {SCRIPTS[0]}")
        return given
    found = next((path for name in SCRIPTS if (path := shutil.which(name)) is not None), None)
    if found is None:
        raise SettingsError(
            f"--gguf: llama.cpp's {SCRIPTS[0]} is not on the PATH; get it (git clone "
            "https://github.com/ggml-org/llama.cpp, pip install gguf) and name it: --converter "
            f"llama.cpp/{SCRIPTS[0]}"
        )
    return Path(found)


def convert(converter: Path, model: Path, file: Path) -> None:
    """Write `file` from a model folder, in 16 bits. Raises StoreError with the converter's last lines."""
    command = [sys.executable, str(converter.resolve()), str(model), "--outfile", str(file), "--outtype", "f16"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode or not _is_gguf(file):
        last = [one_line(withheld(line)) for line in done.stdout.splitlines()[-LAST_LINES:]]
        why = f"ended with status {done.returncode}" if done.returncode else "wrote no GGUF file"
        raise StoreError("\n".join([f"{converter}: {why}; its last lines:", *last]))


def _is_gguf(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(4) == b"GGUF"
