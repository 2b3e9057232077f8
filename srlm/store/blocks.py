"""Which blocks of a file that grows are whole: bytes and SHA-256 of each, in NAME.part.blocks beside it.

A line is written before the block that it speaks of. So of a process that was killed every block is accounted for, and
a block that is not what its line says was cut or has changed. The file goes when the other takes its own name.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

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


class Whole(NamedTuple):
    """The blocks that a file begins with as they were written."""

    number: int
    end: int
    """Bytes."""
    changed: bool
    """As many bytes follow as the next block has, or any where none is listed; fewer were cut by a kill."""


def whole(file: BinaryIO, listed: Mapping[int, Block]) -> Whole:
    """The whole blocks of a file that is at its beginning."""
    number = end = 0
    while (one := listed.get(number)) is not None and one.size >= 0 and one.holds(file.read(one.size)):
        number, end = number + 1, end + one.size
    return Whole(number, end, changed=file.seek(0, os.SEEK_END) - end >= (1 if one is None else one.size))


def _torn(path: Path) -> bool:
    """Whether the last line was cut."""
    try:
        with path.open("rb") as file:
            file.seek(-1, 2)
            return file.read() != b"\n"
    except OSError:  # there is none, or it is empty
        return False
