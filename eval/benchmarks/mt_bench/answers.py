"""A model's answers to both turns of MT-Bench's questions: the second turn is asked behind its own first answer.

evaluation/M2/mt_bench_turn_1_at_0.7.jsonl     answers to the first turn, of the categories asked at temperature 0.7
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from srlm.engines.base import Engine
from srlm.engines.once import Once
from srlm.records import Checkpoint, Message, Prompt, Response, digest, seed_for, user
from srlm.settings import Sampling, Settings
from srlm.store.folder import RunFolder

from ...data.mt_bench import CATEGORIES, MtBenchQuestion
from ..base import OpenEngine
from ..measuring import drawn_answers
from ..within_budget import random_place

SOURCE = "mt_bench"
BLOCK = 16
"""Answers between two writes to disk: long answers of a large model take minutes."""


class Conversation(NamedTuple):
    """A question with a model's answers to both turns."""

    question: MtBenchQuestion
    first: Response
    second: Response

    @property
    def answers(self) -> tuple[str, str]:
        """Their texts."""
        return self.first.text, self.second.text

    def answer(self, turn: int) -> Response:
        """The answer to a turn, 1 or 2."""
        return self.first if turn == 1 else self.second


def some_of(questions: Sequence[MtBenchQuestion], number: int | None, seed: int) -> list[MtBenchQuestion]:
    """As many of the questions, in their order: an even part of each category, drawn at random. None: all."""
    if number is None or number >= len(questions):
        return list(questions)
    drawn = sorted(questions, key=lambda one: random_place(one.id, seed))
    place = {name: at for at, name in enumerate(CATEGORIES)}
    ranks: dict[str, int] = {}
    by_round = []
    for one in drawn:
        ranks[one.category] = ranks.get(one.category, -1) + 1
        by_round.append((ranks[one.category], place.get(one.category, len(place)), one.category, one.id))
    kept = {id for *_, id in sorted(by_round)[:number]}
    return [one for one in questions if one.id in kept]


def conversations(
    settings: Settings,
    folder: RunFolder,
    checkpoint: Checkpoint,
    questions: Sequence[MtBenchQuestion],
    open_engine: OpenEngine,
) -> list[Conversation]:
    """The checkpoint's answers to both turns of each question; each is asked once, and kept as it comes."""
    with Once(lambda: open_engine(checkpoint)) as engine:
        openings = [Prompt.of(one.turns[0], SOURCE, one.category) for one in questions]
        first = _answers(settings, folder, checkpoint, questions, openings, 1, engine)
        goings_on = [
            Prompt.of(one.turns[1], SOURCE, one.category, _before(one, said))
            for one, said in zip(questions, first, strict=True)
        ]
        second = _answers(settings, folder, checkpoint, questions, goings_on, 2, engine)
    return [Conversation(*row) for row in zip(questions, first, second, strict=True)]


def _before(question: MtBenchQuestion, said: Response) -> tuple[Message, ...]:
    return (*user(question.turns[0]), Message(role="assistant", content=said.text))


def _answers(
    settings: Settings,
    folder: RunFolder,
    checkpoint: Checkpoint,
    questions: Sequence[MtBenchQuestion],
    prompts: Sequence[Prompt],
    turn: int,
    engine: Callable[[], Engine],
) -> list[Response]:
    """An answer a prompt; those of one temperature are asked together and kept in one file."""
    found: dict[int, Response] = {}
    for temperature in sorted({one.temperature for one in questions}):
        places = [at for at, one in enumerate(questions) if one.temperature == temperature]
        own = [prompts[at] for at in places]
        said = drawn_answers(
            folder,
            checkpoint,
            own,
            engine,
            name=f"mt_bench_turn_{turn}_at_{temperature:g}",
            label=f"MT-Bench, turn {turn}, temperature {temperature:g}",
            sampling=sampling(settings, temperature),
            draws=1,
            seed=seed_for(settings.seed, "answers", SOURCE, checkpoint.name, turn, temperature),
            source=digest("items", *(one.id for one in own)),
            block=BLOCK,
        )
        found |= dict(zip(places, said, strict=True))
    return [found[at] for at in range(len(questions))]


def sampling(settings: Settings, temperature: float) -> Sampling:
    """How FastChat asks a model: nothing cuts off the unlikely words."""
    return Sampling(temperature=temperature, top_p=1.0, max_new_tokens=settings.evaluation.mt_bench.answer_tokens)
