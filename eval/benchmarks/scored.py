"""Benchmarks that give each answer a value: means by checkpoint, paired differences, and values by prompt for the gate.

`values` have an entry a measured checkpoint: a value an item, in the order of the items. None: could not be told.
"""

from collections.abc import Mapping, Sequence

from srlm.records import Response
from srlm.settings import Settings

from ..records import MetricValue, Series
from ..stats.intervals import Resampling, mean, share
from .base import Item, RunData
from .measuring import aligned, difference, figure, resampling, with_holm
from .paired import steps_of

Values = Mapping[str, Sequence[float | None]]


def means(benchmark: str, metric: str, values: Values, settings: Settings, *, is_share: bool) -> list[MetricValue]:
    """Each checkpoint's mean, and what each step changed. `is_share`: every value is 0 or 1."""
    how = resampling(settings)
    figures = []
    for name, own in values.items():
        known, using = [value for value in own if value is not None], how.using(benchmark, name)
        estimate = share([bool(value) for value in known], using) if is_share else mean(known, using)
        figures.append(figure(name, benchmark, metric, estimate, unscored=len(own) - len(known)))
    return figures + differences(benchmark, metric, values, how, settings.evaluation.reference)


def differences(
    benchmark: str, metric: str, values: Values, how: Resampling, reference: str | None = None
) -> list[MetricValue]:
    """Each checkpoint against the one before it, or the reference, on the items that both have a value for, with Holm's
    correction."""
    table = [
        difference(
            model,
            baseline,
            benchmark,
            metric,
            list(zip(values[model], values[baseline], strict=True)),
            how.using(benchmark, model, baseline),
            "no item has a value for both",
        )
        for model, baseline in steps_of(list(values), reference)
    ]
    return with_holm(table, how, shares=all(value in (0, 1, None) for own in values.values() for value in own))


def by_item(benchmark: str, metric: str, items: Sequence[Item], values: Values) -> list[Series]:
    """The same values for the gate."""
    ids = tuple(item.prompt.id for item in items)
    return [
        Series(model=name, benchmark=benchmark, metric=metric, prompts=ids, values=tuple(own))
        for name, own in values.items()
    ]


def answers_on_disk(run: RunData, benchmark: str, items: Sequence[Item]) -> dict[str, list[Response]]:
    """What each checkpoint that was measured has answered. Raises RecordError where a file is not of these items."""
    found = {}
    for name in run.names:
        path = run.evaluation / name / f"{benchmark}.jsonl"
        if path.exists():
            found[name] = run.records(path, Response)
            aligned(path, [one.prompt_id for one in found[name]], [item.prompt.id for item in items], 1)
    return found
