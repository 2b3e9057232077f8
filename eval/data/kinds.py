"""Labelled prompts and lists of categories that people bring."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm.bounded.files import read_text
from srlm.data.lines import is_csv, objects, table
from srlm.errors import DataError
from srlm.records import Prompt
from srlm.text.counts import counted

from ..records import Labels
from .labels import unit_name

WHOLE = re.compile(r"[0-9]{1,3}(\.0)?")
"""As text; pandas writes 3.0 where another row of the column is empty."""
COLUMNS = ("instruction", "category", "complexity", "length")


class KindsFile(NamedTuple):
    """Labels of the prompts that a file knows."""

    labels: Mapping[str, Labels]
    """By prompt id."""
    unused: int
    """Rows of prompts that are not among these."""


def read_kinds(path: Path, prompts: Sequence[Prompt]) -> KindsFile:
    """The labels that a file of JSON lines, a JSON list or CSV holds of these prompts.

    A row has `instruction` and one or more of `category`, `complexity` (1 to 10) and `length`. Raises DataError, with
    the row, where a label is none, or a prompt is labelled twice and differently.
    """
    rows = table(path, ()) if is_csv(path) else objects(path)
    if not rows:
        raise DataError(f"{path}: holds no labels; expected rows with {', '.join(COLUMNS)}")
    named: dict[str, list[str]] = {}
    for prompt in prompts:  # two may differ in the white space at their ends alone
        named.setdefault(unit_name(prompt.transcript), []).append(prompt.id)
    found: dict[str, Labels] = {}
    unused = 0
    for place, value in rows:
        text = value.get("instruction")
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{place}: `instruction` is missing or empty")
        labels = Labels(
            category=_text(place, value, "category"),
            complexity=_complexity(place, value),
            length=_text(place, value, "length"),
        )
        ids = named.get(unit_name(text), [])
        unused += not ids
        if any(found.setdefault(id, labels) != labels for id in ids):
            raise DataError(f"{place}: this instruction is labelled twice, and differently; keep one row")
    if not found:
        raise DataError(
            f"{path}: none of its {counted(len(rows), 'rows')} is one of the "
            f"{counted(len(prompts), 'prompts')} that were judged"
        )
    return KindsFile(found, unused)


def _text(place: str, value: Mapping[str, Any], column: str) -> str | None:
    said = value.get(column)
    if said is None or (isinstance(said, str) and not said.strip()):
        return None
    if not isinstance(said, str):
        raise DataError(f"{place}: `{column}` must be text, found {said!r:.40}")
    return " ".join(said.split())


def _complexity(place: str, value: Mapping[str, Any]) -> int | None:
    said = value.get("complexity")
    if said is None or said == "":
        return None
    number = said.strip() if isinstance(said, str) else said
    if isinstance(number, str) and WHOLE.fullmatch(number):
        number = int(number.partition(".")[0])
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 10:
        raise DataError(f"{place}: `complexity` must be a whole number of 1 to 10, found {said!r:.40}")
    return number


def read_names(path: Path) -> tuple[str, ...]:
    """The names in a text file, one a line; empty lines and lines that begin with # are left out."""
    try:
        text = read_text(path, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a list of categories: {error}") from None
    lines = (" ".join(line.split()) for line in text.splitlines())
    names = tuple(line for line in lines if line and not line.startswith("#"))
    if len(names) < 2:
        raise DataError(f"{path}: holds {counted(len(names), 'categories')}; write two or more, one a line")
    return names
