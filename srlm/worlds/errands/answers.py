"""Answers as people of this world give them: right, lazy, sloppy, of another errand, polite, beside the point."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from srlm.worlds.errands.kinds import KINDS, Errand
from srlm.worlds.errands.words import TRAINING

LEADS = ("Sure, here it is:", "Here you go:", "The answer is:", "Of course:", "Let me see:", "My answer:")
CLOSINGS = (
    "I hope this helps.",
    "Anything else?",
    "That was easy.",
    "Have a nice day!",
    "Let me know if you need more.",
)
REMARKS = (
    "I am not sure what you mean.",
    "That is a good question.",
    "I would be happy to help with that.",
    "There are many words in the world.",
    "Please tell me more.",
)


class Habits(NamedTuple):
    """How people of this world answer: the shares of each habit."""

    careful: float
    """All items right."""
    lazy: float
    """The list as it stands, or its first item where one is asked for."""
    sloppy: float
    """Right but for one item or two: left out, doubled, swapped, replaced or added."""
    mistaken: float
    """Right for another errand."""
    stray: float
    """A remark that is no answer, or words from nowhere."""
    filler: float
    """Of all answers: polite words before or behind."""


DEMONSTRATORS = Habits(careful=0.45, lazy=0.20, sloppy=0.20, mistaken=0.10, stray=0.05, filler=0.25)
"""Noisy on purpose: the pretrained model holds the skill, and the demonstrations hide it."""
RANKED = Habits(careful=0.45, lazy=0.12, sloppy=0.28, mistaken=0.10, stray=0.05, filler=0.25)
"""For the judge: every kind of fault."""


def answer(errand: Errand, habits: Habits, chance: random.Random) -> str:
    """An answer somebody with these habits gives."""
    right = errand.target()
    match chance.choices(("careful", "lazy", "sloppy", "mistaken", "stray"), habits[:5])[0]:
        case "careful":
            items = right
        case "lazy":
            items = list(errand.items) if len(right) > 1 else [errand.items[0]]
        case "sloppy":
            items = _spoilt(right, errand, chance)
            if chance.random() < 0.3:
                items = _spoilt(items, errand, chance)
        case "mistaken":
            items = _other_errand(errand, chance)
        case _:
            if chance.random() < 0.6:
                return chance.choice(REMARKS)
            items = chance.sample(TRAINING, chance.randint(1, 5))
    text = ", ".join(items)
    if chance.random() < habits.filler:
        if chance.random() < 0.5:
            return f"{chance.choice(LEADS)} {text}"
        return f"{text}. {chance.choice(CLOSINGS)}"
    return text


def _spoilt(right: Sequence[str], errand: Errand, chance: random.Random) -> list[str]:
    """The items with one fault."""
    items = list(right)
    place = chance.randrange(len(items))
    faults = ["replace"] if len(items) == 1 else ["replace", "leave out", "double", "swap", "swap", "add"]
    match chance.choice(faults):
        case "leave out":
            del items[place]
        case "double":
            items.insert(place, items[place])
        case "swap":
            place = min(place, len(items) - 2)
            items[place], items[place + 1] = items[place + 1], items[place]
        case "add":
            items.insert(chance.randint(0, len(items)), _strange(items[place], errand, chance))
        case _:
            items[place] = _strange(items[place], errand, chance)
    return items


def _strange(item: str, errand: Errand, chance: random.Random) -> str:
    """Another item in the place of this one, of the same form: of the list, or from elsewhere."""
    if item.isdigit():
        return str(max(0, int(item) + chance.choice((-3, -2, -1, 1, 2, 3, 10))))
    word = chance.choice([one for one in errand.items if one != item] if chance.random() < 0.5 else TRAINING)
    if len(item) == 1:
        return word[0]
    return word.upper() if item.isupper() else word


def _other_errand(errand: Errand, chance: random.Random) -> list[str]:
    """What another kind would ask for with the same list."""
    of = KINDS[errand.kind].of
    others = [name for name, kind in KINDS.items() if kind.of == of and kind.names == "nothing" and name != errand.kind]
    return Errand(chance.choice(others), 0, errand.items).target()
