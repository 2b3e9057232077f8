"""One damage to one file: what a disk, an editor, a copy of the wrong file or a stranger may do to it.

`DAMAGES` names them all. Each takes the file, a source of random numbers, and a folder outside the run, and returns
False where it cannot be done to this file (a digit changed where there is none) or would leave it as it was.
"""

import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Damage = Callable[[Path, random.Random, Path], bool]

DEEP = 100_000
"""Levels of nesting that no reader of JSON follows."""


def _of_bytes(change: Callable[[bytes, random.Random], bytes | None]) -> Damage:
    def damage(path: Path, draw: random.Random, outside: Path) -> bool:
        before = path.read_bytes()
        after = change(before, draw)
        if after is None or after == before:
            return False
        path.write_bytes(after)
        return True

    return damage


def _emptied(content: bytes, draw: random.Random) -> bytes:
    return b""


def _cut_at_a_byte(content: bytes, draw: random.Random) -> bytes | None:
    return content[: draw.randrange(1, len(content))] if len(content) > 1 else None


def _bit_flipped(content: bytes, draw: random.Random) -> bytes | None:
    if not content:
        return None
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]


def _zeros_at_the_end(content: bytes, draw: random.Random) -> bytes:
    return content + bytes(draw.choice([1, 16, 512]))


def _zeros_within(content: bytes, draw: random.Random) -> bytes | None:
    """A block that was never written, as some file systems leave it after a loss of power."""
    start = draw.randrange(max(1, len(content)))
    return content[:start] + bytes(len(content[start : start + 512])) + content[start + 512 :]


def _invalid_utf8(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + b"\xff\xfe" + content[place:]


def _bom(content: bytes, draw: random.Random) -> bytes:
    return b"\xef\xbb\xbf" + content


def _crlf(content: bytes, draw: random.Random) -> bytes:
    return content.replace(b"\n", b"\r\n")


def _digit_changed(content: bytes, draw: random.Random) -> bytes | None:
    places = [found.start() for found in re.finditer(rb"\d", content)]
    if not places:
        return None
    place = draw.choice(places)
    other = draw.choice([digit for digit in b"0123456789" if digit != content[place]])
    return content[:place] + bytes([other]) + content[place + 1 :]


def _text_changed(content: bytes, draw: random.Random) -> bytes | None:
    """A letter inside a string, or where there are no strings, anywhere."""
    strings = [found.span(1) for found in re.finditer(rb'"((?:[^"\\]|\\.)*)"', content)] or [(0, len(content))]
    letters = [place for start, end in strings for place in range(start, end) if chr(content[place]).isalpha()]
    if not letters:
        return None
    place = draw.choice(letters)
    return content[:place] + (b"q" if content[place : place + 1] != b"q" else b"z") + content[place + 1 :]


def _of_lines(change: Callable[[list[bytes], random.Random], list[bytes] | None]) -> Damage:
    def of_content(content: bytes, draw: random.Random) -> bytes | None:
        changed = change(content.splitlines(keepends=True), draw)
        return None if changed is None else b"".join(changed)

    return _of_bytes(of_content)


def _cut_at_a_line(lines: list[bytes], draw: random.Random) -> list[bytes] | None:
    return lines[: draw.randrange(1, len(lines))] if len(lines) > 1 else None


def _line_lost(lines: list[bytes], draw: random.Random) -> list[bytes] | None:
    place = draw.randrange(max(1, len(lines)))
    return lines[:place] + lines[place + 1 :]


def _line_doubled(lines: list[bytes], draw: random.Random) -> list[bytes] | None:
    place = draw.randrange(max(1, len(lines)))
    return lines[: place + 1] + lines[place:]


def _lines_swapped(lines: list[bytes], draw: random.Random) -> list[bytes] | None:
    if len(lines) < 2:
        return None
    one, other = draw.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def _of_json(change: Callable[[dict[str, Any], str, random.Random], Any]) -> Damage:
    """A change of one object, at one of its keys, anywhere in a JSON document or in one line of JSON lines.

    Where `change` returns text, it stands for the value as it is: what json.dumps would not write.
    """

    def of_content(content: bytes, draw: random.Random) -> bytes | None:
        lines = content.split(b"\n")
        try:
            json.loads(content)
            number, text = None, content
        except ValueError:
            number = draw.randrange(len(lines))
            text = lines[number]
        try:
            document = json.loads(text)
        except ValueError:
            return None
        if not (objects := [one for one in _objects(document) if one]):
            return None
        chosen = draw.choice(objects)
        raw = change(chosen, draw.choice(list(chosen)), draw)
        after = json.dumps(document, indent=None if number is not None else 1, ensure_ascii=False)
        if raw is not None:
            after = after.replace('"RAW"', raw)
        if number is None:
            return after.encode() + b"\n"
        lines[number] = after.encode()
        return b"\n".join(lines)

    return _of_bytes(of_content)


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
    for value in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from _objects(value)


def _field_removed(one: dict[str, Any], key: str, draw: random.Random) -> None:
    del one[key]


def _field_renamed(one: dict[str, Any], key: str, draw: random.Random) -> None:
    one[f"{key}_"] = one.pop(key)


def _field_of_another_type(one: dict[str, Any], key: str, draw: random.Random) -> None:
    one[key] = draw.choice([value for value in (None, "x", [], {"x": 1}, True, -1, 1.5) if value != one[key]])


def _nan(one: dict[str, Any], key: str, draw: random.Random) -> str:
    numbers = [name for name, value in one.items() if isinstance(value, int | float)]
    one[draw.choice(numbers) if numbers else key] = "RAW"
    return draw.choice(["NaN", "Infinity", "1e999", "1" * 5000])


def _deep(one: dict[str, Any], key: str, draw: random.Random) -> str:
    one[key] = "RAW"
    return "[" * DEEP + "]" * DEEP


def _deleted(path: Path, draw: random.Random, outside: Path) -> bool:
    path.unlink()
    return True


def _of_another_step(path: Path, draw: random.Random, outside: Path) -> bool:
    """The file of the same name of another step, or another file of the same ending in the same folder."""
    run = path.parents[len(path.parts) - 1 - path.parts.index("runs") - 2]
    others = [one for one in sorted(run.rglob(path.name)) if one.is_file() and one != path]
    others += [one for one in sorted(path.parent.glob(f"*{path.suffix}")) if one.is_file() and one != path]
    others = [one for one in others if one.read_bytes() != path.read_bytes()]
    if not others:
        return False
    shutil.copyfile(draw.choice(others), path)
    return True


def _a_folder(path: Path, draw: random.Random, outside: Path) -> bool:
    path.unlink()
    path.mkdir()
    return True


def _a_pipe(path: Path, draw: random.Random, outside: Path) -> bool:
    path.unlink()
    os.mkfifo(path)
    return True


def _linked_out(path: Path, draw: random.Random, outside: Path) -> bool:
    """A link to another's file, which is a little different."""
    content = path.read_bytes()
    (outside / path.name).write_bytes(_bit_flipped(content, draw) or b"{}\n")
    path.unlink()
    path.symlink_to(outside / path.name)
    return True


def _folder_linked_out(path: Path, draw: random.Random, outside: Path) -> bool:
    """Its folder is a link to one elsewhere, in which the file is a little different."""
    if path.parent.parent.name == "runs":
        return False  # the run itself may lie elsewhere
    shutil.move(path.parent, outside / path.parent.name)
    moved = outside / path.parent.name / path.name
    moved.write_bytes(_bit_flipped(moved.read_bytes(), draw) or b"{}\n")
    path.parent.symlink_to(moved.parent)
    return True


def _unreadable(path: Path, draw: random.Random, outside: Path) -> bool:
    path.chmod(0)
    return os.geteuid() != 0  # root reads it all the same


DAMAGES: dict[str, Damage] = {
    "emptied": _of_bytes(_emptied),
    "deleted": _deleted,
    "cut at a byte": _of_bytes(_cut_at_a_byte),
    "cut at a line's end": _of_lines(_cut_at_a_line),
    "line lost": _of_lines(_line_lost),
    "line doubled": _of_lines(_line_doubled),
    "lines swapped": _of_lines(_lines_swapped),
    "bit flipped": _of_bytes(_bit_flipped),
    "digit changed": _of_bytes(_digit_changed),
    "text changed": _of_bytes(_text_changed),
    "field removed": _of_json(_field_removed),
    "field renamed": _of_json(_field_renamed),
    "field of another type": _of_json(_field_of_another_type),
    "not a number": _of_json(_nan),
    "deep nesting": _of_json(_deep),
    "another step's file": _of_another_step,
    "zeros at the end": _of_bytes(_zeros_at_the_end),
    "zeros within": _of_bytes(_zeros_within),
    "invalid UTF-8": _of_bytes(_invalid_utf8),
    "byte order mark": _of_bytes(_bom),
    "CRLF": _of_bytes(_crlf),
    "a folder in its place": _a_folder,
    "a pipe in its place": _a_pipe,
    "a link out of the run": _linked_out,
    "its folder a link out of the run": _folder_linked_out,
    "unreadable": _unreadable,
}
