"""Readings: a judge scores responses, several times each, and its words are kept."""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from srlm.engines.base import Completion, Engine, Request
from srlm.errors import EngineError
from srlm.judge.chances import chances
from srlm.judge.rubric import Rubric
from srlm.judge.unread import parted, why_unread
from srlm.records import Judgement, Prompt, Record, Response, seed_for
from srlm.settings import Sampling
from srlm.store.files import resumable
from srlm.text.score import has_score_line, read_score

POINTS = range(6)
BLOCK = 256
"""Responses between two writes to disk; also what an engine may batch together."""


class Answered(Record):
    """A response beside the prompt it answers: what a judge is shown."""

    prompt: Prompt
    response: Response


def read_all(
    engine: Engine,
    rubric: Rubric,
    answered: Sequence[Answered],
    *,
    draws: int,
    sampling: Sampling,
    complete: bool,
    seed: int,
    path: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    block: int = BLOCK,
) -> Sequence[Judgement]:
    """`draws` judgements of each response, in order, kept in `path` as they are made.

    The score is parsed from the judge's words alone, never from the prompt or from a thought. A reading that was cut,
    also within its thought, that had no room or was refused has no score, whatever it says. With `complete` a judge
    that gave no score is asked for it behind `Score:`, also where it was cut, but never within a thought or without
    room; those judgements are marked. A reading without a score keeps None and the reason.
    """

    def work(chunk: Sequence[Answered], index: int) -> list[Judgement]:
        requests = [rubric.request(a.prompt.transcript, a.response.text, draws) for a in chunk]
        drawn = engine.generate(requests, sampling, seed_for(seed, "readings", index))
        words = [[parted(completion) for completion in own] for own in drawn]
        finished = _completed(engine, requests, words, sampling, seed_for(seed, "completed", index)) if complete else {}
        return [
            _judgement(answer.response.id, engine.id, draw, completion, finished.get((row, draw)))
            for row, answer in enumerate(chunk)
            for draw, completion in enumerate(words[row])
        ]

    return resumable(
        path,
        Judgement,
        answered,
        work,
        per_item=draws,
        block=block,
        report=report,
        concurrency=lambda: engine.concurrency,
    )


def _judgement(response_id: str, judge: str, draw: int, written: Completion, asked: "_Asked | None") -> Judgement:
    unread = why_unread(written)
    if asked is not None:
        found = read_score(f"Score: {asked.number}")  # what was asked for decides, whatever was said before
        raw = f"{asked.prefix} {asked.number}"
    else:
        found, raw = read_score(written.text), written.text
    score = found.points if asked is not None or unread is None else None
    return Judgement.of(
        response_id,
        judge,
        draw,
        raw,
        score,
        completed=asked is not None,
        thought=written.thought,
        unread=None if score is not None else unread or found.unread,
        cut=asked is not None and unread is not None,
    )


class _Asked(NamedTuple):
    """What a judge that was asked for its score had said, and what it answered."""

    prefix: str
    number: str


def _completed(
    engine: Engine, requests: Sequence[Request], words: Sequence[Sequence[Completion]], sampling: Sampling, seed: int
) -> dict[tuple[int, int], _Asked]:
    """(row, draw) -> the judges that had to be asked for their score.

    The score is drawn from the judge's own probabilities of 0 to 5 behind `Score:`, at its own temperature. A small
    model left to write on gives ranges (`1-5`) and other scales (`10/10`). One that has no room left is not asked.
    """
    open_ended = [
        (row, draw, completion.text.rstrip() + "\nScore:")
        for row, drawn in enumerate(words)
        for draw, completion in enumerate(drawn)
        if (why := why_unread(completion)) == "cut" or (why is None and not has_score_line(completion.text))
    ]
    if not open_ended:
        return {}
    try:
        numbers = _scored(engine, requests, open_ended, sampling.temperature, seed)
    except EngineError:  # no log-probabilities to be had: the judge writes on, and may still name no score
        again = [Request(messages=requests[row].messages, prefix=prefix) for row, _, prefix in open_ended]
        said = engine.generate(again, Sampling(temperature=0, max_new_tokens=4), seed)
        numbers = [
            None if why_unread(completion) in ("no room", "refused") else completion.text.lstrip().split("\n")[0]
            for (completion,) in said
        ]
    return {
        (row, draw): _Asked(prefix, number)
        for (row, draw, prefix), number in zip(open_ended, numbers, strict=True)
        if number is not None
    }


def _scored(
    engine: Engine,
    requests: Sequence[Request],
    open_ended: Sequence[tuple[int, int, str]],
    temperature: float,
    seed: int,
) -> list[str | None]:
    """A score for each of `open_ended`; None: there is no room for one."""
    asked = [Request(messages=requests[row].messages, prefix=prefix) for row, _, prefix in open_ended]
    logs = chances(engine, asked, [f" {points}" for points in POINTS])
    return [
        None if own is None else str(_drawn(own, temperature, seed_for(seed, row, draw)))
        for (row, draw, _), own in zip(open_ended, logs, strict=True)
    ]


def _drawn(logs: Sequence[float], temperature: float, seed: int) -> int:
    """One of POINTS by the judge's own log-probabilities at its temperature; the likeliest at temperature 0."""
    best = max(logs)
    if temperature == 0:
        return POINTS[logs.index(best)]
    weights = [math.exp((log - best) / temperature) for log in logs]
    return random.Random(seed).choices(POINTS, weights)[0]
