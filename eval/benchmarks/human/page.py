"""The page on which people vote: one file, no network, no name of a model, the same bytes for the same comparisons.

Models wrote most of what it shows. The words travel as JSON in ASCII without `<`, `>` and `&`, reach the screen as text
alone, and what would be invisible, or would turn a line round, is shown by its code.
"""

import json
from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from srlm.printable import revealed
from srlm.text.counts import counted

from ...figures.policy import policy
from .draw import ShownPair

BEGIN, END = "\ue000", "\ue001"
"""Around the code of a character that is not shown as itself. Words hold neither: they are such characters."""
LONGEST = 100_000
"""Characters of an answer that are shown: fifty pages. A browser lays out a megabyte in minutes on a small machine."""


def render(page: str, shown: Sequence[ShownPair]) -> str:
    """The HTML of a page."""
    style, script = _file("page.css"), _file("page.js")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(_file("page.html")).render(
        style=Markup(style), script=Markup(script), policy=policy(script, style), count=len(shown),
        data=Markup(_as_ascii({"page": page, "items": [_comparison(one) for one in shown]})),
    )  # fmt: skip


def _comparison(one: ShownPair) -> dict[str, object]:
    turns = [[_words(turn.role), _words(turn.content)] for turn in one.turns]
    return {"id": one.id, "turns": turns, "left": _words(one.left), "right": _words(one.right)}


def _words(text: str) -> str:
    words = revealed(text[:LONGEST], lambda letter: f"{BEGIN}{ord(letter):04X}{END}")
    rest = len(text) - LONGEST
    return words if rest <= 0 else f"{words}\n\n[{counted(rest, 'more characters are')} not shown]"


def _as_ascii(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
