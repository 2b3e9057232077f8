"""Which blocks of a file that grows are whole: bytes and SHA-256 of each, in NAME.part.blocks beside it.

A line is written before the block that it speaks of. So of a process that was killed every block is accounted for, and
a block that is not what its line says was cut or has changed. The file goes when the other takes its own name.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from srlm.records import Record
from srlm.store import disk


class Block(Record):
    """One block."""

    block: int
    """Its number, from 0."""
    size: int
    """Bytes."""
    sha256: str

    def holds(self, content: bytes) -> bool:
        """Whether this is the block's content."""
        return len(content) == self.size and hashlib.sha256(content).hexdigest() == self.sha256


def path_of(part: Path) -> Path:
    """Where the blocks of a file that grows are listed."""
    return part.with_name(part.name + ".blocks")


def read(part: Path) -> dict[int, Block] | None:
    """The blocks by number; None where nobody listed them (files of an older srlm). A line that is broken says nothing:
    its block is made again."""
    if not path_of(part).is_file():
        return None
    lines = path_of(part).read_bytes().splitlines()
    found: dict[int, Block] = {}
    for line in lines:
        try:
            one = Block.model_validate_json(line)
        except ValidationError:
            continue
        found[one.block] = one
    return found


def add(part: Path, block: int, content: bytes) -> None:
    """List a block that is about to be written. Raises OSError."""
    one = Block(block=block, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    disk.put(path_of(part), "ab", b"\n" * _torn(path_of(part)) + one.model_dump_json().encode() + b"\n")


def whole(file: BinaryIO, listed: Mapping[int, Block]) -> int:
    """How many blocks the file begins with as they were written; it is then at the end of the last."""
    for index in range(len(listed)):
        start, one = file.tell(), listed.get(index)
        if one is None or one.size < 0 or not one.holds(file.read(one.size)):
            file.seek(start)
            return index
    return len(listed)


def _torn(path: Path) -> bool:
    """Whether the last line was cut."""
    try:
        with path.open("rb") as file:
            file.seek(-1, 2)
            return file.read() != b"\n"
    except OSError:  # there is none, or it is empty
        return False
