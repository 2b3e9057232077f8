"""Kinds of records, told by what stands in a file."""

from pathlib import Path

import pytest

from srlm.errors import RecordError
from srlm.records import Prompt, Record, Response
from srlm.store import files
from srlm.store.recognised import kind_of, refuse_faults

ROWS: list[list[Record]] = [
    [Prompt.of("one", "test"), Prompt.of("two", "test")],
    [Response.of("p", "one", "M1", 0), Response.of("p", "two", "M1", 1)],
]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("first", [b"", b"{", b"\xff", b"[" * 5000, b"\x00" * 512])
def test_a_file_whose_first_line_is_damaged_is_still_of_its_kind_and_is_refused(
    tmp_path: Path, rows: list[Record], first: bytes
) -> None:
    path = tmp_path / "any.jsonl"
    files.write(path, rows)
    assert kind_of(path) is type(rows[0])
    refuse_faults(path)
    path.write_bytes(first + b"\n" + path.read_bytes().split(b"\n", 1)[1])
    assert kind_of(path) is type(rows[0])
    with pytest.raises(RecordError, match=r"any\.jsonl:1: not a "):
        refuse_faults(path)


@pytest.mark.parametrize("content", [b"", b"{\n", b"[1]\n", b'{"id": "x", "size": 1}\n', b"7\n"])
def test_a_file_of_no_known_kind_has_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(content)
    assert kind_of(path) is None
    refuse_faults(path)


def test_a_name_that_stands_twice_hides_no_kind(tmp_path: Path) -> None:
    path = tmp_path / "any.jsonl"
    path.write_text('{"id": "x", ' + Prompt.of("one", "test").model_dump_json()[1:].replace("one", "two") + "\n")
    assert kind_of(path) is Prompt
    with pytest.raises(RecordError, match="its id is not that of its content"):
        refuse_faults(path)
