"""Files and folders that are on the disk before anything says so: a name or a mark never outlives a loss of power that
its contents do not."""

import os
import shutil
from contextlib import suppress
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
    _sync(folder.parent.resolve())


def write(path: Path, content: bytes) -> None:
    """Write a file, and the folder that it is in: it has this content, under its name and on the disk, or that which it
    had. Raises OSError."""
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.write_bytes(content)
        _sync(part)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _sync(path.parent.resolve())


def _sync(path: str | Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
