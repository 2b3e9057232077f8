"""Data of the errands world, drawn as in any world (srlm/worlds/drawing.py).

What models are measured on is in words and wordings that no training text has.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import chain, cycle, islice

from srlm.records import Prompt, SeedData, seed_for
from srlm.worlds import drawing
from srlm.worlds.drawing import EXAM, People, Streams
from srlm.worlds.errands.answers import DEMONSTRATORS, RANKED, answer
from srlm.worlds.errands.kinds import KINDS, TRAINED_WORDINGS, Errand
from srlm.worlds.errands.program import review
from srlm.worlds.errands.settings import ErrandsData
from srlm.worlds.errands.words import HELDOUT, TRAINING

LARGEST = 20
"""The largest number in a list."""


class FreshErrands:
    """Fresh errands without end, kinds in equal shares; none is drawn twice."""

    def __init__(self, seed: int, part: str, kinds: Sequence[str], most: int, heldout: bool) -> None:
        self._random = random.Random(seed_for(seed, "errands", part))
        self._words = HELDOUT if heldout else TRAINING
        self._heldout = heldout
        self._most = most
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
        fewest, most = kind.size
        size = chance.randint(fewest, min(most, self._most))
        if kind.of == "numbers":
            items = [str(number) for number in chance.sample(range(1, LARGEST + 1), size)]
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


def _prompt(errand: Errand) -> Prompt:
    return Prompt.of(errand.text(), "errands", errand.kind)


PEOPLE = People(
    asked=_prompt,
    demonstrated=lambda errand, chance: answer(errand, DEMONSTRATORS, chance),
    answered=lambda errand, chance: answer(errand, RANKED, chance),
    review=review,
)


def _errands(seed: int, part: str, kinds: Sequence[str], most: int, heldout: bool) -> Iterator[Errand]:
    return iter(FreshErrands(seed, part, kinds, most, heldout).draw, None)


def seed_data(settings: ErrandsData, seed: int) -> SeedData:
    """All seed data of a run; the last evaluation prompts are of the kinds that no training has."""
    total, share = settings.evaluation_prompts, settings.heldout_kinds_share
    others = round(total * share) if settings.heldout_kinds else 0
    known = _errands(EXAM, "evaluation", settings.kinds, settings.most_items, heldout=True)
    strange = _errands(EXAM, "held-out kinds", settings.heldout_kinds, settings.most_items, heldout=True)
    rows = Streams(
        _errands(seed, "training", settings.kinds, settings.most_items, heldout=False),
        _errands(EXAM, "heldout", settings.kinds, settings.most_items, heldout=True),
        chain(islice(known, total - others), strange),
    )
    return drawing.seed_data(settings, seed, PEOPLE, rows)


def fresh_prompts(settings: ErrandsData, seed: int, before: int, number: int) -> list[Prompt]:
    """The next `number` new prompts after `before`, in no other training set."""
    training = _errands(seed, "training", settings.kinds, settings.most_items, heldout=False)
    return drawing.fresh_prompts(settings, _prompt, training, before, number)
