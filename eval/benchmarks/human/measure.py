"""Wins, ties and losses by the majority of people, with exact sign tests (the paper's human evaluation)."""

from collections import Counter
from collections.abc import Sequence

from srlm.settings import Settings
from srlm.text.counts import counted

from ...records import MetricValue, Series
from ...stats.intervals import Resampling
from ..head_to_head.measure import POINTS, outcome_figures
from ..measuring import resampling, with_holm
from ..run_data import RunData
from . import judges, people, taste
from .gathered import Gathered, gather
from .labels import write_labels
from .majority import Told

BENCHMARK = "human"


def figures(run: RunData) -> list[MetricValue]:
    """Every figure that the imported votes give; none where there are no votes. Labels of the outcomes are written."""
    found, how, needed = gather(run), resampling(run.settings), needed_votes(run.settings)
    if not found.pairs:
        return []
    contests = [
        metric for pair in found.pairs for metric in compared(*pair, found, needed, how.using(BENCHMARK, *pair))
    ]
    write_labels(run, found, needed)
    return [
        *with_holm(contests, how, shares=True),
        *people.figures(found, how),
        *taste.figures(run, found, needed, how),
        *judges.figures(run, found, needed, how),
    ]


def needed_votes(settings: Settings) -> int | None:
    """`evaluation.human.votes`."""
    return settings.evaluation.human.votes


def compared(model: str, baseline: str, found: Gathered, needed: int | None, how: Resampling) -> list[MetricValue]:
    """Win, tie and lose shares of one pair of models, and wins minus losses with its test."""
    told, gone = found.of(model, baseline), found.gone_of(model, baseline)
    outcomes = [outcome for one in told if (outcome := one.outcome(needed)) is not None]
    unscored, note = len(told) - len(outcomes) + gone, _note(told, needed, gone)
    return outcome_figures(BENCHMARK, model, baseline, outcomes, how, unscored, note)


def _note(told: Sequence[Told], needed: int | None, gone: int) -> str:
    """Whose majority it is, and why prompts are unscored."""
    people = len({name for one in told for name in one.votes})
    reasons = Counter(str(why) for one in told if (why := one.unscored(needed)) is not None)
    if gone:
        reasons["answers changed since"] = gone
    alike, twice = sum(one.alike for one in told), sum(one.contradicting for one in told)
    parts = [
        f"majority of {counted(people, 'annotators')}",
        f"unscored: {', '.join(f'{count} {why}' for why, count in sorted(reasons.items()))}" if reasons else "",
        f"{alike} answered alike: ties" if alike else "",
        f"opinions that one person changed from page to page, left out: {twice}" if twice else "",
    ]
    return "; ".join(filter(None, parts))


def by_prompt(run: RunData) -> list[Series]:
    """Win 1, tie 0, lose -1 of every pair of models on every prompt that was drawn."""
    found, needed = gather(run), needed_votes(run.settings)
    series = []
    for model, baseline in found.pairs:
        outcomes = {one.contest.prompt_id: one.outcome(needed) for one in found.of(model, baseline)}
        series.append(
            Series(
                model=model,
                baseline=baseline,
                benchmark=BENCHMARK,
                metric="win_minus_lose",
                prompts=tuple(outcomes),
                values=tuple(None if one is None else POINTS[one] for one in outcomes.values()),
            )
        )
    return series
