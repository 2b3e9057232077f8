"""AlpacaEval 2.0: every figure of one model, from what a judge said of its answers and the baseline's.

Win rates are in alpaca_eval's own unit, percent (0..100). What alpaca_eval computes is computed as it does; what it
cannot say stands beside: intervals by prompt, what is missing and what it could hide, and a length-controlled win rate
whose difficulty is joined by prompt and not by row.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.records import Prompt

from ...data.alpaca_eval import ANNOTATOR, BASELINE, AlpacaEval, GlmData, Weights
from ...data.alpaca_files import Annotated
from ...records import MetricValue
from ...stats import length_controlled, rates
from ...stats.intervals import Estimate, Resampling, mean

BENCHMARK = "alpaca_eval"

Array = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """What the statistics see of one model: a row a prompt that has a preference, in the order of the prompts."""

    model: str
    baseline: str
    judge: str
    prompts: tuple[str, ...]
    """Ids."""
    preference: Array
    """0..1, for the model: the mean of the judge's draws."""
    variances: tuple[float, ...]
    """Of each prompt's draws (k - 1); 0 where there is one."""
    draws: tuple[int, ...]
    """Preferences of each prompt."""
    delta: Array
    """Characters of the baseline's answer minus the model's."""
    characters: tuple[int, ...]
    """Of the model's answers, those without a preference too."""
    missing: Mapping[str, int]
    """Prompts without a preference, by reason; `not annotated` where there is no row."""
    not_asked: int = 0
    """Prompts that the budget left unasked, a random part of all."""

    @property
    def n(self) -> int:
        return len(self.prompts)

    @property
    def unscored(self) -> int:
        return sum(self.missing.values())

    def at(self, chosen: npt.NDArray[np.bool_]) -> "Sample":
        """The same on some of its prompts."""
        keep = np.flatnonzero(chosen)
        return self._replace(
            prompts=tuple(self.prompts[i] for i in keep),
            preference=self.preference[keep],
            variances=tuple(self.variances[i] for i in keep),
            draws=tuple(self.draws[i] for i in keep),
            delta=self.delta[keep],
        )

    def rows(self, glm: GlmData) -> length_controlled.LengthRows:
        """What the length-controlled regression sees of it."""
        difficulty = np.array([glm.difficulty[prompt] for prompt in self.prompts])
        return length_controlled.LengthRows(self.preference, self.delta, difficulty)


def sample(annotated: Annotated, prompts: Sequence[Prompt]) -> Sample:
    """The rows of `annotated` on the prompts that were asked."""
    said: dict[str, list[float]] = defaultdict(list)
    reasons: dict[str, str] = {}
    for annotation in annotated.annotations:
        if annotation.preference is not None:
            said[annotation.prompt_id].append(annotation.preference)
        elif annotation.missing is not None:
            reasons[annotation.prompt_id] = annotation.missing
    ids = [prompt.id for prompt in prompts if prompt.id in said]
    lengths = {id: len(text) for id, text in annotated.outputs.items()}
    first = annotated.annotations[0]
    return Sample(
        model=first.model,
        baseline=first.baseline,
        judge=first.judge,
        prompts=tuple(ids),
        preference=np.array([np.mean(said[id]) for id in ids], dtype=np.float64),
        variances=tuple(float(np.var(said[id], ddof=1)) if len(said[id]) > 1 else 0.0 for id in ids),
        draws=tuple(len(said[id]) for id in ids),
        delta=np.array([len(annotated.baseline_outputs[id]) - lengths[id] for id in ids], dtype=np.float64),
        characters=tuple(lengths.get(prompt.id, 0) for prompt in prompts),
        missing=Counter(
            reasons.get(p.id, "not annotated") for p in prompts if p.id not in said and p.id not in annotated.not_asked
        ),
        not_asked=sum(p.id in annotated.not_asked for p in prompts),
    )


def scored(
    annotated: Annotated, prompts: Sequence[Prompt], data: AlpacaEval | None, how: Resampling
) -> list[MetricValue]:
    """Every figure of one model over the prompts that were asked. `data` None: without length control."""
    one = sample(annotated, prompts)
    figures = raw(one, how)
    if data is None or one.n < 2:
        return figures
    figures += length_controlled_win_rate(one, data.glm, how)
    if one.n < len(prompts) == len(data.prompts):
        figures.append(by_row_position(annotated, data))
    weights = data.official_weights.get(one.model) if (one.judge, one.baseline) == (ANNOTATOR, BASELINE) else None
    if weights is not None and len(prompts) == len(data.prompts):
        figures.append(by_official_weights(one, weights, data))
    return figures


def raw(one: Sample, how: Resampling) -> list[MetricValue]:
    """What needs no regression, named as in alpaca_eval's leaderboard."""
    how = how.using(BENCHMARK, one.judge)  # of every model: the same prompts are drawn for all, as a comparison needs
    preference = one.preference
    win = rates.mean_rate(preference.tolist(), how)
    better, worse, draw = (int(found.sum()) for found in (preference > 0.5, preference < 0.5, preference == 0.5))
    discrete = rates.mean_rate(((np.sign(preference - 0.5) + 1) / 2).tolist(), how)
    error = 100 * rates.standard_error(preference) if one.n > 1 else None
    counted = "prompts"
    total = mean([float(c) for c in one.characters], how)
    figures = [
        _percent(one, "win_rate", win, note=_missing(one)),
        _plain(one, "standard_error", error, "sample standard deviation / sqrt(n)", "percent"),
        _percent(one, "discrete_win_rate", discrete, note="a preference above half is a win, half is a draw"),
        _plain(one, "n_wins", better, "preferences above half", counted),
        _plain(one, "n_wins_base", worse, "preferences below half", counted),
        _plain(one, "n_draws", draw, "preferences of exactly half", counted),
        _plain(one, "n_total", one.n, "prompts with a preference", counted),
        _figure(
            one,
            "avg_length",
            # alpaca_eval rounds down, and counts an answer that is not there as one of no characters.
            total.model_copy(update={"value": math.floor(total.value), "method": f"{total.method}; rounded down"})
            if total.value is not None
            else total,
            "characters",
        ),
    ]
    for metric, each in (("win_rate_if_missing_lost", 0), ("win_rate_if_missing_won", 1)):
        if one.unscored:
            bound = 100 * (float(preference.sum()) + each * one.unscored) / (one.n + one.unscored)
            figures.append(_plain(one, metric, bound, "bound: every missing preference for one side", "percent"))
    if (noise := rates.judge_error(one.variances, one.draws)) is not None:
        method = "what asking the judge again would change: pooled variance of a prompt's draws"
        figures.append(_plain(one, "judge_standard_error", 100 * noise, method, "percent"))
    return figures


def length_controlled_win_rate(one: Sample, glm: GlmData, how: Resampling) -> list[MetricValue]:
    """Fitted on the rows that are there, and again in every resample; and what alpaca_eval calls its standard error."""
    spread = "alpaca_eval's column: the spread of fitted values over prompts, not a sampling error; use the interval"
    if one.model == one.baseline:
        same = Estimate(value=0.5, low=0.5, high=0.5, n=one.n, method="the baseline against itself, by construction")
        return [_percent(one, "lc_win_rate", same), _plain(one, "lc_standard_error", 0.0, spread, "percent")]
    how = how.using(BENCHMARK, one.judge)
    drawn = drawn_lc(one, glm, rates.counts(one.n, how))
    estimate = rates.rate("length-controlled GLM, difficulty joined by prompt", drawn, one.n, how)
    rows = one.rows(glm)
    fitted = length_controlled.at_equal_length(
        Weights(*length_controlled.fit(rows, glm.gamed).weights[0]), rows.difficulty
    )
    error = 100 * rates.standard_error(fitted)
    return [
        _percent(one, "lc_win_rate", estimate, note=_stand_in(glm)),
        _plain(one, "lc_standard_error", error if math.isfinite(error) else None, spread, "percent"),
    ]


def drawn_lc(one: Sample, glm: GlmData, times: Array) -> rates.Drawn:
    """The length-controlled win rate, 0..1, in the sample and in each resample."""
    if one.model == one.baseline:
        return rates.Drawn(0.5, 0.0, np.full(len(times), 0.5), np.zeros(len(times)))
    rows = one.rows(glm)
    once, again = length_controlled.fit(rows, glm.gamed), length_controlled.refit(rows, glm.gamed, times)
    return rates.Drawn(float(once.win_rate[0]), float(once.error[0]), again.win_rate, again.error)


def by_row_position(annotated: Annotated, data: AlpacaEval) -> MetricValue:
    """The length-controlled win rate as alpaca-eval computes it: the i-th row of the file gets the i-th difficulty.

    Wrong from the first row on that is missing or out of place, and therefore apart; it is what the official
    leaderboard shows of models with fewer rows than prompts.
    """
    one = sample(annotated, data.prompts)
    told = [a for a in annotated.annotations if a.preference is not None]
    delta = [len(annotated.baseline_outputs[a.prompt_id]) - len(annotated.outputs[a.prompt_id]) for a in told]
    rows = length_controlled.LengthRows(
        np.array([a.preference for a in told], dtype=np.float64),
        np.array(delta, dtype=np.float64),
        np.array([data.glm.difficulty[prompt.id] for prompt in data.prompts[: len(told)]]),
    )
    value = 100 * float(length_controlled.fit(rows, data.glm.gamed).win_rate[0])
    note = "a replay of the official figure, whose difficulties belong to other prompts where a row is missing"
    method = "length-controlled GLM, difficulty joined by row position"
    return _plain(one, "lc_win_rate_by_row_position", value, method, "percent", f"{note}; {_stand_in(data.glm)}")


def by_official_weights(one: Sample, weights: Weights, data: AlpacaEval) -> MetricValue:
    """The official length-controlled win rate: published coefficients, over as many difficulties as there are rows."""
    difficulty = np.array([data.glm.difficulty[prompt.id] for prompt in data.prompts[: one.n]])
    value = 100 * float(length_controlled.at_equal_length(weights, difficulty).mean())
    note = "the published fit joined difficulty by row position, one row too few" if one.n < len(data.prompts) else ""
    return _plain(one, "lc_win_rate_official_weights", value, "published coefficients of the GLM", "percent", note)


def _stand_in(glm: GlmData) -> str:
    return f"regularised with {glm.gamed.file}" + (", a stand-in" if "surrogate" in glm.gamed.file else "")


def _asked(one: Sample) -> str:
    """On how many prompts, where the budget did not reach for all."""
    reached = one.n + one.unscored
    return f"on {reached} of {reached + one.not_asked} prompts, drawn at random (budget)" if one.not_asked else ""


def _missing(one: Sample) -> str:
    return ", ".join(f"{count} missing ({reason})" for reason, count in sorted(one.missing.items()))


def _percent(one: Sample, metric: str, share: Estimate, note: str = "") -> MetricValue:
    ends = {key: None if (end := getattr(share, key)) is None else 100 * end for key in ("value", "low", "high")}
    return _figure(one, metric, share.model_copy(update=ends), "percent", note)


def _plain(one: Sample, metric: str, value: float | None, method: str, value_unit: str, note: str = "") -> MetricValue:
    return _figure(one, metric, Estimate(value=value, low=None, high=None, n=one.n, method=method), value_unit, note)


def _figure(one: Sample, metric: str, estimate: Estimate, value_unit: str, note: str = "") -> MetricValue:
    return MetricValue(
        model=one.model,
        benchmark=BENCHMARK,
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        unscored=one.unscored if metric != "avg_length" else 0,
        value_unit=value_unit,
        method=estimate.method,
        note="; ".join(part for part in (f"judge {one.judge}, against {one.baseline}", _asked(one), note) if part),
    )
