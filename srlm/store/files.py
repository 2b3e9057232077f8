"""Records on disk: read with the line in every message, written whole or not at all, resumable in between."""

import errno
import hashlib
import json
import math
import os
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, overload

from pydantic import ValidationError

from srlm.bounded import files as bounded
from srlm.bounded import json_text
from srlm.errors import RecordError, SrlmError, StoreError
from srlm.records import FileFact, Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def read(path: Path, kind: type[R]) -> list[R]:
    """All records of a finished file. Raises RecordError with file and line where one does not decode."""
    # Bytes, and only `\n` ends a line: what else Unicode calls a line end may stand inside a record's text.
    lines = _bytes(path).split(b"\n")
    return [
        _decode(line, kind, f"{path}:{number}") for number, line in enumerate(lines[:-1] if not lines[-1] else lines, 1)
    ]


class Kept(Sequence[R]):
    """The records of a finished file, decoded whenever they are looked at.

    A million of them take 8 MB of memory, where a list takes more than a gigabyte. Equal to any sequence of the same
    records. Raises RecordError with file and line where one does not decode, StoreError where the file is not there.
    """

    def __init__(self, path: Path, kind: type[R]) -> None:
        self._path, self._kind = path, kind
        with self._opened() as file:
            self._starts = array("Q", [0, *accumulate(map(len, file))])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[R]:
        with self._opened() as file:
            for number, line in enumerate(file):
                yield self._record(line, number)

    @overload
    def __getitem__(self, place: int) -> R: ...
    @overload
    def __getitem__(self, place: slice) -> list[R]: ...
    def __getitem__(self, place: int | slice) -> R | list[R]:
        wanted = range(len(self))[place]
        with self._opened() as file:
            found = [self._at(file, number) for number in ([wanted] if isinstance(wanted, int) else wanted)]
        return found[0] if isinstance(wanted, int) else found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(one == another for one, another in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return f"<{len(self)} records in {self._path}>"

    def _opened(self) -> BinaryIO:
        try:
            return bounded.open_file(self._path)
        except FileNotFoundError:
            raise StoreError(f"{self._path}: no such file; was its step finished? `srlm status` shows it") from None
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be read: {error.strerror or error}") from None

    def _at(self, file: BinaryIO, number: int) -> R:
        file.seek(self._starts[number])
        return self._record(file.read(self._starts[number + 1] - self._starts[number]), number)

    def _record(self, line: bytes, number: int) -> R:
        return _decode(line.removesuffix(b"\n"), self._kind, f"{self._path}:{number + 1}")


def read_one(path: Path, kind: type[R]) -> R:
    """The one record that is a whole JSON document."""
    return _decode(_bytes(path, bounded.DOCUMENT), kind, str(path))


def read_json(path: Path) -> Any:
    """A JSON document. Raises RecordError where it is broken, StoreError where it is missing."""
    try:
        return json_text.decode(_bytes(path, bounded.DOCUMENT))
    except json_text.NotJson as error:
        raise RecordError(f"{path}: {error}") from None


def read_object(path: Path) -> dict[str, Any]:
    """A JSON document that is an object. Raises as `read_json` does, and RecordError where it is anything else."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise RecordError(f"{path}: a JSON {type(found).__name__}, where an object is expected")
    return found


def read_seconds(path: Path) -> dict[str, float]:
    """What a step's timings.json says: seconds by stage; nothing where there is none. Raises as `read_object` does."""
    found = read_object(path) if path.exists() else {}
    if not all(isinstance(one, int | float) and 0 <= one < math.inf for one in found.values()):
        raise RecordError(f"{path}: not seconds by stage; delete the file, which holds nothing but times")
    return found


def _bytes(path: Path, most: int | None = None) -> bytes:
    try:
        return bounded.read_bytes(path, most)
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file; was its step finished? `srlm status` shows it") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from None


def _decode(line: bytes, kind: type[R], where: str) -> R:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"{where}: not a {kind.__name__}: {place + ': ' if place else ''}{first['msg']}") from None


def write(path: Path, records: Iterable[Record]) -> None:
    """Write a file that appears under its own name only when whole."""
    write_text(path, "".join(line(record) for record in records))


def line(record: Record) -> str:
    """The one line of JSON that stands for a record; equal records give equal bytes."""
    return record.model_dump_json() + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document that appears whole; keys sorted, so equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text that appears under its own name only when whole and on disk. Raises StoreError when it cannot."""
    part = _part(path)
    content = text.encode()
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _put(part, "wb", content)
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise


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


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _put(path: Path, mode: str, content: bytes) -> None:
    with path.open(mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def fact(path: Path, records: int | None = None) -> FileFact:
    """Digest of a file for a manifest."""
    with path.open("rb") as file:
        return FileFact(sha256=hashlib.file_digest(file, "sha256").hexdigest(), records=records)


def resumable(
    path: Path,
    kind: type[R],
    items: Sequence[T],
    work: Callable[[Sequence[T], int], Sequence[R]],
    *,
    per_item: int,
    block: int,
    report: Callable[[int, int], None] = lambda done, total: None,
    concurrency: Callable[[], int] = lambda: 1,
) -> Kept[R]:
    """Records of `items`, made by `work(block of items, index of the block)` and kept in `path` as they are made.

    Each item gives `per_item` records. Blocks are cut the same way at every call, and a block counts only when all its
    lines are on disk: a stage that was killed goes on at the first unfinished block, and the finished file is the same,
    byte for byte, as that of a stage that was never stopped (as long as `work` depends on its arguments alone).
    `report(items done, items in all)` is called at the start, with what was found on disk, and after each block.

    `concurrency()`, asked only where something is missing, is the number of blocks worked on at once, each in a thread
    of its own; only this thread writes. A block that is done before its turn waits in a file beside `path`.
    """
    if path.exists():
        found = Kept(path, kind)
        if len(found) != per_item * len(items):
            raise RecordError(
                f"{path}: {len(found)} records found, but {len(items)} items need {per_item} each; "
                "delete the file and run the same command again"
            )
        return found
    part = _part(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        done = _whole_blocks(part, kind, len(items), per_item, block)
    waiting = {start // block: items[start : start + block] for start in range(done, len(items), block)}
    early = {index: read(kept, kind) for index in waiting if (kept := _early(path, index)).exists()}
    done += sum(len(waiting[index]) for index in early)
    report(done, len(items))

    def in_turn() -> None:
        """Append the blocks whose turn it is."""
        while (turn := next(iter(waiting), -1)) in early:
            records = early.pop(turn)
            with writing(path):
                _put(part, "ab", "".join(map(line, records)).encode())
                _early(path, turn).unlink(missing_ok=True)
            del waiting[turn]

    in_turn()
    for index, records in _worked(work, {i: waiting[i] for i in waiting if i not in early}, concurrency):
        size = len(waiting[index])
        if len(records) != per_item * size:
            raise AssertionError(f"{path.name}: {len(records)} records from {size} items, not {per_item} each")
        early[index] = list(records)
        if index != next(iter(waiting)):
            part.touch()  # `srlm status` looks for it
            write(_early(path, index), records)
        in_turn()
        done += size
        report(done, len(items))
    with writing(path):
        for left in path.parent.glob(f"{path.name}.block-*"):  # of a process that was killed between two lines above
            left.unlink()
        part.touch()  # no items: an empty file says that they were none
        part.replace(path)
    return Kept(path, kind)


def _worked(
    work: Callable[[Sequence[T], int], Sequence[R]],
    blocks: Mapping[int, Sequence[T]],
    concurrency: Callable[[], int],
) -> Iterator[tuple[int, Sequence[R]]]:
    """(index, records) of each block as it is done, in any order."""
    threads = concurrency() if blocks else 1
    if threads == 1:
        for index, chunk in blocks.items():
            yield index, work(chunk, index)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        futures = {pool.submit(work, chunk, index): index for index, chunk in blocks.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        # After an error or Ctrl-C nobody waits for what is under way: closing the engine ends it.
        pool.shutdown(wait=False, cancel_futures=True)


def _early(path: Path, index: int) -> Path:
    """Where a block's records wait until those before it are done."""
    return path.with_name(f"{path.name}.block-{index:06d}.part")


def _whole_blocks(part: Path, kind: type[Record], items: int, per_item: int, block: int) -> int:
    """Items of the blocks that are whole in a part file; what follows them is cut off."""
    if not part.exists():
        return 0
    with part.open("r+b") as file:
        # What stands behind the last newline was cut mid-line.
        ends = list(accumulate(len(line) for line in file if line.endswith(b"\n")))
        whole = len(ends) // per_item
        keep = items if whole >= items else whole // block * block
        file.truncate(ends[keep * per_item - 1] if keep and per_item else 0)
    for _ in Kept(part, kind):
        """Each decodes."""
    return keep
