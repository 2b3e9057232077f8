"""One process at a time writes to a folder, or to a file that it writes whole.

The system gives a lock back when its process ends, however it ends: a lock file that lies there holds nobody up.
"""

import fcntl
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from srlm.errors import StoreError
from srlm.store import files

LOCK = ".lock"
"""Name of the lock file of a folder."""
HOLDER = re.compile(rb"([0-9]{1,20})(?: ([A-Za-z0-9._-]{1,255}))?")
"""What a lock file says: a process, and the host on which it is."""


@contextmanager
def hold(lock: Path, place: Path, work: str, otherwise: str, leave: bool = False) -> Iterator[None]:
    """Hold `lock` for this process. Raises StoreError where another process has it, or it cannot be locked.

    `place`, `work` and `otherwise` are for the messages: what is held, what a process does that holds it, and which
    other place to choose. `leave`: the file stays when the lock is given back, and child processes hold it, too.
    """
    new = [folder for folder in lock.parents if not os.path.exists(folder)]
    with _locked(lock, place, work, otherwise) as number:
        os.set_inheritable(number, leave)
        with files.writing(lock):
            os.ftruncate(number, 0)
            os.write(number, f"{os.getpid()} {socket.gethostname()}".encode())
        try:
            yield
        finally:
            if not leave:  # while it is still held: who waits for this file finds that it is gone, and makes a new one
                with suppress(OSError):
                    lock.unlink()
                    for folder in new:  # nothing was written to it
                        folder.rmdir()


@contextmanager
def hold_folder(folder: Path, option: str = "--out") -> Iterator[None]:
    """Hold a folder of results. Raises StoreError where another process writes there, or this one cannot."""
    with hold(folder / LOCK, folder, "writes to this folder", f"choose another folder ({option})"):
        yield


@contextmanager
def hold_files(*paths: Path | None) -> Iterator[None]:
    """Hold files that are to be written. Raises StoreError where another process writes one, or this one cannot."""
    with ExitStack() as held:
        # `resolve` fails where links lead in a circle.
        for path in sorted({Path(os.path.realpath(path.parent), path.name) for path in paths if path is not None}):
            if os.path.isdir(path):
                raise StoreError(f"{path}: is a folder; name a file")
            lock = path.with_name(f".{path.name}{LOCK}")
            held.enter_context(hold(lock, path, "writes this file", "choose another file"))
        yield


@contextmanager
def _locked(lock: Path, place: Path, work: str, otherwise: str) -> Iterator[int]:
    """The lock file, open and locked."""
    while True:
        number = _opened(lock, place, otherwise)
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise StoreError(f"{lock}: is no file; remove it")
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(
                    f"{place}: another process {work} (process {_holder(os.read(number, 300))}); wait for it or stop it"
                ) from None
            except OSError as error:
                raise StoreError(
                    f"{place}: cannot be locked on this file system: {error.strerror or error}; {otherwise}"
                ) from None
            if _is_at(lock, number):  # else its holder has removed it meanwhile
                yield number
                return
        finally:
            os.close(number)


def _holder(written: bytes) -> str:
    """Who holds a lock, by what the lock file says: the process, and its host where that is not this one."""
    found = HOLDER.fullmatch(written)
    if found is None:
        return "unknown"
    process, host = (part.decode() if part else "" for part in found.groups())
    return f"{process} on {host}" if host not in ("", socket.gethostname()) else process


def _opened(lock: Path, place: Path, otherwise: str) -> int:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        # A link may lead anywhere, and what it leads to would be overwritten.
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError as error:
        done = "write to it" if os.path.isdir(lock.parent) else "create it"
        raise StoreError(
            f"{place}: cannot {done}: {error.strerror or error}; {otherwise} or give this user write permission"
        ) from None


def _is_at(path: Path, number: int) -> bool:
    """Whether an open file is the one of that name."""
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(number))
    except FileNotFoundError:
        return False
