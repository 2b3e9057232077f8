"""Revisions of an answer by one criterion, as `constitutional` needs them: demonstrations beside the EFT examples.

A person mends what the critique blames and nothing else, and takes the right beads from the critique where it quotes
them. An answer that the critique does not blame stays as it is:

    response correct : a gold b black c brown mate response : 1 gray 2 red 3 yellow . hope this helps
      review : 1 gray a gray yes 2 red b white no 3 yellow c yellow yes correct no
    1 gray 2 white 3 yellow . hope this helps
"""

import random
import re
from collections.abc import Sequence

from srlm.records import Demonstration, RankedSet, seed_for
from srlm.worlds.beads.answers import numbered
from srlm.worlds.beads.program import ParsedAnswer, parse_answer, parse_prompt, targets
from srlm.worlds.beads.skills.base import Skill
from srlm.worlds.beads.skills.critique import constitution, critique, drawn, parts

_ITEM = re.compile(r"\b\d (\w+) [a-e] (\w+) (yes|no)\b")
"""An item in a review: its number, its colour, the bead that it should be, and the mark."""


def revised(prompt: str, text: str, review: str, criterion: str) -> str:
    """The answer as a person who wrote `review` mends it by one criterion."""
    said = parts(review)
    if said[criterion] == "yes":
        return text
    row, answer = parse_prompt(prompt), parse_answer(text)
    assert row is not None, f"not a prompt of the bead world: {prompt!r}"
    right = [bead.colour for bead in targets(row)]
    if criterion == "relevant" or not answer.items:
        return " ".join(numbered(right))  # there is nothing to keep
    match criterion:
        case "correct":
            items = _quoted(said["items"])
        case "count":
            items = answer.items[: len(right)] + right[len(answer.items) :]
        case _:
            items = answer.items
    return _with_filler(items, text, answer, keep=criterion != "clean")


def _quoted(marks: str) -> list[str]:
    """The items that a review calls right, and for each other one the bead that it quotes beside it; an item too many
    has none, and is left out."""
    return [item if mark == "yes" else colour for item, colour, mark in _ITEM.findall(marks)]


def _with_filler(items: Sequence[str], text: str, answer: ParsedAnswer, keep: bool) -> str:
    """The items in the answer's own polite words; of a malformed answer nothing but the items is kept."""
    words = numbered(items)
    if keep and answer.well_formed:
        given = text.split()
        start, end = given.index("1"), given.index(".")
        words = [*given[:start], *words, *given[end + 1 :]]
    return " ".join(words)


def demonstrations(sets: Sequence[RankedSet], seed: int) -> list[Demonstration]:
    """A revision of one answer of each set that has reviews, by one criterion and its critique."""
    chance = random.Random(seed_for(seed, "revisions"))
    found = []
    for one in sets:
        if one.reviews:
            principle, text, review, source = drawn(one, chance)
            said = critique(review, principle.name)
            asked = constitution().revision_of(principle, one.prompt.transcript, text, said)
            mended = revised(one.prompt.text, text, review, principle.name)
            found.append(Demonstration.of("eft", asked, mended, source))
    return found


SKILL = Skill(demonstrations=demonstrations)
