"""Folders that are on the disk before anything says so: a name or a mark never outlives a loss of power that its
contents do not."""

import os
import shutil
from pathlib import Path


def sync(folder: Path) -> None:
    """Have a folder and all that is in it on the disk. Raises OSError; also where a link or a pipe is in it."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            _sync(os.path.join(place, name))
        _sync(place)


def take_name(part: Path, folder: Path) -> None:
    """Give a folder that is all written its own name; what had the name before is deleted."""
    sync(part)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    _sync(folder.parent)


def write(path: Path, content: bytes) -> None:
    """Write a small file that is there, under its name and on the disk, whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def _sync(path: str | Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
