"""The fields of JSON in a judge's words that name a verdict. Text in, fields out.

An object may stand alone, in a fence or among words. A key that stands twice in one object, and an object that names a
verdict and cannot be parsed, leave the whole unread. What lies below a criterion (`{"clarity": {"winner": "A"}}`) is
no verdict on the whole.
"""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

KEYS = frozenset(
    f"{first}{last}"
    for first in ("", "final_", "overall_", "my_")
    for last in (
        *("verdict", "winner", "better", "best", "preferred", "preference", "choice", "chosen", "decision", "answer"),
        *("judgment", "judgement", "result", "vote", "pick", "selected", "selection", "output", "conclusion", "label"),
        *(
            f"{kind}_{noun}"
            for kind in ("better", "best", "preferred", "winning", "chosen", "selected", "superior")
            for noun in ("answer", "response", "assistant", "output", "model", "option", "completion", "candidate")
        ),
    )
)
"""Names of a field that holds a verdict, in small letters with underscores."""
AROUND = frozenset(
    (
        *("result", "results", "evaluation", "judgment", "judgement", "verdict", "output", "response", "final"),
        *("decision", "comparison", "answer", "overall", "data", "assessment", "conclusion"),
    )
)
"""Names of a field around the whole."""
TRIES = 50
"""Braces that are looked at."""
LONGEST = 5000
"""Characters of an object that is not JSON."""
_NAMES_ONE = re.compile(
    rf"""["']?\b(?:{"|".join(sorted(KEYS, key=len, reverse=True))})["']?\s{{0,3}}:""", re.IGNORECASE
)
_SHOWN = re.compile(
    r"\b(?:use\s(?:this|the)[^.\n{]{0,30}|example[^.\n{]{0,20}"
    r"|(?:answer|response|assistant|output)\s\S{1,4}\s(?:contains?|says?|writes?|wrote|ends?|reads|includes?)\b[^.\n{]{0,20})\s*$",
    re.IGNORECASE,
)
"""Words before an object that is somebody else's, or an example."""
_FENCE = re.compile(r"```[a-zA-Z]{0,10}")


class Found(NamedTuple):
    """What the JSON in a text says."""

    rest: str
    """The text without it."""
    values: list[str | None]
    """Of each field that names a verdict; None: no text, or below a criterion."""
    words: list[str]
    """Its other texts of more than one word: reasons."""
    broken: bool
    """Whether an object that names a verdict cannot be parsed, or one has a key twice."""


class _Object(list[tuple[str, Any]]):
    """The pairs of an object, in order; a dict would hide that a key stands twice."""


def find(text: str) -> Found:
    """The fields that name a verdict, and the text around the objects."""
    values: list[str | None] = []
    words: list[str] = []
    kept: list[str] = []
    place = tries = 0
    while (start := text.find("{", place)) >= 0 and tries < TRIES:
        tries += 1
        read = _object(text, start)
        if read is None:
            flat = text[start : min(_end_of(text, start), start + LONGEST)]
            if _NAMES_ONE.search(flat):
                return Found(text, values, words, broken=True)
            kept.append(text[place : start + 1])
            place = start + 1
            continue
        value, end = read
        kept.append(text[place:start])
        place = end
        if _SHOWN.search(text[max(0, start - 80) : start]):
            continue
        if _twice(value):
            return Found(text, values, words, broken=True)
        for path, name, field in _fields(value, ()):
            if name in KEYS and not isinstance(field, _Object | list):
                below = any(part not in AROUND for part in path)
                values.append(None if below or not isinstance(field, str) else field)
            elif isinstance(field, str) and (len(field.split()) > 1 or "[[" in field):
                words.append(field)
    kept.append(text[place:])
    rest = "".join(kept)
    return Found(_FENCE.sub("", rest) if values else rest, values, words, broken=False)


def _object(text: str, start: int) -> tuple[Any, int] | None:
    """The object that begins at `start` and where it ends: JSON, or a flat one as Python writes it."""
    try:
        return json.JSONDecoder(object_pairs_hook=_Object).raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    end = _end_of(text, start)
    if text[end - 1 : end] != "}" or end - start > LONGEST:
        return None
    try:
        parsed = ast.parse(text[start:end].strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(parsed, ast.Dict):
        return None
    pairs = _Object()
    for key, value in zip(parsed.keys, parsed.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else key.id if isinstance(key, ast.Name) else None
        held = value.value if isinstance(value, ast.Constant) else value.id if isinstance(value, ast.Name) else None
        if not isinstance(name, str):
            return None
        pairs.append((name, held))
    return pairs, end


def _end_of(text: str, start: int) -> int:
    """Behind the brace that closes a flat object; the end of the text where none does."""
    found = text.find("}", start)
    return len(text) if found < 0 else found + 1


def _name(key: str) -> str:
    return re.sub(r"[\s-]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key.strip()).lower())


def _fields(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Every field below a value: the names above it, its own, and what it holds."""
    waiting: list[tuple[tuple[str, ...], Any]] = [(path, value)]
    while waiting:
        above, held = waiting.pop()
        if isinstance(held, _Object):
            for key, inner in held:
                yield above, _name(key), inner
                waiting.append(((*above, _name(key)), inner))
        elif isinstance(held, list):
            waiting += [((*above, "[]"), inner) for inner in held]


def _twice(value: Any) -> bool:
    """Whether an object at any depth has a key twice."""
    objects = [value, *(held for _, _, held in _fields(value, ()))]
    names = [[_name(key) for key, _ in held] for held in objects if isinstance(held, _Object)]
    return any(len(set(own)) < len(own) for own in names)
