"""Every reader of rows on files that are no such thing: one line that names the file, in bounded time and memory."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from srlm.data import lines, rankings, trees
from srlm.data.lines import every_row, instructions, listed, objects, rows, table
from srlm.errors import DataError

READERS: dict[str, Callable[[Path], object]] = {
    "rows": lambda path: list(rows(path)),
    "listed": listed,
    "objects": objects,
    "every_row": every_row,
    "table": lambda path: table(path, ["a"]),
    "instructions": lambda path: instructions(str(path)),
    "rankings": lambda path: rankings.read(str(path)),
    "trees": lambda path: trees.read(str(path), "en"),
}


def bomb() -> bytes:
    """256 MiB of spaces in a quarter of one."""
    return gzip.compress(b" " * 2**20, mtime=0) * 256


CONTENTS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a-nul": lambda: b"\0",
    "utf-16": lambda: '[{"a": 1}]'.encode("utf-16"),
    "latin-1": lambda: '[{"a": "\u00e9"}]'.encode("latin-1"),
    "half-a-character": lambda: b'[{"a": "\\ud83d"}]',
    "brackets": lambda: b"[" * 10**5,
    "objects-in-objects": lambda: b'{"a":' * 10**5,
    "digits": lambda: b'[{"a": ' + b"9" * 10**6 + b"}]",
    "a-name-twice": lambda: b'[{"a": 1, "a": 2}]',
    "a-list-of-lists": lambda: b"[[1], [2]]",
    "null": lambda: b"null",
    "a-number": lambda: b"1e999",
    "a-name-of-a-megabyte": lambda: b'[{"' + b"x" * 10**6 + b'": 1}]',
    "a-hundred-thousand-names": lambda: ("[{" + ", ".join(f'"{n}": 1' for n in range(10**5)) + "}]").encode(),
    "quotes": lambda: b'"' * 10**5,
    "a-line-of-20-megabytes": lambda: b'{"a": "' + b"x" * (20 * 2**20),
    "a-bomb-of-gzip": bomb,
    "a-bomb-of-zstandard": lambda: pyarrow.compress(b" " * 2**27, "zstd", asbytes=True),
    "a-gzip-of-noise": lambda: b"\x1f\x8b" + bytes(range(256)),
    "a-zstandard-of-noise": lambda: b"\x28\xb5\x2f\xfd" + bytes(range(256)),
    "parquet-of-noise": lambda: b"PAR1" + bytes(range(256)) + b"\xff\xff\xff\x7fPAR1",
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_a_file_of_anything_is_refused_in_one_line_of_bounded_length(
    tmp_path: Path, read: Callable[[Path], object], content: Callable[[], bytes]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content())
    try:
        found = read(path)
    except DataError as error:
        told = str(error)
        assert told.startswith(str(path))
        assert told.isprintable()
        assert len(told) < 4_200
    else:  # an empty file has no rows, and a few readers take any columns
        assert isinstance(found, list)
        assert len(found) <= 1


@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_a_fifo_a_device_and_a_link_to_itself_are_refused_without_waiting(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to(link)
    for path, said in ((fifo, "it is a FIFO"), (Path("/dev/zero"), "a character device"), (link, "symbolic links")):
        with pytest.raises(DataError, match=said):
            read(path)


def test_a_field_of_a_csv_file_has_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b'a\n"' + (b"x" * 1023 + b"\n") * (17 * 2**10) + b'"\n')
    with pytest.raises(DataError, match=r"rows\.csv:\d+: not CSV: field larger than field limit"):
        every_row(path)


def written(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def test_a_parquet_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    texts = pyarrow.array(["x" * 2**17]).dictionary_encode()
    many = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 1024, pyarrow.int32()), texts.dictionary)
    path = written(tmp_path / "rows.parquet", {"prompt": many}, compression="zstd")
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read: it unpacks to over 200 times its size"):
        every_row(path)


@pytest.mark.parametrize("cut", [8, 100, 300])
def test_a_parquet_file_that_lies_is_refused(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "rows.parquet", {"prompt": ["a"] * 99, "chosen": [b"\xff\xfe"] * 99})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 8 - cut] + whole[-8:])
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read as Parquet: "):
        every_row(path)


def test_a_text_of_a_parquet_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    bad = pyarrow.Array.from_buffers(pyarrow.string(), 1, pyarrow.array([b"\xff\xfe"], pyarrow.binary()).buffers())
    path = written(tmp_path / "rows.parquet", {"prompt": bad})
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read as Parquet: .*utf-8"):
        every_row(path)


def test_what_packs_well_is_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": "the same words, again and again"}\n' * 20_000))
    assert path.stat().st_size * lines.RATIO < 2**26  # less than what any packed file may hold
    assert sum(1 for _ in rows(path)) == 20_000
