"""A judge's share of pairs right corrected by human labels of some pairs.

The rankings' order is then what is at hand for all pairs (one annotator's, another judge's), and the labels are what
counts. A pair that people tied is not compared; a judge's tie is wrong, as in `pairwise_accuracy`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from srlm.data.human_ranking import HumanRanking

from ...data.labels import HumanLabel, Matched, match, places, unit_name
from ...records import MetricValue
from ...stats.intervals import Resampling
from ..labelled import figures

Pairs = Mapping[tuple[int, int, int], float | None]
"""How far a judge prefers the first of two answers, by set and both places: 1, 0.5 or 0. None: unscored."""


def corrected(
    judge: str,
    benchmark: str,
    sets: Sequence[HumanRanking],
    pairs: Pairs,
    labels: Sequence[HumanLabel],
    how: Resampling,
) -> list[MetricValue]:
    """pairwise_accuracy of the judge against the rankings, against the labels, and corrected by the labels."""
    compared, by_rankings = [], []
    for (place, i, j), preference in pairs.items():
        ranks = sets[place].ranked.ranks
        if ranks[i] != ranks[j]:
            compared.append((place, i, j))
            by_rankings.append(None if preference is None else float(preference == float(ranks[i] < ranks[j])))
    judged = {unit for unit, value in enumerate(by_rankings) if value is not None}
    found = match(labels, places(_names(sets, compared)), judged)
    tied = sum(value == 0.5 for value in found.values.values())
    reasons = Counter(found.unmatched) + Counter({"people tied the pair": tied})
    right = {
        unit: float(pairs[compared[unit]] == float(value > 0.5)) for unit, value in found.values.items() if value != 0.5
    }
    groups = [sets[place].group for place, _, _ in compared]
    return figures(
        judge, benchmark, "pairwise_accuracy", by_rankings, Matched(right, reasons), how.using(benchmark, judge),
        groups=groups, unit="pairs",
    )  # fmt: skip


def _names(sets: Sequence[HumanRanking], compared: Sequence[tuple[int, int, int]]) -> Iterator[tuple[str, int]]:
    """Each name of a pair: its set's number, its prompt's id or text."""
    for unit, (place, i, j) in enumerate(compared):
        one = sets[place]
        number = str(place if one.key is None else one.key)
        for text in (number, one.ranked.id, one.ranked.prompt.id, one.ranked.prompt.transcript):
            yield unit_name(text, i, j), unit
