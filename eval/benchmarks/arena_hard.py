"""Arena-Hard's judgments as win, tie and lose, and as its own score, with intervals over prompts.

arena-hard-auto resamples battles, so that a prompt's two games, and the three battles a sure verdict counts as, pass
for independent evidence, and its intervals (90%) are too narrow. Here whole prompts are resampled.
"""

from collections import defaultdict
from collections.abc import Sequence

from srlm.judge.pairwise import outcome_of

from ..data.arena_hard import ArenaJudgement
from ..records import MetricValue
from ..stats.intervals import Resampling, pooled, share
from .measuring import figure

BENCHMARK = "arena_hard"


def scored(judged: Sequence[ArenaJudgement], how: Resampling) -> list[MetricValue]:
    """Win, tie, lose (both orders agree, else tie), and the score; by judge, model and category."""
    groups: dict[tuple[str, str, str], list[ArenaJudgement]] = defaultdict(list)
    for one in judged:
        groups[one.judge, one.model, one.category].append(one)
    figures = []
    for (judge, model, category), rows in sorted(groups.items()):
        # As arena-hard does, a prompt of which either game has no label is left out; unlike there, it is counted.
        games = [(r.baseline_first, r.model_first) for r in rows]
        read = [(a, b) for a, b in games if a is not None and b is not None]
        unscored, note = len(rows) - len(read), "; ".join(part for part in (f"judge {judge}", category) if part)
        outcomes = [outcome_of(b.preference, a.preference) for a, b in read]
        for outcome in ("win", "tie", "lose"):
            estimate = share([found == outcome for found in outcomes], how)
            figures.append(figure(model, BENCHMARK, outcome, estimate, unscored=unscored, note=note))
        hits = [a.battles * a.preference + b.battles * b.preference for a, b in read]
        estimate = pooled(hits, [a.battles + b.battles for a, b in read], how)
        figures.append(figure(model, BENCHMARK, "score", estimate, unscored=unscored, note=note))
    return figures
