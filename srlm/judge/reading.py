"""Readings: a judge scores responses, several times each, and its words are kept."""

from collections.abc import Callable, Sequence
from pathlib import Path

from srlm.engines.base import Engine, Request
from srlm.judge.rubric import Rubric
from srlm.records import Judgement, Prompt, Record, Response, seed_for
from srlm.settings import Sampling
from srlm.store.files import resumable
from srlm.text.score import has_score_line, parse_score

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
) -> list[Judgement]:
    """`draws` judgements of each response, in order, kept in `path` as they are made.

    The score is parsed from the judge's words alone, never from the prompt. `complete` asks a judge that wrote no score
    line to go on after `Score:`; those judgements are marked. A reading without a score keeps score None.
    """

    def work(chunk: Sequence[Answered], index: int) -> list[Judgement]:
        requests = [rubric.request(a.prompt.text, a.response.text, draws) for a in chunk]
        words = engine.generate(requests, sampling, seed_for(seed, "readings", index))
        texts = [[completion.text for completion in drawn] for drawn in words]
        finished = _completed(engine, requests, texts, seed_for(seed, "completed", index)) if complete else {}
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

    return resumable(path, Judgement, answered, work, per_item=draws, block=block, report=report)


def _completed(
    engine: Engine, requests: Sequence[Request], texts: Sequence[Sequence[str]], seed: int
) -> dict[tuple[int, int], str]:
    """(row, draw) -> all words of the judges that had to be asked for their score."""
    open_ended = [
        (row, draw, text.rstrip() + "\nScore:")
        for row, drawn in enumerate(texts)
        for draw, text in enumerate(drawn)
        if not has_score_line(text)
    ]
    again = [Request(messages=requests[row].messages, prefix=prefix) for row, _, prefix in open_ended]
    if not again:
        return {}
    # Greedy and short: all that is wanted is the number the judge's own reasons lead to.
    said = engine.generate(again, Sampling(temperature=0, max_new_tokens=4), seed)
    finished = {}
    for (row, draw, prefix), (completion,) in zip(open_ended, said, strict=True):
        finished[row, draw] = f"{prefix} {completion.text.lstrip().split(chr(10))[0]}"
    return finished
