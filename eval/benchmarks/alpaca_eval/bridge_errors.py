"""How far bridged figures are from official ones when each model is left out in turn, beside the candidate's own."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ...records import MetricValue
from ...stats.intervals import Array, Estimate, Resampling, bootstrapped, mean
from ..measuring import figure
from .bridge import BENCHMARK, SCALES

ALL = "left out one by one"
"""In place of a model's name."""


def left_out_errors(metrics: Sequence[MetricValue], how: Resampling) -> list[MetricValue]:
    """Mean absolute errors in points, their ratio, the interval's coverage with an exact interval, and half its width.

    Over models with an official figure; those without a bridged one are counted as unscored.
    """
    found = {(m.model, m.metric): m for m in metrics if m.benchmark == BENCHMARK}
    made: list[MetricValue] = []
    for scale in SCALES:
        rows, unscored = [], 0
        for (model, metric), official in found.items():
            if metric != f"official_{scale}" or official.value is None:
                continue
            bridged, own = found[model, scale], found[model, f"candidate_{scale}"]
            if bridged.value is None or bridged.low is None or bridged.high is None or own.value is None:
                unscored += 1
                continue
            truth = official.value
            rows.append(
                (
                    abs(bridged.value - truth),
                    abs(own.value - truth),
                    bridged.low <= truth <= bridged.high,
                    (bridged.high - bridged.low) / 2,
                )
            )
        if not rows:
            continue
        prefix = "" if scale == "win_rate" else "lc_"
        errors, plain, within, halves = (list(column) for column in zip(*rows, strict=True))
        using = how.using(BENCHMARK, scale)
        columns = np.asarray(errors, dtype=np.float64), np.asarray(plain, dtype=np.float64)
        ratio = Estimate(value=None, low=None, high=None, n=len(rows), method="ratio of mean absolute errors; no error")
        if len(rows) > 1 and sum(plain) > 0:
            ratio = bootstrapped("ratio of mean absolute errors", columns, _ratio, using)
        exact = stats.binomtest(int(sum(within)), len(rows)).proportion_ci(how.confidence, method="exact")
        covered = Estimate(
            value=sum(within) / len(rows), low=float(exact.low), high=float(exact.high), n=len(rows),
            method=f"share of models whose official figure lies in its interval; {100 * how.confidence:g}% "
            "Clopper-Pearson",
        )  # fmt: skip
        for metric, estimate, unit, note in (
            ("mean_absolute_error", mean(errors, using), "percent", "points, bridged minus official"),
            ("candidate_mean_absolute_error", mean(plain, using), "percent", "points, the candidate's own figure"),
            ("error_ratio", ratio, "", "bridged error in units of the candidate's own"),
            ("coverage", covered, "", "share of official figures within their intervals"),
            ("half_width", mean(halves, using), "percent", "points, half of the interval"),
        ):
            one = figure(ALL, BENCHMARK, prefix + metric, _over_models(estimate), unit="models", value_unit=unit)
            made.append(one.model_copy(update={"unscored": unscored, "note": note}))
    return made


def _ratio(sums: Array) -> Array:
    """(..., 2) sums -> the first in units of the second."""
    share: Array = np.divide(sums[..., 0], sums[..., 1], out=np.full(sums.shape[:-1], np.nan), where=sums[..., 1] > 0)
    return share


def _over_models(estimate: Estimate) -> Estimate:
    return estimate.model_copy(update={"method": estimate.method.replace("over prompts", "over models")})
