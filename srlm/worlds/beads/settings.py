"""Settings of the bead world: the section `data` of a run file with `kind: beads`."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.section import Positive, Section, Share


class BeadsData(Section):
    """The bead world: rows of beads, five operations, an exact program that knows every answer."""

    kind: Literal["beads"] = "beads"
    """Nothing is downloaded: all data is drawn from the run's seed."""
    base_lines: Positive = 40_000
    """Lines M0 is trained on."""
    ift: Positive = 6_000
    """Demonstrations, noisy on purpose."""
    eft_sets: Positive = 3_000
    """Prompts with four ranked and reviewed answers."""
    wrong_verdicts: Share = 0.0
    """Share of those reviews whose verdict on `correct`, and so the score and rank, is the opposite of the truth."""
    heldout_sets: Positive = 250
    """The same, for measuring the judge."""
    evaluation_prompts: Positive = 256
    """Prompts all models answer for the head-to-head."""
    validation_prompts: Annotated[int, Field(ge=0)] = 0
    """Prompts for early stopping."""
