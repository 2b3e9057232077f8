"""Which models of a run are compared with which, in every table alike."""

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import NamedTuple


class Pair(NamedTuple):
    """Two models that are compared; a figure is the model's, or its minus the baseline's."""

    model: str
    baseline: str


def steps_of(names: Sequence[str], reference: str | None) -> list[Pair]:
    """Each model with the one before it or, where `evaluation.reference` names one of them, all others with that."""
    if reference is not None:
        return _with(names, reference)
    return [Pair(later, earlier) for earlier, later in pairwise(names)]


def contests_of(names: Sequence[str], reference: str | None) -> list[Pair]:
    """The pairs of a head to head: each model against every earlier one, or all others against the reference."""
    if reference is not None:
        return _with(names, reference)
    return [Pair(later, earlier) for earlier, later in combinations(names, 2)]


def _with(names: Sequence[str], reference: str) -> list[Pair]:
    return [Pair(name, reference) for name in names if name != reference] if reference in names else []
