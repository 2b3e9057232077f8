"""JSON lines that people bring (trees, rankings, prompts): plain or gz, with file and line in every message."""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from srlm.errors import DataError
from srlm.records import Prompt

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_GZIP = b"\x1f\x8b"


class Row(NamedTuple):
    """One JSON object of a file."""

    place: str
    """`path:line`, for messages."""
    value: dict[str, Any]


def instructions(path: str, source: str | None = None) -> list[Prompt]:
    """The prompts of a file of JSON lines with `instruction`, in the file's order, each text once, to the letter.

    A row's `dataset` becomes the prompt's category. `source` None: `alpaca_eval` for rows with a `dataset`, as
    AlpacaEval's own have, else `file`. Raises DataError with file and line.
    """
    file = locate(path)
    prompts: dict[str, Prompt] = {}
    for place, value in rows(file):
        text, dataset = value.get("instruction"), value.get("dataset")
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{place}: a prompt is a row with a non-empty text `instruction`; here are {_keys(value)}")
        category = dataset if isinstance(dataset, str) else None
        prompt = Prompt.of(text, source or ("alpaca_eval" if category else "file"), category)
        prompts.setdefault(prompt.id, prompt)
    if not prompts:
        raise DataError(f"{file}: holds no prompts; expected JSON lines with `instruction`")
    return list(prompts.values())


def locate(path: str) -> Path:
    """The file a setting names, each `${NAME}` taken from the environment. Raises DataError where one is not set."""

    def value(found: re.Match[str]) -> str:
        text = os.environ.get(found[1], "")
        if not text:
            raise DataError(f"{path}: the environment variable {found[1]} is not set; set it or write the path in full")
        return text

    return Path(_VARIABLE.sub(value, path))


def rows(path: Path) -> Iterator[Row]:
    """Each JSON object of a file of JSON lines, plain or gz; empty lines are passed over.

    Raises DataError, with the line, where the file is missing, cannot be read or holds anything else.
    """
    number = 0
    try:
        with path.open("rb") as file:
            # By content, not by name: downloads lose and gain `.gz` on the way.
            zipped = file.read(2) == _GZIP
        with gzip.open(path, "rt", encoding="utf-8") if zipped else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield Row(f"{path}:{number}", _object(line, f"{path}:{number}"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; is the path right, relative to the working directory?") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number + 1}: not UTF-8 text: {error}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}:{number + 1}: cannot be read: {error}; is the file whole?") from None


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{place}: not JSON: {error.msg} at column {error.colno}; each line must be one object"
        ) from None
    except RecursionError:
        raise DataError(f"{place}: JSON nested too deep to read") from None
    if "\\ud" in line.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{place}: holds half a character (a lone \\ud8xx escape), which no text file can"
            ) from None
    if not isinstance(value, dict):
        raise DataError(f"{place}: a JSON {type(value).__name__}, not an object; each line must be one object")
    return value


def _keys(value: dict[str, Any]) -> str:
    return ", ".join(f"`{key}`" for key in value) or "no fields"
