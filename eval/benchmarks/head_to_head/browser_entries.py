"""Every evaluation prompt with all answers, verdicts, and what models said of their own answers."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from srlm.records import Judgement, Response

from ...records import Verdict
from ..base import BrowserEntry, Compared, LongText, RunData
from .lost import verdicts

SPREAD = 2
"""Points between two judgements of one answer from which a judge disagrees with itself."""


def browser_entries(run: RunData) -> Iterator[BrowserEntry]:
    """An entry a prompt; none where nobody has answered."""
    if not run.answers:
        return
    by_prompt: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts(run):
        by_prompt[verdict.prompt_id].append(verdict)
    judgements = _judgements(run)
    for prompt in run.prompts:
        said, own = by_prompt[prompt.id], judgements.get(prompt.id, [])
        answers = [
            (name, answer.text, answer.finish)
            for name, answers in run.answers.items()
            if (answer := answers.get(prompt.id)) is not None
        ]
        flags = "".join(sorted({*_of_verdicts(run, said), *_of_judgements(own)}))
        more = {"verdicts": [_shown(v) for v in said], "judgements": own}
        outcomes = [(Compared(v.model_a, v.model_b, v.judge), v.outcome) for v in said]
        yield BrowserEntry(prompt, prompt.id, flags, answers, more, outcomes)


def _shown(verdict: Verdict) -> list[Any]:
    said = [verdict.preference_ab, verdict.preference_ba]
    words = [LongText(verdict.raw_ab), LongText(verdict.raw_ba)]
    return [verdict.model_a, verdict.model_b, verdict.judge, verdict.outcome, *said, *words]


def _judgements(run: RunData) -> dict[str, list[list[Any]]]:
    """What each model said of its own answers, by prompt: model, answer, then a score and the raw words a judgement."""
    found: dict[str, list[list[Any]]] = defaultdict(list)
    for name in run.names:
        said: dict[str, list[Any]] = defaultdict(list)
        for judgement in run.records(run.evaluation / name / "own_judgements.jsonl", Judgement):
            said[judgement.response_id] += [judgement.score, LongText(judgement.raw)]
        if said:
            for response in run.records(run.evaluation / name / "own_responses.jsonl", Response):
                found[response.prompt_id].append([name, LongText(response.text), *said[response.id]])
    return found


def _of_verdicts(run: RunData, verdicts: Sequence[Verdict]) -> Iterator[str]:
    steps = set(run.steps_of)
    outcomes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for verdict in verdicts:
        if verdict.outcome is None:
            yield "u"
            continue
        outcomes[verdict.response_a_id, verdict.response_b_id].add(verdict.outcome)
        if verdict.preference_ab != verdict.preference_ba:
            yield "f"
        if verdict.outcome == "lose" and (verdict.model_a, verdict.model_b) in steps:
            yield "r"
    if any(len(found) > 1 for found in outcomes.values()):
        yield "d"


def _of_judgements(judgements: Sequence[Sequence[Any]]) -> Iterator[str]:
    for judgement in judgements:
        scores = judgement[2::2]
        known = [score for score in scores if score is not None]
        if len(known) < len(scores):
            yield "u"
        if known and max(known) - min(known) >= SPREAD:
            yield "d"
