"""YAML that somebody else wrote: decoded, or refused with the line.

YAML 1.2's plain values: `1e-6` is a number, `off` and `2024-11-05` are words; a key twice is an error. YAML 1.1, which
PyYAML reads by default, takes the first for a word and the second for False, and of two sections with one name silently
keeps the last.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from srlm.bounded.quote import quoted

SIZE = 256 * 2**10
"""Bytes of a YAML file; run files have a few thousand."""
DEPTH = 50
"""Lists and mappings within each other."""
VALUES = 20_000
"""Values that a file may stand for, each alias counted with all that it repeats: ten lines of aliases may stand for
more than any memory holds."""


class NotYaml(ValueError):
    """Text that is not YAML, or not of a kind that is read; the message is a short phrase."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.line = line
        """Counted from 1. None: not known."""


def decode(text: str) -> Any:
    """The value of the one YAML document in a text. Raises NotYaml."""
    try:
        _hold_bounds(text)
        return yaml.load(text, _Yaml)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise NotYaml(f"not YAML: {said}", mark.line + 1 if mark else None) from None
    except NotYaml:
        raise
    except ValueError:
        raise NotYaml("not YAML: a whole number of thousands of digits") from None


def empty_names(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """The names of what a text has nothing behind, not even `null`, outermost first, each with its line.

    Of a text that `decode` takes. Mappings in lists are not looked into.
    """

    def within(node: yaml.Node | None, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield from within(value, (*names, str(key.value)))
        elif isinstance(node, yaml.ScalarNode) and node.value == "" and node.style is None:
            yield names, node.start_mark.line + 1

    yield from within(yaml.compose(text, _Yaml), ())


def _hold_bounds(text: str) -> None:
    """Raises NotYaml, before anything is built, for what would take too deep, too large or too strange a value."""
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []  # anchor of each collection, and the values before it
    values = 0
    for event in yaml.parse(text, _Yaml):
        line = event.start_mark.line + 1 if event.start_mark else None
        tag, anchor = getattr(event, "tag", None), getattr(event, "anchor", None)
        if tag is not None:
            raise NotYaml(f"not YAML without tags: {quoted(tag)}; write the value without it", line)
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == around for around, _ in open_):
                raise NotYaml(f"the alias *{anchor} stands within what it repeats", line)
            values += sizes.get(event.anchor or "", 0)  # one that is not known is the library's to refuse
        elif isinstance(event, yaml.ScalarEvent):
            values += 1
            if anchor is not None:
                sizes[anchor] = 1
            if "\0" in event.value or any("\ud800" <= letter <= "\udfff" for letter in event.value):
                raise NotYaml("a NUL, or half a character (a lone \\ud8xx escape), in a text", line)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((anchor, values))
            values += 1
            if len(open_) > DEPTH:
                raise NotYaml(f"lists and mappings more than {DEPTH} deep", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = open_.pop()
            if name is not None:
                sizes[name] = values - before
        if values > VALUES:
            raise NotYaml(f"more than {VALUES:,} values, those that aliases (*name) repeat counted", line)


class _Yaml(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's way: one table a class)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):  # a list or a mapping as a key: refused by what is called below
                continue
            if key.tag != "tag:yaml.org,2002:merge" and key.value in seen:
                said = f"duplicate key {quoted(key.value)[1:-1]}"
                raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


for _kind, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9][0-9_]*\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?[0-9]+[eE][-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Yaml.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})\\Z"), list(_first))
