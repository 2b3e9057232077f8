"""Files that hold no rows: the message says what they are and what to do."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from srlm.data.lines import every_row, locate
from srlm.errors import DataError

ROWS = [{"instruction": f"Question {n}?", "output": f"Answer {n}."} for n in range(3)]


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("rows.jsonl", "{}")


def written(content: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("a.zip", zipped, "it is a zip archive or an Excel file: unpack it"),
        ("a.pdf", written(b"%PDF-1.4\n%\xe2\xe3"), "it is a PDF: save its rows as JSON lines"),
        ("a.xz", written(b"\xfd7zXZ\x00\x00"), "it is packed with xz: unpack it"),
        ("a", written("version https://git-lfs.github.com/spec/v1\noid x\n"), "git lfs pull"),
        ("a", written("\n <!DOCTYPE html><html>"), "it is a web page: download the file itself"),
        ("a", written(str(ROWS[0])), "print or str: write it with json.dumps"),
        ("a", written(str(ROWS)), "print or str: write it with json.dumps"),
        ("a", written(json.dumps(ROWS[0], indent=1)), "one object over several lines: put each"),
        ("a", written(",\n".join(map(json.dumps, ROWS))), "lines end without a comma"),
        ("a.tsv", written("instruction\toutput\nq\ta\n"), "if it is a table, save it as CSV"),
        ("a.txt", written("instruction,output\nq,a\n"), "a name that ends in .csv"),
        ("a.csv", written("q;a\nx;y\n"), "separated by semicolons; save it"),
        ("a.csv", written("q\ta\nx\ty\n"), "cells seem to be separated by tabs; save it"),
        ("a.txt", written("Write a poem\n"), 'plain text is not read: write each as {"instruction"'),
        ("a", written('{"a": "caf\u00e9"}'.encode("latin-1")), "it may be in Latin-1"),
        ("a", written('{"a": 1}'.encode("utf-16")), "it seems to be UTF-16: save it as UTF-8"),
        ("a", written('{"a": 1}\n{"a": "b'), ":2: not JSON: Unterminated string starting at"),
    ],
    ids=["zip", "pdf", "xz", "lfs", "page", "repr", "reprs", "pretty", "commas", "tsv", "csv-by-no-name", "semicolons",
         "tabs", "text", "latin", "utf-16", "cut"],
)  # fmt: skip
def test_what_is_no_file_of_rows_is_named_with_what_to_do(
    tmp_path: Path, name: str, make: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(DataError) as error:
        every_row(path)
    assert str(error.value).startswith(str(path)) and says in str(error.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("trian.jsonl", "trian.jsonl: no such file; did you mean train.jsonl?"),
        ("https://example.com/a.jsonl", "it is an address: download the file first"),
        ("tatsu-lab/alpaca", "a data set of the Hub is written hub:tatsu-lab/alpaca"),
        ("nothing.csv", "no such file; is the path right, relative to the working directory?"),
    ],
)
def test_a_path_to_nothing_is_refused_with_what_may_have_been_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.jsonl").write_text("{}")
    with pytest.raises(DataError) as error:
        every_row(locate(given))
    assert says in str(error.value)


def test_a_path_may_begin_at_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS[0]))
    assert [row.value for row in every_row(locate("~/rows.jsonl"))] == [ROWS[0]]
