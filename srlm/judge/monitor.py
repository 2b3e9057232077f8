"""A new model as judge of held-out answers that people ranked: what its manifest says (`judge.monitor_sets`)."""

from collections.abc import Sequence

from srlm.judge.agreement import measure
from srlm.judge.scores import judgement_counts, rewards, ties
from srlm.records import Count, Judgement, RankedSet


def monitor_counts(sets: Sequence[RankedSet], judgements: Sequence[Judgement]) -> dict[str, Count]:
    """How the scores spread, and how far they follow people's ranks; a tie is wrong in `pairwise accuracy`.

    `accuracy interval` is of the share in which a tie is half: 0.5 for a judge at chance.
    """
    reward = rewards(judgements)
    scores = [[reward.get(response.id) for response in one.responses] for one in sets]
    found = measure([one.ranks for one in sets], scores)
    pairs, half = found["pairwise_accuracy"], found["pairwise_accuracy_half"]
    interval = half.interval()
    return {
        **judgement_counts(judgements),
        "ties": ties(scores),
        "pairs": int(pairs.total.sum()),
        "pairs unscored": int(pairs.unscored.sum()),
        "pairwise accuracy": pairs.value,
        "pairwise accuracy, ties half": half.value,
        "accuracy interval": None if interval is None else {"low": interval[0], "high": interval[1]},
        "Spearman": found["spearman"].value,
    }
