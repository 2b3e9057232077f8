"""What a skill is: text that is added to M0's base text, or to the demonstrations from which M1 learns to judge."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from srlm.records import Demonstration, RankedSet
from srlm.worlds.base import BaseLine


class Skill(NamedTuple):
    """Something that the bead world teaches openly because a method needs it; the exact program only measures it.

    A file of this folder has one as `SKILL`.
    """

    words: tuple[str, ...] = ()
    """Those that the vocabulary of the world lacks; with the skill they stand behind all others."""
    lines: Callable[[int, int], list[BaseLine]] | None = None
    """`lines(number, seed)`: lines that are added behind M0's base text."""
    share: float = 0.0
    """How many of them, as a share of `data.base_lines`."""
    demonstrations: Callable[[Sequence[RankedSet], int], list[Demonstration]] | None = None
    """`demonstrations(eft_sets, seed)`: demonstrations that are added behind the EFT examples of M1, also where
    `eft.writer` is off. They are kept in M1/eft.jsonl, from which later models take their replay."""
