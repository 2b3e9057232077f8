"""The one table of skills. `data.skills` names them; their order in a run file changes nothing."""

from collections.abc import Collection, Iterator
from importlib import import_module

from srlm.worlds.beads.skills.base import Skill

SKILLS: dict[str, str] = {
    "meta_judge": "srlm.worlds.beads.skills.meta_judge",
    "critique": "srlm.worlds.beads.skills.critique",
    "revision": "srlm.worlds.beads.skills.revision",
    "choice": "srlm.worlds.beads.skills.choice",
    "reasoned_choice": "srlm.worlds.beads.skills.reasoned_choice",
    "pair_judge": "srlm.worlds.beads.skills.pair_judge",
}
"""The module of each skill, by the name that a run file has."""


def chosen(names: Collection[str]) -> Iterator[Skill]:
    """The skills of these names, in the order of the table."""
    for name, module in SKILLS.items():
        if name in names:
            skill: Skill = import_module(module).SKILL
            yield skill
