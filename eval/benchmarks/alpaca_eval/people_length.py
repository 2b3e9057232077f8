"""The length-controlled win rate of the judge, of human labels alone, and of both together."""

import numpy as np

from srlm.text.counts import counted

from ...data.alpaca_eval import GlmData
from ...data.labels import Matched
from ...records import MetricValue
from ...stats import length_controlled, length_controlled_labels, rates
from ...stats.intervals import Estimate, Resampling
from ..labelled import ENDS
from ..measuring import figure
from .scores import BENCHMARK, Sample, length_controlled_win_rate

METRIC = "lc_win_rate"


def corrected(
    one: Sample, places: dict[str, int], labels: Matched, glm: GlmData, how: Resampling, *, unscored: int
) -> list[MetricValue]:
    """lc_win_rate_judge_alone, ..._labels_alone and ..._corrected, in percent.

    `places`: of each prompt id among `labels`. `unscored`: prompts on which the judge has no preference.
    """
    by_judge, _ = length_controlled_win_rate(one, glm, how)
    found = [(place, labels.values[places[id]]) for place, id in enumerate(one.prompts) if places[id] in labels.values]
    known = np.zeros(one.n, dtype=np.bool_)
    known[[place for place, _ in found]] = True
    values, n = np.array([value for _, value in found], dtype=np.float64), len(found)
    notes = [counted(n, "labels"), labels.said, "the labels must be of prompts drawn at random"]
    estimates = []
    for end, weight in ((ENDS[1], 0.0), (ENDS[2], None)):
        label = "length-controlled GLM of human labels" if weight == 0 else "length-controlled GLM, rectified by labels"
        if why := _why_none(one, n, corrects=weight is None):
            nothing = Estimate(value=None, low=None, high=None, n=n, method=f"{label}; {why}")
            estimates.append((end, nothing, ""))
            continue
        if n == one.n:
            whole = length_controlled.fit(one.rows(glm)._replace(preference=values), glm.gamed)
            estimate = rates.rate(label, float(whole.win_rate[0]), float(whole.error[0]), n, how)
            estimates.append((end, _percent(estimate), ""))
            continue
        fit = length_controlled_labels.corrected(one.rows(glm), values, known, glm.gamed, weight)
        if fit is None:
            nothing = Estimate(value=None, low=None, high=None, n=n, method=f"{label}; the fit did not converge")
            estimates.append((end, nothing, ""))
            continue
        estimate = rates.of_fit(label, fit.value, fit.error, n, how)
        said = f"weight of the judge (lambda) {fit.weight:.2f}" if weight is None else ""
        estimates.append((end, _percent(estimate), said))
    alone = by_judge.model_copy(update={"metric": METRIC + ENDS[0], "unscored": unscored})
    return [
        alone,
        *(
            figure(
                one.model, BENCHMARK, METRIC + end, estimate, n=n, unscored=sum(labels.unmatched.values()),
                unit="labels", value_unit="percent", note="; ".join(part for part in (said, *notes) if part),
            )
            for end, estimate, said in estimates
        ),
    ]  # fmt: skip


def _why_none(one: Sample, labels: int, *, corrects: bool) -> str:
    """Why so many labels give no figure; empty: they give one. `corrects`: one of judge and labels together."""
    if one.model == one.baseline:
        return "the baseline against itself is a half by construction"
    if labels < rates.FEWEST:
        return f"fewer than {rates.FEWEST} labels"
    return "every unit is labelled: the labels are the figure" if corrects and labels == one.n else ""


def _percent(one: Estimate) -> Estimate:
    ends = {key: None if (end := getattr(one, key)) is None else 100 * end for key in ("value", "low", "high")}
    return one.model_copy(update=ends)
