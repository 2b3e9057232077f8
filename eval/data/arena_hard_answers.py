"""The style of answers as arena-hard-auto keeps it beside them (model_answer/MODEL.jsonl, `metadata`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from srlm.data.lines import Row, every_row
from srlm.data.published_rankings import fits
from srlm.errors import DataError


class Style(NamedTuple):
    """An answer's length and markdown."""

    tokens: float
    headers: float
    lists: float
    bold: float


FIELDS = ("token_len", "header_count", "list_count", "bold_count")

Styles = Mapping[tuple[str, str], Style]
"""Of a model (the last part of its path) and a prompt's id the style of its answer."""


def read(folder: Path) -> Styles:
    """Every answer of every `*.jsonl` in a folder. Raises DataError, with file and line, where one has no style."""
    files = sorted(folder.glob("*.jsonl*"))
    if not files:
        raise DataError(f"{folder}: no *.jsonl with answers; give arena-hard's model_answer folder")
    found = {}
    for file in files:
        for row in every_row(file):
            uid, model = row.value.get("uid", row.value.get("question_id")), row.value.get("model")
            if not isinstance(uid, str) or not isinstance(model, str):
                raise DataError(f"{row.place}: an answer needs `uid` and `model`; found {', '.join(row.value)}")
            found[named(model), uid] = _style(row)
    return found


def named(model: str) -> str:
    """A model's name without the folders before it, as arena-hard-auto compares names."""
    return model.rpartition("/")[2]


def _style(row: Row) -> Style:
    """Counts are numbers, or numbers by kind (`h1`, `ordered`, ...) that are added up."""
    metadata, values = row.value.get("metadata"), []
    for name in FIELDS:
        count = metadata.get(name) if isinstance(metadata, dict) else None
        parts = list(count.values()) if isinstance(count, dict) else [count]
        numbers = [float(part) for part in parts if isinstance(part, int | float) and part >= 0 and fits(part)]
        if len(numbers) < len(parts):
            raise DataError(
                f"{row.place}: `metadata` needs {', '.join(FIELDS)}; make them with arena-hard's add_markdown_info.py"
            )
        values.append(sum(numbers))
    return Style(*values)
