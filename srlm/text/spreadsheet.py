"""CSV files for people's spreadsheets: no cell is a formula, whoever wrote the words in it.

A cell that a spreadsheet could take for a formula gets an apostrophe in front, which spreadsheets know as the sign of
text (OWASP, "CSV Injection"). What is a number stays one. `words` is the inverse of `cell`: names come back as they
were, also those that begin with an apostrophe.
"""

import re
from collections.abc import Iterable, Sequence

_FORMULA = re.compile(r"'*(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
"""How a formula begins: with its sign, also a wide one, behind blanks, or behind what a spreadsheet drops."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def cell(value: object) -> str:
    """A value as the text of a cell; None is an empty one, a float has all its digits."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
    return f"'{text}" if _is_formula(text) else text


def words(text: str) -> str:
    """What `cell` made a cell of."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text.lstrip("'")) is None


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A file with a header; lines end in `\\n`."""
    return "".join(f"{','.join(_quoted(cell(value)) for value in row)}\n" for row in (header, *rows))


def _quoted(text: str) -> str:
    """Python's csv leaves a carriage return bare, where lines end in `\\n`; readers then end the line there."""
    return '"' + text.replace('"', '""') + '"' if re.search('[",\r\n]', text) else text
