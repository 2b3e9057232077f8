"""Every prompt with all answers, verdicts and judgements, packed for the page: an index, and chunks of prompts.

The prompts of one benchmark come after those of another; an entry of the index says which of them it is of.

The page's script opens a chunk when one of its prompts is looked at. Chunks are gzipped JSON in base64, because
60 models on 805 prompts are some 70 MB of words.
"""

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from srlm.records import Record
from srlm.text.counts import counted

from ..benchmarks.base import BrowserEntry, LongText, RunData
from ..benchmarks.table import BENCHMARKS
from ..figures.words import plain
from .keys import withheld

CHUNK = 400_000
"""Characters of JSON after which a new chunk begins."""
BUDGET = 42_000_000
"""Characters of answers in one page; where there are more, each answer is cut to its share, and says so."""
LEAST = 400
ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Browser(Record):
    """What the page carries for its browser."""

    index: str
    """JSON: models, and one entry a prompt."""
    chunks: tuple[str, ...]
    """Base64 of gzipped JSON, each a list of prompts."""
    cut: int | None
    """Characters at which answers were cut; None: none was."""

    @property
    def data(self) -> Markup:
        """The index, harmless inside a <script> of data."""
        return embedded(self.index)


def embedded(text: str) -> Markup:
    """JSON that no parser of HTML can take for the end of its element."""
    return Markup(text.translate(ESCAPES))


def packed(run: RunData, keys: Sequence[str], budget: int = BUDGET) -> Browser | None:
    """The browser's data; None where nobody has answered a prompt."""
    shown = [benchmark for benchmark in BENCHMARKS if benchmark.in_browser]
    entries = [(place, entry) for place, benchmark in enumerate(shown) for entry in benchmark.browser_entries(run)]
    limit = _limit([text for _, entry in entries for _, text, _ in entry.answers], budget)
    listed: list[list[Any]] = []
    chunks: list[str] = []
    chunk: list[str] = []
    size = 0
    for place, one in entries:
        text = withheld(json.dumps(_page(one, limit), ensure_ascii=False, separators=(",", ":")), keys)
        about = " ".join(_shown(one.prompt.transcript, 2000).split())
        at = [one.id, len(chunks), len(chunk)]
        listed.append([*at, one.prompt.category or "", one.flags, one.prompt.source, about, place])
        chunk.append(text)
        size += len(text)
        if size > CHUNK:
            chunks.append(_packed(chunk))
            chunk, size = [], 0
    if chunk:
        chunks.append(_packed(chunk))
    if not listed:
        return None
    index = {"models": list(run.answers), "benchmarks": [one.label for one in shown], "prompts": listed}
    return Browser(
        index=withheld(json.dumps(index, ensure_ascii=False, separators=(",", ":")), keys),
        chunks=tuple(chunks),
        cut=limit,
    )


def _page(one: BrowserEntry, limit: int | None) -> dict[str, Any]:
    """What is shown when a prompt is chosen."""
    answers = [[model, _shown(text, limit), finish] for model, text, finish in one.answers]
    head = {"id": one.id, "text": _shown(one.prompt.transcript, limit), "answers": answers}
    return {**head, **{name: _cut(value, limit) for name, value in one.more.items()}}


def _cut(value: Any, limit: int | None) -> Any:
    """Lists of lists, their spoken words cut."""
    if isinstance(value, LongText):
        return _shown(value, limit)
    return [_cut(part, limit) for part in value] if isinstance(value, list) else value


def _packed(chunk: Sequence[str]) -> str:
    return base64.b64encode(gzip.compress(f"[{','.join(chunk)}]".encode(), 6, mtime=0)).decode()


def _limit(texts: Sequence[str], budget: int) -> int | None:
    """The length at which answers have to be cut to stay within `budget` characters together."""
    lengths = sorted(map(len, texts))
    if sum(lengths) <= budget:
        return None
    left = budget
    for place, length in enumerate(lengths):
        if length * (len(lengths) - place) > left:
            return max(LEAST, left // (len(lengths) - place))
        left -= length
    return None


def _shown(text: str, limit: int | None) -> str:
    text = plain(text)
    return (
        text
        if limit is None or len(text) <= limit
        else f"{text[:limit]} [cut here, of {counted(len(text), 'characters')}]"
    )
