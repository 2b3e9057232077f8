"""Arena-Hard's judgments as win, tie and lose, and as its own score, with intervals over prompts.

arena-hard-auto resamples battles, so that a prompt's two games, and the three battles a sure verdict counts as, pass
for independent evidence, and its intervals (90%) are too narrow. Here whole prompts are resampled; its own interval
stands beside. Against one baseline and without style control, its Bradley-Terry win rate is this mean of battles.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from srlm.judge.pairwise import outcome_of

from ..data.arena_hard import ArenaJudgement
from ..records import MetricValue
from ..stats.intervals import Estimate, Resampling, pooled, share, with_width
from .measuring import figure

BENCHMARK = "arena_hard"


def scored(judged: Sequence[ArenaJudgement], how: Resampling) -> list[MetricValue]:
    """Win, tie, lose (both orders agree, else tie), and the score; by judge, model and category."""
    groups: dict[tuple[str, str, str, str], list[ArenaJudgement]] = defaultdict(list)
    for one in judged:
        groups[one.judge, one.model, one.category, one.baseline].append(one)
    figures = []
    for (judge, model, category, baseline), rows in sorted(groups.items()):
        # As arena-hard does, a prompt of which either game has no label is left out; unlike there, it is counted.
        games = [(r.baseline_first, r.model_first) for r in rows]
        read = [(a, b) for a, b in games if a is not None and b is not None]
        unscored, against = len(rows) - len(read), f"against {baseline}" if baseline else ""
        note = "; ".join(part for part in (f"judge {judge}", category, against) if part)
        outcomes = [outcome_of(b.preference, a.preference) for a, b in read]
        for outcome in ("win", "tie", "lose"):
            estimate = share([found == outcome for found in outcomes], how)
            figures.append(figure(model, BENCHMARK, outcome, estimate, unscored=unscored, note=note))
        hits = [a.battles * a.preference + b.battles * b.preference for a, b in read]
        estimate = pooled(hits, [a.battles + b.battles for a, b in read], how)
        figures.append(figure(model, BENCHMARK, "score", estimate, unscored=unscored, note=note))
        battles = [game.preference for games in read for game in games for _ in range(game.battles)]
        estimate = _as_published(battles, how.using(BENCHMARK, model, category))
        figures.append(
            figure(model, BENCHMARK, "score, as published", estimate, n=len(read), unscored=unscored, note=note)
        )
    return figures


def _as_published(battles: Sequence[float], how: Resampling) -> Estimate:
    """The mean of all battles with arena-hard-auto's interval: from the 5th to the 95th of a hundred resamples' means.

    It draws without a seed; this is one such draw.
    """
    method = "mean of battles; arena-hard-auto's 90% interval: battles resampled, 100 resamples"
    if not battles:
        return Estimate(value=None, low=None, high=None, n=0, method=method)
    data, generator = np.array(battles), np.random.default_rng(how.seed)
    drawn = data[generator.integers(len(data), size=(100, len(data)))].mean(1)
    low, high = (float(end) for end in np.quantile(drawn, [0.05, 0.95]))
    found = Estimate(value=float(data.mean()), low=low, high=high, n=len(data), method=method)
    return with_width(found, "battles that are all alike are so in every resample (arena-hard-auto: width 0)")
