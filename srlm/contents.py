"""What files hold, by SHA-256: one file, and the files that make a model."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from srlm.bounded.files import open_file

MODEL = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.tiktoken", "*.py", "vocab.*", "merges.txt", "*/*.jinja")
"""Files of a model's folder that shape what it writes: weights, configuration, tokenizer, templates, code. Readmes,
licences and weights in formats that are never read do not."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a regular file, in hexadecimal digits. Raises OSError where it cannot be read."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name within the folder, path) of every file that makes the model, in the order of their names."""
    found = {path for pattern in MODEL for path in folder.glob(pattern) if path.is_file()}
    for path in sorted(found):
        yield path.relative_to(folder).as_posix(), path


def weights_digest(folder: Path, sha256: Callable[[Path], str] = sha256_of) -> str:
    """SHA-256 over those of the safetensors files of a folder, in the order of their names."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        found.update(bytes.fromhex(sha256(path)))
    return found.hexdigest()
