"""SHA-256 of files that are asked for again and again: a file is read once more only where it may have changed."""

import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from srlm.contents import sha256_of
from srlm.errors import RecordError
from srlm.store import files

NAME = ".digests.json"
"""In the run's folder. It saves time and says nothing else: deleted, it is made again."""
SETTLED = 2.0
"""Seconds that a file must be untouched before its state says what it holds. One that is written twice within a tick of
the file system's clock (milliseconds, a second on some network file systems) shows no difference."""


class Digests:
    """SHA-256 by file, kept beside the size, inode and times of the file that was read.

    A file counts as unchanged while all of these are the same. The time of the last change of state (ctime) is among
    them, which no program can set: an editor, `cp -p` or `touch -d` all move it. So 16 GB of weights are read at the
    first start and when something about their files has changed, and otherwise in no time. Bits that change on the disk
    by themselves are not noticed.
    """

    def __init__(self, folder: Path, settled: float = SETTLED) -> None:
        self._settled = settled
        self._path = folder / NAME
        self._known: dict[str, list[int | str]] = {}
        """State and digest by file, of those that are settled."""
        self._mine: dict[str, list[int | str]] = {}
        """As this process has found them, whether settled or not."""
        self._fresh = False
        if self._path.exists():
            with suppress(RecordError):
                found = files.read_json(self._path)
                self._known = found if isinstance(found, dict) else {}

    def __call__(self, path: Path) -> str:
        """The file's digest. Raises OSError where it cannot be read."""
        key, state = str(path.absolute()), _state(path)
        for known in (self._mine.get(key), self._known.get(key)):
            if isinstance(known, list) and known[:-1] == state:
                return str(known[-1])
        began = time.time()
        found: list[int | str] = [*state, sha256_of(path)]
        self._mine[key] = found
        changed = path.stat().st_ctime
        if _state(path) == state and began - changed > self._settled:
            self._known[key], self._fresh = found, True
        return str(found[-1])

    def same(self, path: Path, wanted: Collection[str]) -> bool:
        """Whether a file has one of these digests; before that is denied, it is read whatever is known of it."""
        if self(path) in wanted:
            return True
        for known in (self._mine, self._known):
            known.pop(str(path.absolute()), None)
        return self(path) in wanted

    def keep(self) -> None:
        """Write what is known for the next process, where there is anything new."""
        if self._fresh:
            self._known = {key: found for key, found in self._known.items() if Path(key).exists()}
            files.write_json(self._path, self._known)
            self._fresh = False


def _state(path: Path) -> list[int | str]:
    found = path.stat()
    return [found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]
