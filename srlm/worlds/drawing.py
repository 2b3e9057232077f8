"""How the data of a small world is drawn: noisy demonstrations, ranked and reviewed answers, prompts.

Everything is drawn from the run's seed, but for what models are measured on, which is the same for all runs.
"""

import random
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Generic, NamedTuple, Protocol, TypeVar

from srlm.records import Demonstration, Prompt, RankedSet, Response, SeedData, seed_for
from srlm.text.score import parse_score

Row = TypeVar("Row")
"""A prompt as its world knows it."""
ANSWERS_A_SET = 4
"""Ranked answers to each prompt."""
EXAM = 0
"""Seed of what models are measured on: the same for all runs, so that they compare by prompt."""


class Sizes(Protocol):
    """What the settings of a world say of the size of each set."""

    @property
    def ift(self) -> int: ...
    @property
    def eft_sets(self) -> int: ...
    @property
    def wrong_verdicts(self) -> float: ...
    @property
    def heldout_sets(self) -> int: ...
    @property
    def evaluation_prompts(self) -> int: ...
    @property
    def validation_prompts(self) -> int: ...


class People(NamedTuple, Generic[Row]):
    """What people of a world say."""

    asked: Callable[[Row], Prompt]
    demonstrated: Callable[[Row, random.Random], str]
    """An answer of those who write demonstrations."""
    answered: Callable[[Row, random.Random], str]
    """An answer of those whose answers are ranked: more varied."""
    review: Callable[[str, str, random.Random | None], str]
    """Of an answer to a prompt, with the generator of one who errs."""


class Streams(NamedTuple, Generic[Row]):
    """Fresh rows without end, of parts that share none."""

    training: Iterator[Row]
    heldout: Iterator[Row]
    evaluation: Iterator[Row]


def seed_data(sizes: Sizes, seed: int, people: People[Row], rows: Streams[Row]) -> SeedData:
    """All seed data of a run: of the training rows first IFT, then EFT, then validation."""
    chance, exam = random.Random(seed_for(seed, "seed data")), random.Random(seed_for(EXAM, "exam"))
    ift = [_demonstration(row, people, chance) for row in islice(rows.training, sizes.ift)]
    data = SeedData(
        ift=tuple(demonstration for demonstration, _ in ift),
        seed_prompts=tuple(prompt for _, prompt in ift),
        eft_sets=tuple(
            _ranked(row, people, chance, sizes.wrong_verdicts) for row in islice(rows.training, sizes.eft_sets)
        ),
        validation_prompts=tuple(map(people.asked, islice(rows.training, sizes.validation_prompts))),
        heldout_sets=tuple(_ranked(row, people, exam, 0.0) for row in islice(rows.heldout, sizes.heldout_sets)),
        evaluation_prompts=tuple(map(people.asked, islice(rows.evaluation, sizes.evaluation_prompts))),
        account={},
    )
    counts = {
        "ift": len(data.ift),
        "eft sets": len(data.eft_sets),
        "heldout sets": len(data.heldout_sets),
        "evaluation prompts": len(data.evaluation_prompts),
        "validation prompts": len(data.validation_prompts),
    }
    return data.model_copy(update={"account": counts})


def fresh_prompts(
    sizes: Sizes, asked: Callable[[Row], Prompt], training: Iterator[Row], start: int, number: int
) -> list[Prompt]:
    """The next `number` new prompts after `start` of them, behind all that the seed data took."""
    before = sizes.ift + sizes.eft_sets + sizes.validation_prompts + start
    return [asked(row) for row in islice(training, before, before + number)]


def _demonstration(row: Row, people: People[Row], chance: random.Random) -> tuple[Demonstration, Prompt]:
    prompt = people.asked(row)
    response = Response.of(prompt.id, people.demonstrated(row, chance), "human", 0, "stop")
    return Demonstration.of("ift", prompt.text, response.text, response.id), prompt


def _ranked(row: Row, people: People[Row], chance: random.Random, wrong: float) -> RankedSet:
    """Different answers, reviewed, and ranked by the reviewer's scores (equal scores tie); `wrong`: share of the
    reviews in which the reviewer errs."""
    prompt = people.asked(row)
    texts: list[str] = []
    while len(texts) < ANSWERS_A_SET:
        text = people.answered(row, chance)
        if text not in texts:
            texts.append(text)
    reviews = [people.review(prompt.text, text, chance if chance.random() < wrong else None) for text in texts]
    scores = [parse_score(text) or 0 for text in reviews]
    order = sorted(set(scores), reverse=True)
    return RankedSet.of(
        prompt,
        tuple(Response.of(prompt.id, text, "human", draw, "stop") for draw, text in enumerate(texts)),
        tuple(order.index(score) for score in scores),
        tuple(reviews),
    )
