"""Settings of the errands world: the section `data` of a run file with `kind: errands`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from srlm.section import Positive, Section, Share
from srlm.worlds.errands.kinds import KINDS


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names as they were given, each once. Raises ValueError where one is no kind.

    Their order decides what is drawn. Another one here than in the defaults, which are not validated, would make a
    run's own settings.json other settings than its run file.
    """
    if strangers := [name for name in names if name not in KINDS]:
        raise ValueError(f"no such kind of errand: {', '.join(strangers)}; there are {', '.join(KINDS)}")
    return tuple(dict.fromkeys(names))


Kinds = Annotated[tuple[str, ...], AfterValidator(_known)]


class ErrandsData(Section):
    """Errands: short English instructions about lists of words and numbers, and a program that checks the answers."""

    kind: Literal["errands"] = "errands"
    """Nothing is downloaded: all data is drawn from the run's seed."""
    kinds: Annotated[Kinds, Field(min_length=1, description=f"Kinds of errand: {', '.join(KINDS)}.")] = (
        "repeat",
        "reverse",
        "alphabet",
        "every_second",
        "leave_out",
        "replace",
        "first_last",
        "capitals",
        "longest",
        "last",
        "second",
        "initials",
        "count",
        "largest",
        "rising",
        "sum",
    )
    heldout_kinds: Annotated[Kinds, Field(description="Kinds that models are measured on and never trained on.")] = (
        "last_two",
        "shortest",
        "smallest",
    )
    most_items: Annotated[int, Field(ge=3)] = 5
    """Most items of a list; the fewest are two or three, as the kind has it."""
    ift: Positive = 700
    """Demonstrations, noisy on purpose."""
    eft_sets: Positive = 600
    """Prompts with four ranked and reviewed answers."""
    wrong_verdicts: Share = 0.0
    """Share of those reviews whose verdict on `Right` is wrong, and with it the score and rank."""
    heldout_sets: Positive = 60
    """Prompts with four ranked and reviewed answers, held out to evaluate the judge."""
    evaluation_prompts: Positive = 200
    """Prompts that all models answer, in words and wordings that no training has."""
    heldout_kinds_share: Share = 0.2
    """Share of those that are of the held-out kinds."""
    validation_prompts: Annotated[int, Field(ge=0)] = 0
    """Prompts for early stopping."""
