"""From a number a run to figures: means over seeds, and differences from the reference, paired by seed. Pure."""

from collections.abc import Mapping, Sequence
from functools import partial

from srlm.text.counts import counted

from ..figures.specs import Group, MetricSpec
from ..records import MetricValue
from ..stats.bounded import Bounds
from ..stats.seeds import corrected, mean_over_seeds, paired_over_seeds
from .measures import Measured, Value, of_difference

BENCHMARK = "methods"
MOST_NAMED = 8
"""Seeds without a value that a note names; the page lists all."""

Cells = Mapping[tuple[str, int], Mapping[str, Value]]
"""(method, seed) -> measure -> value. A run that is not there has for each measure None and the reason."""


def group(measures: Sequence[Measured]) -> Group:
    """How the figures read."""
    return Group(BENCHMARK, "methods compared", {one.name: one.spec for one in measures})


def means(
    methods: Sequence[str], seeds: Sequence[int], measures: Sequence[Measured], cells: Cells, confidence: float
) -> list[MetricValue]:
    """The mean of every measure of every method over the seeds that have it; the others are named."""
    found = []
    for one in measures:
        for method in methods:
            own = {seed: cells[method, seed][one.name] for seed in seeds}
            known = [each.value for each in own.values() if each.value is not None]
            estimate = mean_over_seeds(known, confidence, _bounds(one.spec))
            found.append(
                MetricValue(
                    model=method, benchmark=BENCHMARK, metric=one.name, value=estimate.value, low=estimate.low,
                    high=estimate.high, n=estimate.n, unscored=len(seeds) - len(known), unit="seeds",
                    method=estimate.method,
                    note=_missing({seed: each.why for seed, each in own.items() if each.value is None}),
                )
            )  # fmt: skip
    return found


def differences(
    methods: Sequence[str],
    reference: str,
    seeds: Sequence[int],
    measures: Sequence[Measured],
    cells: Cells,
    confidence: float,
) -> list[MetricValue]:
    """Each method minus the reference on the seeds that both have; Holm's correction over the methods of a measure.

    Costs have no p: nobody doubts that two methods cost different amounts, and the interval says how different.
    """
    found: list[MetricValue] = []
    for one in measures:
        figures, apart = [], []
        for method in methods:
            if method == reference:
                continue
            both = {seed: (cells[method, seed][one.name], cells[reference, seed][one.name]) for seed in seeds}
            own = [a.value - b.value for a, b in both.values() if a.value is not None and b.value is not None]
            apart_within = one.spec.bounds and of_difference(one.spec.bounds)
            estimate, tested = paired_over_seeds(own, confidence, apart_within and Bounds(*apart_within))
            p = None if one.is_cost else tested
            without = {
                seed: f"{reference}: {b.why}" if a.value is not None else a.why
                for seed, (a, b) in both.items()
                if a.value is None or b.value is None
            }
            figures.append(
                MetricValue(
                    model=method, baseline=reference, benchmark=BENCHMARK, metric=one.name, value=estimate.value,
                    low=estimate.low, high=estimate.high, n=estimate.n, unscored=len(without), unit="seeds",
                    method=estimate.method + ("" if p is None else "; p: paired t test over seeds"), p=p,
                    note=_missing(without),
                )
            )  # fmt: skip
            apart.append(own)
        found += corrected(figures, apart, partial(_size, one.spec))
    return found


def _size(spec: MetricSpec, difference: float) -> str:
    """How large a difference is, rounded as its measure is."""
    return f"{100 * difference:.1f} points" if spec.unit == "share" else f"{difference:,.{spec.digits}f}"


def _bounds(spec: MetricSpec) -> Bounds | None:
    return None if spec.bounds is None else Bounds(*spec.bounds)


def seeds_named(seeds: Sequence[int]) -> str:
    """`seed 7`, `seeds 7, 8`."""
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _missing(why: Mapping[int, str]) -> str:
    """The seeds without a value, each with its reason; seeds of one reason stand together."""
    by_reason: dict[str, list[int]] = {}
    for seed in list(why)[:MOST_NAMED]:
        by_reason.setdefault(why[seed], []).append(seed)
    said = [f"{seeds_named(seeds)}: {reason}" for reason, seeds in by_reason.items()]
    if len(why) > MOST_NAMED:
        said.append(f"and {counted(len(why) - MOST_NAMED, 'more seeds')}")
    return "no value of " + "; ".join(said) if said else ""
