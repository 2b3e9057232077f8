"""How a candidate judge compares with GPT-4 Turbo, on pairs that GPT-4 Turbo annotated for the official leaderboard.

GPT-4 Turbo ages. What a successor must show: the same preferences pair by pair, the same order of models, no more love
of length or of the place an answer is shown at, and at what price. Intervals are over prompts, all models together, for
the models answer the same prompts.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from srlm.errors import DataError
from srlm.records import Prompt
from srlm.text.counts import counted

from ...data.alpaca_eval import BASELINE, annotations_in
from ...data.alpaca_files import Annotated, read_annotations
from ...data.alpaca_rows import one_a_prompt
from ...judging.annotating import AnnotatingJudge, Question, Report, annotations_of, calls_of, flips, in_both_orders
from ...judging.annotator import OutputPair
from ...records import Annotation, MetricValue
from ...stats.bounded import Bounds
from ...stats.intervals import Estimate, Resampling, mean, of_variance, pooled
from ..measuring import figure
from .judging import Asking, by_prompt, chosen, shuffled

BENCHMARK = "judge_card"
SIDES = ("candidate", "official")
Array = npt.NDArray[np.float64]


class Table(NamedTuple):
    """Both judges on the same pairs, models x prompts; NaN where either has no preference, or nobody was asked."""

    models: tuple[str, ...]
    candidate: Array
    official: Array
    longer: Array
    """Whether the model's output is longer (1), shorter (-1) or as long (0) as the baseline's."""
    switched: Array
    """1 where the model's output was shown first in alpaca_eval's order, 0 where second."""


class Known(NamedTuple):
    """GPT-4 Turbo's annotations."""

    models: dict[str, Annotated]
    """By folder."""
    broken: dict[str, str]
    """Folders whose annotations cannot be used, and why."""


def official(results: Path, prompts: Sequence[Prompt]) -> Known:
    """GPT-4 Turbo's annotations of every model of a `results` folder, without the baseline against itself.

    A folder whose annotations cannot be used costs itself. Raises DataError where none can be used.
    """
    if not results.is_dir():
        raise DataError(f"{results}: no such folder; give alpaca_eval's results/, with one folder per model")
    found: dict[str, Annotated] = {}
    broken: dict[str, str] = {}
    for folder in sorted(results.iterdir()):
        if folder.name != BASELINE and folder.is_dir() and (path := annotations_in(folder)) is not None:
            try:
                found[folder.name] = read_annotations(path, prompts)
            except DataError as error:
                broken[folder.name] = str(error)
    if not found:
        raise DataError(next(iter(broken.values()), f"{results}: no model folder in it has official annotations"))
    return Known(found, broken)


def asked(
    judge: AnnotatingJudge, known: Mapping[str, Annotated], prompts: Sequence[Prompt], how: Asking
) -> list[tuple[str, Question]]:
    """What the candidate is asked: prompt by prompt, so that a cap leaves all models the same prompts."""
    order = switched(judge, prompts)
    found = []
    for prompt in shuffled(chosen(prompts, how.limit, how.seed), how.seed):
        orders = (order[prompt.id], not order[prompt.id]) if how.both_orders else (order[prompt.id],)
        for model, said in known.items():
            if prompt.id in said.outputs and said.outputs[prompt.id] != said.baseline_outputs[prompt.id]:
                pair = OutputPair(prompt.id, prompt.text, said.outputs[prompt.id], said.baseline_outputs[prompt.id])
                found += [(model, Question(pair, first, draw)) for draw in range(how.times) for first in orders]
    return found


def switched(judge: AnnotatingJudge, prompts: Sequence[Prompt]) -> dict[str, bool]:
    """Whether alpaca_eval shows the model's output first, by prompt id."""
    drawn = judge.annotator.switched([prompt.text for prompt in prompts])
    return {prompt.id: first for prompt, first in zip(prompts, drawn, strict=True)}


def run(
    judge: AnnotatingJudge,
    known: Mapping[str, Annotated],
    prompts: Sequence[Prompt],
    how: Asking,
    resampling: Resampling,
    report: Report,
) -> list[MetricValue]:
    """Ask the candidate and compare."""
    wanted = asked(judge, known, prompts, how)
    answers = judge.ask.ask(calls_of(judge, [question for _, question in wanted]), report)
    single: dict[str, list[Annotation]] = {}
    for model, said in known.items():
        own = [i for i, (name, _) in enumerate(wanted) if name == model]
        single[model] = annotations_of(
            judge, [wanted[i][1] for i in own], [answers[i] for i in own], model, said.annotations[0].baseline
        )
    places = len({(model, question.pair.prompt_id) for model, question in wanted})
    told = {model: in_both_orders(said) if how.both_orders else said for model, said in single.items()}
    table = tabled(told, known, chosen(prompts, how.limit, how.seed), switched(judge, prompts))
    return card(judge.id, single, table, how.both_orders, places, resampling)


def card(
    judge: str,
    single: Mapping[str, Sequence[Annotation]],
    table: Table,
    both_orders: bool,
    places: int,
    how: Resampling,
) -> list[MetricValue]:
    """Every figure of a candidate. `single`: its answers, one by one; `places`: pairs it was to judge."""
    how = how.using(BENCHMARK, judge)
    both = ~np.isnan(table.candidate)
    unscored = places - int(both.sum())

    def say(metric: str, estimate: Estimate, note: str = "", model: str = judge, **rest: object) -> MetricValue:
        return figure(model, BENCHMARK, metric, estimate, note=note, **{"unscored": unscored, **rest})  # type: ignore[arg-type]

    sides = (table.candidate - 0.5) * (table.official - 0.5)
    decided = both & (sides != 0)
    off = np.abs(table.candidate - table.official)
    figures = [
        say("agreement", _pooled(sides > 0, decided, how), "both judges prefer the same output; draws left out"),
        say("preference_difference", _pooled(off, both, how), "mean |candidate - official| of a pair's preference"),
        say("win_rate_difference", _over_models(table, _mean_gap, how), "mean over models, in percent"),
        say(
            "leaderboard_spearman",
            _over_models(table, _spearman, how),
            f"rank correlation of {len(table.models)} models' win rates" if len(table.models) > 2 else "too few models",
        ),
    ]
    for side, values in zip(SIDES, (table.candidate, table.official), strict=True):
        length = both & (table.longer != 0) & (values != 0.5)
        figures.append(say(f"longer_preferred_{side}", _pooled((values - 0.5) * table.longer > 0, length, how)))
        if side == "official" or not both_orders:
            place = both & (values != 0.5)
            first = (values > 0.5) == (table.switched > 0)
            figures.append(say(f"first_preferred_{side}", _pooled(first, place, how), "of those shown in this order"))
    every = [one for said in single.values() for one in said]
    if both_orders:
        turned = [one for said in single.values() for one in flips(said)]
        figures.append(
            say("order_decided", by_prompt(turned, how), "the output preferred changes with the order shown")
        )
    for metric, unit, amounts in (
        ("price_per_call", "US dollars", [(one.prompt_id, one.price) for one in every]),
        ("seconds_per_call", "seconds", [(one.prompt_id, one.seconds) for one in every]),
    ):
        known = [(id, amount) for id, amount in amounts if amount is not None]
        lacking = table.candidate.shape[1] - len({id for id, _ in known})
        figures.append(say(metric, by_prompt(known, how, is_share=False), unscored=lacking, value_unit=unit))
    for row, model in enumerate(table.models):
        here = both[row]
        for side, values in zip(SIDES, (table.candidate, table.official), strict=True):
            rate = mean([100 * float(value) for value in values[row][here]], how, Bounds(0.0, 100.0))
            missing = here.size - int(here.sum())
            figures.append(say(f"win_rate_{side}", rate, judge, model, unscored=missing, value_unit="percent"))
    return figures


def tabled(
    told: Mapping[str, Sequence[Annotation]],
    known: Mapping[str, Annotated],
    prompts: Sequence[Prompt],
    order: Mapping[str, bool],
) -> Table:
    """Both judges' preferences, models x prompts."""
    column = {prompt.id: place for place, prompt in enumerate(prompts)}
    candidate, reference, longer = np.full((3, len(known), len(prompts)), np.nan)
    for row, (model, said) in enumerate(known.items()):
        for one in said.annotations:
            if one.preference is not None and one.prompt_id in column:
                reference[row, column[one.prompt_id]] = one.preference
        for one in one_a_prompt(told[model]).values():
            at = row, column[one.prompt_id]
            if one.preference is not None and not np.isnan(reference[at]):
                candidate[at] = one.preference
                longer[at] = np.sign(len(said.outputs[one.prompt_id]) - len(said.baseline_outputs[one.prompt_id]))
    shown = np.tile([float(order[prompt.id]) for prompt in prompts], (len(known), 1))
    return Table(tuple(known), candidate, reference, longer, shown)


def _pooled(values: npt.NDArray[np.generic], counted: npt.NDArray[np.bool_], how: Resampling) -> Estimate:
    """A share, or a mean, over pairs; the pairs of one prompt were sampled as one."""
    hits = np.where(counted, np.nan_to_num(values.astype(np.float64)), 0.0).sum(0)
    return pooled(hits.tolist(), counted.sum(0).tolist(), how)


def _over_models(table: Table, statistic: Callable[[Array, Array], float], how: Resampling) -> Estimate:
    """A statistic of both judges' win rates, (models,) each, over resamples of the prompts.

    The mean gap has an interval where no gap may be of either sign, for noise alone raises |gap|. A rank correlation of
    a few models moves in jumps and has none: how often it stays the same is said.
    """
    have = ~np.isnan(table.candidate)
    used = have.any(0)
    n = int(used.sum())
    sums = [np.where(have, values, 0.0)[:, used] for values in (table.candidate, table.official, np.ones_like(have))]
    method = "mean over models" if statistic is _mean_gap else "Spearman's rank correlation over models"
    if n < 2 or len(table.models) < 3:
        return Estimate(value=None, low=None, high=None, n=n, method=f"{method}; too few prompts or models")

    def at(times: Array) -> float:
        one, other, count = (values @ times for values in sums)
        met = count > 0
        return statistic(one[met] / count[met], other[met] / count[met])

    generator = np.random.default_rng(how.seed)
    drawn = np.array([at(generator.multinomial(n, np.full(n, 1 / n)).astype(np.float64)) for _ in range(how.resamples)])
    told_of = drawn[np.isfinite(drawn)]
    value = at(np.ones(n))
    if not np.isfinite(value) or len(told_of) < len(drawn) / 2:
        return Estimate(value=None, low=None, high=None, n=n, method=f"{method}; a judge gives all models one rate")
    if statistic is not _mean_gap:
        same = float((np.abs(told_of - value) < 1e-12).mean())
        said = (
            f"no interval, for it moves in jumps: the same in {100 * same:.0f}% of "
            f"{counted(how.resamples, 'resamples')}"
        )
        return Estimate(value=value, low=None, high=None, n=n, method=f"{method}; {said}")
    if unsure := _gaps_of_either_sign(sums, how.confidence):
        said = (
            f"no interval: {unsure} of {counted(len(table.models), 'gaps')} may be of either sign, and "
            "noise alone raises them"
        )
        return Estimate(value=value, low=None, high=None, n=n, method=f"{method}; {said}")
    return of_variance(method, value, float(told_of.var()), n, n, how, Bounds(0.0, 100.0))


def _gaps_of_either_sign(sums: Sequence[Array], confidence: float) -> int:
    """Models whose two win rates lie within their paired error of each other."""
    one, other, counted = sums
    gaps = one - other
    n = counted.sum(1)
    known = n > 1
    middle = gaps.sum(1)[known] / n[known]
    squares = (gaps * gaps).sum(1)[known] / n[known] - middle * middle
    error = np.sqrt(np.maximum(squares, 0) / n[known])
    return int((np.abs(middle) <= stats.norm.ppf(0.5 + confidence / 2) * error).sum() + (~known).sum())


def _mean_gap(one: Array, other: Array) -> float:
    return 100 * float(np.abs(one - other).mean())


def _spearman(one: Array, other: Array) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return np.nan  # a judge that gives all models the same rate orders none
    return float(stats.spearmanr(one, other).statistic)
