"""Rows that people bring (trees, rankings, prompts, outputs), with the row's place in every message.

Text may be plain, gz or zst (told by the first bytes, not by the name), with or without a byte order mark.
"""

import csv
import errno
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from srlm.bounded import files, json_text
from srlm.bounded.quote import cut
from srlm.data.conversations import Asked, asked, messages
from srlm.data.file_kinds import LOOKED_AT, kind_of, kind_of_line, missing
from srlm.errors import DataError, first_line
from srlm.located import located
from srlm.records import Prompt

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_PARQUET = b"PAR1"
WHOLE = 512 * 2**20
"""Characters of a JSON list that is read at once."""
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What stands between cells in tables that are no CSV."""
COLUMNS, SHOWN = 30, 80
"""Columns that a message names, and characters of each."""
UNPACKED = 64 * 2**20
"""Bytes that any packed file may hold."""
RATIO = 200
"""And how often its own size."""


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
    """The prompts of a file of rows with `instruction`, in the file's order, each text once, to the letter.

    A row with `messages` instead is a conversation of several turns, the user's last one to be answered; one with
    `uid` and `prompt` is a question of Arena-Hard.
    A row's `dataset` becomes the prompt's category. `source` None: `alpaca_eval` for rows with a `dataset`, as
    AlpacaEval's own have, else `file`. Raises DataError with file and line.
    """
    file = locate(path)
    prompts: dict[str, Prompt] = {}
    for place, value in every_row(file):
        dataset = value.get("dataset")
        if "instruction" not in value and "messages" in value:
            said = asked(place, "messages", messages(place, "messages", value["messages"]))
        else:
            said = Asked(value.get("prompt" if _is_arena_hard(value) else "instruction", ""))
        text = said.text
        if not isinstance(text, str) or not text.strip():
            there = f"{value['instruction']!r:.40}" if "instruction" in value else _keys(value)
            raise DataError(f"{place}: a prompt needs a non-empty text `instruction`; found {there}")
        origin = source or ("alpaca_eval" if isinstance(dataset, str) else "file")
        category = value.get("category") if _is_arena_hard(value) else dataset
        prompt = Prompt.of(text, origin, category if isinstance(category, str) else None, said.before)
        prompts.setdefault(prompt.id, prompt)
    if not prompts:
        raise DataError(f"{file}: contains no prompts; expected rows with `instruction`")
    return list(prompts.values())


def _is_arena_hard(value: dict[str, Any]) -> bool:
    return "instruction" not in value and {"uid", "prompt"} <= value.keys()


def locate(path: str) -> Path:
    """The file a setting names, each `${NAME}` taken from the environment, and `~` the user's folder. Raises DataError
    where a variable is not set."""
    found = Path(located(path, path, DataError))
    try:
        return found.expanduser()
    except RuntimeError:  # there is no such user
        return found


def rows(path: Path) -> Iterator[Row]:
    """Each JSON object of a file of JSON lines; empty lines are passed over.

    Raises DataError, with the line, where the file is missing, cannot be read or holds anything else.
    """
    number = 0
    with _text(path, lambda: f"{path}:{number + 1}") as file:
        for number, line in enumerate(files.lines(file, path), 1):
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
        text = file.read(WHOLE + 1)
        if len(text) > WHOLE:
            raise DataError(
                f"{path}: one JSON list of over {WHOLE >> 20} MiB; save it as JSON lines, one object a line"
            )
        values = _json(text, str(path), "the file must be one list of objects")
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
            raise DataError(f"{place}: {what} needs {', '.join(absent)}; found {names_of(value) or 'none'}")


def _begins_with(path: Path, mark: bytes) -> bool:
    """False also where the file cannot be opened: the reader of its text says why."""
    try:
        with files.open_file(path) as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False


def _parquet(path: Path) -> list[Row]:
    from pyarrow import parquet

    values: list[dict[str, Any]] = []
    try:
        room = _Room(path.stat().st_size)
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=16):
                room.hold(batch.nbytes)
                found = batch.to_pylist()
                # A column of one long text and a million numbers of it takes its room here alone.
                room.take(_characters(found))
                values += found
    except files.TooLong as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # of Arrow, of Thrift, of a text that is not UTF-8, of a time that no calendar has
        raise DataError(f"{path}: cannot be read as Parquet: {first_line(error)}") from None
    return [Row(f"{path}: row {number}", value) for number, value in enumerate(values, 1)]


def table(path: Path, columns: Sequence[str]) -> list[Row]:
    """Each row of a CSV file with a header: text by column.

    Raises DataError where one of `columns` is missing, a name heads two columns, or a row is longer or shorter than the
    header.
    """
    found = []
    csv.field_size_limit(files.LINE)  # 131,072 characters by default; conversations are longer
    with _text(path, lambda: str(path), newline="") as file:  # line ends inside a cell are the cell's own
        reader = csv.DictReader(files.lines(file, path), strict=True)
        try:
            header = list(reader.fieldnames or ())
            if len(header) == 1 and (cells := [name for mark, name in SEPARATORS.items() if mark in header[0]]):
                raise DataError(
                    f"{path}: one column, {names_of(header, '`')}: its cells seem to be separated by {cells[0]}; save "
                    "it with commas"
                )
            if absent := [name for name in columns if name not in header]:
                raise DataError(f"{path}: no column {', '.join(absent)}; its columns are {names_of(header) or 'none'}")
            if twice := sorted(name for name, count in Counter(header).items() if name and count > 1):
                raise DataError(f"{path}: several columns are named {names_of(twice)}; keep one of each")
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
    begins = b""
    try:
        with files.open_file(path) as file:
            # By content, not by name: downloads lose and gain `.gz` on the way.
            begins = file.read(LOOKED_AT)
            file.seek(0)
            with _opened(file, path, begins, newline) as text:
                yield text
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {missing(path)}") from None
    except IsADirectoryError:
        raise DataError(f"{path}: cannot be read: it is a directory; give a file in it") from None
    except UnicodeDecodeError as error:
        kind = kind_of(begins) or "save it as UTF-8 (it may be in Latin-1 or Windows-1252)"
        raise DataError(f"{place()}: not UTF-8 text: {error}; {kind}") from None
    except files.TooLong as error:
        raise DataError(f"{place()}: cannot be read: {error.strerror}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{place()}: cannot be read: {error}; is the file whole?") from None


def _opened(file: io.BufferedReader, path: Path, begins: bytes, newline: str | None) -> TextIO:
    packed: Any = None
    if begins.startswith(_GZIP):
        packed = gzip.GzipFile(fileobj=file)
    elif begins.startswith(_ZSTD):
        import pyarrow

        packed = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, "r"), "zstd")
    if packed is not None:
        file = io.BufferedReader(_Unpacked(packed, path.stat().st_size), 2**16)
    return io.TextIOWrapper(file, encoding="utf-8-sig", newline=newline)


def _characters(value: Any) -> int:
    """Characters and bytes of all texts in a value of lists and dicts, and one for any other value."""
    if isinstance(value, str | bytes):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_characters, inner))


class _Room:
    """What a packed file may hold: text is packed to a tenth of its size, a bomb to a thousandth."""

    def __init__(self, packed: int) -> None:
        self._left = max(UNPACKED, RATIO * packed)

    def take(self, size: int) -> None:
        """Raises TooLong where no such size is left."""
        self.hold(size)
        self._left -= size

    def hold(self, size: int) -> None:
        """The same of what is in memory for a moment."""
        if size > self._left:
            raise files.TooLong(
                errno.EFBIG, f"it unpacks to over {RATIO} times its size, as no text does; is it what it should be?"
            )


class _Unpacked(io.RawIOBase):
    """The bytes within a packed file, up to what a packed text can hold."""

    def __init__(self, packed: Any, size: int) -> None:
        super().__init__()
        self._packed, self._room = packed, _Room(size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found: bytes = self._packed.read(len(buffer))
        self._room.take(len(found))
        buffer[: len(found)] = found
        return len(found)


def _json(text: str, place: str, wanted: str) -> Any:
    try:
        return json_text.decode(text)
    except json_text.NotJson as error:
        raise DataError(f"{place}: {error}; {kind_of_line(text) or wanted}") from None


def _keys(value: dict[str, Any]) -> str:
    return names_of(value, "`") or "no fields"


def names_of(columns: Iterable[str], mark: str = "") -> str:
    """The names of columns as messages list them, each between marks; of many, or of long ones, some."""
    there = [f"{mark}{cut(name, SHOWN)}{mark}" for name in columns]
    return ", ".join(there[:COLUMNS]) + (f" and {len(there) - COLUMNS} more" if len(there) > COLUMNS else "")
