"""Records on disk: read with the line in every message, written whole or not at all, resumable in between."""

import hashlib
import json
import math
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, overload

from pydantic import ValidationError

from srlm import durable
from srlm.bounded import files as bounded
from srlm.bounded import json_text
from srlm.contents import sha256_of
from srlm.errors import RecordError, StoreError
from srlm.records import FileFact, Record
from srlm.store import blocks, disk, seals
from srlm.store.blocks import Block
from srlm.store.disk import saving as saving
from srlm.store.disk import writing as writing
from srlm.terminal import logger
from srlm.text.counts import counted

log = logger(__name__)

SEEN_AT_ONCE = 1024
"""Records of a part file that are in memory at once while a stage that goes on looks at what it has made."""

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def read(path: Path, kind: type[R]) -> list[R]:
    """All records of a finished file. Raises RecordError, with file and line where one does not decode.

    Where a run vouches for the file, its content is confirmed; else each record is asked what contradicts itself in it
    (`Record.fault`).
    """
    content = _bytes(path)
    # Bytes, and only `\n` ends a line: what else Unicode calls a line end may stand inside a record's text.
    lines = content.split(b"\n")
    found = [
        decode(line, kind, f"{path}:{number}") for number, line in enumerate(lines[:-1] if not lines[-1] else lines, 1)
    ]
    if not seals.confirm(path, seals.sha256_of_bytes(content)):
        for number, record in enumerate(found, 1):
            refuse_fault(record, f"{path}:{number}")
        seals.seal_late(path)
    return found


class Kept(Sequence[R]):
    """The records of a finished file, decoded whenever they are looked at.

    A million of them take 8 MB of memory, where a list takes more than a gigabyte. Equal to any sequence of the same
    records. Raises RecordError with file and line where one does not decode, StoreError where the file is not there.
    """

    def __init__(self, path: Path, kind: type[R]) -> None:
        self._path, self._kind = path, kind
        found, self._starts = hashlib.sha256(), array("Q", [0])
        with self._opened() as file:
            for row in file:
                found.update(row)
                self._starts.append(self._starts[-1] + len(row))
        self._vouched = seals.confirm(path, found.hexdigest())
        if not self._vouched and seals.may_seal(path):
            for _ in self:
                """Each is sound."""
            seals.seal_late(path)

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
        return f"<{counted(len(self), 'records')} in {self._path}>"

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
        where = f"{self._path}:{number + 1}"
        record = decode(line.removesuffix(b"\n"), self._kind, where)
        if not self._vouched:
            refuse_fault(record, where)
        return record


def read_one(path: Path, kind: type[R]) -> R:
    """The one record that is a whole JSON document. Raises as `read` does."""
    content = _bytes(path, bounded.DOCUMENT)
    found = decode(content, kind, str(path))
    if not seals.confirm(path, seals.sha256_of_bytes(content)):
        refuse_fault(found, str(path))
        seals.seal_late(path)
    return found


def read_json(path: Path) -> Any:
    """A JSON document. Raises RecordError where it is broken, StoreError where it is missing."""
    content = _bytes(path, bounded.DOCUMENT)
    try:
        found = json_text.decode(content)
    except json_text.NotJson as error:
        raise RecordError(f"{path}: {error}") from None
    if not seals.confirm(path, seals.sha256_of_bytes(content)):
        seals.seal_late(path)
    return found


def read_object(path: Path) -> dict[str, Any]:
    """A JSON document that is an object. Raises as `read_json` does, and RecordError where it is anything else."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise RecordError(f"{path}: a JSON {type(found).__name__}, where an object is expected")
    return found


def read_seconds(path: Path) -> dict[str, float]:
    """What a step's timings.json says: seconds by stage; of a file that is broken, none: nothing is made from them."""
    try:
        found = read_object(path) if path.exists() else {}
    except RecordError:
        return {}
    return {name: s for name, s in found.items() if isinstance(s, int | float) and 0 <= s < math.inf}


def _bytes(path: Path, most: int | None = None) -> bytes:
    try:
        return bounded.read_bytes(path, most)
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file; was its step finished? `srlm status` shows it") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from None


def decode(line: bytes, kind: type[R], where: str) -> R:
    """The record in a line. Raises RecordError, which says `where` it stands."""
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"{where}: not a {kind.__name__}: {place + ': ' if place else ''}{first['msg']}") from None


def refuse_fault(record: Record, where: str) -> None:
    """Raise RecordError where a record contradicts itself."""
    if (fault := record.fault()) is not None:
        raise RecordError(
            f"{where}: this {type(record).__name__} contradicts itself: {fault}; the file was damaged or edited: "
            "restore it, or delete it and run the command that made it again"
        )


def write(path: Path, records: Iterable[Record]) -> None:
    """Write a file that appears under its own name only when whole."""
    write_text(path, "".join(line(record) for record in records))


def _lines(records: Iterable[Record]) -> bytes:
    return "".join(map(line, records)).encode()


def line(record: Record) -> str:
    """The one line of JSON that stands for a record; equal records give equal bytes."""
    return record.model_dump_json() + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document that appears whole; keys sorted, so equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text that appears under its own name only when whole and on disk. Raises StoreError when it cannot."""
    content = text.encode()
    with writing(path), seals.naming(path, seals.sha256_of_bytes(content)):
        durable.write(path, content)


def delete(path: Path) -> None:
    """Delete a file, so that nothing vouches for it and nobody misses it; one that is not there is deleted already."""
    with writing(path):
        seals.forget(path)
        path.unlink(missing_ok=True)


def fact(path: Path, records: int | None = None) -> FileFact:
    """Digest of a file for a manifest."""
    return FileFact(sha256=sha256_of(path), records=records)


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
    belongs: Callable[[T, R], bool] | None = None,
    watch: Callable[[Sequence[R]], None] | None = None,
) -> Kept[R]:
    """Records of `items`, made by `work(block of items, index of the block)` and kept in `path` as they are made.

    Each item gives `per_item` records. Blocks are cut the same way at every call, and a block counts only when all its
    lines are on disk: a stage that was killed goes on at the first unfinished block, and the finished file is the same,
    byte for byte, as that of a stage that was never stopped (as long as `work` depends on its arguments alone).
    `report(items done, items in all)` is called at the start, with what was found on disk, and after each block.

    `concurrency()`, asked only where something is missing, is the number of blocks worked on at once, each in a thread
    of its own; only this thread writes. A block that is done before its turn waits in a file beside `path`.

    A block of `items` is looked at when its work begins, so that items which are still being made may be waited for.

    `belongs(item, record)`: whether a record that was found on disk is of this item. Each block is sealed before it is
    written (`srlm.store.blocks`), and the whole file before it takes its name (`srlm.store.seals`). Of a file that
    grows, what is not as it was written is cut off and made again; a whole one is refused.

    `watch(records)` sees every record once, in the order of the file: first what was found on disk, then each block
    when it is written. It may raise, and that ends the stage; started again, the stage shows it the same records first.
    Of a file that is whole it sees nothing.
    """
    if path.exists():
        return finished(path, kind, items, per_item, belongs)
    part = disk.part_of(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        listed = blocks.read(part)
        done = _whole_blocks(path, kind, len(items), per_item, block, listed)
        if belongs is not None and done:
            _refuse_others(part, Kept(part, kind), items, per_item, belongs)
    waiting = {start // block: min(block, len(items) - start) for start in range(done, len(items), block)}
    early: dict[int, list[R]] = {}
    for index, size in waiting.items():
        if (kept := _kept_early(path, kind, index, per_item * size, listed)) is not None:
            early[index] = kept
    if watch is not None and done:
        found = Kept(part, kind)
        for start in range(0, len(found), SEEN_AT_ONCE):
            watch(found[start : start + SEEN_AT_ONCE])
    done += sum(waiting[index] for index in early)
    report(done, len(items))

    def in_turn() -> None:
        """Append the blocks whose turn it is."""
        while (turn := next(iter(waiting), -1)) in early:
            records = early.pop(turn)
            with writing(path):
                disk.put(part, "ab", _lines(records))
                _early(path, turn).unlink(missing_ok=True)
            del waiting[turn]
            if watch is not None:
                watch(records)

    def work_on(index: int) -> Sequence[R]:
        return work(items[index * block : (index + 1) * block], index)

    in_turn()
    for index, records in worked(work_on, [index for index in waiting if index not in early], concurrency):
        size = waiting[index]
        if len(records) != per_item * size:
            raise AssertionError(
                f"{path.name}: {counted(len(records), 'records')} from {counted(size, 'items')}, not {per_item} each"
            )
        early[index] = list(records)
        with writing(path):
            blocks.add(part, index, _lines(records))
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
        with seals.naming(path, sha256_of(part)):
            blocks.path_of(part).unlink(missing_ok=True)  # not after: whoever finds the file whole asks for no blocks
            part.replace(path)
    return Kept(path, kind)


def finished(
    path: Path, kind: type[R], items: Sequence[T], per_item: int, belongs: Callable[[T, R], bool] | None = None
) -> Kept[R]:
    """The records in a whole file of `resumable`. Raises RecordError where they are not `per_item` of each item."""
    found = Kept(path, kind)
    if len(found) != per_item * len(items):
        raise RecordError(
            f"{path}: {counted(len(found), 'records')} found, but {counted(len(items), 'items need')} {per_item} each; "
            "delete the file and run the same command again"
        )
    if belongs is not None:
        _refuse_others(path, found, items, per_item, belongs)
    return found


def _refuse_others(
    path: Path, found: Iterable[R], items: Sequence[T], per_item: int, belongs: Callable[[T, R], bool]
) -> None:
    for place, record in enumerate(found):
        if not belongs(items[place // per_item], record):
            raise RecordError(
                f"{path}:{place + 1}: this {type(record).__name__} does not follow from what the file is made from; "
                "delete the file and run the same command again"
            )


def worked(
    work: Callable[[T], Sequence[R]], blocks: Collection[T], concurrency: Callable[[], int]
) -> Iterator[tuple[T, Sequence[R]]]:
    """(block, records) of each block as it is done, in any order; they are begun in theirs."""
    threads = concurrency() if blocks else 1
    if threads == 1:
        for block in blocks:
            yield block, work(block)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        # What is set for this thread, as the stage whose tokens are counted, holds for the pool's.
        futures = {pool.submit(copy_context().run, work, block): block for block in blocks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        # After an error or Ctrl-C nobody waits for what is under way: closing the engine ends it.
        pool.shutdown(wait=False, cancel_futures=True)


def _early(path: Path, index: int) -> Path:
    """Where a block's records wait until those before it are done."""
    return path.with_name(f"{path.name}.block-{index:06d}.part")


def _kept_early(
    path: Path, kind: type[R], index: int, number: int, listed: Mapping[int, Block] | None
) -> list[R] | None:
    """The `number` records of a block that waits for its turn; None where it is not there, or not what it was."""
    kept = _early(path, index)
    if not kept.exists():
        return None
    if listed is not None and (index not in listed or not listed[index].holds(_bytes(kept))):
        log.warning("%s: has changed since it was written; its records are made again", kept)
        return None
    found = read(kept, kind)
    if len(found) != number:
        return None
    if listed is None:
        with writing(path):
            blocks.add(disk.part_of(path), index, _lines(found))
    return found


def _whole_blocks(
    path: Path, kind: type[Record], items: int, per_item: int, block: int, listed: dict[int, Block] | None
) -> int:
    """Items of the blocks that are whole in a part file, and what they were; what follows them is cut off."""
    part = disk.part_of(path)
    if not part.exists():
        return 0
    if listed is None and (whole := seals.expected(path)) and sha256_of(part) not in whole:
        # Its blocks are listed until it is whole, and then it was sealed.
        log.warning("%s: has changed since it was written; made again", part)
        part.unlink()
        return 0
    with part.open("r+b") as file:
        if listed is not None:
            found = blocks.whole(file, listed)
            if found.changed:
                log.warning("%s: has changed since it was written; made again from byte %d on", part, found.end)
            file.truncate(found.end)
            file.seek(0)
        # What stands behind the last newline was cut mid-line.
        ends = list(accumulate(len(line) for line in file if line.endswith(b"\n")))
        number = len(ends) // per_item if per_item else 0
        keep = items if number >= items else number // block * block
        file.truncate(ends[keep * per_item - 1] if keep and per_item else 0)
    # Of an older srlm, or cut into other blocks.
    if listed is None or found.number * block < keep or len(ends) != keep * per_item:
        records = list(Kept(part, kind))
        blocks.path_of(part).unlink(missing_ok=True)
        for start in range(0, keep, block):
            blocks.add(part, start // block, _lines(records[start * per_item : (start + block) * per_item]))
    return keep
