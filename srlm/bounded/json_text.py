"""JSON that somebody else wrote: decoded, or refused in a few words."""

import json
from typing import Any

from srlm.bounded.quote import quoted

DEPTH = 100
"""Brackets within brackets. Whatever walks through a value later does so by recursion, which ends at some hundreds."""


class NotJson(ValueError):
    """Text that is not JSON, or not of a kind that is read; the message is a short phrase."""


def decode(text: str | bytes, strict: bool = True) -> Any:
    """The value of a JSON document in UTF-8, with or without a byte order mark. Raises NotJson.

    Refused besides what is not JSON: a name that stands twice in an object (the last would win in silence), half a
    character (a lone `\\ud800`, which no file can hold), brackets over 100 deep, a whole number of thousands of digits.
    Not `strict`: a text may hold control characters, and half a character, which the caller then has to look for.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise NotJson(f"not JSON: not UTF-8 text: {error}") from None
    try:
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_object, strict=strict)
    except json.JSONDecodeError as error:
        at = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno}, column {error.colno}"
        raise NotJson(f"not JSON: {error.msg.removesuffix(' at')} at {at}") from None
    except NotJson:
        raise
    except ValueError:
        raise NotJson("not JSON: a whole number of thousands of digits") from None
    except RecursionError:
        raise NotJson("JSON nested too deep to read") from None
    # Text with few brackets is not deep, and is not walked through.
    if text.count("[") + text.count("{") > DEPTH and deeper(value, DEPTH):
        raise NotJson("JSON nested too deep to read")
    if strict and "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise NotJson(
                "contains half a character (a lone \\ud8xx escape), which cannot be written to a text file"
            ) from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise NotJson(f"the name {quoted(twice)} stands twice in one object; keep one")
    return found


def deeper(value: Any, depth: int) -> bool:
    """Whether lists and objects lie within each other to more than `depth`."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for one in level
            if isinstance(one, list | dict)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, list | dict)
        ]
        if not level:
            return False
    return True
