"""What people reach among each other, where several ranked the same answers: a judge's ceiling, and chance-corrected
agreement of their opinions on pairs.

Cohen's kappa is scikit-learn's, a mean over the pairs of annotators; Krippendorff's alpha (nominal) is the
`krippendorff` package's, an optional one. Their intervals leave out one prompt at a time, with the same formulas on
sums of counts.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from srlm.data.human_ranking import HumanRanking
from srlm.data.published_rankings import consensus
from srlm.judge.agreement import Array, measure
from srlm.text.counts import counted

from ...records import MetricValue
from ...stats.intervals import Estimate, Resampling, of_sums
from ..measuring import figure
from .baselines import CEILING
from .figures import described

TOGETHER = "people"
BENCHMARK = "agreement"
COMMON = 10
"""Pairs that two annotators must share for a kappa of theirs."""


def figures(sets: Sequence[HumanRanking], how: Resampling) -> list[MetricValue]:
    """Nothing where no set has two annotators."""
    several = [one for one in sets if len(one.annotators) > 1]
    if not several:
        return []
    rest, alone, groups = [], [], []
    for one in several:
        for name, own in one.annotators.items():
            others = consensus([ranks for other, ranks in one.annotators.items() if other != name])
            if others is not None:
                rest.append(others)
                alone.append([-float(rank) for rank in own])
                groups.append(one.group)
    found = measure(rest, alone)
    del found["five_best"]
    note = "each annotator held against the consensus of the others"
    ceiling = [
        metric.model_copy(update={"note": "; ".join(filter(None, (metric.note, note)))})
        for metric in described(CEILING, BENCHMARK, groups, found, how)
    ]
    return [*ceiling, *_kappa(several, how), *_alpha(several, how)]


def _opinions(one: HumanRanking) -> list[dict[str, int]]:
    """Of each pair of answers, who says what: 0 the first is better, 1 a tie, 2 the second."""
    return [
        {name: 1 + (own[i] > own[j]) - (own[i] < own[j]) for name, own in one.annotators.items()}
        for i, j in combinations(range(len(one.ranked.responses)), 2)
    ]


def _groups(sets: Sequence[HumanRanking]) -> Mapping[str, int]:
    return {group: place for place, group in enumerate(dict.fromkeys(one.group for one in sets))}


def _kappa(sets: Sequence[HumanRanking], how: Resampling) -> list[MetricValue]:
    groups = _groups(sets)
    said: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for one in sets:
        for opinions in _opinions(one):
            for a, b in combinations(sorted(opinions), 2):
                said.setdefault((a, b), []).append((groups[one.group], opinions[a], opinions[b]))
    kept = [rows for rows in said.values() if len(rows) >= COMMON]
    if not kept:
        return []
    # Kappa asks for agreement beyond chance. Of two who always say one and the same thing nothing is beyond chance.
    alike = [rows for rows in kept if len({opinion for _, one, other in rows for opinion in (one, other)}) == 1]
    left = sum(map(len, said.values())) - sum(map(len, kept)) + sum(map(len, alike))
    kept = [rows for rows in kept if rows not in alike]
    silent = (
        f"undefined for {counted(len(alike), 'pairs of annotators')}, who say the same of every pair" if alike else ""
    )
    label = "mean of Cohen's kappa over pairs of annotators (scikit-learn)"
    if not kept:
        undefined = Estimate(value=None, low=None, high=None, n=len(groups), method=f"{label}; undefined")
        return [
            figure(TOGETHER, BENCHMARK, "cohen_kappa", undefined, n=0, unscored=left, unit="pairs of opinions",
                   note=silent)
        ]  # fmt: skip
    counts = np.zeros((len(groups), len(kept), 3, 3))
    for place, rows in enumerate(kept):
        for group, one_says, other_says in rows:
            counts[group, place, one_says, other_says] += 1
    estimate = of_sums(
        label,
        tuple(counts.reshape(len(groups), -1).T),
        lambda sums: kappa(sums.reshape(*sums.shape[:-1], len(kept), 3, 3)).mean(-1),
        how.using("kappa"),
    )
    from sklearn.metrics import cohen_kappa_score  # its import would slow down every measurement of a run

    value = float(np.mean([cohen_kappa_score(a, b) for a, b in (list(zip(*rows, strict=True))[1:] for rows in kept)]))
    return [
        figure(
            TOGETHER,
            BENCHMARK,
            "cohen_kappa",
            estimate.model_copy(update={"value": value}),
            n=sum(map(len, kept)),
            unscored=left,
            unit="pairs of opinions",
            note="; ".join(
                filter(
                    None,
                    (
                        counted(len(kept), "pairs of annotators"),
                        f"others share fewer than {COMMON}"
                        if any(len(rows) < COMMON for rows in said.values())
                        else "",
                        silent,
                    ),
                )
            ),
        )
    ]


def kappa(counts: Array) -> Array:
    """Cohen's kappa of tables (..., 3, 3)."""
    n = counts.sum((-1, -2))
    with np.errstate(invalid="ignore", divide="ignore"):  # an annotator may be missing: not finite
        agreed = np.trace(counts, axis1=-2, axis2=-1) / n
        chance = (counts.sum(-1) * counts.sum(-2)).sum(-1) / n**2
        result: Array = (agreed - chance) / (1 - chance)
    return result


def _alpha(sets: Sequence[HumanRanking], how: Resampling) -> list[MetricValue]:
    try:
        import krippendorff
    except ModuleNotFoundError:
        return []
    groups = _groups(sets)
    together = np.zeros((len(groups), 9))
    tables = []
    for one in sets:
        for opinions in _opinions(one):
            tables.append(np.bincount(list(opinions.values()), minlength=3).astype(float))
            met = (np.outer(tables[-1], tables[-1]) - np.diag(tables[-1])) / (len(opinions) - 1)
            together[groups[one.group]] += met.ravel()
    if len({place for table in tables for place in np.flatnonzero(table)}) < 2:
        # One opinion throughout: nothing to be right about by more than chance.
        undefined = Estimate(
            value=None, low=None, high=None, n=len(groups), method="Krippendorff's alpha, nominal; undefined"
        )
        note = "undefined: all annotators say the same of every pair"
        return [figure(TOGETHER, BENCHMARK, "krippendorff_alpha", undefined, n=len(tables), unit="pairs", note=note)]
    value = float(krippendorff.alpha(value_counts=np.array(tables, dtype=int), level_of_measurement="nominal"))
    estimate = of_sums(
        "Krippendorff's alpha, nominal (krippendorff)",
        tuple(together.T),
        lambda sums: alpha(sums.reshape(*sums.shape[:-1], 3, 3)),
        how.using("alpha"),
    )
    return [
        figure(
            TOGETHER,
            BENCHMARK,
            "krippendorff_alpha",
            estimate.model_copy(update={"value": value}),
            n=len(tables),
            unit="pairs",
            note="of each pair of answers: the first is better, a tie, the second is better",
        )
    ]


def alpha(together: Array) -> Array:
    """Krippendorff's nominal alpha of coincidence tables (..., 3, 3)."""
    margin = together.sum(-1)
    n = margin.sum(-1)
    apart = n - np.trace(together, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", divide="ignore"):  # one opinion only: not finite
        result: Array = 1 - (n - 1) * apart / (n**2 - (margin**2).sum(-1))
    return result
