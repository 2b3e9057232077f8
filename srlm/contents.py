"""What files hold, by SHA-256: one file, and the files that make a model."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from srlm.bounded import json_text
from srlm.bounded.files import open_file, read_bytes

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


def has_chat_template(folder: Path) -> bool:
    """Whether the tokenizer in a model's folder has a chat template: in a file, or in its configuration."""
    if any((folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    with suppress(OSError, json_text.NotJson):
        found = json_text.decode(read_bytes(folder / "tokenizer_config.json"))
        return isinstance(found, dict) and bool(found.get("chat_template"))
    return False
