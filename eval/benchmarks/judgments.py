"""Published judgments of models' answers as figures with intervals over questions, and as their harness counts them.

MT-Bench, scores    the mean of all scores but failures, by turn and over both: FastChat's own average
pairs of models     win, tie and lose (both orders agree, else a tie) over questions with both verdicts: FastChat's own
                    rule; `half ties` is its adjusted win rate. JudgeArena counts each order as a battle by itself, and
                    a tie as half: `by battles`
"""

from collections import defaultdict
from collections.abc import Sequence

from srlm.judge.pairwise import outcome_of

from ..data.judgments import Game, Score
from ..records import MetricValue
from ..stats.intervals import Resampling, pooled
from .measuring import figure
from .mt_bench.figures import BENCHMARK as MT_BENCH
from .mt_bench.figures import mean_score

PAIRS = "judged_pairs"


def mt_bench(found: Sequence[Score], how: Resampling) -> list[MetricValue]:
    """Each model's mean score by a judge: turn 1, turn 2, all."""
    figures = []
    for judge, model in sorted({(one.judge, one.model) for one in found}):
        own = [one for one in found if (one.judge, one.model) == (judge, model)]
        turns = sorted({one.turn for one in own})
        for name, of in [*((f"score, turn {turn}", (turn,)) for turn in turns), ("score", tuple(turns))]:
            figures.append(mean_score(MT_BENCH, model, name, [one for one in own if one.turn in of], how))
    return figures


def pairs(found: Sequence[Game], how: Resampling) -> list[MetricValue]:
    """Each two models' outcomes by a judge: both orders together, and by battles."""
    groups: dict[tuple[str, str, str], dict[tuple[str, int], dict[str, float | None]]] = defaultdict(dict)
    for one in found:
        verdicts = groups[one.judge, one.model, one.baseline].setdefault((one.question, one.turn), {})
        verdicts[one.shown] = one.preference
    figures = []
    for (judge, model, baseline), items in sorted(groups.items()):
        note = f"judge {judge}; against {baseline}"
        figures += [*_by_outcome(model, items, note, how), _by_battles(model, items, note, how)]
    return figures


Items = dict[tuple[str, int], dict[str, float | None]]


def _by_outcome(model: str, items: Items, note: str, how: Resampling) -> list[MetricValue]:
    if not any(len(verdicts) == 2 for verdicts in items.values()):
        return []
    outcomes = {item: outcome_of(said.get("first"), said.get("second")) for item, said in items.items()}
    unscored = sum(outcome is None for outcome in outcomes.values())
    worth = {
        "win": {"win": 1.0},
        "tie": {"tie": 1.0},
        "lose": {"lose": 1.0},
        "win, half ties": {"win": 1.0, "tie": 0.5},
    }
    found = []
    for name, values in worth.items():
        rows: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for (question, _), outcome in outcomes.items():
            if outcome is not None:
                rows[question][0] += values.get(outcome, 0.0)
                rows[question][1] += 1
        hits, totals = [row[0] for row in rows.values()], [row[1] for row in rows.values()]
        n = len(items) - unscored
        estimate = pooled(hits, totals, how.using(model, note))
        found.append(figure(model, PAIRS, name, estimate, n=n, unscored=unscored, unit="pairs", note=note))
    return found


def _by_battles(model: str, items: Items, note: str, how: Resampling) -> MetricValue:
    rows: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    unscored = 0
    for (question, _), said in items.items():
        for preference in said.values():
            unscored += preference is None
            if preference is not None:
                rows[question][0] += preference
                rows[question][1] += 1
    hits, totals = [row[0] for row in rows.values()], [row[1] for row in rows.values()]
    estimate = pooled(hits, totals, how.using(model, note, "battles"))
    name, n = "win, by battles", round(sum(totals))
    return figure(model, PAIRS, name, estimate, n=n, unscored=unscored, unit="judgements", note=note)
