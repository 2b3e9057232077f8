"""Readings: a judge scores responses, several times each, and its words are kept."""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from srlm.engines.base import Engine, Request
from srlm.errors import EngineError
from srlm.judge.rubric import Rubric
from srlm.records import Judgement, Prompt, Record, Response, seed_for
from srlm.settings import Sampling
from srlm.store.files import resumable
from srlm.text.score import has_score_line, parse_score

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

    The score is parsed from the judge's words alone, never from the prompt. With `complete` a judge that wrote no score
    line is asked for its score behind `Score:`; those judgements are marked. A reading without a score keeps None.
    """

    def work(chunk: Sequence[Answered], index: int) -> list[Judgement]:
        requests = [rubric.request(a.prompt.transcript, a.response.text, draws) for a in chunk]
        words = engine.generate(requests, sampling, seed_for(seed, "readings", index))
        texts = [[completion.text for completion in drawn] for drawn in words]
        finished = _completed(engine, requests, texts, sampling, seed_for(seed, "completed", index)) if complete else {}
        judgements = []
        for row, answer in enumerate(chunk):
            for draw, text in enumerate(texts[row]):
                raw = finished.get((row, draw), text)
                judgements.append(
                    Judgement.of(
                        answer.response.id, engine.id, draw, raw, parse_score(raw), completed=(row, draw) in finished
                    )
                )
        return judgements

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


def _completed(
    engine: Engine, requests: Sequence[Request], texts: Sequence[Sequence[str]], sampling: Sampling, seed: int
) -> dict[tuple[int, int], str]:
    """(row, draw) -> all words of the judges that had to be asked for their score.

    The score is drawn from the judge's own probabilities of 0 to 5 behind `Score:`, at its own temperature. A small
    model left to write on gives ranges (`1-5`) and other scales (`10/10`).
    """
    open_ended = [
        (row, draw, text.rstrip() + "\nScore:")
        for row, drawn in enumerate(texts)
        for draw, text in enumerate(drawn)
        if not has_score_line(text)
    ]
    if not open_ended:
        return {}
    try:
        numbers = _scored(engine, requests, open_ended, sampling.temperature, seed)
    except EngineError:  # no log-probabilities to be had: the judge writes on, and may still name no score
        again = [Request(messages=requests[row].messages, prefix=prefix) for row, _, prefix in open_ended]
        said = engine.generate(again, Sampling(temperature=0, max_new_tokens=4), seed)
        numbers = [completion.text.lstrip().split("\n")[0] for (completion,) in said]
    return {(row, draw): f"{prefix} {number}" for (row, draw, prefix), number in zip(open_ended, numbers, strict=True)}


def _scored(
    engine: Engine,
    requests: Sequence[Request],
    open_ended: Sequence[tuple[int, int, str]],
    temperature: float,
    seed: int,
) -> list[str]:
    """A score for each of `open_ended`."""
    asked = [Request(messages=requests[row].messages, prefix=prefix) for row, _, prefix in open_ended]
    logs = engine.score(asked, [[f" {points}" for points in POINTS]] * len(asked))
    return [
        str(_drawn(chances, temperature, seed_for(seed, row, draw)))
        for (row, draw, _), chances in zip(open_ended, logs, strict=True)
    ]


def _drawn(logs: Sequence[float], temperature: float, seed: int) -> int:
    """One of POINTS by the judge's own log-probabilities at its temperature; the likeliest at temperature 0."""
    best = max(logs)
    if temperature == 0:
        return POINTS[logs.index(best)]
    weights = [math.exp((log - best) / temperature) for log in logs]
    return random.Random(seed).choices(POINTS, weights)[0]
