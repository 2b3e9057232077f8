"""A model out of a run: its files as the step made them, each compared with its SHA-256 while it is copied."""

import hashlib
from collections.abc import Collection
from fnmatch import fnmatch
from pathlib import Path

from srlm.bounded.files import open_file
from srlm.errors import StoreError
from srlm.export.clean import cleaned
from srlm.export.sources import RESTORE, Source, files_of_model

BLOCK = 16 * 2**20
"""Bytes that are copied at once."""
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def copy_model(source: Source, target: Path) -> list[str]:
    """Copy a model's files into a folder; returns the configurations that named a place of this machine, and no
    longer do. Raises StoreError where a file is not what its step made, or could run code when it is read."""
    changed = copy_files(source, target, ())
    if not any(target.glob("*.safetensors")) or not (target / "config.json").is_file():
        raise StoreError(f"{source.path}: has no weights or no config.json. {RESTORE}")
    return changed


def copy_files(source: Source, target: Path, without: Collection[str]) -> list[str]:
    """The same for all files but those that these patterns name."""
    changed = []
    for name, path, sha256 in files_of_model(source):
        if any(fnmatch(name, pattern) for pattern in without):
            continue
        if path.suffix in PICKLES:
            raise StoreError(f"{path}: a pickle, which can run any code when it is loaded; it is not exported")
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        found = _copy(path, place)
        if sha256 is not None and found != sha256:
            raise StoreError(f"{path}: has changed since {source.step.name} was finished. {RESTORE}")
        if path.suffix == ".json":
            content = place.read_bytes()
            if (clean := cleaned(name, content)) != content:
                place.write_bytes(clean)
                changed.append(name)
    return changed


def _copy(path: Path, place: Path) -> str:
    """Copy a regular file; the SHA-256 of what was written."""
    found = hashlib.sha256()
    with open_file(path) as read, place.open("wb") as write:
        while block := read.read(BLOCK):
            found.update(block)
            write.write(block)
    return found.hexdigest()
