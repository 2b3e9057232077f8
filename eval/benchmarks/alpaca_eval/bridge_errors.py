"""How far bridged figures are from official ones when each model is left out in turn, beside the candidate's own."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ...records import MetricValue
from ...stats.intervals import Array, Estimate, Resampling, mean, with_width
from ..measuring import figure
from .bridge import BENCHMARK, SCALES

ALL = "left out one by one"
"""In place of a model's name."""
FIGURES = ("mean_absolute_error", "candidate_mean_absolute_error", "error_ratio", "coverage", "half_width")
PURE = ("error_ratio", "coverage")
"""Of which the unit is no percent."""


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
        if not rows and not unscored:
            continue
        prefix = "" if scale == "win_rate" else "lc_"
        if not rows:
            why = "no model could be bridged from the others"
            nothing = Estimate(value=None, low=None, high=None, n=0, method=why)
            for metric in FIGURES:
                one = figure(
                    ALL, BENCHMARK, prefix + metric, nothing, unscored=unscored, unit="models",
                    value_unit="" if metric in PURE else "percent", note=why,
                )  # fmt: skip
                made.append(one)
            continue
        errors, plain, within, halves = (list(column) for column in zip(*rows, strict=True))
        using = how.using(BENCHMARK, scale)
        ratio = _ratio(np.asarray(errors, dtype=np.float64), np.asarray(plain, dtype=np.float64), how.confidence)
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


def _ratio(errors: Array, plain: Array, confidence: float) -> Estimate:
    """Mean error in units of the mean plain one. (models,) each, none below 0; Student's t on the logarithm, whose
    error is found by leaving out one model at a time."""
    n, label = len(errors), "ratio of mean absolute errors"
    if plain.sum() <= 0:
        return Estimate(value=None, low=None, high=None, n=n, method=f"{label}; the candidate makes no error")
    value = float(errors.sum() / plain.sum())
    without = (errors.sum() - errors), (plain.sum() - plain)
    if n < 3 or min(map(np.min, without)) <= 0:
        why = "below three models" if n < 3 else "undefined without one of the models"
        return Estimate(value=value, low=None, high=None, n=n, method=f"{label}; no interval: {why}")
    logs = np.log(without[0] / without[1])
    error = float(np.sqrt((n - 1) / n * ((logs - logs.mean()) ** 2).sum()))
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * error
    method = f"{label}; {100 * confidence:g}% Student's t over models on the logarithm, jackknife"
    found = Estimate(value=value, low=value * np.exp(-half), high=value * np.exp(half), n=n, method=method)
    return with_width(found, "all models' errors are in one ratio, so nothing shows its width")


def _over_models(estimate: Estimate) -> Estimate:
    return estimate.model_copy(update={"method": estimate.method.replace("prompts", "models")})
