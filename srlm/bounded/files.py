"""Files that somebody names: regular files only, and never more of them than the reader can use.

A FIFO would wait for a writer that never comes, and a device has no end.
"""

import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import TextIO

DOCUMENT = 64 * 2**20
"""Bytes of a JSON document that is read whole."""
TEMPLATE = 2**20
"""Bytes of a template, or of another text that people write themselves."""
LINE = 16 * 2**20
"""Characters of one line of a file of many; a conversation has thousands, a book a million."""

_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISSOCK, "a socket"),
)


class TooLong(OSError):
    """A file or a line of it is over its bound."""


def open_file(path: Path) -> BufferedReader:
    """A regular file, open for reading. Raises OSError for anything else, without waiting for it."""
    try:
        # Without O_NONBLOCK a FIFO is opened when somebody writes into it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:
        raise OSError(errno.EINVAL, f"not a usable path ({error})", str(path)) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        for is_kind, name in _KINDS:
            if is_kind(mode):
                raise OSError(errno.EINVAL, f"it is {name}, not a file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: Path, most: int | None = DOCUMENT) -> bytes:
    """All of a regular file. Raises OSError where it cannot be read, TooLong where it has more than `most` bytes."""
    with open_file(path) as file:
        if most is not None and os.fstat(file.fileno()).st_size > most:
            raise _too_long(f"it is over {_size(most)}", path)
        return file.read()


def read_text(path: Path, most: int = TEMPLATE, encoding: str = "utf-8") -> str:
    """The same as text, each line end as `\\n`. Raises UnicodeDecodeError too."""
    return read_bytes(path, most).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def lines(file: TextIO, path: Path, most: int = LINE) -> Iterator[str]:
    """The lines of a text file with their ends. Raises TooLong for one of more than `most` characters."""
    while line := file.readline(most + 1):
        if len(line) > most:
            raise _too_long(f"a line is over {_size(most)}", path)
        yield line


def _too_long(what: str, path: Path) -> TooLong:
    return TooLong(errno.EFBIG, what, str(path))


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 2**20 else f"{count >> 10} KiB"
