"""Settings of the bead world: the section `data` of a run file with `kind: beads`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from srlm.section import Positive, Section, Share
from srlm.worlds.beads.skills.table import SKILLS


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names in the table's order, each once. Raises ValueError where one is no skill."""
    if strangers := [name for name in names if name not in SKILLS]:
        raise ValueError(f"no such skill: {', '.join(strangers)}; there are {', '.join(SKILLS)}")
    return tuple(name for name in SKILLS if name in names)


class BeadsData(Section):
    """The bead world: rows of beads, five operations, and an exact program that knows every answer."""

    kind: Literal["beads"] = "beads"
    """Nothing is downloaded: all data is drawn from the run's seed."""
    base_lines: Positive = 40_000
    """Lines on which M0 is trained."""
    ift: Positive = 6_000
    """Demonstrations, noisy on purpose."""
    eft_sets: Positive = 3_000
    """Prompts with four ranked and reviewed answers."""
    wrong_verdicts: Share = 0.0
    """Share of those reviews whose verdict on `correct` is wrong, and with it the score and rank."""
    heldout_sets: Positive = 250
    """Prompts with four ranked and reviewed answers, held out to evaluate the judge."""
    evaluation_prompts: Positive = 256
    """Prompts that all models answer in the head-to-head."""
    validation_prompts: Annotated[int, Field(ge=0)] = 0
    """Prompts for early stopping."""
    skills: Annotated[
        tuple[str, ...],
        AfterValidator(_known),
        Field(
            description="Skills beside answering and judging that models are taught because a method needs them: "
            f"{', '.join(f'`{name}`' for name in SKILLS)}."
        ),
    ] = ()
