"""Every prompt with all answers, verdicts and readings, packed for the page: an index, and chunks of prompts.

The evaluation prompts come first, AlpacaEval's after them; an entry of the index says which of the two it is of.

The page's script opens a chunk when one of its prompts is looked at. Chunks are gzipped JSON in base64, because
60 models on 805 prompts are some 70 MB of words.
"""

import base64
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from markupsafe import Markup

from srlm.records import Prompt, Record

from ..records import Annotation, Verdict
from . import figures
from .material import Material, withheld

CHUNK = 400_000
"""Characters of JSON after which a new chunk begins."""
BUDGET = 42_000_000
"""Characters of answers in one page; where there are more, each answer is cut to its share, and says so."""
LEAST = 400
BENCHMARKS = ("head to head", "AlpacaEval 2.0")
ALPACA = "alpaca_eval-"
"""Before the id of one of AlpacaEval's prompts, which may be an evaluation prompt, too."""
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


class _Entry(NamedTuple):
    """One prompt of the browser."""

    prompt: Prompt
    id: str
    benchmark: int
    """Place in BENCHMARKS."""
    flags: str
    page: dict[str, Any]
    """What is shown when it is chosen."""


def packed(run: Material, keys: Sequence[str], budget: int = BUDGET) -> Browsed | None:
    """The browser's data; None where nobody has answered a prompt."""
    limit = _limit(run, budget)
    listed: list[list[Any]] = []
    chunks: list[str] = []
    chunk: list[str] = []
    size = 0
    for one in (*_head_to_head(run, limit), *_alpaca(run, limit)):
        page = {"id": one.id, "text": _shown(one.prompt.transcript, limit), **one.page}
        text = withheld(json.dumps(page, ensure_ascii=False, separators=(",", ":")), keys)
        about = " ".join(_shown(one.prompt.transcript, 2000).split())
        place = [one.id, len(chunks), len(chunk)]
        listed.append([*place, one.prompt.category or "", one.flags, one.prompt.source, about, one.benchmark])
        chunk.append(text)
        size += len(text)
        if size > CHUNK:
            chunks.append(_packed(chunk))
            chunk, size = [], 0
    if chunk:
        chunks.append(_packed(chunk))
    if not listed:
        return None
    index = {"models": list(run.answers), "benchmarks": BENCHMARKS, "prompts": listed}
    return Browsed(
        index=withheld(json.dumps(index, ensure_ascii=False, separators=(",", ":")), keys),
        chunks=tuple(chunks),
        cut=limit,
    )


def _head_to_head(run: Material, limit: int | None) -> Iterator[_Entry]:
    if not run.answers:
        return
    by_prompt: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in run.verdicts:
        by_prompt[verdict.prompt_id].append(verdict)
    readings = _readings(run, limit)
    for prompt in run.prompts:
        said, own = by_prompt[prompt.id], readings.get(prompt.id, [])
        page = {
            "answers": [
                [name, _shown(answer.text, limit), answer.finish]
                for name, answers in run.answers.items()
                if (answer := answers.get(prompt.id)) is not None
            ],
            "verdicts": [_verdict(verdict, limit) for verdict in said],
            "readings": own,
        }
        yield _Entry(prompt, prompt.id, 0, _flags(run, said, own), page)


def _alpaca(run: Material, limit: int | None) -> Iterator[_Entry]:
    """AlpacaEval's prompts: every model's answer, the baseline's, and what each judge said in each order."""
    prompts = {prompt.id: prompt for one in run.alpaca for prompt in one.prompts}
    annotated: dict[str, list[Annotation]] = defaultdict(list)
    for one in run.alpaca:
        for annotation in one.annotations:
            annotated[annotation.prompt_id].append(annotation)
    for id, prompt in prompts.items():
        answers = {
            one.model: [one.model, _shown(one.outputs[id], limit), "length" if id in one.cut else None]
            for one in run.alpaca
            if id in one.outputs
        }
        references = {
            one.baseline: [f"{one.baseline} (reference)", _shown(one.baseline_outputs[id], limit), None]
            for one in run.alpaca
            if id in one.baseline_outputs
        }
        page = {
            "answers": [*answers.values(), *references.values()],
            "verdicts": [],
            "readings": [],
            "annotations": [_annotation(annotation, limit) for annotation in annotated[id]],
        }
        yield _Entry(prompt, ALPACA + id, 1, "".join(sorted(set(_of_annotations(annotated[id])))), page)


def _packed(chunk: Sequence[str]) -> str:
    return base64.b64encode(gzip.compress(f"[{','.join(chunk)}]".encode(), 6, mtime=0)).decode()


def _limit(run: Material, budget: int) -> int | None:
    """The length at which answers have to be cut to stay within `budget` characters together."""
    texts = [one.text for answers in run.answers.values() for one in answers.values()]
    texts += [text for one in run.alpaca for text in (*one.outputs.values(), *one.baseline_outputs.values())]
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
    text = figures.plain(text)
    return text if limit is None or len(text) <= limit else f"{text[:limit]} [cut here, of {len(text):,} characters]"


def _verdict(verdict: Verdict, limit: int | None) -> list[Any]:
    said = [verdict.preference_ab, verdict.preference_ba]
    words = [_shown(verdict.raw_ab, limit), _shown(verdict.raw_ba, limit)]
    return [verdict.model_a, verdict.model_b, verdict.judge, verdict.outcome, *said, *words]


def _annotation(one: Annotation, limit: int | None) -> list[Any]:
    raw = one.raw or ""
    said = spoken(raw)
    whole = _shown(raw, limit) if raw != said else None
    place = [one.model, one.baseline, one.judge, one.draw, one.switched]
    return [*place, one.preference, one.missing, None if one.raw is None else _shown(said, limit), whole]


def spoken(raw: str) -> str:
    """The judge's words in what a server answered: a choice of a chat completion, as JSON; else all of it."""
    try:
        choice = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    message = choice.get("message") if isinstance(choice, dict) else None
    said = message.get("content") if isinstance(message, dict) else None
    return said if isinstance(said, str) else raw


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


def _of_annotations(annotations: Sequence[Annotation]) -> Iterator[str]:
    orders: dict[tuple[str, str, int], set[bool]] = defaultdict(set)
    judges: dict[str, set[bool]] = defaultdict(set)
    for one in annotations:
        if one.preference is None:
            yield "u"
        elif one.preference != 0.5:
            orders[one.model, one.judge, one.draw].add(one.preference > 0.5)
            judges[one.model].add(one.preference > 0.5)
    if any(len(found) > 1 for found in orders.values()):
        yield "f"
    if any(len(found) > 1 for found in judges.values()):
        yield "d"


def _of_readings(readings: Sequence[Sequence[Any]]) -> Iterator[str]:
    for reading in readings:
        scores = reading[2::2]
        known = [score for score in scores if score is not None]
        if len(known) < len(scores):
            yield "u"
        if known and max(known) - min(known) >= SPREAD:
            yield "d"
