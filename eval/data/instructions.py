"""Which prompt a row of somebody's file belongs to.

A row is joined by its instruction to the letter. An instruction that differs only in how it was saved (white space at
line ends, CRLF, typographic quotes, hyphens and dots, composed letters, invisible characters) is joined too, where
exactly one prompt remains, and counted. Anything else matches nothing, and is told with the nearest prompt.
"""

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from srlm.data.lines import Row
from srlm.errors import DataError
from srlm.records import Prompt
from srlm.text.counts import counted

SAVED_OTHERWISE = "rows joined after normalising white space, line ends, quotes or Unicode"
OTHERS = "rows of other instructions"
NAMED = 5
"""Rows without a prompt that are named; the others are counted."""
COMPARED = 400
"""Characters of an instruction that are compared when the nearest prompt is looked for."""
NEAR = 0.6
"""Similarity (difflib's ratio) from which a prompt is called the nearest."""

_SAVED_AS = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a\uff07\u00b4\u0060", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"')
    | dict.fromkeys("\u2010\u2011", "-")
    | {"\u2026": "..."}
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff")
    | {"\u2028": "\n", "\u2029": "\n", "\u0085": "\n"}
)


def normalised(text: str) -> str:
    """The text as it was before an editor, a spreadsheet or another system saved it in its own way."""
    text = unicodedata.normalize("NFC", text).translate(_SAVED_AS).replace("\r\n", "\n").replace("\r", "\n")
    lines = [re.sub(r"[^\S\n]", " ", line).rstrip() for line in text.split("\n")]
    return "\n".join(lines).strip()


class Joining:
    """Joins the rows of one file with the prompts, and keeps the account of those that match none."""

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self._prompts = prompts
        self._exact = {prompt.text: prompt.id for prompt in prompts}
        self._alike: dict[str, list[Prompt]] | None = None
        self.account = Counter[str]()
        self.unmatched: list[str] = []
        """The first NAMED rows without a prompt: place, reason and the nearest prompt, a sentence each."""

    def id_of(self, row: Row) -> str | None:
        """Id of the row's prompt; None: it has none, and that is counted. Raises DataError where it has no text."""
        text = row.value.get("instruction")
        if not isinstance(text, str):
            here = ", ".join(f"`{name}`" for name in row.value) or "no fields"
            raise DataError(f"{row.place}: `instruction` must be text; the row has {here}")
        if (id := self._exact.get(text)) is not None:
            return id
        alike = self._saved_otherwise(text)
        if len(alike) == 1:
            self.account[SAVED_OTHERWISE] += 1
            return alike[0].id
        self.account[OTHERS] += 1
        if len(self.unmatched) < NAMED:
            self.unmatched.append(f"{row.place}: {self._why(text, len(alike))}")
        return None

    def _saved_otherwise(self, text: str) -> list[Prompt]:
        if self._alike is None:
            self._alike = {}
            for prompt in self._prompts:
                self._alike.setdefault(normalised(prompt.text), []).append(prompt)
        return self._alike.get(normalised(text), [])

    def _why(self, text: str, alike: int) -> str:
        if not text.strip():
            return "the instruction is empty"
        if alike:
            return f"{_quoted(text)} is {counted(alike, 'prompts')} at once when quotes and white space are normalised"
        plain = normalised(text)
        known = {normalised(prompt.text)[:COMPARED].casefold(): prompt for prompt in self._prompts}
        found = difflib.get_close_matches(plain[:COMPARED].casefold(), known, n=1, cutoff=NEAR)
        if not found:
            return f"{_quoted(text)} is like none of the {counted(len(self._prompts), 'prompts')}"
        nearest = normalised(known[found[0]].text)
        at = next((i for i, (a, b) in enumerate(zip(plain, nearest, strict=False)) if a != b), None)
        at = min(len(plain), len(nearest)) if at is None else at
        start = max(0, at - 20)
        return (
            f"{_quoted(text)} matches no prompt; the nearest is {_quoted(nearest)}: from character {at + 1} on the row "
            f"has {_quoted(plain[start:])}, the prompt {_quoted(nearest[start:])}"
        )


def _quoted(text: str) -> str:
    """The first 60 characters, harmless in a terminal."""
    return json.dumps(text[:60], ensure_ascii=True) + ("..." if len(text) > 60 else "")


def account_lines(account: dict[str, int], unmatched: Sequence[str]) -> list[str]:
    """What was left out of a file, for a terminal: one line of counts, then the rows that match nothing."""
    if not account:
        return []
    lines = [", ".join(counted(count, name) for name, count in account.items())]
    lines += [f"  {one}" for one in unmatched]
    if (more := account.get(OTHERS, 0) - len(unmatched)) > 0 and unmatched:
        lines.append(f"  and {counted(more, 'more rows that match no prompt')}")
    return lines
