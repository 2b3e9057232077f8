"""A judge's figure corrected by human labels, for every command that takes `--labels FILE`.

The labels must be of prompts drawn at random: what people chose to label (hard cases, disagreements) corrects nothing.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from srlm.errors import SettingsError
from srlm.printable import one_line
from srlm.text.counts import counted

from ..data.labels import Matched, read
from ..figures.text import aligned, short_name, value
from ..records import MetricValue
from ..stats.bounded import SHARE, Bounds
from ..stats.intervals import Estimate, Resampling
from ..stats.labels import FEWEST, bought, corrected
from .measuring import figure

COUNTS = (20, 50, 100, 200, 400)
"""Numbers of labels that `power --labels FILE` shows."""
FEWEST_PAIRS = 5
"""Labels with a judge's value, from which a correlation is measured."""
MOST = 0.999999
"""Of a correlation whose interval is asked for: Fisher's z of 1 is infinite."""
ENDS = ("_judge_alone", "_labels_alone", "_corrected")


def figures(
    model: str,
    benchmark: str,
    metric: str,
    judge: Sequence[float | None],
    labels: Matched,
    how: Resampling,
    *,
    groups: Sequence[str] = (),
    bounds: Bounds = SHARE,
    percent: bool = False,
    unit: str = "prompts",
    baseline: str | None = None,
) -> list[MetricValue]:
    """METRIC_judge_alone, METRIC_labels_alone and METRIC_corrected.

    `judge` has a value a unit, in 0..1; so have labels. Figures are in `bounds`, or in percent.
    """
    known = [place for place, one in enumerate(judge) if one is not None]
    scale = bounds.high - bounds.low

    def within(one: float) -> float:
        return bounds.low + scale * one

    found = corrected(
        [within(one) for one in judge if one is not None],
        [within(labels.values[place]) if place in labels.values else None for place in known],
        how,
        [groups[place] for place in known] if groups else (),
        bounds,
    )
    n, unscored = len(labels.values), len(judge) - len(known)
    weight = "" if found.weight is None else f"weight of the judge (lambda) {found.weight:.2f}"
    correlation = "" if found.correlation is None else f"correlation of judge and labels {found.correlation:.2f}"
    notes = [counted(n, "labels"), weight, correlation, labels.said, "the labels must be of prompts drawn at random"]
    note = "; ".join(part for part in notes if part)
    return [
        figure(
            model,
            benchmark,
            metric + end,
            _in_percent(estimate) if percent else estimate,
            n=len(known) if end == ENDS[0] else n,
            unscored=unscored if end == ENDS[0] else sum(labels.unmatched.values()),
            unit=unit if end == ENDS[0] else "labels",
            value_unit="percent" if percent else "",
            baseline=baseline,
            note="" if end == ENDS[0] else note,
        )
        for end, estimate in zip(ENDS, (found.judge, found.labels, found.corrected), strict=True)
    ]


def _in_percent(one: Estimate) -> Estimate:
    ends = {key: None if (end := getattr(one, key)) is None else 100 * end for key in ("value", "low", "high")}
    return one.model_copy(update=ends)


def text(metrics: Sequence[MetricValue]) -> str:
    """The judge's figure, the labels', and both together, a line a figure; why a figure is missing, below."""
    found = {(m.model, m.baseline, m.metric): m for m in metrics}
    rows, notes = [], []
    for (model, baseline, metric), alone in found.items():
        if not metric.endswith(ENDS[0]):
            continue
        name = metric.removesuffix(ENDS[0])
        labels, both = (found[model, baseline, name + end] for end in ENDS[1:])
        of = model if baseline is None else f"{model} : {baseline}"
        form = ".2f" if alone.value_unit == "percent" else ".3f"
        cells = [value(one, form, "none") for one in (alone, labels, both)]
        rows.append([of, name.replace("_", " "), *cells, f"{alone.n} {alone.unit}", str(alone.unscored)])
        why = f"; none: {both.method.partition('; ')[2]}" if both.value is None else ""
        notes.append(f"{short_name(of)}, {name.replace('_', ' ')}: {one_line(both.note + why)}")
    header = ["of", "figure", "judge alone", "labels alone", "corrected", "n", "unscored"]
    return "\n".join([aligned(header, rows), *notes])


def labels_bought(wanted: str, n: int, rate: float, correlation: float | None, confidence: float) -> str:
    """What numbers of labels buy, as a table. `wanted`: the numbers, or a file of labels with a `judge` column."""
    if not 0 < rate < 1:
        raise SettingsError(f"--rate {rate:g}: must be between 0 and 1, exclusive")
    counts, measured = list(COUNTS), ""
    if all(part.strip().isdecimal() for part in wanted.split(",")):
        counts = [int(part) for part in wanted.split(",")]
    else:
        both = [(one.value, one.judge) for one in read(Path(wanted)) if one.value is not None and one.judge is not None]
        people, judge = np.array(both, dtype=np.float64).reshape(-1, 2).T
        if correlation is None:
            same = [name for name, column in (("label", people), ("judge", judge)) if len(both) and not np.ptp(column)]
            if len(both) < FEWEST_PAIRS or same:
                why = (
                    f"rows with both `label` and `judge`: {len(both)}, and it takes {FEWEST_PAIRS}"
                    if len(both) < FEWEST_PAIRS
                    else f"its `{same[0]}` says the same in all rows"
                )
                raise SettingsError(
                    f"--labels {wanted}: {why}, so no correlation can be measured; give --judge-correlation"
                )
            correlation = float(np.corrcoef(people, judge)[0, 1])
            half = stats.norm.ppf(0.5 + confidence / 2) / np.sqrt(len(both) - 3)
            z = np.arctanh(np.clip(correlation, -MOST, MOST))
            low, high = np.tanh(z - half), np.tanh(z + half)
            measured = f" [{low:.2f}, {high:.2f}], measured on {counted(len(both), 'labels')}"
    if correlation is None:
        raise SettingsError("--labels needs --judge-correlation R (judge and people, prompt by prompt), or a file")
    if wrong := [count for count in counts if not FEWEST <= count < n]:
        if measured:
            counts = [count for count in counts if count not in wrong]
            if not counts:
                raise SettingsError(f"--n {n}: must be above {COUNTS[0]}, the fewest labels shown for a file")
        else:
            raise SettingsError(f"--labels {wrong[0]}: must be at least {FEWEST} and below --n {n}")
    found = [bought(count, n, rate, correlation, confidence) for count in counts]
    rows = [
        [str(one.labels), f"{100 * one.alone:.1f}", f"{100 * one.corrected:.1f}", f"{one.worth:.0f}"] for one in found
    ]
    head = ["labels", "+- labels alone", "+- corrected", "worth labels"]
    said = (
        f"{counted(n, 'prompts')}, a rate of {100 * rate:g}%, correlation of judge and people "
        f"{correlation:.2f}{measured}: "
    )
    return f"{said}half of the {100 * confidence:g}% interval, in points of percent\n{aligned(head, rows)}"
