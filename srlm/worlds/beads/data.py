"""Data of the bead world: noisy demonstrations, ranked and reviewed answers, fresh prompts.

Everything is drawn from the run's seed, but for what models are measured on, which is the same for all runs. No row of
an evaluation prompt, in any order, stands in any training text.
"""

import random

from srlm.records import Demonstration, Prompt, RankedSet, Response, SeedData, seed_for
from srlm.text.score import parse_score
from srlm.worlds.beads.answers import DEMONSTRATORS, RANKED, answer
from srlm.worlds.beads.program import BeadRow, review
from srlm.worlds.beads.rows import FreshRows
from srlm.worlds.beads.settings import BeadsData

ANSWERS_A_SET = 4
"""Ranked answers to each prompt."""
EXAM = 0
"""Seed of what models are measured on: the same for all runs, so that they compare by prompt."""


def seed_data(settings: BeadsData, seed: int) -> SeedData:
    """All seed data of a run in the bead world, drawn from its seed; what it is measured on is the same for all."""
    training, heldout, evaluation = (
        FreshRows(seed, "training"),
        FreshRows(EXAM, "heldout"),
        FreshRows(EXAM, "evaluation"),
    )
    chance, exam = random.Random(seed_for(seed, "seed data")), random.Random(seed_for(EXAM, "exam"))
    ift = [_demonstration(training.draw(), chance) for _ in range(settings.ift)]
    data = SeedData(
        ift=tuple(demonstration for demonstration, _ in ift),
        seed_prompts=tuple(prompt for _, prompt in ift),
        eft_sets=tuple(_ranked(training.draw(), chance, settings.wrong_verdicts) for _ in range(settings.eft_sets)),
        validation_prompts=tuple(_prompt(training.draw()) for _ in range(settings.validation_prompts)),
        heldout_sets=tuple(_ranked(heldout.draw(), exam, 0.0) for _ in range(settings.heldout_sets)),
        evaluation_prompts=tuple(_prompt(evaluation.draw()) for _ in range(settings.evaluation_prompts)),
        account={},
    )
    sizes = {
        "ift": len(data.ift),
        "eft sets": len(data.eft_sets),
        "heldout sets": len(data.heldout_sets),
        "evaluation prompts": len(data.evaluation_prompts),
        "validation prompts": len(data.validation_prompts),
    }
    return data.model_copy(update={"account": sizes})


def fresh_prompts(settings: BeadsData, seed: int, before: int, number: int) -> list[Prompt]:
    """The next `number` new prompts after `before`, in no other training set and no evaluation prompt permuted."""
    rows = FreshRows(seed, "training")
    for _ in range(settings.ift + settings.eft_sets + settings.validation_prompts + before):
        rows.draw()
    return [_prompt(rows.draw()) for _ in range(number)]


def _prompt(row: BeadRow) -> Prompt:
    return Prompt.of(row.text(), "beads", row.operation)


def _demonstration(row: BeadRow, chance: random.Random) -> tuple[Demonstration, Prompt]:
    prompt = _prompt(row)
    response = Response.of(prompt.id, answer(row, DEMONSTRATORS, chance), "human", 0, "stop")
    return Demonstration.of("ift", prompt.text, response.text, response.id), prompt


def _ranked(row: BeadRow, chance: random.Random, wrong: float) -> RankedSet:
    """Four different answers, reviewed, and ranked by the reviewer's scores (equal scores tie).

    The reviewer errs about `correct` in this share of the answers that have items.
    """
    prompt = _prompt(row)
    texts: list[str] = []
    while len(texts) < ANSWERS_A_SET:
        text = answer(row, RANKED, chance)
        if text not in texts:
            texts.append(text)
    reviews = [review(prompt.text, text, chance if chance.random() < wrong else None) for text in texts]
    scores = [parse_score(text) or 0 for text in reviews]
    order = sorted(set(scores), reverse=True)
    return RankedSet.of(
        prompt,
        tuple(Response.of(prompt.id, text, "human", draw, "stop") for draw, text in enumerate(texts)),
        tuple(order.index(score) for score in scores),
        tuple(reviews),
    )
