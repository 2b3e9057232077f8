"""Figures of what is on disk: each task's metrics, differences between models on the same documents, the average.

A document is what was sampled: a share of documents has Blaker's interval, a share of instructions (IFEval's) one whose
unit is the document. Of a group all documents weigh the same where lm-eval says so; its tasks (MMLU's subjects) are
fixed, and no sample of subjects. The average of the paper's nine has its variance from theirs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from srlm.text.counts import counted

from ...records import MetricValue, Series
from ...stats import bounded
from ...stats.bounded import SHARE
from ...stats.intervals import Estimate, Resampling, mean, of_variance, pooled, share
from ..measuring import difference, figure, with_holm
from ..paired import steps_of
from .known import KNOWN, OF_THE_PAPER
from .measure import Failed, Kept
from .record import NlpDocument

BENCHMARK = "nlp"
AVERAGE = "average"
UNIT = "documents"
FAILED = "could not be measured"
"""Begins the note of a figure whose task failed."""
FORMS = {True: "chat template", False: "plain text"}


def metric_of(task: str, metric: str) -> str:
    """How a figure is called: `arc_easy.acc_norm`."""
    return f"{task}.{metric}"


def figures(
    how: Resampling, kept: Sequence[Kept], failed: Sequence[Failed] = (), reference: str | None = None
) -> list[MetricValue]:
    """Every figure of the tasks of these models. Of a task that failed nothing is kept."""
    found = [one for own in kept for one in _of_task(own, how)]
    found += [_failure(one) for one in failed]
    found += _averages(kept, how)
    return found + _differences(kept, how, reference)


class Column(NamedTuple):
    """One metric's values, a document each."""

    hits: list[float]
    """Sum of the document's values."""
    units: list[float]
    """How many it has: one, or one for each instruction."""
    ids: list[str]
    unscored: int


def column(documents: Sequence[NlpDocument], metric: str) -> Column:
    """The values of a metric; documents without a number are counted."""
    hits, units, ids = [], [], []
    for one in documents:
        value = one.values.get(metric)
        if value is None:
            continue
        each = value if isinstance(value, tuple) else (value,)
        hits.append(sum(each))
        units.append(float(len(each)))
        ids.append(one.id)
    return Column(hits, units, ids, len(documents) - len(ids))


def _of_task(own: Kept, how: Resampling) -> list[MetricValue]:
    asked, found = own.asked, []
    for metric in dict.fromkeys([asked.main, *(name for one in own.documents[:1] for name in one.values)]):
        estimate, values = _estimate(own, metric, how.using(BENCHMARK, own.model, asked.task, metric))
        found.append(
            figure(
                own.model,
                BENCHMARK,
                metric_of(asked.task, metric),
                estimate,
                n=len(values.ids) or (len(own.documents) if estimate.value is not None else 0),
                unscored=values.unscored if metric in asked.means else 0,
                unit=UNIT,
                note="; ".join(_notes(own, metric)),
            )
        )
    return found


def _estimate(own: Kept, metric: str, how: Resampling) -> tuple[Estimate, Column]:
    """The value of a metric with its interval; of one that is no mean of documents, lm-eval's own value."""
    values = column(own.documents, metric)
    if metric not in own.asked.means:
        value = own.asked.aggregates.get(metric)
        method = "lm-eval's own sum over documents; no interval: not a mean of documents"
        return Estimate(value=value, low=None, high=None, n=len(own.documents), method=method), values
    if own.asked.balanced:
        return _balanced(own, metric, how), values
    if set(values.units) - {1.0}:
        return pooled(values.hits, values.units, how), values
    if set(values.hits) <= {0.0, 1.0}:
        return share([value == 1 for value in values.hits], how), values
    inside = all(0 <= value <= 1 for value in values.hits)
    return mean(values.hits, how, SHARE if inside else None), values


def _balanced(own: Kept, metric: str, how: Resampling) -> Estimate:
    """The mean of the tasks' means, its variance from theirs."""
    tasks: dict[str, list[NlpDocument]] = {}
    for one in own.documents:
        tasks.setdefault(one.task, []).append(one)
    each = [np.array(column(of, metric).hits) for of in tasks.values()]
    each = [values for values in each if len(values)]
    if not each:
        return Estimate(value=None, low=None, high=None, n=0, method="mean of tasks; nothing was scored")
    value = float(np.mean([values.mean() for values in each]))
    variance = float(sum(values.var() / len(values) for values in each)) / len(each) ** 2
    size = bounded.equal_prompts(np.concatenate([np.full(len(values), 1 / len(values)) for values in each]))
    n = sum(map(len, each))
    return of_variance(f"mean of {len(each)} tasks' means", value, variance, n, size, how)


def _notes(own: Kept, metric: str) -> list[str]:
    """How the question was asked, and what a reader has to know."""
    asked = own.asked
    shots = sorted({one["shots"] for one in asked.question["tasks"].values()})
    said = [
        "/".join(f"{count}" for count in shots) + "-shot",
        FORMS[asked.question["chat"]],
        f"lm-eval {asked.question['lm_eval']}",
    ]
    if len(asked.question["tasks"]) > 1:
        said.append(f"{counted(len(asked.question['tasks']), 'tasks')}, each taken as fixed")
    if invalid := sum(metric in one.invalid for one in own.documents):
        said.append(f"{counted(invalid, 'answers')} without an answer in the form asked for, counted as wrong")
    return [*said, *asked.notes]


def _failure(one: Failed) -> MetricValue:
    nothing = Estimate(value=None, low=None, high=None, n=0, method="not measured")
    metric = metric_of(one.task, one.main)
    return figure(one.model, BENCHMARK, metric, nothing, unit=UNIT, note=f"{FAILED}: {one.why}")


# Over all tasks -------------------------------------------------------------------------------------------------------


def _averages(kept: Sequence[Kept], how: Resampling) -> list[MetricValue]:
    """Of each model, the mean of the paper's nine, or of those of them that every model was measured on."""
    by_model = _by_model(kept)
    shared = [name for name in OF_THE_PAPER if by_model and all(name in own for own in by_model.values())]
    if len(shared) < 2:
        return []
    missing = [KNOWN[name].title for name in OF_THE_PAPER if name not in shared]
    note = f"without {', '.join(missing)}: not an average of the nine" if missing else ""
    found = []
    for model, own in by_model.items():
        parts = [column(own[name].documents, own[name].asked.main) for name in shared]
        means = [np.mean(one.hits) for one in parts]
        variance = float(sum(np.var(one.hits) / len(one.hits) for one in parts)) / len(parts) ** 2
        weights = np.concatenate([np.full(len(one.hits), 1 / len(one.hits)) for one in parts])
        estimate = of_variance(
            f"mean of {counted(len(parts), 'tasks')}",
            float(np.mean(means)),
            variance,
            len(weights),
            bounded.equal_prompts(weights),
            how.using(BENCHMARK, model, AVERAGE),
        )
        unscored = sum(one.unscored for one in parts)
        found.append(figure(model, BENCHMARK, AVERAGE, estimate, unscored=unscored, unit=UNIT, note=note))
    return found


def _by_model(kept: Sequence[Kept]) -> dict[str, dict[str, Kept]]:
    found: dict[str, dict[str, Kept]] = {}
    for one in kept:
        found.setdefault(one.model, {})[one.asked.task] = one
    return found


def compared(models: Sequence[str], reference: str | None = None) -> list[tuple[str, str]]:
    """(model, baseline): each with the one before it, and each after SFT with SFT: the alignment tax. With a reference,
    each with that alone."""
    pairs: list[tuple[str, str]] = [*steps_of(models, reference)]
    if "SFT" in models and reference is None:
        pairs += [(model, "SFT") for model in models[models.index("SFT") + 1 :]]
    return list(dict.fromkeys(pairs))


def _differences(kept: Sequence[Kept], how: Resampling, reference: str | None) -> list[MetricValue]:
    """Paired by document on each task's main metric; Holm's correction over all tasks of the two models."""
    by_model, found = _by_model(kept), []
    for model, baseline in compared(list(by_model), reference):
        table = [
            _difference(own, by_model[baseline][task], how.using(BENCHMARK, model, baseline, task))
            for task, own in by_model[model].items()
            if task in by_model[baseline] and own.asked.main in own.asked.means
        ]
        found += with_holm(table, how, shares=all(_is_share(own) for own in by_model[model].values()))
    return found


def _is_share(own: Kept) -> bool:
    """Whether the main metric of a task lies in 0..1."""
    values = (_single(one, own.asked.main) for one in own.documents)
    return all(value is None or 0 <= value <= 1 for value in values)


def _difference(own: Kept, other: Kept, how: Resampling) -> MetricValue:
    asked, metric = own.asked, own.asked.main
    name = metric_of(asked.task, metric)
    unlike = _unlike(own, other)
    if unlike:
        nothing = Estimate(value=None, low=None, high=None, n=0, method="not compared")
        return figure(own.model, BENCHMARK, name, nothing, unit=UNIT, baseline=other.model, note=unlike)
    theirs = {one.id: one for one in other.documents}
    pairs = [(one, theirs[one.id]) for one in own.documents if one.id in theirs]
    values = [(_single(one, metric), _single(two, metric)) for one, two in pairs]
    found = difference(own.model, other.model, BENCHMARK, name, values, how, "no document has a value for both")
    return found.model_copy(update={"unit": UNIT})


def _unlike(own: Kept, other: Kept) -> str:
    """Why two models' answers to a task are not to the same questions; empty: they are, as far as both were asked."""
    one, two = own.asked.question, other.asked.question
    shared = one["tasks"].keys() & two["tasks"].keys()  # of a group a limit may reach only some
    same = all(one["tasks"][name] == two["tasks"][name] for name in shared)
    if own.asked.main != other.asked.main or one["lm_eval"] != two["lm_eval"] or not same:
        return f"{own.model} and {other.model} were not asked the same (examples, data or version): measure both again"
    if one["chat"] != two["chat"]:
        return f"{own.model} was asked by {FORMS[one['chat']]}, {other.model} by {FORMS[two['chat']]}: not compared"
    return ""


def _single(one: NlpDocument, metric: str) -> float | None:
    value = one.values.get(metric)
    return sum(value) / len(value) if isinstance(value, tuple) else value


# By document ----------------------------------------------------------------------------------------------------------


def by_document(kept: Sequence[Kept]) -> list[Series]:
    """Every metric of every task that is a mean, a value a document: for the gate and a comparison of runs."""
    found = []
    for own in kept:
        if own.asked.balanced:
            continue  # the gate's weighted mean would be another figure than the mean of the tasks' means
        for metric in own.asked.means:
            values = column(own.documents, metric)
            units = dict(zip(values.ids, values.units, strict=True))
            found.append(
                Series(
                    model=own.model,
                    benchmark=BENCHMARK,
                    metric=metric_of(own.asked.task, metric),
                    prompts=tuple(one.id for one in own.documents),
                    values=tuple(_single(one, metric) for one in own.documents),
                    weights=()
                    if set(values.units) <= {1.0}
                    else tuple(units.get(one.id, 1.0) for one in own.documents),
                )
            )
    return found
