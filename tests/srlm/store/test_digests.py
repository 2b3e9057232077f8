"""Digests that are kept: a file is read again where it may have changed, and only there."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from srlm.store.digests import NAME, Digests

HELLO = hashlib.sha256(b"hello").hexdigest()
HULLO = hashlib.sha256(b"hullo").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(b"hello")
    return path


def kept(file: Path) -> None:
    """A process that found the file settled; what it keeps says `not read` in place of the digest."""
    first = Digests(file.parent, settled=-1)
    assert first(file) == HELLO
    first.keep()
    record = json.loads((file.parent / NAME).read_text())
    record[str(file)][-1] = "not read"
    (file.parent / NAME).write_text(json.dumps(record))


def test_a_file_that_lies_untouched_is_not_read_again(file: Path) -> None:
    kept(file)
    assert Digests(file.parent)(file) == "not read"


def test_a_file_with_a_new_time_and_the_same_content_is_read_and_found_the_same(file: Path) -> None:
    kept(file)
    os.utime(file, (1, 1))
    assert Digests(file.parent)(file) == HELLO


def test_an_edit_that_keeps_size_and_time_is_found(file: Path) -> None:
    kept(file)
    before = file.stat()
    file.write_bytes(b"hullo")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    assert Digests(file.parent)(file) == HULLO


def test_another_file_moved_into_the_place_is_found(file: Path) -> None:
    kept(file)
    before = file.stat()
    (file.parent / "other").write_bytes(b"hullo")
    os.utime(file.parent / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
    (file.parent / "other").replace(file)
    assert Digests(file.parent)(file) == HULLO


def test_a_file_written_a_moment_ago_is_known_to_this_process_alone(file: Path) -> None:
    """It may be written once more within the same tick of the file system's clock."""
    first = Digests(file.parent)
    assert time.time() - file.stat().st_ctime < 2
    assert first(file) == HELLO
    first.keep()
    assert not (file.parent / NAME).exists()


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', "not json"])
def test_a_record_that_is_broken_is_made_again(file: Path, content: str) -> None:
    (file.parent / NAME).write_text(content)
    again = Digests(file.parent, settled=-1)
    assert again(file) == HELLO
    again.keep()
    assert json.loads((file.parent / NAME).read_text())[str(file)][-1] == HELLO


def test_a_file_that_is_gone_is_forgotten(file: Path) -> None:
    kept(file)
    file.rename(file.parent / "moved")
    again = Digests(file.parent, settled=-1)
    assert again(file.parent / "moved") == HELLO
    again.keep()
    assert list(json.loads((file.parent / NAME).read_text())) == [str(file.parent / "moved")]
