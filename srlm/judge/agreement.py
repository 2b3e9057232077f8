"""How well a judge's scores follow people's ranks (the paper, section 3.1), on many sets of answers at once.

Ranks: 0 is best. Scores: higher is better, None where the judge gave none.

pairwise_accuracy        of the pairs people ordered, those the judge ordered the same way; a judge's tie is wrong
pairwise_accuracy_half   the same, a judge's tie counts half
five_best                of the answers the judge gave 5, those no other answer of the set is ranked above
exact_match              the judge orders every pair people ordered, strictly and the same way; a pair that people tied
                         may fall either way or tie
spearman, kendall        rank correlation (average ranks; tau-b); undefined where either side ties all answers
..._undefined_as_0       the same with 0 where the judge leaves it undefined; where people tied all answers there is
                         nothing to agree with

An answer without a score takes its pairs with it (they are counted), and leaves the whole-set measures undefined.

Sets of one size are computed together: scipy's own functions take one set at a time, which for the pairs of a hundred
thousand judgements is minutes. The tests hold these against scipy's, set by set.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.text.counts import counted

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Scores = Sequence[float | None]

UNITS = {"pairwise_accuracy": "pairs", "pairwise_accuracy_half": "pairs", "five_best": "answers"}
"""Measures whose units are not the sets themselves."""
CORRELATIONS = ("spearman", "kendall")


class Measure(NamedTuple):
    """One measure on many sets: each array has an entry a set, and the figure is sum(hits) / sum(total)."""

    hits: Array
    total: Array
    """Units that the measure is defined on: pairs, answers, or 1 for a whole set."""
    unscored: Array
    """Units that should have been and could not."""

    @property
    def value(self) -> float | None:
        """The figure over all sets. None: no unit."""
        total = float(self.total.sum())
        return float(self.hits.sum()) / total if total else None

    def interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """Of the figure, over sets drawn anew (the ratio estimator's linearised variance, Student's t; Cochran 1977,
        section 6.4), within 0 to 1. None: fewer than two sets have units."""
        known = self.total > 0
        sets, units = int(known.sum()), float(self.total.sum())
        if sets < 2 or (share := self.value) is None:
            return None
        rest = self.hits[known] - share * self.total[known]
        error = float(np.sqrt((rest**2).sum() * sets / (sets - 1))) / units
        from scipy import stats  # slow to import

        wide = float(stats.t.ppf((1 + confidence) / 2, sets - 1)) * error
        return max(0.0, share - wide), min(1.0, share + wide)

    def each(self) -> list[float | None]:
        """The figure of each set by itself."""
        return [float(hit / total) if total else None for hit, total in zip(self.hits, self.total, strict=True)]


def measure(ranks: Sequence[Sequence[float]], scores: Sequence[Scores]) -> dict[str, Measure]:
    """Every measure on every set, in order. `ranks[s][a]` and `scores[s][a]` are of answer a of set s."""
    places: dict[int, list[int]] = {}
    for place, (people, judge) in enumerate(zip(ranks, scores, strict=True)):
        if len(people) != len(judge):
            raise ValueError(f"set {place}: {counted(len(people), 'ranks')} and {counted(len(judge), 'scores')}")
        places.setdefault(len(people), []).append(place)
    found: dict[str, Measure] = {}
    for rows in places.values():
        # Unknown scores are NaN within these arrays and nowhere else.
        block = _block(
            np.array([ranks[row] for row in rows], dtype=np.float64),
            np.array([scores[row] for row in rows], dtype=np.float64),
        )
        for name, part in block.items():
            whole = found.setdefault(name, Measure(*(np.zeros(len(ranks)) for _ in Measure._fields)))
            for column, values in zip(whole, part, strict=True):
                column[rows] = values
    return found or {name: Measure(*(np.zeros(0) for _ in Measure._fields)) for name in NAMES}


def _block(ranks: Array, scores: Array) -> dict[str, Measure]:
    """Sets of equal size: (sets, answers) each."""
    first, second = np.triu_indices(ranks.shape[1], 1)
    unknown = np.isnan(scores)
    people = _order(ranks[:, second], ranks[:, first])  # rank 0 is best
    judge = _order(scores[:, first], scores[:, second])
    ordered, read = people != 0, ~(unknown[:, first] | unknown[:, second])
    units = ordered & read
    right = (units & (people == judge)).sum(1)
    tied = (units & (judge == 0)).sum(1)
    pairs, lost = units.sum(1), (ordered & ~read).sum(1)

    fives = scores == 5
    best = fives & (ranks == ranks.min(1, keepdims=True))

    measurable = ordered.any(1)
    whole = measurable & ~unknown.any(1)
    decided = whole & (judge != 0).any(1)
    return {
        "pairwise_accuracy": Measure(right, pairs, lost),
        "pairwise_accuracy_half": Measure(right + tied / 2, pairs, lost),
        "five_best": Measure(best.sum(1), fives.sum(1), unknown.sum(1)),
        "exact_match": _by_set(whole, right == pairs),
    } | _correlations(ranks, scores, people, judge, decided, measurable)


def _order(a: Array, b: Array) -> Array:
    """1 where a is larger, -1 where b is; 0 where they are equal or either is unknown."""
    return np.asarray(a > b, dtype=np.float64) - (a < b)


def _correlations(
    ranks: Array, scores: Array, people: Array, judge: Array, decided: Flags, measurable: Flags
) -> dict[str, Measure]:
    spearman, kendall = np.zeros(len(ranks)), np.zeros(len(ranks))
    if decided.any():
        from scipy import stats  # slow to import

        a = stats.rankdata(-ranks[decided], axis=1)
        b = stats.rankdata(scores[decided], axis=1)
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
        spearman[decided] = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
        p, q = people[decided], judge[decided]
        kendall[decided] = (p * q).sum(1) / np.sqrt((p != 0).sum(1) * (q != 0).sum(1))
    values = {"spearman": np.clip(spearman, -1, 1), "kendall": np.clip(kendall, -1, 1)}
    return {name: _by_set(decided, value) for name, value in values.items()} | {
        f"{name}_undefined_as_0": _by_set(measurable, value) for name, value in values.items()
    }


def _by_set(defined: Flags, value: npt.NDArray[Any]) -> Measure:
    return Measure(np.where(defined, value, 0.0), defined.astype(np.float64), (~defined).astype(np.float64))


NAMES = tuple(_block(np.zeros((1, 2)), np.zeros((1, 2))))
"""All measures."""


def gathered(found: Mapping[str, Measure], prompts: Sequence[str]) -> dict[str, Measure]:
    """The same with an entry a prompt, in the order in which prompts first appear: what stands together in a prompt is
    sampled together."""
    order = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
    rows = np.array([order[prompt] for prompt in prompts], dtype=np.intp)
    return {
        name: Measure(*(np.bincount(rows, column, len(order)).astype(np.float64) for column in one))
        for name, one in found.items()
    }
