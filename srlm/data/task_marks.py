"""The mark of a numbered task, `Task 9:`, as models write it back in any language."""

import re
from importlib import resources

_FILE = resources.files("srlm.data").joinpath("templates/task_words.txt")
WORDS = tuple(_FILE.read_text(encoding="utf-8").splitlines())
"""`task` in other languages: asked for `Task 9:`, a model that goes on in another language may translate the mark."""
_SPACE, _STOP = "[ \\t\u00a0\u3000*_]*", "\uff1a\uff0e\uff09\u3001"
MARK = re.compile(
    rf"^[ \t>#*_-]*(?:{'|'.join(WORDS)})[ \t\u00a0]*#?(\d{{1,6}}){_SPACE}[:.){_STOP}]{_SPACE}",
    re.IGNORECASE | re.MULTILINE,
)
"""At the start of a line; its group is the number, in the digits of any script."""
NUMBERING = re.compile(rf"^\s*(?:(?:\d{{1,6}}[.):]|[-*\u2022\u30fb])\s+|\d{{1,6}}[{_STOP}]\s*)")
"""What a list puts before its item. A full-width mark needs no space behind it."""
INVISIBLE = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u061c\ufeff"
"""Directions and spaces without width, which models put around right-to-left text."""
QUOTES = {'"': '"', "\u201c": "\u201d", "\u201e": "\u201c", "\u00ab": "\u00bb", "\u300c": "\u300d"}
"""Opening -> closing sign of a task that is quoted as a whole."""
