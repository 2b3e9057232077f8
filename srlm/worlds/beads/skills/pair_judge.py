"""Comparing two answers to one prompt, as `self_taught_evaluator` needs it.

The demonstrations are made of the reviews that a person wrote of an EFT set's answers, one pair a set. Nobody asks the
exact program; where the person erred, so does the demonstration. It reviews both answers, and gives each its score:

    review : a gold b black c brown mate response a 1 gray 2 white 3 yellow . response b 1 gold 2 black 3 brown .
    1 gray a gray yes ... clean yes
      1 gold a gray no ... clean no
      score a : 5
      score b : 0
"""

import random
from collections.abc import Sequence
from importlib import resources

from srlm.records import Demonstration, RankedSet, digest, seed_for
from srlm.text.pair_prompt import PairTemplate, parts
from srlm.worlds.beads.skills.base import Skill


def demonstrations(sets: Sequence[RankedSet], seed: int) -> list[Demonstration]:
    """One for each set that has reviews: of two of its answers, in an order drawn by the seed."""
    chance = random.Random(seed_for(seed, "pair judge"))
    text = resources.files(__package__.rpartition(".")[0]).joinpath("templates/pair_beads.txt")
    template = PairTemplate.model_validate({**parts(text.read_text(encoding="utf-8")), "name": "beads"})
    found = []
    for one in sets:
        if not one.reviews:
            continue
        (a, first), (b, second) = chance.sample(list(zip(one.responses, one.reviews, strict=True)), 2)
        prompt = template.prompt(one.prompt.transcript, a.text, b.text)
        source = digest("pair of reviews", a.id, b.id)
        found.append(Demonstration.of("eft", prompt, comparison(first, second), source))
    return found


def comparison(first: str, second: str) -> str:
    """Two reviews of answers a and b as one judgement: what they say, then both scores."""
    (said_a, score_a), (said_b, score_b) = (review.rsplit(" \n score : ", 1) for review in (first, second))
    return f"{said_a} \n {said_b} \n score a : {score_a} \n score b : {score_b}"


SKILL = Skill(demonstrations=demonstrations)
