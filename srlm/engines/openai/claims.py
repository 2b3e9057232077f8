"""Which calls this machine is asking: no two stores, of one process or of several, ask the same call at once.

A claim is a lock on one byte of a file beside the store: the system gives it back when a process is killed. Such a lock
is the process's, and is lost when the process closes any open copy of the file. So all stores of one process share one
open file, and know of each other which calls they ask.
"""

import fcntl
import os
import threading
from pathlib import Path

from srlm.errors import StoreError

_OPEN: "dict[tuple[int, int], Claims]" = {}
"""(device, inode) -> the open file of that name in this process."""
_GUARD = threading.Lock()


class Claims:
    """The locks of one file. It is opened with `of_file`, and closed as often as it was opened."""

    def __init__(self, file: int, name: tuple[int, int]) -> None:
        self.file = file
        self._name, self._users = name, 0
        self._held: dict[int, str] = {}
        self._process = os.getpid()

    @classmethod
    def of_file(cls, path: Path) -> "Claims":
        """The claims of a file, which is made where it is missing. Raises StoreError where it cannot be written."""
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be written: {error.strerror}; choose a file in a writable folder"
            ) from None
        found = os.fstat(file)
        name = (found.st_dev, found.st_ino)
        with _GUARD:
            known = _OPEN.get(name)
            if known is None or known._process != os.getpid():  # a forked child has no locks of its parent
                known = _OPEN[name] = cls(file, name)
            else:
                _CLOSED_LATER.setdefault(name, []).append(file)
            known._users += 1
            return known

    def claim(self, key: str) -> bool:
        """Whether the call may be asked now; False: another store is asking it."""
        byte = _byte(key)
        with _GUARD:
            if byte in self._held:
                return False
            try:
                fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except BlockingIOError:
                return False
            self._held[byte] = key
            return True

    def release(self, key: str) -> None:
        """Give a claim back."""
        byte = _byte(key)
        with _GUARD:
            if self._held.pop(byte, None) is not None:
                fcntl.lockf(self.file, fcntl.LOCK_UN, 1, byte)

    def close(self) -> None:
        """Give the file back; the last of its users closes it."""
        with _GUARD:
            self._users -= 1
            if self._users == 0:
                if _OPEN.get(self._name) is self:
                    del _OPEN[self._name]
                for file in (self.file, *_CLOSED_LATER.pop(self._name, [])):
                    os.close(file)


_CLOSED_LATER: dict[tuple[int, int], list[int]] = {}
"""Further copies of an open file: closing one would give back the claims made with the first."""


def _byte(key: str) -> int:
    """The byte of a key `CALL` or `CALL@ORIGIN`."""
    call, _, origin = key.partition("@")
    return int(call[:15], 16) ^ int(origin[:15] or "0", 16)
