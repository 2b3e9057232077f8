"""Choosing one of two answers by a criterion, as `constitutional` needs it: demonstrations beside the EFT examples.

The better answer is the one that its review gives the criterion; where both reviews say the same of it, the one that
people ranked higher. It is named by its letter alone (this skill), or behind both critiques (`reasoned_choice`):

    score clean : a gold b black c brown mate response a : 1 gray . hope this helps response b : 1 gray .
    b
"""

import random
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

from srlm.records import Demonstration, RankedSet, digest, seed_for
from srlm.text.pair_prompt import PairTemplate
from srlm.text.principles import Principle
from srlm.worlds.beads.skills.base import Skill
from srlm.worlds.beads.skills.critique import constitution, parts


class Shown(NamedTuple):
    """Two answers of a set in the order in which they are shown, of which one is better by a criterion."""

    principle: Principle
    prompt: str
    texts: tuple[str, str]
    reviews: tuple[str, str]
    better: int
    """0: the first."""
    source: str
    """Id of what the demonstration is made from."""

    def asked(self, template: PairTemplate) -> str:
        """What a model is asked, as the method asks it."""
        return template.prompt(self.prompt, *self.texts, self.principle.choice)


def shown(sets: Sequence[RankedSet], chance: random.Random) -> Iterator[Shown]:
    """One for each set that has reviews and two answers that differ by the criterion, or by their ranks."""
    for one in sets:
        if not one.reviews:
            continue
        principle = chance.choice(constitution().principles)
        places = list(permutations(range(len(one.responses)), 2))
        chance.shuffle(places)
        for a, b in places:
            better = _better(one, a, b, principle.name)
            if better is not None:
                texts = (one.responses[a].text, one.responses[b].text)
                source = digest("choice", one.id, a, b, principle.name)
                reviews = (one.reviews[a], one.reviews[b])
                yield Shown(principle, one.prompt.transcript, texts, reviews, better, source)
                break


def _better(one: RankedSet, a: int, b: int, criterion: str) -> int | None:
    """0: answer a, 1: answer b; None: neither."""
    verdicts = [parts(one.reviews[place])[criterion] for place in (a, b)]
    if verdicts[0] != verdicts[1]:
        return verdicts.index("yes")
    ranks = one.ranks[a], one.ranks[b]
    return None if ranks[0] == ranks[1] else int(ranks[1] < ranks[0])


def demonstrations(sets: Sequence[RankedSet], seed: int) -> list[Demonstration]:
    """A letter for two answers of each set."""
    template = constitution().pair_template(None)
    chance = random.Random(seed_for(seed, "choices"))
    return [
        Demonstration.of("eft", one.asked(template), template.labels[one.better], one.source)
        for one in shown(sets, chance)
    ]


SKILL = Skill(demonstrations=demonstrations)
