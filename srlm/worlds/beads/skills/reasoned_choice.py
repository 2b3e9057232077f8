"""Choosing one of two answers by a criterion, with both critiques before the letter; see `choice`.

review score clean : a gold b black c brown mate response a : 1 gray . hope this helps response b : 1 gray .
response a clean no response b clean yes score : b
"""

import random
from collections.abc import Sequence

from srlm.records import Demonstration, RankedSet, seed_for
from srlm.text.principles import REASONS
from srlm.worlds.beads.skills.base import Skill
from srlm.worlds.beads.skills.choice import Shown, shown
from srlm.worlds.beads.skills.critique import constitution, critique


def reasons(one: Shown) -> str:
    """Both critiques, and the letter behind the constitution's lead."""
    wording = constitution()
    said = [
        f"response {label} {critique(review, one.principle.name)}"
        for label, review in zip(wording.labels, one.reviews, strict=True)
    ]
    return f"{' '.join(said)}{wording.lead} {wording.labels[one.better]}"


def demonstrations(sets: Sequence[RankedSet], seed: int) -> list[Demonstration]:
    """Critiques and a letter for two answers of each set."""
    template, chance = constitution().pair_template(REASONS), random.Random(seed_for(seed, "reasoned choices"))
    return [Demonstration.of("eft", one.asked(template), reasons(one), one.source) for one in shown(sets, chance)]


SKILL = Skill(demonstrations=demonstrations)
