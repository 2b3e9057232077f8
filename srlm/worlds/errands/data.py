"""Data of the errands world: noisy demonstrations, ranked and reviewed answers, fresh prompts.

Everything is drawn from the run's seed, but for what models are measured on, which is the same for all runs, in words
and wordings that no training text has.
"""

import random
from collections.abc import Sequence
from itertools import cycle

from srlm.records import Demonstration, Prompt, RankedSet, Response, SeedData, seed_for
from srlm.text.score import parse_score
from srlm.worlds.errands.answers import DEMONSTRATORS, RANKED, answer
from srlm.worlds.errands.kinds import KINDS, TRAINED_WORDINGS, Errand
from srlm.worlds.errands.program import review
from srlm.worlds.errands.settings import ErrandsData
from srlm.worlds.errands.words import HELDOUT, TRAINING

ANSWERS_A_SET = 4
"""Ranked answers to each prompt."""
EXAM = 0
"""Seed of what models are measured on: the same for all runs, so that they compare by prompt."""
MOST = 20
"""The largest number in a list."""


class FreshErrands:
    """Fresh errands without end, kinds in equal shares; none is drawn twice."""

    def __init__(self, seed: int, part: str, kinds: Sequence[str], heldout: bool) -> None:
        self._random = random.Random(seed_for(seed, "errands", part))
        self._words = HELDOUT if heldout else TRAINING
        self._heldout = heldout
        self._kinds = cycle(kinds)
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    def draw(self) -> Errand:
        """An errand of this part, not drawn before."""
        name = next(self._kinds)
        while True:
            errand = self._drawn(name)
            key = (name, (*errand.items, *errand.named))
            if key not in self._seen:
                self._seen.add(key)
                return errand

    def _drawn(self, name: str) -> Errand:
        kind, chance = KINDS[name], self._random
        size = chance.randint(*kind.size)
        if kind.of == "numbers":
            items = [str(number) for number in chance.sample(range(1, MOST + 1), size)]
        else:
            items = chance.sample(self._words, size)
            while kind.distinct and len({len(word) for word in items}) < size:
                items = chance.sample(self._words, size)
        named: tuple[str, ...] = ()
        if kind.names != "nothing":
            named = (chance.choice(items),)
        if kind.names == "a word and another":
            named = (*named, chance.choice([word for word in self._words if word not in items]))
        wordings = range(TRAINED_WORDINGS, len(kind.wordings)) if self._heldout else range(TRAINED_WORDINGS)
        return Errand(name, chance.choice(wordings), tuple(items), named)


def seed_data(settings: ErrandsData, seed: int) -> SeedData:
    """All seed data of a run, drawn from its seed; what it is measured on is the same for all."""
    training = FreshErrands(seed, "training", settings.kinds, heldout=False)
    heldout = FreshErrands(EXAM, "heldout", settings.kinds, heldout=True)
    evaluation = FreshErrands(EXAM, "evaluation", settings.kinds, heldout=True)
    strange = FreshErrands(EXAM, "held-out kinds", settings.heldout_kinds, heldout=True)
    chance, exam = random.Random(seed_for(seed, "seed data")), random.Random(seed_for(EXAM, "exam"))
    others = round(settings.evaluation_prompts * settings.heldout_kinds_share) if settings.heldout_kinds else 0
    ift = [_demonstration(training.draw(), chance) for _ in range(settings.ift)]
    data = SeedData(
        ift=tuple(demonstration for demonstration, _ in ift),
        seed_prompts=tuple(prompt for _, prompt in ift),
        eft_sets=tuple(_ranked(training.draw(), chance, settings.wrong_verdicts) for _ in range(settings.eft_sets)),
        validation_prompts=tuple(_prompt(training.draw()) for _ in range(settings.validation_prompts)),
        heldout_sets=tuple(_ranked(heldout.draw(), exam, 0.0) for _ in range(settings.heldout_sets)),
        evaluation_prompts=(
            *(_prompt(evaluation.draw()) for _ in range(settings.evaluation_prompts - others)),
            *(_prompt(strange.draw()) for _ in range(others)),
        ),
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


def fresh_prompts(settings: ErrandsData, seed: int, before: int, number: int) -> list[Prompt]:
    """The next `number` new prompts after `before`, in no other training set."""
    errands = FreshErrands(seed, "training", settings.kinds, heldout=False)
    for _ in range(settings.ift + settings.eft_sets + settings.validation_prompts + before):
        errands.draw()
    return [_prompt(errands.draw()) for _ in range(number)]


def _prompt(errand: Errand) -> Prompt:
    return Prompt.of(errand.text(), "errands", errand.kind)


def _demonstration(errand: Errand, chance: random.Random) -> tuple[Demonstration, Prompt]:
    prompt = _prompt(errand)
    response = Response.of(prompt.id, answer(errand, DEMONSTRATORS, chance), "human", 0, "stop")
    return Demonstration.of("ift", prompt.text, response.text, response.id), prompt


def _ranked(errand: Errand, chance: random.Random, wrong: float) -> RankedSet:
    """Four different answers, reviewed, and ranked by the reviewer's scores (equal scores tie)."""
    prompt = _prompt(errand)
    texts: list[str] = []
    while len(texts) < ANSWERS_A_SET:
        text = answer(errand, RANKED, chance)
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
