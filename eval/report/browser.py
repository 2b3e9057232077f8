"""Every prompt with all answers, verdicts and readings, packed for the page: an index, and chunks of prompts.

The page's script opens a chunk when one of its prompts is looked at. Chunks are gzipped JSON in base64, because
60 models on 805 prompts are some 70 MB of words.
"""

import base64
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from srlm.records import Record

from ..records import Verdict
from . import figures
from .material import Material, withheld

CHUNK = 400_000
"""Characters of JSON after which a new chunk begins."""
BUDGET = 42_000_000
"""Characters of answers in one page; where there are more, each answer is cut to its share, and says so."""
LEAST = 400
SPREAD = 2
"""Points between two readings of one answer from which a judge disagrees with itself."""
ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Browsed(Record):
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


def packed(run: Material, keys: Sequence[str], budget: int = BUDGET) -> Browsed | None:
    """The browser's data; None where nobody has answered the evaluation prompts."""
    if not run.answers or not run.prompts:
        return None
    limit = _limit(run, budget)
    by_prompt: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in run.verdicts:
        by_prompt[verdict.prompt_id].append(verdict)
    readings = _readings(run, limit)
    entries: list[list[Any]] = []
    chunks: list[str] = []
    chunk: list[str] = []
    size = 0
    for prompt in run.prompts:
        said, own = by_prompt[prompt.id], readings.get(prompt.id, [])
        page = {
            "id": prompt.id,
            "text": _shown(prompt.text, limit),
            "answers": [
                [name, _shown(answer.text, limit), answer.finish]
                for name, answers in run.answers.items()
                if (answer := answers.get(prompt.id)) is not None
            ],
            "verdicts": [_verdict(verdict, limit) for verdict in said],
            "readings": own,
        }
        text = withheld(json.dumps(page, ensure_ascii=False, separators=(",", ":")), keys)
        entries.append(
            [prompt.id, len(chunks), len(chunk), prompt.category or "", _flags(run, said, own), prompt.source]
        )
        chunk.append(text)
        size += len(text)
        if size > CHUNK:
            chunks.append(_packed(chunk))
            chunk, size = [], 0
    if chunk:
        chunks.append(_packed(chunk))
    texts = [" ".join(_shown(prompt.text, 2000).split()) for prompt in run.prompts]
    index = {
        "models": list(run.answers),
        "prompts": [[*entry, text] for entry, text in zip(entries, texts, strict=True)],
    }
    return Browsed(
        index=withheld(json.dumps(index, ensure_ascii=False, separators=(",", ":")), keys),
        chunks=tuple(chunks),
        cut=limit,
    )


def _packed(chunk: Sequence[str]) -> str:
    return base64.b64encode(gzip.compress(f"[{','.join(chunk)}]".encode(), 6, mtime=0)).decode()


def _limit(run: Material, budget: int) -> int | None:
    """The length at which answers have to be cut to stay within `budget` characters together."""
    lengths = sorted(len(one.text) for answers in run.answers.values() for one in answers.values())
    if sum(lengths) <= budget:
        return None
    left = budget
    for place, length in enumerate(lengths):
        if length * (len(lengths) - place) > left:
            return max(LEAST, left // (len(lengths) - place))
        left -= length
    return None


def _shown(text: str, limit: int | None) -> str:
    text = figures.plain(text)
    return text if limit is None or len(text) <= limit else f"{text[:limit]} [cut here, of {len(text):,} characters]"


def _verdict(verdict: Verdict, limit: int | None) -> list[Any]:
    said = [verdict.preference_ab, verdict.preference_ba]
    words = [_shown(verdict.raw_ab, limit), _shown(verdict.raw_ba, limit)]
    return [verdict.model_a, verdict.model_b, verdict.judge, verdict.outcome, *said, *words]


def _readings(run: Material, limit: int | None) -> dict[str, list[list[Any]]]:
    """What each model said of its own answers, by prompt: model, answer, then a score and the raw words a reading."""
    found: dict[str, list[list[Any]]] = defaultdict(list)
    for name, (responses, judgements) in run.own.items():
        said: dict[str, list[Any]] = defaultdict(list)
        for judgement in judgements:
            said[judgement.response_id] += [judgement.score, _shown(judgement.raw, limit)]
        for response in responses:
            found[response.prompt_id].append([name, _shown(response.text, limit), *said[response.id]])
    return found


def _flags(run: Material, verdicts: Sequence[Verdict], readings: Sequence[Sequence[Any]]) -> str:
    """One letter for each filter that finds this prompt."""
    return "".join(sorted({*_of_verdicts(run, verdicts), *_of_readings(readings)}))


def _of_verdicts(run: Material, verdicts: Sequence[Verdict]) -> Iterator[str]:
    iterations = {(later, earlier) for earlier, later in pairwise(run.names)}
    outcomes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for verdict in verdicts:
        if verdict.outcome is None:
            yield "u"
            continue
        outcomes[verdict.response_a_id, verdict.response_b_id].add(verdict.outcome)
        if verdict.preference_ab != verdict.preference_ba:
            yield "f"
        if verdict.outcome == "lose" and (verdict.model_a, verdict.model_b) in iterations:
            yield "r"
    if any(len(found) > 1 for found in outcomes.values()):
        yield "d"


def _of_readings(readings: Sequence[Sequence[Any]]) -> Iterator[str]:
    for reading in readings:
        scores = reading[2::2]
        known = [score for score in scores if score is not None]
        if len(known) < len(scores):
            yield "u"
        if known and max(known) - min(known) >= SPREAD:
            yield "d"
