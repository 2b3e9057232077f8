"""Judgements: a judge scores responses, several times each, and its words are kept."""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from srlm.engines.base import Completion, Engine, Request
from srlm.errors import CapabilityError
from srlm.judge.chances import chances, meant
from srlm.judge.rubric import Rubric, load
from srlm.judge.unread import parted, still_thinking, why_unread
from srlm.records import Judgement, Prompt, Record, Response, seed_for
from srlm.settings import JudgeSettings, Sampling
from srlm.store.files import resumable
from srlm.text.score import has_score_line, read_score
from srlm.usage import judging

POINTS = range(6)
GO_ON = Sampling(temperature=0, max_new_tokens=4)
"""How a judge that must write its score does so."""
BLOCK = 256
"""Responses between two writes to disk; also what an engine may batch together."""


Report = Callable[[int, int], None]
"""Told how many of how many are done."""


def quiet(done: int, total: int) -> None:
    """Reports nothing."""


Watch = Callable[[Sequence[Judgement]], None]
"""Shown judgements, in their order, as they are made (`srlm.store.files.resumable`); what it raises ends the stage."""


class Answered(Record):
    """A response beside the prompt it answers: what a judge is shown."""

    prompt: Prompt
    response: Response


def judges(answered: Answered, judgement: Judgement) -> bool:
    """Whether it is a judgement of this answer."""
    return judgement.response_id == answered.response.id


class PointwiseJudge(Protocol):
    """Anything that scores answers one by one."""

    def judge(
        self,
        answered: Sequence[Answered],
        draws: int,
        seed: int,
        path: Path,
        report: Report = quiet,
        block: int = BLOCK,
        watch: Watch | None = None,
    ) -> Sequence[Judgement]:
        """`draws` judgements of each answer, in order; what has to be asked for is kept in `path`, `block` by block,
        and shown to `watch`."""
        ...


class ModelPointJudge:
    """A language model that is asked with a rubric.

    The score is parsed from the judge's words alone, never from the prompt or from a thought. A judgement that was cut,
    also within its thought, that had no room or was refused has no score, whatever it says. With `complete` a judge
    that gave no score is asked for it behind `Score:`, also where it was cut, but never within a thought or without
    room; those judgements are marked. With `thought_tokens` a judge that was still thinking when its tokens were over
    is asked again with that many. A judgement without a score keeps None and the reason.
    """

    def __init__(
        self,
        engine: Engine,
        rubric: Rubric,
        sampling: Sampling,
        complete: bool,
        thought_tokens: int | None = None,
    ) -> None:
        self._engine, self._rubric, self._sampling, self._complete = engine, rubric, sampling, complete
        self._long = None
        if thought_tokens is not None and thought_tokens > sampling.max_new_tokens:
            self._long = sampling.model_copy(update={"max_new_tokens": thought_tokens})

    @classmethod
    def of(cls, engine: Engine, settings: JudgeSettings) -> Self:
        """Asked as a run's settings say."""
        return cls(engine, load(settings.template), settings.sampling, settings.complete, settings.thought_tokens)

    def judge(
        self,
        answered: Sequence[Answered],
        draws: int,
        seed: int,
        path: Path,
        report: Report = quiet,
        block: int = BLOCK,
        watch: Watch | None = None,
    ) -> Sequence[Judgement]:
        """See PointwiseJudge."""
        engine, sampling = self._engine, self._sampling

        def work(chunk: Sequence[Answered], index: int) -> list[Judgement]:
            requests = [self._rubric.request(a.prompt.transcript, a.response.text, draws) for a in chunk]
            with judging():
                drawn = engine.generate(requests, sampling, seed_for(seed, "readings", index))
                words = [[parted(completion) for completion in own] for own in drawn]
                if self._long is not None:
                    self._let_think(requests, words, self._long, seed_for(seed, "thought", index))
                later = seed_for(seed, "completed", index)
                finished = _completed(engine, requests, words, sampling, later) if self._complete else {}
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
            belongs=judges,
            watch=watch,
        )

    def _let_think(
        self, requests: Sequence[Request], words: list[list[Completion]], sampling: Sampling, seed: int
    ) -> None:
        """Ask again, with room for the thought, for all draws of an answer of which one was all thought."""
        rows = [row for row, own in enumerate(words) if any(map(still_thinking, own))]
        if rows:
            again = self._engine.generate([requests[row] for row in rows], sampling, seed)
            for row, own in zip(rows, again, strict=True):
                words[row] = [parted(completion) for completion in own]


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
    model left to write on gives ranges (`1-5`) and other scales (`10/10`). Where it has no log-probabilities, or none
    of the six is likely, it writes on, and may still name no score. One that has no room left, or was cut before its
    first word (hidden thoughts), is not asked.
    """
    open_ended = [
        (row, draw, completion.text.rstrip() + "\nScore:")
        for row, drawn in enumerate(words)
        for draw, completion in enumerate(drawn)
        if _may_be_asked(completion)
    ]
    asked = [Request(messages=requests[row].messages, prefix=prefix) for row, _, prefix in open_ended]
    if not asked:
        return {}
    logs: Sequence[Sequence[float] | None]
    try:
        logs = chances(engine, asked, [f" {points}" for points in POINTS])
    except CapabilityError:  # it has none
        logs, silent = [None] * len(asked), list(range(len(asked)))
    else:
        silent = [place for place, own in enumerate(logs) if own is not None and not meant(own)]
    numbers = {
        place: str(_drawn(own, sampling.temperature, seed_for(seed, *open_ended[place][:2])))
        for place, own in enumerate(logs)
        if own is not None and place not in silent
    }
    said = engine.generate([asked[place] for place in silent], GO_ON, seed) if silent else []
    for place, (completion,) in zip(silent, said, strict=True):
        if why_unread(completion) not in ("no room", "refused"):
            numbers[place] = completion.text.lstrip().split("\n")[0]
    return {
        (row, draw): _Asked(prefix, numbers[place])
        for place, (row, draw, prefix) in enumerate(open_ended)
        if place in numbers
    }


def _may_be_asked(written: Completion) -> bool:
    """Whether a judge gave no score that can be read, and has begun to answer."""
    match why_unread(written):
        case None:
            return not has_score_line(written.text)
        case "cut":
            return bool(written.text.strip())
    return False


def _drawn(logs: Sequence[float], temperature: float, seed: int) -> int:
    """One of POINTS by the judge's own log-probabilities at its temperature; the likeliest at temperature 0."""
    best = max(logs)
    if temperature == 0:
        return POINTS[logs.index(best)]
    weights = [math.exp((log - best) / temperature) for log in logs]
    return random.Random(seed).choices(POINTS, weights)[0]
