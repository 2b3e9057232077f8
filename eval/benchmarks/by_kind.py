"""A comparison split by kinds of prompts: what `slices` and `breakdown` share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..records import MetricValue
from ..stats.bounded import SIGNED
from ..stats.intervals import Resampling, mean
from ..stats.significance import sign_test_of
from .breakdown.names import kind_of
from .measuring import figure

Kinds = Mapping[str, Mapping[str, Sequence[str]]]
"""Ids of prompts by kind, for each way of sorting them: `category` -> `coding` -> ids."""


class Part(NamedTuple):
    """The values of the prompts of one kind."""

    sort: str
    """How prompts are sorted: `category`."""
    kind: str
    """`coding`."""
    values: tuple[float, ...]
    unscored: int

    @property
    def name(self) -> str:
        """As metrics call it."""
        return kind_of(self.sort, self.kind)


def parts(kinds: Kinds, values: Mapping[str, float | None], floor: int) -> list[Part]:
    """The kinds with at least `floor` prompts among those of `values`; None: the prompt's value could not be told."""
    found = []
    for sort, own in kinds.items():
        for kind, ids in own.items():
            asked = [values[id] for id in ids if id in values]
            known = tuple(value for value in asked if value is not None)
            if len(asked) >= floor:
                found.append(Part(sort, kind, known, len(asked) - len(known)))
    return found


def wins_minus_losses(
    benchmark: str, model: str, baseline: str, of: Iterable[Part], how: Resampling
) -> list[MetricValue]:
    """The mean of wins (1), ties (0) and losses (-1) on each kind of prompt, with the sign test; before Holm's."""
    return [
        figure(
            model,
            benchmark,
            part.name,
            mean(part.values, how.using(benchmark, model, baseline, part.sort, part.kind), SIGNED),
            unscored=part.unscored,
            baseline=baseline,
            p=sign_test_of(part.values) if part.values else None,
            note="" if part.values else "no verdict could be read",
        )
        for part in of
    ]
