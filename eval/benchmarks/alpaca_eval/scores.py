"""AlpacaEval 2.0: every figure of one model, from what a judge said of its answers and the baseline's.

Win rates are in alpaca_eval's own unit, percent (0..100). What alpaca_eval computes is computed as it does; what it
cannot say stands beside: intervals by prompt, what is missing and what it could hide, and a length-controlled win rate
whose difficulty is joined by prompt and not by row.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.errors import DataError
from srlm.records import Prompt
from srlm.text.counts import counted

from ...data.alpaca_eval import ANNOTATOR, BASELINE, AlpacaEval, GlmData, Weights
from ...data.alpaca_files import Annotated, FileRow
from ...data.alpaca_rows import one_a_prompt
from ...records import MetricValue
from ...stats import length_controlled, rates
from ...stats.intervals import Estimate, Resampling, mean
from ..within_budget import budget_note

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
    """Of the model's answers that are there, those without a preference too."""
    absent: int
    """Prompts without an answer of the model."""
    missing: Mapping[str, int]
    """Prompts without a preference, by reason; `not annotated` where there is no row."""
    asked: int
    """Prompts that should have a preference."""
    not_asked: int = 0
    """Prompts that the budget left unasked, a random part of all."""
    warning: str = ""
    """Why its figures are on another scale than the published ones; empty: they are not, or nobody looked."""

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
    draws: dict[str, list[float]] = {}
    for annotation in annotated.annotations:
        if annotation.preference is not None:
            draws.setdefault(annotation.prompt_id, []).append(annotation.preference)
    means = one_a_prompt(annotated.annotations)
    # To the digit that annotations.json keeps (1 + preference), so that alpaca_eval counts the same wins and draws.
    said = {id: (1 + one.preference) - 1 for id, one in means.items() if one.preference is not None}
    ids = [prompt.id for prompt in prompts if prompt.id in said]
    lengths = {id: len(text) for id, text in annotated.outputs.items()}
    there = [lengths[prompt.id] for prompt in prompts if prompt.id in lengths]
    not_asked = sum(prompt.id in annotated.not_asked for prompt in prompts)
    first = annotated.annotations[0]
    return Sample(
        model=first.model,
        baseline=first.baseline,
        judge=first.judge,
        prompts=tuple(ids),
        preference=np.array([said[id] for id in ids], dtype=np.float64),
        variances=tuple(float(np.var(draws[id], ddof=1)) if len(draws[id]) > 1 else 0.0 for id in ids),
        draws=tuple(len(draws[id]) for id in ids),
        delta=np.array([len(annotated.baseline_outputs[id]) - lengths[id] for id in ids], dtype=np.float64),
        characters=tuple(there),
        absent=len(prompts) - len(there),
        asked=len(prompts) - not_asked,
        not_asked=not_asked,
        missing=Counter(
            (p.id in means and means[p.id].missing) or "not annotated"
            for p in prompts
            if p.id not in said and p.id not in annotated.not_asked
        ),
    )


def scored(
    annotated: Annotated,
    prompts: Sequence[Prompt],
    data: AlpacaEval | None,
    how: Resampling,
    *,
    length_control: bool = True,
    written: Sequence[FileRow] = (),
) -> list[MetricValue]:
    """Every figure of one model over the prompts that were asked. `data` None: those that need no more than these.

    `written`: the rows of the annotations.json that is made of them; empty: they are those of `annotated`.
    """
    one = sample(annotated, prompts)
    if data is None:
        return raw(one, how)
    whole, cited = len(prompts) == len(data.prompts), (one.judge, one.baseline) == (ANNOTATOR, BASELINE)
    published = data.leaderboard.get(one.model, {}).get("n_total") if whole and cited else None
    figures = raw(one, how, official_length=published == str(one.n))
    if not length_control or one.n < 2:
        return figures
    figures += length_controlled_win_rate(one, data.glm, how)
    if (written or whole) and one.n < len(data.prompts):
        figures += by_rows(one, written or annotated.by_place, data)
    weights = data.official_weights.get(one.model) if cited else None
    if weights is not None and whole:
        figures.append(by_official_weights(one, weights, data))
    return figures


def raw(one: Sample, how: Resampling, official_length: bool = False) -> list[MetricValue]:
    """What needs no regression, named as in alpaca_eval's leaderboard.

    `official_length`: answers that are not there count as empty in the mean length, as on the published leaderboard.
    """
    preference = one.preference
    win = rates.mean_rate(preference.tolist(), how)
    better, worse, draw = (int(found.sum()) for found in (preference > 0.5, preference < 0.5, preference == 0.5))
    discrete = rates.mean_rate(((np.sign(preference - 0.5) + 1) / 2).tolist(), how)
    error = 100 * rates.standard_error(preference) if one.n > 1 else None
    counted = "prompts"
    figures = [
        _percent(one, "win_rate", win, note=_missing(one)),
        _plain(one, "standard_error", error, "sample standard deviation / sqrt(n)", "percent"),
        _percent(one, "discrete_win_rate", discrete, note="a preference above half is a win, half is a draw"),
        _plain(one, "n_wins", better, "preferences above half", counted),
        _plain(one, "n_wins_base", worse, "preferences below half", counted),
        _plain(one, "n_draws", draw, "preferences of exactly half", counted),
        _plain(one, "n_total", one.n, "prompts with a preference", counted),
        _length(one, official_length, how),
    ]
    for metric, each in (("win_rate_if_missing_lost", 0), ("win_rate_if_missing_won", 1)):
        if one.unscored:
            bound = 100 * (float(preference.sum()) + each * one.unscored) / (one.n + one.unscored)
            figures.append(_plain(one, metric, bound, "bound: every missing preference for one side", "percent"))
    if (noise := rates.judge_error(one.variances, one.draws)) is not None:
        method = "what asking the judge again would change: pooled variance of a prompt's draws"
        figures.append(_plain(one, "judge_standard_error", 100 * noise, method, "percent"))
    return figures


def _length(one: Sample, official: bool, how: Resampling) -> MetricValue:
    """The mean length of the answers that are there, rounded down as alpaca_eval rounds it."""
    absent = [0.0] * one.absent if official else []
    found = mean([*map(float, one.characters), *absent], how)
    note = "as on the official leaderboard, an answer that is not there counts as empty" if absent else ""
    if found.value is not None:
        found = found.model_copy(update={"value": math.floor(found.value), "method": f"{found.method}; rounded down"})
    return _figure(one, "avg_length", found, "characters", note)


def length_controlled_win_rate(one: Sample, glm: GlmData, how: Resampling) -> list[MetricValue]:
    """Fitted on the rows that are there; and what alpaca_eval calls its standard error."""
    spread = "alpaca_eval's column: the spread of fitted values over prompts, not a sampling error; use the interval"
    if one.model == one.baseline:
        method = "half, by construction; no interval: the baseline against itself"
        same = Estimate(value=0.5, low=None, high=None, n=one.n, method=method)
        return [_percent(one, "lc_win_rate", same), _plain(one, "lc_standard_error", 0.0, spread, "percent")]
    rows = one.rows(glm)
    fitted = length_controlled.fit(rows, glm.gamed)
    label = "length-controlled GLM, difficulty joined by prompt"
    estimate = rates.rate(label, float(fitted.win_rate[0]), float(fitted.error[0]), one.n, how)
    error = 100 * rates.standard_error(length_controlled.at_equal_length(Weights(*fitted.weights[0]), rows.difficulty))
    return [
        _percent(one, "lc_win_rate", estimate, note=_stand_in(glm)),
        _plain(one, "lc_standard_error", error if math.isfinite(error) else None, spread, "percent"),
    ]


def drawn_lc(one: Sample, glm: GlmData, times: Array) -> rates.Drawn:
    """The length-controlled win rate, 0..1, in the sample and in each resample."""
    if one.model == one.baseline:
        return rates.Drawn(0.5, np.full(len(times), 0.5))
    rows = one.rows(glm)
    once, again = length_controlled.fit(rows, glm.gamed), length_controlled.refit(rows, glm.gamed, times)
    return rates.Drawn(float(once.win_rate[0]), again.win_rate)


def by_row_position(annotated: Annotated, data: AlpacaEval) -> MetricValue:
    """The length-controlled win rate as alpaca-eval computes it: the i-th row of the file gets the i-th difficulty.

    Wrong from the first row on that is missing or out of place, and therefore apart; it is what the official
    leaderboard shows of models with fewer rows than prompts. Raises DataError where there are more rows than prompts.
    """
    found = by_rows(sample(annotated, data.prompts), annotated.by_place, data)
    if not found:
        raise DataError(
            f"{annotated.model}: more rows than the {counted(len(data.prompts), 'prompts')}, or too few with a "
            "preference"
        )
    return found[0]


def by_rows(one: Sample, rows: Sequence[FileRow], data: AlpacaEval) -> list[MetricValue]:
    """The same from the rows of a file; none where alpaca-eval has no such figure.

    Rows without a preference are not fitted, but their lengths count in the standard deviation and their difficulty in
    the mean.
    """
    told = [place for place, row in enumerate(rows) if row.preference is not None]
    if len(rows) > len(data.prompts) or len(told) < 2 or one.model == one.baseline:
        return []
    delta = np.array([row.delta for row in rows], dtype=np.float64)
    difficulty = np.array([data.glm.difficulty[prompt.id] for prompt in data.prompts[: len(rows)]])
    fitted = length_controlled.fit(
        length_controlled.LengthRows(
            np.array([rows[place].preference for place in told], dtype=np.float64),
            delta[told],
            difficulty[told],
        ),
        data.glm.gamed,
        float(np.std(delta, ddof=1)) or 1.0,
    )
    value = 100 * float(length_controlled.at_equal_length(Weights(*fitted.weights[0]), difficulty).mean())
    whole = len(rows) == len(data.prompts)
    note = "as alpaca_eval computes it from the file: fitted where there is a preference, predicted for every row"
    if not whole:
        note = "a replay of the official figure, whose difficulties belong to other prompts where a row is missing"
    method = "length-controlled GLM, difficulty joined by row position"
    return [_plain(one, "lc_win_rate_by_row_position", value, method, "percent", f"{note}; {_stand_in(data.glm)}")]


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
    return budget_note(reached, reached + one.not_asked)


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
