"""Every prompt with all answers, verdicts and judgements, packed for the page: an index, and chunks of prompts.

The prompts of one benchmark come after those of another; an entry of the index says which of them it is of.

The page's script opens a chunk when one of its prompts is looked at. Chunks are gzipped JSON in base64, because
60 models on 805 prompts are some 70 MB of words.
"""

import base64
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from srlm.records import Record
from srlm.text.counts import counted

from ..benchmarks.base import BrowserEntry, Compared, LongText, RunData
from ..benchmarks.table import BENCHMARKS
from ..figures.words import plain
from .keys import withheld
from .lists import Lists

CHUNK = 400_000
"""Characters of JSON after which a new chunk begins."""
BUDGET = 42_000_000
"""Characters of answers in one page; where there are more, each answer is cut to its share, and says so."""
LEAST = 400
ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Browser(Record):
    """What the page carries for its browser."""

    index: str
    """JSON: models, pairs of them, kinds of prompts, and one entry a prompt."""
    chunks: tuple[str, ...]
    """Base64 of gzipped JSON, each a list of prompts."""
    cut: int | None
    """Characters at which answers were cut; None: none was."""
    lists: Lists
    """What the rest of the page may link to."""

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
    if not entries:
        return None
    limit = _limit([text for _, entry in entries for _, text, _ in entry.answers], budget)
    kinds = _kinds(run, [entry for _, entry in entries])
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, ids in enumerate(kinds.ids.values()):
        for id in ids:
            numbers[id].append(number)
    pairs: list[dict[Compared, int]] = [{} for _ in shown]
    listed: list[list[Any]] = []
    chunks: list[str] = []
    chunk: list[str] = []
    size = 0
    for place, one in entries:
        text = withheld(json.dumps(_page(one, limit), ensure_ascii=False, separators=(",", ":")), keys)
        about = " ".join(_shown(one.prompt.transcript, 2000).split())
        at = [one.id, len(chunks), len(chunk)]
        of = [one.prompt.category or "", one.flags, one.prompt.source, about, place, numbers[one.prompt.id]]
        listed.append([*at, *of, _letters(one.outcomes, pairs[place])])
        chunk.append(text)
        size += len(text)
        if size > CHUNK:
            chunks.append(_packed(chunk))
            chunk, size = [], 0
    if chunk:
        chunks.append(_packed(chunk))
    index = {
        "models": list(run.answers),
        "others": list(dict.fromkeys(a[0] for _, one in entries for a in one.answers if a[0] not in run.answers)),
        "benchmarks": [one.label for one in shown],
        "pairs": [list(own) for own in pairs],
        "kinds": list(kinds.ids),
        "prompts": listed,
    }
    return Browser(
        index=withheld(json.dumps(index, ensure_ascii=False, separators=(",", ":")), keys),
        chunks=tuple(chunks),
        cut=limit,
        lists=Lists(
            pairs=frozenset(
                (benchmark.name, one.model, one.baseline)
                for benchmark, own in zip(shown, pairs, strict=True)
                for one in own
            ),
            kinds=kinds.names,
            answering=frozenset(one.name for one in BENCHMARKS if one.evaluation_prompts),
            answered=frozenset(run.answers),
            prompts={one.prompt.transcript: one.id for place, one in reversed(entries)},
        ),
    )


class _Kinds(NamedTuple):
    """Ways in which the prompts are sorted."""

    ids: Mapping[str, Iterable[str]]
    """Kind, as the browser calls it -> ids of prompts."""
    names: Mapping[str, Mapping[str, str]]
    """As in `Lists.kinds`."""


def _kinds(run: RunData, entries: Sequence[BrowserEntry]) -> _Kinds:
    """The prompts' own categories, and the kinds by which benchmarks sort them."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.prompt.category:
            found[f"category: {plain(entry.prompt.category)}"].add(entry.prompt.id)
    names: dict[str, dict[str, str]] = {}
    for benchmark in BENCHMARKS:
        for kind, ids in benchmark.kinds_of_prompts(run).items():
            name = plain(kind)
            if name in found and not found[name] >= set(ids):
                name = f"{name} ({benchmark.label})"
            found[name] |= set(ids)
            names.setdefault(benchmark.name, {})[kind] = name
    return _Kinds(found, names)


def _letters(outcomes: Iterable[tuple[Compared, str | None]], pairs: dict[Compared, int]) -> str:
    """A letter for each pair of models, in the order of `pairs`, which new ones join: w, t, l, u (unreadable), - (no
    verdict)."""
    letters = {pairs.setdefault(pair, len(pairs)): (outcome or "unread")[0] for pair, outcome in outcomes}
    return "".join(letters.get(place, "-") for place in range(max(letters, default=-1) + 1))


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
