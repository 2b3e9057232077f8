"""Bytes on the disk: what goes wrong with it in words, and files that grow."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from srlm.errors import SrlmError, StoreError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What goes wrong with the disk while `path` is written, as a StoreError."""
    try:
        yield
    except OSError as error:
        raise _refused(path, error) from error


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """A disk that fills or fails while libraries write under `path`, as a StoreError; they raise kinds of their own."""
    try:
        yield
    except Exception as error:
        if (number := _disk_fault(error)) is None:
            raise
        raise _refused(path, OSError(number, os.strerror(number))) from error


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of the errors that say that there is no room: on the disk, in the quota, in a file."""
DISK = (*FULL, errno.EROFS, errno.EIO)
"""And of those of a disk that fails, which may then be read only, or not even that."""


def _disk_fault(error: BaseException) -> int | None:
    """The number of the disk's error, whoever raised it; None: another fault."""
    if isinstance(error, OSError):
        return error.errno if error.errno in DISK else None
    found = re.search(r"\(os error (\d+)\)", str(error))  # safetensors, from Rust
    if found:
        return int(found[1]) if int(found[1]) in DISK else None
    # torch names its archive writer's source and not the cause; the file was open already, so it is the space.
    torch_writer = "inline_container.cc" in str(error) and "PytorchStreamReader" not in str(error)
    return errno.ENOSPC if isinstance(error, RuntimeError) and torch_writer else None


def _refused(path: Path, error: OSError) -> SrlmError:
    if error.errno in FULL:
        what = "the file size limit is reached" if error.errno == errno.EFBIG else "the disk is full"
        return StoreError(f"{path}: {what}; free some space and run the same command again to resume")
    return StoreError(f"{path}: cannot be written: {error.strerror or error}")


def put(path: Path, mode: str, content: bytes) -> None:
    """Write to a file and wait until it is on the disk; `mode` as `open` has it."""
    with path.open(mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def part_of(path: Path) -> Path:
    """Where a file grows until it is whole."""
    return path.with_name(path.name + ".part")
