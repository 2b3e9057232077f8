"""MT-Bench's figures from scores: means by turn and category, and what each model changed on the same questions.

A mean is FastChat's: over all scores of both turns, failures left out. Its interval is over questions, for the two
turns of a question are judged on one conversation.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from srlm.judge.unread import reason_counts
from srlm.text.counts import counted
from srlm.text.rating import HIGHEST, LOWEST

from ...data.judgments import Score
from ...data.mt_bench import CATEGORIES, WITH_REFERENCE
from ...records import MetricValue, Series
from ...stats.bounded import Bounds
from ...stats.intervals import Estimate, Resampling, of_sums, pooled
from ...stats.significance import paired_test
from ..measuring import figure, with_holm
from ..paired import steps_of
from .names import HARD, OTHERS, OVERALL, TURNS

BENCHMARK = "mt_bench"
SCALE = Bounds(LOWEST, HIGHEST)
APART = Bounds(LOWEST - HIGHEST, HIGHEST - LOWEST)
"""Of the difference of two scores."""
Categories = Mapping[str, str]
"""Category of each question."""


class Measure(NamedTuple):
    """A mean of some of the scores."""

    metric: str
    holds: Callable[[Score], bool]
    family: str
    """Comparisons of one family share Holm's correction."""


def measures(categories: Categories) -> list[Measure]:
    """All there is to say: both turns, each turn, the paper's two groups of categories, each category, by turn too."""
    said = [Measure(OVERALL, lambda one: True, OVERALL)]
    said += [Measure(name, _of_turn(turn), "turns and groups") for turn, name in enumerate(TURNS, 1)]
    there = set(categories.values())
    if there >= set(WITH_REFERENCE) and there - set(WITH_REFERENCE):
        said.append(Measure(HARD, _of(categories, WITH_REFERENCE), "turns and groups"))
        said.append(Measure(OTHERS, _of(categories, there - set(WITH_REFERENCE)), "turns and groups"))
    for name in in_order(there):
        within = _of(categories, (name,))
        said.append(Measure(f"category: {name}", within, "categories"))
        said += [Measure(f"category: {name}, {TURNS[turn - 1]}", _both(within, _of_turn(turn)), "") for turn in (1, 2)]
    return said


def in_order(categories: Iterable[str]) -> list[str]:
    """FastChat's own categories in its order, then any others by name."""
    there = set(categories)
    return [*(name for name in CATEGORIES if name in there), *sorted(there - set(CATEGORIES))]


def figures(
    by_model: Mapping[str, Sequence[Score]], categories: Categories, how: Resampling, reference: str | None = None
) -> list[MetricValue]:
    """Every mean of each model, and each minus the one before it, or the reference, with Holm's correction."""
    wanted = measures(categories)
    found = [
        mean_score(BENCHMARK, model, one.metric, [s for s in own if one.holds(s)], how.using(BENCHMARK, model))
        for model, own in by_model.items()
        for one in wanted
    ]
    for family in dict.fromkeys(one.family for one in wanted if one.family):
        table = [
            difference(model, baseline, one, by_model[model], by_model[baseline], how)
            for one in wanted
            if one.family == family
            for model, baseline in steps_of(list(by_model), reference)
        ]
        found += with_holm(table, how)
    return found


def mean_score(benchmark: str, model: str, metric: str, part: Sequence[Score], how: Resampling) -> MetricValue:
    """The mean over all scores but failures, with its interval over questions; `n` are judgements, as in FastChat."""
    scored = [one for one in part if one.score is not None]
    rows: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for one in scored:
        rows[one.question][0] += one.score or 0.0
        rows[one.question][1] += 1
    estimate = _ratio("mean of scores", list(rows.values()), how, SCALE)
    said = [
        f"judge {', '.join(sorted({one.judge for one in part}))}" if part else "no judgment",
        _counted(scored, len(rows)),
        *(name.removeprefix("judgements ") + f" {n}" for name, n in reason_counts(one.unread for one in part).items()),
    ]
    return figure(
        model,
        benchmark,
        metric,
        estimate,
        n=len(scored),
        unscored=len(part) - len(scored),
        unit="judgements",
        value_unit="points",
        note="; ".join(said),
    )


def _counted(scored: Sequence[Score], questions: int) -> str:
    """How n is made of questions and turns."""
    turns = sorted({one.turn for one in scored})
    by_turn = " and ".join(f"{sum(one.turn == turn for one in scored):,} of turn {turn}" for turn in turns)
    return f"{counted(questions, 'questions')}" + (f", {by_turn}" if len(turns) > 1 else "")


def difference(
    model: str, baseline: str, measure: Measure, ours: Sequence[Score], theirs: Sequence[Score], how: Resampling
) -> MetricValue:
    """Model minus baseline over the turns of questions for which both have a score, tested over questions."""
    one, other = _by_turn(ours, measure), _by_turn(theirs, measure)
    both = sorted(key for key in one.keys() & other.keys() if one[key] is not None and other[key] is not None)
    rows: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for question, turn in both:
        rows[question][0] += (one[question, turn] or 0.0) - (other[question, turn] or 0.0)
        rows[question][1] += 1
    using = how.using(BENCHMARK, model, baseline, measure.metric)
    tested = paired_test([total for total, _ in rows.values()], using.seed) if rows else None
    return figure(
        model,
        BENCHMARK,
        measure.metric,
        _ratio("paired difference of mean scores", list(rows.values()), using, APART),
        n=len(both),
        unscored=len(one.keys() | other.keys()) - len(both),
        unit="judgements",
        value_unit="points",
        baseline=baseline,
        p=tested.p if tested else None,
        test=tested.test if tested else "",
        note=counted(len(rows), "questions") if rows else "no question has a score for both",
    )


def _ratio(label: str, rows: Sequence[Sequence[float]], how: Resampling, bounds: Bounds) -> Estimate:
    """Sum of the first over the sum of the second, a row a question."""
    if not rows:
        return pooled([], [], how)
    return of_sums(label, tuple(np.array(rows).T), lambda total: total[..., 0] / total[..., 1], how, bounds)


def _by_turn(scores: Sequence[Score], measure: Measure) -> dict[tuple[str, int], float | None]:
    """The mean score of each question's turn; None where none of its judgments has one."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for one in scores:
        if measure.holds(one):
            found[one.question, one.turn] += [] if one.score is None else [one.score]
    return {key: fmean(own) if own else None for key, own in found.items()}


def series(model: str, scores: Sequence[Score]) -> list[Series]:
    """A value a question for the gate: the mean of its scores over both turns, and of each turn."""
    found = []
    for one in measures({}):
        totals: dict[str, list[float]] = defaultdict(list)
        for score in scores:
            if one.holds(score):
                totals[score.question] += [] if score.score is None else [score.score]
        found.append(
            Series(
                model=model,
                benchmark=BENCHMARK,
                metric=one.metric,
                prompts=tuple(totals),
                values=tuple(fmean(own) if own else None for own in totals.values()),
                weights=tuple(float(len(own)) for own in totals.values()),
            )
        )
    return found


def _of_turn(turn: int) -> Callable[[Score], bool]:
    return lambda one: one.turn == turn


def _of(categories: Categories, wanted: Iterable[str]) -> Callable[[Score], bool]:
    names = frozenset(wanted)
    return lambda one: categories.get(one.question) in names


def _both(first: Callable[[Score], bool], second: Callable[[Score], bool]) -> Callable[[Score], bool]:
    return lambda one: first(one) and second(one)
