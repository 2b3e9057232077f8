"""A file of records that grows a block at a time and never becomes whole: more may always be asked.

Each block is listed before it is written (`srlm.store.blocks`), so that what a killed process left, or what changed
since, is known and cut off. The list lies beside the file.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from srlm.errors import StoreError
from srlm.records import Record
from srlm.store import blocks, disk, files
from srlm.terminal import logger

log = logger(__name__)

R = TypeVar("R", bound=Record)


class GrowingFile(Generic[R]):
    """Records in `path`; iterating gives all of them that are as they were written. One process writes at a time."""

    def __init__(self, path: Path, kind: type[R]) -> None:
        """Raises StoreError where the file exists and its list of blocks does not."""
        self.path, self._kind = path, kind
        self._blocks = 0
        with disk.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                self._cut()

    def _cut(self) -> None:
        listed = blocks.read(self.path)
        if listed is None and self.path.stat().st_size:
            raise StoreError(
                f"{self.path} exists without {blocks.path_of(self.path).name}, which says that it is whole; restore "
                "it, or move the file away and run the same command again"
            )
        with self.path.open("r+b") as file:
            found = blocks.whole(file, listed or {})
            if found.changed:
                log.warning("%s: has changed since it was written; asked again from byte %d on", self.path, found.end)
            file.truncate(found.end)
        self._blocks = found.number

    def __iter__(self) -> Iterator[R]:
        if self.path.exists():
            with self.path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    yield files.decode(line, self._kind, f"{self.path}:{number}")

    def add(self, records: Sequence[R]) -> None:
        """Append a block, and wait until it is on the disk. Raises StoreError where it cannot be written."""
        content = "".join(map(files.line, records)).encode()
        with disk.writing(self.path):
            blocks.add(self.path, self._blocks, content)
            disk.put(self.path, "ab", content)
        self._blocks += 1
