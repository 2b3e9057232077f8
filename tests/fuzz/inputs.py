"""Inputs: well-formed ones that are damaged in places, in their bytes or in the values that they hold."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

OTHERS: tuple[Any, ...] = (
    *(None, True, 0, 3, -1, 1.5, 1e308, float("inf"), float("nan"), 10**30, 10**400, "", "3", "1e999", "nan"),
    *("a\nb\x1b[31m", "\0", "\u202e", "=1+1", "../../x", "\ud800", "x" * 5000, [], ["a"], [[]], {}, {"a": 1}),
    *([{"role": ["a"]}], [None], {"": None}, json.loads("[" * 80 + "]" * 80)),
)
"""What stands in a value's place."""
BYTES = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"{",
    b"[",
    b'"',
    b"\\",
    b"\n",
    b"\r",
    b",",
    b":",
    b"*a",
    b"&a ",
    b"\x1f\x8b",
)


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within a value."""
    if before:
        yield before
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from places(one, (*before, key))


@st.composite
def damaged(draw: st.DrawFn, examples: Sequence[bytes]) -> bytes:
    """One of the examples with up to four damages, or bytes that are nothing."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    content = draw(st.sampled_from(examples))
    for _ in range(draw(st.integers(0, 2))):
        content = draw(with_another_value(content))
    for _ in range(draw(st.integers(0, 2))):
        content = draw(with_other_bytes(content))
    return content


@st.composite
def with_another_value(draw: st.DrawFn, content: bytes) -> bytes:
    """JSON, or one line of JSON lines, with another value, without one, or with a name twice."""
    lines = content.split(b"\n")
    number = draw(st.integers(0, len(lines) - 1))
    line = lines[number] if draw(st.booleans()) else content
    try:
        whole = json.loads(line)
    except (ValueError, RecursionError):
        return content
    found = list(places(whole))
    if not found:
        return content
    *way, last = draw(st.sampled_from(found))
    inner = whole
    for key in way:
        inner = inner[key]
    match draw(st.integers(0, 4)):
        case 0:
            del inner[last]
        case 1 if isinstance(inner, list):
            inner.append(inner[last])
        case _:
            inner[last] = draw(st.sampled_from(OTHERS))
    written = json.dumps(whole).encode()
    if line is content:
        return written
    lines[number] = written
    return b"\n".join(lines)


@st.composite
def with_other_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """A part taken out, said again, or something put in."""
    start = draw(st.integers(0, len(content)))
    end = min(len(content), start + draw(st.integers(0, 30)))
    match draw(st.integers(0, 4)):
        case 0:
            return content[:start]
        case 1:
            return content[:start] + content[end:]
        case 2:
            return content[:end] + content[start:end] * draw(st.sampled_from((1, 2, 400))) + content[end:]
        case 3:
            return content[:start] + draw(st.sampled_from(BYTES)) + content[end:]
    return content[:start] + draw(st.binary(max_size=8)) + content[end:]
