"""A judge's grades of answers: FastChat's prompt by turn and category, read by its own rule, and kept as they come.

evaluation/M2/mt_bench_grades.jsonl     one grade an answer, of both turns
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from srlm.engines.base import Completion, Engine, Request
from srlm.errors import SettingsError
from srlm.judge.open import Judge
from srlm.judge.unread import parted, still_thinking, why_unread
from srlm.records import OTHER_ID, Message, Record, Unread, digest, seed_for, user
from srlm.settings import Sampling, Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.text.rating import HIGHEST, LOWEST, read_rating

from ...data.judgments import Score
from ...data.mt_bench import MtBench
from ...data.mt_bench_prompts import prompt_name, single_values
from ..measuring import made_from
from .answers import Conversation

BLOCK, BLOCK_OF_SERVER = 16, 64
"""Grades between two writes to disk; a server's answers are kept one by one before."""
AT_ONCE = 16
"""Grades that a server is asked for side by side."""
NOT_OF_THE_JUDGE = ("template", "pairwise template", "sampling", "complete", "thought tokens", "base_url", "pairs")
"""Facts of a judge that shape other questions than these."""


class Grade(Record):
    """What a judge said of one answer."""

    id: str
    question: str
    turn: Literal[1, 2]
    response_id: str
    judge: str
    prompt: str
    """Name of FastChat's prompt that it was asked with."""
    raw: str
    """All that the judge wrote behind its thought."""
    thought: str | None = None
    score: float | None
    """1 to 10. None: there is none; it is counted, never averaged."""
    unread: Unread | None = None
    """Why there is no score."""

    @classmethod
    def of(cls, asked: "Asking", judge: str, written: Completion) -> "Grade":
        """From what the judge wrote; words that were cut, refused or never left the thought have no score."""
        unread = why_unread(written)
        found = read_rating(written.text)
        return cls(
            id=digest("grade", asked.response_id, judge, asked.prompt, written.text),
            question=asked.question,
            turn=asked.turn,
            response_id=asked.response_id,
            judge=judge,
            prompt=asked.prompt,
            raw=written.text if written.refused is None else written.refused,
            thought=written.thought,
            score=found.points if unread is None else None,
            unread=found.unread if unread is None else unread,
        )

    def fault(self) -> str | None:
        text = "" if self.unread == "refused" else self.raw
        if self.id != digest("grade", self.response_id, self.judge, self.prompt, text):
            return OTHER_ID
        if (self.score is None) == (self.unread is None):
            return "it needs a score, or the reason why it has none"
        if self.score is not None and not LOWEST <= self.score <= HIGHEST:
            return f"a score of {self.score:g} is not within {LOWEST:g} to {HIGHEST:g}"
        return None


class Asking(Record):
    """What a judge is asked of one answer."""

    question: str
    turn: Literal[1, 2]
    response_id: str
    prompt: str
    messages: tuple[Message, ...]


def askings(bench: MtBench, found: Sequence[Conversation]) -> list[Asking]:
    """Both turns of each conversation."""
    asked = []
    turns: tuple[Literal[1, 2], ...] = (1, 2)
    for one in found:
        reference = bench.reference(one.question)
        for turn in turns:
            name = prompt_name("single", turn, reference is not None)
            values = single_values(one.question.turns, one.answers, reference, turn)
            asked.append(
                Asking(
                    question=one.question.id,
                    turn=turn,
                    response_id=one.answer(turn).id,
                    prompt=name,
                    messages=bench.prompts[name].messages(values),
                )
            )
    return asked


def grades_path(folder: RunFolder, model: str) -> Path:
    """Where a model's grades are kept."""
    return folder.step("evaluation") / model / "mt_bench_grades.jsonl"


def grades(
    settings: Settings, folder: RunFolder, model: str, bench: MtBench, found: Sequence[Conversation], judge: Judge
) -> list[Grade]:
    """The judge's grade of each answer of a model, kept in the run's folder; what is there is not asked again."""
    asked = askings(bench, found)
    path, facts = grades_path(folder, model), facts_of_grades(settings, model, bench, found, judge)
    made_from(path, facts, folder)
    seed = facts["seed"]
    with Reporter(f"{model}: MT-Bench grades", folder.log) as report:
        made = files.resumable(
            path,
            Grade,
            asked,
            lambda chunk, index: graded(settings, judge, chunk, seed_for(seed, index)),
            per_item=1,
            block=block_of(judge),
            report=report,
            concurrency=lambda: engine_of(judge).concurrency,
            belongs=lambda one, grade: (one.response_id, one.prompt) == (grade.response_id, grade.prompt),
        )
        return list(made)


def facts_of_grades(
    settings: Settings, model: str, bench: MtBench, found: Sequence[Conversation], judge: Judge
) -> dict[str, Any]:
    """What a model's grades are made from."""
    responses = [one.answer(turn).id for one in found for turn in (1, 2)]
    return grading_facts(settings, judge, bench, responses) | {"seed": seed_for(settings.seed, "grades", model)}


def graded(settings: Settings, judge: Judge, asked: Sequence[Asking], seed: int) -> list[Grade]:
    """The judge's grade of each, in order."""
    said = written(settings, judge, [one.messages for one in asked], seed)
    return [Grade.of(one, judge.id, words) for one, words in zip(asked, said, strict=True)]


def written(
    settings: Settings, judge: Judge, conversations: Sequence[tuple[Message, ...]], seed: int
) -> list[Completion]:
    """What a judge writes at temperature 0; one that was still thinking at its limit is asked again with more room.

    A server is asked each in the same words, whichever others are asked with it: an answer of its own seed is found
    again among its calls, by a later run or within another budget. A model on this machine is told in one turn what the
    system's turn says: many chat templates refuse such a turn, or drop it without a word.
    """
    if not conversations:
        return []
    engine = engine_of(judge)
    if judge.calls is None:
        return _answered(settings, engine, [Request(messages=_in_one_turn(one)) for one in conversations], seed)
    requests = [Request(messages=one) for one in conversations]

    def alone(request: Request) -> Completion:
        own = seed_for(settings.seed, "graded", *(message.content for message in request.messages))
        return _answered(settings, engine, [request], own)[0]

    said = [alone(requests[0])]  # settles for all what the server takes
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return said + list(pool.map(alone, requests[1:]))


def _in_one_turn(messages: Sequence[Message]) -> tuple[Message, ...]:
    return user("\n\n".join(one.content.strip("\n") for one in messages))


def _answered(settings: Settings, engine: Engine, requests: Sequence[Request], seed: int) -> list[Completion]:
    tokens, thought = settings.evaluation.mt_bench.judge_tokens, settings.evaluation.pairs.thought_tokens
    thinks = settings.evaluation.pairs.reasoning_effort is not None

    def ask(some: Sequence[Request], room: int) -> list[Completion]:
        greedy = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=room)
        return [parted(one) for (one,) in engine.generate(some, greedy, seed)]

    said = ask(requests, tokens + thought if thinks else tokens)
    again = [] if thinks else [at for at, one in enumerate(said) if still_thinking(one)]
    if again:
        for at, one in zip(again, ask([requests[at] for at in again], tokens + thought), strict=True):
            said[at] = one
    return said


def block_of(judge: Judge) -> int:
    """Questions to this judge between two writes to disk."""
    return BLOCK if judge.calls is None else BLOCK_OF_SERVER


def engine_of(judge: Judge) -> Engine:
    """What writes the judge's words; `mt_bench_judge` opens none without."""
    if judge.engine is None:
        raise SettingsError(f"{judge.id}: writes no words, so it cannot grade MT-Bench")
    return judge.engine


def grading_facts(settings: Settings, judge: Judge, bench: MtBench, responses: Sequence[str]) -> dict[str, Any]:
    """What grades are made from."""
    wanted = settings.evaluation
    return {
        **{f"judge {name}": value for name, value in (judge.facts or {}).items() if name not in NOT_OF_THE_JUDGE},
        "reasoning effort": wanted.pairs.reasoning_effort,
        "tokens": wanted.mt_bench.judge_tokens,
        "thought tokens": wanted.pairs.thought_tokens,
        "questions, references and prompts": bench.digest,
        "answers": digest("answers", *responses),
    }


def scores(model: str, found: Sequence[Grade]) -> list[Score]:
    """The same as scores that figures are made of."""
    return [Score(one.judge, model, one.question, one.turn, one.score, one.unread) for one in found]
