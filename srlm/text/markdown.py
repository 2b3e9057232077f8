"""Markdown of words that anybody may have written: no reader takes them for more than words.

No emphasis, code, heading, list or HTML; no link, also none that GitHub makes of a bare address; no picture, which is
fetched by whoever looks; no formula, mention or emoji code; and no cell that ends before its end.
"""

import re
from collections.abc import Iterable, Sequence

from srlm.printable import one_line

_SPECIAL = re.compile(
    r"[\\`*_{}\[\]<>#|~!&$@]"  # marks
    r"|:(?=//)|:(?=[\w+-]+:)|(?<=\bwww)\."  # an address, an emoji code, an address again
    r"|^[-+](?=\s)|^(?:-+|=+)$|(?<=^\d)[.)](?=\s)",  # a list, a line under a heading, a numbered list
    re.IGNORECASE,
)


def markdown(text: str) -> str:
    """The words on one line."""
    return _SPECIAL.sub(lambda found: "".join(f"\\{mark}" for mark in found[0]), one_line(" ".join(text.split())))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; the header is ours."""
    cells = [[markdown(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in [list(header), ["---"] * len(header), *cells]]
