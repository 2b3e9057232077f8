"""Rows that people bring (trees, rankings, prompts, outputs), with the row's place in every message.

Text may be plain, gz or zst (told by the first bytes, not by the name), with or without a byte order mark.
"""

import csv
import gzip
import io
import json
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from srlm.data.conversations import Asked, asked, messages
from srlm.errors import DataError
from srlm.records import Prompt

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_PARQUET = b"PAR1"


class Cell(str):
    """A cell of a CSV file, where numbers are text, too."""

    @property
    def number(self) -> float | None:
        """The number that it holds; None where it is empty or `nan`. Raises ValueError where it holds anything else."""
        said = self.strip()
        return None if said.lower() in ("", "nan", "null", "none") else float(said)


class Row(NamedTuple):
    """One JSON object of a file."""

    place: str
    """`path:line`, for messages."""
    value: dict[str, Any]


def instructions(path: str, source: str | None = None) -> list[Prompt]:
    """The prompts of a file of JSON lines with `instruction`, in the file's order, each text once, to the letter.

    A row with `messages` instead is a conversation of several turns, the user's last one to be answered; one with
    `uid` and `prompt` is a question of Arena-Hard.
    A row's `dataset` becomes the prompt's category. `source` None: `alpaca_eval` for rows with a `dataset`, as
    AlpacaEval's own have, else `file`. Raises DataError with file and line.
    """
    file = locate(path)
    prompts: dict[str, Prompt] = {}
    for place, value in rows(file):
        dataset = value.get("dataset")
        if "instruction" not in value and "messages" in value:
            said = asked(place, "messages", messages(place, "messages", value["messages"]))
        else:
            said = Asked(value.get("prompt" if _is_arena_hard(value) else "instruction", ""))
        text = said.text
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{place}: a prompt needs a non-empty text `instruction`; found {_keys(value)}")
        origin = source or ("alpaca_eval" if isinstance(dataset, str) else "file")
        category = value.get("category") if _is_arena_hard(value) else dataset
        prompt = Prompt.of(text, origin, category if isinstance(category, str) else None, said.before)
        prompts.setdefault(prompt.id, prompt)
    if not prompts:
        raise DataError(f"{file}: contains no prompts; expected JSON lines with `instruction`")
    return list(prompts.values())


def _is_arena_hard(value: dict[str, Any]) -> bool:
    return "instruction" not in value and {"uid", "prompt"} <= value.keys()


def locate(path: str) -> Path:
    """The file a setting names, each `${NAME}` taken from the environment. Raises DataError where one is not set."""

    def value(found: re.Match[str]) -> str:
        text = os.environ.get(found[1], "")
        if not text:
            raise DataError(f"{path}: the environment variable {found[1]} is not set; set it or write the path in full")
        return text

    return Path(_VARIABLE.sub(value, path))


def rows(path: Path) -> Iterator[Row]:
    """Each JSON object of a file of JSON lines; empty lines are passed over.

    Raises DataError, with the line, where the file is missing, cannot be read or holds anything else.
    """
    number = 0
    with _text(path, lambda: f"{path}:{number + 1}") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                value = _json(line, f"{path}:{number}", "each line must be one object")
                if not isinstance(value, dict):
                    raise DataError(
                        f"{path}:{number}: a JSON {type(value).__name__}, not an object; each line must be one object"
                    )
                yield Row(f"{path}:{number}", value)


def listed(path: Path) -> list[Row]:
    """Each object of a file that is one JSON list of objects. Raises DataError, rows counted from 1."""
    with _text(path, lambda: str(path)) as file:
        values = _json(file.read(), str(path), "the file must be one list of objects")
    if not isinstance(values, list):
        raise DataError(f"{path}: a JSON {type(values).__name__}; the file must be one list of objects")
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict):
            raise DataError(f"{path}: row {number}: a JSON {type(value).__name__}, not an object")
    return [Row(f"{path}: row {number}", value) for number, value in enumerate(values, 1)]


def objects(path: Path) -> list[Row]:
    """Each object of a file that is either one JSON list of objects or JSON lines, told by its first character."""
    with _text(path, lambda: str(path)) as file:
        first = file.read(4096).lstrip()[:1]
    return listed(path) if first == "[" else list(rows(path))


def every_row(path: Path) -> list[Row]:
    """Each row of a file of any kind: Parquet, a JSON list, JSON lines, or CSV (`.csv` in its name).

    Raises DataError, with the row's place, for what cannot be read.
    """
    if _begins_with(path, _PARQUET):
        return _parquet(path)
    if not is_csv(path):
        return objects(path)
    return [Row(place, {name: Cell(text) for name, text in value.items()}) for place, value in table(path, ())]


def is_csv(path: Path) -> bool:
    """Whether the name says so: `.csv` in any letter case, packed or not."""
    return ".csv" in (suffix.lower() for suffix in path.suffixes)


def hold_columns(found: Sequence[Row], columns: Sequence[str], what: str) -> None:
    """Raises DataError, with the place, for the first row that lacks one of these columns: another format's, mostly."""
    for place, value in found:
        if absent := [column for column in columns if column not in value]:
            raise DataError(f"{place}: {what} needs {', '.join(absent)}; found {', '.join(value) or 'none'}")


def _begins_with(path: Path, mark: bytes) -> bool:
    """False also where the file cannot be opened: the reader of its text says why."""
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False


def _parquet(path: Path) -> list[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        values: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {next(iter(str(error).splitlines()), '')}") from None
    return [Row(f"{path}: row {number}", value) for number, value in enumerate(values, 1)]


def table(path: Path, columns: Sequence[str]) -> list[Row]:
    """Each row of a CSV file with a header: text by column.

    Raises DataError where one of `columns` is missing, a name heads two columns, or a row is longer or shorter than the
    header.
    """
    found = []
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # 131,072 characters by default; conversations are longer
    with _text(path, lambda: str(path), newline="") as file:  # line ends inside a cell are the cell's own
        reader = csv.DictReader(file, strict=True)
        try:
            header = list(reader.fieldnames or ())
            if absent := [name for name in columns if name not in header]:
                raise DataError(f"{path}: no column {', '.join(absent)}; its columns are {', '.join(header) or 'none'}")
            if twice := sorted({name for name in header if name and header.count(name) > 1}):
                raise DataError(f"{path}: several columns are named {', '.join(twice)}; keep one of each")
            for value in reader:
                if None in value or None in value.values():
                    raise DataError(
                        f"{path}:{reader.line_num}: a row whose length differs from the header's {len(header)}"
                    )
                found.append(Row(f"{path}:{reader.line_num}", value))
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: not CSV: {error}") from None
    return found


@contextmanager
def _text(path: Path, place: Callable[[], str], newline: str | None = None) -> Iterator[TextIO]:
    """The file as text; what goes wrong while it is read, as a DataError that names `place()`."""
    try:
        with path.open("rb") as file:
            # By content, not by name: downloads lose and gain `.gz` on the way.
            begins = file.read(len(_ZSTD))
        with _opened(path, begins, newline) as text:
            yield text
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; is the path right, relative to the working directory?") from None
    except IsADirectoryError:
        raise DataError(f"{path}: cannot be read: it is a directory; give a file in it") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{place()}: not UTF-8 text: {error}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{place()}: cannot be read: {error}; is the file whole?") from None


def _opened(path: Path, begins: bytes, newline: str | None) -> TextIO:
    if begins.startswith(_GZIP):
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline=newline)
    if begins == _ZSTD:
        import pyarrow

        stream = io.BufferedReader(pyarrow.input_stream(path, compression="zstd"))
        return io.TextIOWrapper(stream, encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)


def _json(text: str, place: str, wanted: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        at = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{place}: not JSON: {error.msg.removesuffix(' at')} at {at}; {wanted}") from None
    except ValueError as error:  # a whole number of thousands of digits
        raise DataError(f"{place}: not JSON: {error}") from None
    except RecursionError:
        raise DataError(f"{place}: JSON nested too deep to read") from None
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{place}: contains half a character (a lone \\ud8xx escape), which cannot be written to a text file"
            ) from None
    return value


def _keys(value: dict[str, Any]) -> str:
    return ", ".join(f"`{key}`" for key in value) or "no fields"
