"""AlpacaEval's prompts: every model's answer, the baseline's, and what each judge said in each order."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from srlm.bounded import json_text
from srlm.judge.pairwise import Outcome

from ...records import Annotation
from ..base import BrowserEntry, Compared, LongText, RunData
from .kept import kept

PREFIX = "alpaca_eval-"
"""Before the id of one of AlpacaEval's prompts, which may be an evaluation prompt, too."""


def browser_entries(run: RunData) -> Iterator[BrowserEntry]:
    """An entry a prompt that a model of the run answered."""
    every = kept(run.folder, run.names)
    prompts = {prompt.id: prompt for one in every for prompt in one.prompts}
    annotated: dict[str, list[Annotation]] = defaultdict(list)
    for one in every:
        for annotation in one.annotations:
            annotated[annotation.prompt_id].append(annotation)
    for id, prompt in prompts.items():
        answers: dict[str, tuple[str, str, str | None]] = {
            one.model: (one.model, one.outputs[id], "length" if id in one.cut else None)
            for one in every
            if id in one.outputs
        }
        references: dict[str, tuple[str, str, str | None]] = {
            one.baseline: (f"{one.baseline} (reference)", one.baseline_outputs[id], None)
            for one in every
            if id in one.baseline_outputs
        }
        said = [_shown(annotation) for annotation in annotated[id]]
        more = {"verdicts": [], "judgements": [], "annotations": said}
        flags = "".join(sorted(set(_flags(annotated[id]))))
        outcomes = _outcomes(annotated[id])
        yield BrowserEntry(prompt, PREFIX + id, flags, [*answers.values(), *references.values()], more, outcomes)


def _shown(one: Annotation) -> list[Any]:
    raw = one.raw or ""
    said = spoken(raw)
    whole = LongText(raw) if raw != said else None
    place = [one.model, one.baseline, one.judge, one.draw, one.switched]
    return [*place, one.preference, one.missing, None if one.raw is None else LongText(said), whole]


def spoken(raw: str) -> str:
    """The judge's words in what a server answered: a choice of a chat completion, as JSON; else all of it."""
    try:
        choice = json_text.decode(raw)
    except json_text.NotJson:
        return raw
    message = choice.get("message") if isinstance(choice, dict) else None
    said = message.get("content") if isinstance(message, dict) else None
    return said if isinstance(said, str) else raw


def _outcomes(annotations: Sequence[Annotation]) -> list[tuple[Compared, Outcome | None]]:
    """Of each model by each judge, over its orders and draws together."""
    said: dict[Compared, list[float]] = defaultdict(list)
    for one in annotations:
        known = said[Compared(one.model, one.baseline, one.judge)]
        if one.preference is not None:
            known.append(one.preference - 0.5)
    return [(pair, _outcome(sum(leaning)) if leaning else None) for pair, leaning in said.items()]


def _outcome(leaning: float) -> Outcome:
    return "win" if leaning > 0 else "lose" if leaning < 0 else "tie"


def _flags(annotations: Sequence[Annotation]) -> Iterator[str]:
    """One letter for each filter that finds this prompt."""
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
