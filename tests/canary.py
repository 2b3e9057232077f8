"""Whether a key is in what was written or printed, in any spelling: told by other means than those that hide it."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from tests.hostile_server import SPELLINGS

_VALUE = re.compile(r'\\*"(\w+)\\*": ?\\*"((?:[^"\\]|\\.)*?)\\*"')
_LIST = re.compile(r"\[[\d, \n]+\]")


def found_in(text: str, key: str) -> list[str]:
    """The spellings of a key that a text holds."""
    found = [name for name, spell in SPELLINGS.items() if spell(key).casefold() in text.casefold()]
    squeezed = _squeezed(key)
    if squeezed in _squeezed(text) or squeezed in _squeezed(unquote(text)):
        found.append("squeezed")
    columns: dict[str, str] = {}
    for name, value in _VALUE.findall(text):
        columns[name] = columns.get(name, "") + value
        columns[""] = columns.get("", "") + value
    found += [f"all of {name}" for name, value in columns.items() if squeezed in _squeezed(value)]
    codes = [[int(code) for code in re.findall(r"\d+", one)] for one in _LIST.findall(text)]
    spelt = "".join(chr(code) for one in codes for code in one if code < 128)
    return [*found, "codes"] if squeezed in _squeezed(spelt) else found


def _squeezed(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def texts_below(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, content) of every file, and of every cell of SQLite's."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        yield path.name, path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".sqlite":
            with closing(sqlite3.connect(path)) as store:
                for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    for row in store.execute(f"SELECT * FROM {table}"):
                        for cell in row:
                            yield f"{path.name}, {table}", str(cell)
