"""What besides quality sways a judge: order, length, lists and markdown, its own answers; its consistency and spread.

A preference for a feature (longer, a list, markdown) is the share of pairs that differ in it in which the judge prefers
the answer that has more of it, a tie half. `..._quality_fixed` is the mean of that share over the pairs in which people
preferred that answer and over those in which they preferred the other: 0.5 is a judge that heeds only quality, or only
chance. `length_log_odds` is fitted: log-odds of preferring an answer for each doubling of its length, people's order
held fixed.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import log2
from statistics import fmean, pstdev
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from srlm.data.human_ranking import HumanRanking
from srlm.judge.agreement import Array, Flags, Measure
from srlm.judge.scores import entropy
from srlm.records import Judgement
from srlm.text.counts import counted

from ...records import MetricValue
from ...stats.intervals import Estimate, Resampling, balanced, mean, pooled
from ..judge_agreement.figures import described
from ..judge_agreement.ranked import mean_score, pair_measures, unscored_comparisons
from ..judge_agreement.ranked_pair import RankedPair
from ..measuring import figure

BENCHMARK = "audit"
FEWEST_GROUPS = 10
"""Prompts below which a fitted coefficient has no interval."""
_LIST = re.compile(r"^\s*(?:[-*+\u2022]|\d{1,3}[.)])\s+\S", re.MULTILINE)
_MARKDOWN = re.compile(r"^\s{0,3}#{1,6}\s|\*\*[^*\n]+\*\*|^\s*```|^\s*\|.*\|\s*$", re.MULTILINE)

FEATURES: Mapping[str, Callable[[str], float]] = {
    "longer": lambda text: float(len(text)),
    "list": lambda text: float(bool(_LIST.search(text))),
    "markdown": lambda text: float(bool(_MARKDOWN.search(text))),
}


class Preferred(NamedTuple):
    """How far a judge prefers the first of two answers of a set."""

    set: int
    first: int
    second: int
    preference: float
    """1 the first, 0 the second, 0.5 neither."""


def from_scores(said: Sequence[Sequence[Sequence[Judgement]]]) -> list[Preferred]:
    """By mean scores; a pair without both is left out."""
    found = []
    for place, row in enumerate(said):
        means = [mean_score(one) for one in row]
        for i, j in combinations(range(len(row)), 2):
            a, b = means[i], means[j]
            if a is not None and b is not None:
                found.append(Preferred(place, i, j, 0.5 if a == b else float(a > b)))
    return found


def from_pairs(pairs: Sequence[RankedPair]) -> list[Preferred]:
    """By comparisons in both orders; two orders that disagree prefer neither."""
    return [
        Preferred(one.set, one.first, one.second, (one.listed + one.turned) / 2)
        for one in pairs
        if one.listed is not None and one.turned is not None
    ]


def preferences(
    model: str, sets: Sequence[HumanRanking], found: Sequence[Preferred], how: Resampling
) -> list[MetricValue]:
    """What the judge's preferences lean on."""
    how = how.using(BENCHMARK, model)
    groups = {group: place for place, group in enumerate(dict.fromkeys(one.group for one in sets))}
    metrics = []
    for name, feature in FEATURES.items():
        # hits and units by people's order: they preferred the one that has more, the other, neither
        table = np.zeros((3, 2, len(groups)))
        for place, i, j, preference in found:
            ranked = sets[place].ranked
            a, b = (feature(ranked.responses[answer].text) for answer in (i, j))
            if a == b:
                continue
            people = np.sign(ranked.ranks[j] - ranked.ranks[i]) * (1 if a > b else -1)
            row = {1: 0, -1: 1, 0: 2}[int(people)]
            table[row, 0, groups[sets[place].group]] += preference if a > b else 1 - preference
            table[row, 1, groups[sets[place].group]] += 1
        hits, units = table.sum(0)
        n = int(units.sum())
        note = "" if n else "no two answers differ in it"
        metrics.append(
            figure(
                model, BENCHMARK, f"prefers_{name}", pooled(list(hits), list(units), how), n=n, unit="pairs", note=note
            )
        )
        for_more, for_less = ((list(side[0]), list(side[1])) for side in table[:2])
        fixed = balanced(for_more, for_less, how)
        fixed = fixed.model_copy(update={"method": fixed.method.replace("balanced accuracy", "mean of two shares")})
        metrics.append(
            figure(
                model,
                BENCHMARK,
                f"prefers_{name}_quality_fixed",
                fixed,
                n=int(table[:2, 1].sum()),
                unit="pairs",
                note="" if fixed.value is not None else "people did not prefer both kinds",
            )
        )
    return [*metrics, _length_slope(model, sets, found, how)]


def _length_slope(model: str, sets: Sequence[HumanRanking], found: Sequence[Preferred], how: Resampling) -> MetricValue:
    rows, chosen, groups = [], [], []
    for place, i, j, preference in found:
        ranked = sets[place].ranked
        a, b = (max(1, len(ranked.responses[answer].text)) for answer in (i, j))
        if preference != 0.5:
            rows.append([log2(a / b), float(np.sign(ranked.ranks[j] - ranked.ranks[i]))])
            chosen.append(preference > 0.5)
            groups.append(sets[place].group)
    estimate = slope(np.array(rows).reshape(-1, 2), np.array(chosen, dtype=bool), groups, how)
    return figure(
        model,
        BENCHMARK,
        "length_log_odds",
        estimate,
        n=len(rows),
        unscored=len(found) - len(rows),
        unit="pairs",
        note="unscored: the judge preferred neither"
        if estimate.value is not None
        else "cannot be fitted: " + _why(rows),
    )


def _why(rows: Sequence[object]) -> str:
    return "length or quality tells every preference apart" if rows else "the judge preferred no answer"


def slope(x: Array, chosen: Flags, groups: Sequence[str], how: Resampling) -> Estimate:
    """Coefficient of the first column in a logistic model without intercept, its interval robust to groups.

    `chosen` says whether the first answer of the pair was preferred. Turning a pair round turns both, so the pairs are
    fitted in both orders, which gives the classifier two classes and the same coefficients.
    """
    names = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    method = f"logistic regression (scikit-learn); {100 * how.confidence:g}% sandwich interval (CR3) by prompt"
    nothing = Estimate(value=None, low=None, high=None, n=len(names), method=method)
    if len(names) < 3:
        return nothing
    used = [place for place in range(x.shape[1]) if np.any(x[:, place] != 0)]
    if 0 not in used:
        return nothing
    x = x[:, used]
    from sklearn.linear_model import LogisticRegression  # its import would slow down every measurement of a run

    both, said = np.vstack([x, -x]), np.concatenate([chosen, ~chosen])
    fitted = LogisticRegression(C=1e6, fit_intercept=False, tol=1e-8, max_iter=1000).fit(both, said)
    beta = fitted.coef_[0]
    if np.all((x @ beta > 0) == chosen):
        return nothing  # separated: the likelihood grows without end
    n, value = len(names), float(beta[0])
    if n < FEWEST_GROUPS:
        method = f"logistic regression (scikit-learn); no interval: fewer than {FEWEST_GROUPS} prompts do not hold it"
        return Estimate(value=value, low=None, high=None, n=n, method=method)
    variance = _variance(x, chosen, np.array([names[name] for name in groups], dtype=np.intp), beta)
    if variance is None:
        method = "logistic regression (scikit-learn); no interval: the fit rests on a single prompt"
        return Estimate(value=value, low=None, high=None, n=n, method=method)
    half = float(stats.t.ppf((1 + how.confidence) / 2, n - 1)) * float(np.sqrt(variance))
    return Estimate(value=value, low=value - half, high=value + half, n=len(names), method=method)


def _variance(x: Array, chosen: Flags, group: npt.NDArray[np.intp], beta: Array) -> float | None:
    """Of the first coefficient: the sandwich CR3, whose scores are those of fits that leave their own group out.

    With B the inverse of the information, I_g a group's part of it and s_g its score: (G - 1) / G sum (B v_g)^2 with
    v_g = (1 - I_g B)^-1 s_g (Bell and McCaffrey 2002). The plain sandwich is too small for few groups, or skewed
    lengths. None: without one of the groups nothing could be fitted.
    """
    count = int(group.max()) + 1
    p = 1 / (1 + np.exp(-(x @ beta)))
    scores, parts = np.zeros((count, x.shape[1])), np.zeros((count, x.shape[1], x.shape[1]))
    np.add.at(scores, group, (chosen - p)[:, None] * x)
    np.add.at(parts, group, (p * (1 - p))[:, None, None] * x[:, :, None] * x[:, None, :])
    try:
        bread = np.linalg.inv(parts.sum(0))
        left_out = np.linalg.solve(np.eye(x.shape[1]) - parts @ bread, scores[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        return None
    moved = left_out @ bread[0]
    variance = float((count - 1) / count * (moved @ moved))
    return variance if np.isfinite(variance) else None


def spread(
    model: str,
    sets: Sequence[HumanRanking],
    said: Sequence[Sequence[Sequence[Judgement]]],
    how: Resampling,
    *,
    five_points: bool = True,
) -> list[MetricValue]:
    """Histogram, entropy, fives, ties, unscored judgements and repeatability of a judge that scores."""
    how = how.using(BENCHMARK, model, "spread")
    groups = [one.group for one in sets]
    read = [[judgement.score for one in row for judgement in one] for row in said]
    known = [[score for score in row if score is not None] for row in read]
    histogram = Counter(score for row in known for score in row)
    bits = Estimate(value=entropy(histogram), low=None, high=None, n=len(sets), method="Shannon entropy, bits")
    note = "no interval: a property of these judgements"
    metrics = [figure(model, BENCHMARK, "score_entropy", bits, n=histogram.total(), unit="judgements", note=note)]
    # name: units of each set, and which of them count
    flags: dict[str, tuple[str, list[list[bool]]]] = {}
    if five_points:
        for points in range(6):
            flags[f"scored_{points}"] = "judgements", [[score == points for score in row] for row in known]
        flags["scored_between"] = "judgements", [[not score.is_integer() for score in row] for row in known]
    flags["unscored"] = "judgements", [[score is None for score in row] for row in read]
    means = [[mean_score(one) for one in row] for row in said]
    flags["ties"] = (
        "pairs",
        [[a == b for a, b in combinations(row, 2) if a is not None and b is not None] for row in means],
    )
    draws = max((len(one) for row in said for one in row), default=0)
    repeats = [[[j.score for j in one if j.score is not None] for one in row] for row in said]
    whole = [[one for one in row if len(one) == draws] for row in repeats]
    if draws > 1:
        flags["same_score_every_time"] = "answers", [[len(set(one)) == 1 for one in row] for row in whole]
    for name, (unit, rows) in flags.items():
        hits, units = _by_group(groups, [float(sum(row)) for row in rows], [float(len(row)) for row in rows])
        metrics.append(figure(model, BENCHMARK, name, pooled(hits, units, how), n=int(sum(units)), unit=unit))
    if draws > 1:
        deviations = mean([fmean(pstdev(one) for one in row) for row in whole if row], how)
        note = f"standard deviation of {counted(draws, 'judgements')} of the same request, a mean over answers"
        metrics.append(figure(model, BENCHMARK, "spread_of_repeats", deviations, unit="sets", note=note))
    return metrics


def _by_group(groups: Sequence[str], hits: Sequence[float], units: Sequence[float]) -> tuple[list[float], list[float]]:
    table: dict[str, tuple[float, float]] = {}
    for group, hit, unit in zip(groups, hits, units, strict=True):
        before = table.get(group, (0.0, 0.0))
        table[group] = before[0] + hit, before[1] + unit
    return [row[0] for row in table.values()], [row[1] for row in table.values()]


def self_preference(scores: Mapping[str, Mapping[str, Sequence[float | None]]], how: Resampling) -> list[MetricValue]:
    """How much more each model's own answers please it than they please the other models, in points.

    `scores[judge][author]` has a score a prompt, in one order of prompts. Own answers minus those of the others, as
    this judge scores them, minus the same as the other judges score them: a good author gets no self-preference for
    being good, nor a generous judge for being generous. A prompt with a score missing is left out and counted.
    """
    metrics = []
    for one in scores:
        others = [name for name in scores if name != one]
        if not others:
            continue
        values: list[float | None] = []
        for place in range(len(scores[one][one])):
            known = {(j, a): scores[j][a][place] for j in scores for a in scores}
            if any(score is None for score in known.values()):
                values.append(None)
                continue
            lead = {j: (known[j, one] or 0) - fmean(known[j, a] or 0 for a in others) for j in scores}
            values.append(lead[one] - fmean(lead[j] for j in others))
        told = [value for value in values if value is not None]
        metrics.append(
            figure(
                one,
                BENCHMARK,
                "self_preference",
                mean(told, how.using("self", one)),
                unscored=len(values) - len(told),
                note=f"points, beyond what {', '.join(others)} give its answers",
            )
        )
    return metrics


def orders(model: str, sets: Sequence[HumanRanking], pairs: Sequence[RankedPair], how: Resampling) -> list[MetricValue]:
    """How often the order of showing decides, and which place it favours."""
    groups = [one.group for one in sets]
    found = pair_measures([one.ranked.ranks for one in sets], pairs)
    kept = {}
    if "position_agreement" in found:
        hits, total, unscored = found["position_agreement"]
        kept["position_flips"] = Measure(total - hits, total, unscored)
    if "first_shown_preferred" in found:
        kept["first_shown_preferred"] = found["first_shown_preferred"]
    failures = unscored_comparisons(model, BENCHMARK, groups, pairs, how).model_copy(update={"metric": "unscored"})
    return [*described(model, BENCHMARK, groups, kept, how), failures]
