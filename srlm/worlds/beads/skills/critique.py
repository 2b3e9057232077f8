"""Critiques of an answer by one criterion, as `constitutional` needs them: demonstrations beside the EFT examples.

A critique is the part of a person's review that is about the criterion; where the person erred, so does the critique:

    review correct : a gold b black c brown mate response : 1 gray 2 red 3 yellow .
    1 gray a gray yes 2 red b white no 3 yellow c yellow yes correct no

    review count : a gold b black c brown mate response : 1 gray 2 red .
    asked three given two count no
"""

import random
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

from srlm.records import Demonstration, Judgement, RankedSet, seed_for
from srlm.text.principles import Constitution, Principle, read_constitution
from srlm.text.score import parse_score
from srlm.worlds.beads.skills.base import Skill

_REVIEW = re.compile(
    r"(?P<items>.*?) ?\b(?P<given>asked \w+ given \w+)"
    r" relevant (?P<relevant>yes|no) correct (?P<correct>yes|no) count (?P<count>yes|no) clean (?P<clean>yes|no)\b"
)


@cache
def constitution() -> Constitution:
    """The world's own: a principle a criterion, and the frames in which models are asked."""
    folder = resources.files(__package__.rpartition(".")[0])
    return read_constitution(folder.joinpath("templates/principles.yaml").read_text(encoding="utf-8"), "beads")


def critique(review: str, criterion: str) -> str:
    """What a review says of one criterion."""
    said = parts(review)
    about = {"relevant": said["items"], "correct": said["items"], "count": said["given"], "clean": ""}[criterion]
    return f"{about} {criterion} {said[criterion]}".lstrip()


def parts(review: str) -> dict[str, str]:
    """`items` with their marks, `given`, and the verdict on each criterion."""
    found = _REVIEW.match(review)
    assert found is not None, f"not a review of the bead world: {review!r}"
    return found.groupdict()


def drawn(one: RankedSet, chance: random.Random) -> tuple[Principle, str, str, str]:
    """A principle, an answer of the set, its review, and the review's id as a judgement."""
    response, review = chance.choice(list(zip(one.responses, one.reviews, strict=True)))
    judgement = Judgement.of(response.id, "human", 0, review, parse_score(review))
    return chance.choice(constitution().principles), response.text, review, judgement.id


def demonstrations(sets: Sequence[RankedSet], seed: int) -> list[Demonstration]:
    """A critique of one answer of each set that has reviews, by one criterion."""
    chance = random.Random(seed_for(seed, "critiques"))
    found = []
    for one in sets:
        if one.reviews:
            principle, text, review, source = drawn(one, chance)
            asked = constitution().critique_of(principle, one.prompt.transcript, text)
            found.append(Demonstration.of("eft", asked, critique(review, principle.name), source))
    return found


SKILL = Skill(demonstrations=demonstrations)
