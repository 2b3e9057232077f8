"""Figures of judges from their agreement with people, set by set: intervals over prompts and paired differences.

Several sets of answers may belong to one prompt (each pair of five models' answers, say): they are sampled together.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from srlm.judge.agreement import CORRELATIONS, UNITS, Measure, gathered
from srlm.records import Judgement, Record
from srlm.text.counts import counted

from ...records import MetricValue
from ...stats.intervals import (
    Estimate,
    Resampling,
    paired_mean_difference,
    paired_pooled_difference,
    pooled,
    pooled_each,
    share,
)
from ...stats.significance import paired_test
from ..measuring import figure, with_holm

PAIR_UNITS = {
    "accuracy_as_listed": "pairs",
    "accuracy_turned": "pairs",
    "accuracy_both_orders": "pairs",
    "accuracy_by_probability": "pairs",
    "position_agreement": "pairs",
    "position_flips": "pairs",
    "first_shown_preferred": "judgements",
}
"""Measures of a judge that compares two answers, and their units."""
TIES = {
    "pairwise_accuracy": "wrong",
    "pairwise_accuracy_half": "half",
    "pairwise_accuracy_ties_left_out": "left out",
    "pairwise_accuracy_ties_right": "right",
}
"""The share of pairs right, by what a judge's tie counts as."""
BY_SET = ("exact_match", *CORRELATIONS)
"""One value a set, none where it is undefined."""
MEANS = tuple(name + end for name in CORRELATIONS for end in ("", "_undefined_as_0"))


class Compared(Record):
    """Two judges whose difference is asked for."""

    model: str
    baseline: str


def described(
    model: str, benchmark: str, prompts: Sequence[str], found: Mapping[str, Measure], how: Resampling
) -> list[MetricValue]:
    """One judge's figures. `found` has an entry a set; `prompts` names each set's prompt."""
    how = how.using(benchmark, model)
    found = by_tie_policy(found)
    by_prompt = gathered(found, prompts)
    alone = len(set(prompts)) == len(prompts)
    estimates = pooled_each(
        {name: (list(m.hits), list(m.total)) for name, m in by_prompt.items()}, how, correlations=MEANS
    )
    if alone and "exact_match" in found:
        estimates["exact_match"] = share(
            [value == 1 for value in found["exact_match"].each() if value is not None], how
        )
    return [
        figure(
            model,
            benchmark,
            name,
            estimate,
            n=round(float(found[name].total.sum())),
            unscored=round(float(found[name].unscored.sum())),
            unit=_unit(name, alone),
            note=_note(name, estimate, int(found[name].unscored.sum())),
        )
        for name, estimate in estimates.items()
    ]


def by_tie_policy(found: Mapping[str, Measure]) -> dict[str, Measure]:
    """The same, and the share of pairs right with a judge's ties left out, and with them right."""
    if "pairwise_accuracy" not in found or "pairwise_accuracy_half" not in found:
        return dict(found)
    right, total, unscored = found["pairwise_accuracy"]
    tied = 2 * (found["pairwise_accuracy_half"].hits - right)
    return {
        **found,
        "pairwise_accuracy_ties_left_out": Measure(right, total - tied, unscored),
        "pairwise_accuracy_ties_right": Measure(right + tied, total, unscored),
    }


def _unit(name: str, alone: bool) -> str:
    return {**UNITS, **PAIR_UNITS, **dict.fromkeys(TIES, "pairs")}.get(name, "prompts" if alone else "sets")


def _note(name: str, estimate: Estimate, unscored: int) -> str:
    missing = estimate.value is None
    if name == "five_best":
        return "the judge gave no answer a 5" if missing else "of answers whose mean judgement is 5"
    if missing and name == "pairwise_accuracy_ties_left_out":
        return "no pair was ordered: the judge ties all"
    if name in UNITS or name in PAIR_UNITS or name in TIES:
        return "no pair could be compared" if missing else ""
    if name.endswith("_undefined_as_0"):
        return "left out: prompts whose answers people all tied" if unscored else ""
    return "undefined for every prompt (people or the judge tied all answers, or a score is missing)" if missing else ""


def differences(
    benchmark: str,
    asked: Iterable[Compared],
    prompts: Sequence[str],
    found: Mapping[str, Mapping[str, Measure]],
    how: Resampling,
    names: Sequence[str] = (*UNITS, *BY_SET),
) -> list[MetricValue]:
    """Model minus baseline on the same sets, paired by prompt; a whole-set measure counts where both have it.

    Holm's correction is over the comparisons of one measure.
    """
    asked = list(asked)
    metrics: list[MetricValue] = []
    for name in names:
        compare = _of_units if name in UNITS else _of_sets
        table = [
            compare(benchmark, name, one, prompts, found[one.model][name], found[one.baseline][name], how)
            for one in asked
        ]
        metrics += with_holm(table, how, shares=name not in MEANS)
    return metrics


def _of_units(
    benchmark: str, name: str, one: Compared, prompts: Sequence[str], model: Measure, baseline: Measure, how: Resampling
) -> MetricValue:
    a, b = (gathered({name: side}, prompts)[name] for side in (model, baseline))
    estimate = paired_pooled_difference(
        (list(a.hits), list(a.total)),
        (list(b.hits), list(b.total)),
        how.using(benchmark, one.model, one.baseline),
    )
    note = _note(name, estimate, 0) + ", for one of the two" if estimate.value is None else ""
    partly = int(((a.unscored > 0) | (b.unscored > 0)).sum())
    return figure(one.model, benchmark, name, estimate, unscored=partly, baseline=one.baseline, note=note)


def _of_sets(
    benchmark: str, name: str, one: Compared, prompts: Sequence[str], model: Measure, baseline: Measure, how: Resampling
) -> MetricValue:
    both = model.total * baseline.total
    apart = Measure((model.hits - baseline.hits) * both, both, 1 - both)
    by_prompt = gathered({name: apart}, prompts)[name]
    values = [value for value in by_prompt.each() if value is not None]
    own = how.using(one.model, one.baseline)
    tested = paired_test(values, own.seed) if values else None
    if len(by_prompt.total) == len(prompts):
        estimate = paired_mean_difference(values, [0.0] * len(values), own)
    else:
        sums = {name: (list(by_prompt.hits), list(by_prompt.total))}
        estimate = pooled_each(sums, own, means=(name,))[name]
        estimate = estimate.model_copy(update={"method": f"paired difference: {estimate.method}"})
    return figure(
        one.model,
        benchmark,
        name,
        estimate,
        unscored=int(np.sum(apart.unscored)),
        baseline=one.baseline,
        p=tested.p if tested else None,
        test=tested.test if tested else "",
        note="" if values else "no prompt is defined for both",
    )


def judgement_note(judgements: Iterable[Judgement]) -> str:
    """How many judgements had to be asked for their score, and why others have none, as far as it is known."""
    asked, reasons = 0, Counter[str]()
    for judgement in judgements:
        asked += judgement.completed
        reasons.update([judgement.unread] if judgement.unread is not None else [])
    notes = [f"{counted(asked, 'judgements')} had to be asked for their score"] if asked else []
    return "; ".join(notes + [f"unscored: {reason}: {number}" for reason, number in sorted(reasons.items())])


def unscored_share(
    model: str,
    benchmark: str,
    prompts: Sequence[str],
    failed: Sequence[int],
    asked: Sequence[int],
    how: Resampling,
    note: str = "",
) -> MetricValue:
    """The share of judgements that hold no score or verdict; `failed` and `asked` have an entry a set."""
    columns = Measure(*(np.asarray(column, dtype=np.float64) for column in (failed, asked, [0] * len(asked))))
    by_prompt = gathered({"unscored": columns}, prompts)["unscored"]
    estimate = pooled(list(by_prompt.hits), list(by_prompt.total), how.using(benchmark, model))
    return figure(model, benchmark, "unscored", estimate, n=sum(asked), unit="judgements", note=note)
