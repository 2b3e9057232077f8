"""What an agreement figure is to be held against: judges that judge nothing, and what people reach among each other."""

from collections.abc import Sequence

from srlm.judge.agreement import measure
from srlm.records import RankedSet

from ...records import MetricValue
from ...stats.intervals import Estimate, Resampling
from ..measuring import figure
from .figures import TIES, described

CONSTANT, FIRST, LENGTH = "constant (baseline)", "first listed (baseline)", "length (baseline)"
NAMES = {
    CONSTANT: "gives every answer the same: ties throughout",
    FIRST: "always takes the answer listed first",
    LENGTH: "always takes the longer answer",
}
CEILING = "people (one against the others)"
"""The human ceiling."""
UNKNOWN = "unknown: these rankings do not say what each of several people said"
BY_RANK = "not told: the file lists every set's answers by rank, which no judge sees"


def figures(
    sets: Sequence[RankedSet], groups: Sequence[str], benchmark: str, how: Resampling, *, ceiling: bool
) -> list[MetricValue]:
    """Pairs ordered as people did by each baseline, under each policy on ties. `ceiling`: people's own is known."""
    scores = {
        CONSTANT: [[0.0] * len(one.responses) for one in sets],
        FIRST: [[-float(place) for place in range(len(one.responses))] for one in sets],
        LENGTH: [[float(len(response.text)) for response in one.responses] for one in sets],
    }
    metrics: list[MetricValue] = []
    ranks = [list(one.ranks) for one in sets]
    if any(all(own == sorted(own, reverse=turned) for own in ranks) for turned in (False, True)):
        del scores[FIRST]
        nothing = Estimate(value=None, low=None, high=None, n=0, method="pooled share")
        metrics.append(figure(FIRST, benchmark, "pairwise_accuracy", nothing, unit="pairs", note=BY_RANK))
    for name, own in scores.items():
        found = measure(ranks, own)
        kept = {metric: found[metric] for metric in TIES if metric in found}
        metrics += [
            one.model_copy(update={"note": "; ".join(filter(None, (NAMES[name], one.note)))})
            for one in described(name, benchmark, groups, kept, how)
        ]
    if not ceiling:
        nothing = Estimate(value=None, low=None, high=None, n=0, method="human ceiling")
        metrics.append(figure(CEILING, benchmark, "pairwise_accuracy", nothing, unit="pairs", note=UNKNOWN))
    return metrics
