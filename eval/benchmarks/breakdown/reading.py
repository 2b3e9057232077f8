"""What a judge's words say of a prompt, and which categories it found. A value is read or refused, never guessed.

    Category: Coding
    Complexity: 3
    Length: 1 paragraph

A label has a line of its own, in any order, with or without marks of Markdown or JSON around it. A category or a length
counts only if it is one that was offered: case, spaces and the kind of dash do not matter, all else does.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from srlm.text.counts import counted

from ...records import Labels, Unlabelled

LENGTHS = ("a few words", "1-3 sentences", "1 paragraph", "2-4 paragraphs", "1 page", "more than 1 page")
"""Expected lengths of an answer. The paper's `1-3 sentences` and `1 paragraph` are known; its others are not."""
SCALE = range(1, 11)
"""Complexity."""
LONGEST_NAME = 80
"""Letters of a category's name."""

_LABEL = re.compile(r"^[\W_]*(category|complexity|length)[\s*_\"'`]*[:\uff1a](.*)$", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"(\d{1,3})(?:\s*(?:/|out of)\s*10)?", re.IGNORECASE)
_LISTED = re.compile(r"^\s*(?:\*\*(?=\(?\d))?(?:[-*\u2022+]|\(?(\d{1,3})[.):])\s+(\S.*)$")
_BOLD = re.compile(r"(\*\*|__)(?P<name>.+?)(?::\1|\1\s*:|\1\s+[\u2013\u2014-]\s)")
"""A name that its marks set apart from a description behind it."""
_AROUND = " \t\r*_`\"'.,;"
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


class ReadLabels(NamedTuple):
    """The labels of a prompt, and why one is missing."""

    labels: Labels
    unread: dict[str, Unlabelled]


class ReadCategories(NamedTuple):
    """Names, or why there are none."""

    names: tuple[str, ...]
    unread: str | None


def plain_name(name: str) -> str:
    """What two ways of writing a name have in common."""
    text = unicodedata.normalize("NFKC", name).translate(_DASHES).strip(_AROUND)
    return re.sub(r"\s*([-/&,])\s*", r"\1", " ".join(text.split())).casefold()


def read_labels(text: str, categories: Sequence[str] | None) -> ReadLabels:
    """The three labels in a judge's words; `categories` None: it was not asked for one."""
    said: dict[str, set[str]] = {}
    for name, value in _LABEL.findall(text):
        said.setdefault(name.lower(), set()).add(plain_name(value))
    found: dict[str, str | int] = {}
    unread: dict[str, Unlabelled] = {}
    offered = {"category": categories, "length": LENGTHS}
    for name in Labels.model_fields:
        if name == "category" and categories is None:
            continue
        values = said.get(name, set())
        if len(values) != 1:
            unread[name] = "several values" if values else "no such line"
            continue
        (value,) = values
        if name == "complexity":
            number = _NUMBER.fullmatch(value)
            if number is None or int(number[1]) not in SCALE:
                unread[name] = "not on the scale"
            else:
                found[name] = int(number[1])
            continue
        known = {plain_name(one): one for one in offered[name] or ()}
        if value in known:
            found[name] = known[value]
        else:
            unread[name] = "not in the list"
    return ReadLabels(Labels.model_validate(found), unread)


def read_categories(text: str, most: int) -> ReadCategories:
    """The names of a numbered or dashed list of at most `most`, each once."""
    listed = [found for line in text.splitlines() if (found := _LISTED.match(line))]
    marked = [bold["name"] if (bold := _BOLD.match(one[2])) else one[2] for one in listed]
    names = [" ".join(name.strip(_AROUND).split()) for name in marked]
    numbers = [int(one[1]) for one in listed if one[1]]
    if len(names) < 2:
        return ReadCategories((), f"it holds {counted(len(names), 'list items')}")
    if len(names) > most:
        return ReadCategories((), f"it lists {len(names)} names, and {most} were wanted")
    if numbers and numbers != list(range(1, len(names) + 1)):
        return ReadCategories((), "its items are not numbered 1, 2, 3, ...")
    fault = unusable(names)
    return ReadCategories((), fault) if fault else ReadCategories(tuple(names), None)


def unusable(names: Sequence[str]) -> str | None:
    """Why prompts cannot be sorted by these names; None: they can."""
    plain = [plain_name(name) for name in names]
    if not all(plain):
        return "a name is empty"
    if long := next((name for name in names if len(name) > LONGEST_NAME), None):
        return f"a name has {counted(len(long), 'letters')}, over {LONGEST_NAME}"
    if len(set(plain)) < len(plain):
        twice = next(name for place, name in enumerate(names) if plain[place] in plain[:place])
        return f"{twice!r} stands in it twice"
    return None
