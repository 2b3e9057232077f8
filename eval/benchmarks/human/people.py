"""What people reach among each other: Krippendorff's alpha, Cohen's kappa and raw agreement of each two of them.

Votes are win, tie and lose; skips are left out. Several pairs of models on one prompt stand together: intervals leave
out one prompt at a time.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from srlm.judge.pairwise import Outcome
from srlm.text.counts import counted

from ...records import MetricValue
from ...stats.intervals import Estimate, Resampling, of_sums, pooled
from ..judge_agreement.people import alpha, kappa
from ..measuring import figure
from .gathered import Gathered
from .majority import OUTCOMES, Told, majority

BENCHMARK = "human"
TOGETHER = "people"
UNIT = "pairs of answers"
PLACE = {outcome: place for place, outcome in enumerate(OUTCOMES)}


def figures(found: Gathered, how: Resampling) -> list[MetricValue]:
    """Nothing where nobody shares a pair of answers with another."""
    told = [one for one in found.told if len(one.votes) > 1]
    if not told:
        return []
    both = [_two(one, other, told, how) for one, other in combinations(found.people, 2)]
    together = [_agreed(told, how), *_alpha(told, how), *_against_the_others(told, how)]
    return [*together, *(metric for two in both for metric in two)]


def _two(one: str, other: str, told: Sequence[Told], how: Resampling) -> list[MetricValue]:
    """Two annotators; nothing where they share no pair of answers."""
    votes = [(t.contest.prompt_id, t.votes[one], t.votes[other]) for t in told if one in t.votes and other in t.votes]
    if not votes:
        return []
    how = how.using(BENCHMARK, one, other)
    left = len(told) - len(votes)
    note = f"{left} of the pairs of answers have no vote of one of them" if left else ""
    return [
        figure(
            one, BENCHMARK, metric, estimate, n=len(votes), unscored=left, unit=UNIT, baseline=other,
            note="; ".join(filter(None, (note, why))),
        )
        for metric, estimate, why in (
            ("raw_agreement", share_alike(votes, how), ""),
            ("cohen_kappa", *cohen(votes, how)),
        )
    ]  # fmt: skip


def share_alike(votes: Sequence[tuple[str, Outcome, Outcome]], how: Resampling) -> Estimate:
    """How often two agree; `votes` are of a prompt, by one and by the other."""
    hits, totals = Counter[str](), Counter[str]()
    for prompt, one, other in votes:
        hits[prompt] += one == other
        totals[prompt] += 1
    return pooled([hits[prompt] for prompt in totals], list(totals.values()), how)


def cohen(votes: Sequence[tuple[str, Outcome, Outcome]], how: Resampling) -> tuple[Estimate, str]:
    """Cohen's kappa of two over win, tie and lose, and why there is none."""
    from sklearn.metrics import cohen_kappa_score  # its import would slow down every measurement of a run

    label = "Cohen's kappa (scikit-learn)"
    said = {outcome for _, *both in votes for outcome in both}
    groups = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompt for prompt, *_ in votes))}
    if len(said) < 2:
        undefined = Estimate(value=None, low=None, high=None, n=len(groups), method=f"{label}; undefined")
        return undefined, "undefined: both always say the same one thing"
    counts = np.zeros((len(groups), 3, 3))
    for prompt, one, other in votes:
        counts[groups[prompt], PLACE[one], PLACE[other]] += 1
    estimate = of_sums(
        label, tuple(counts.reshape(len(groups), 9).T), lambda sums: kappa(sums.reshape(*sums.shape[:-1], 3, 3)), how
    )
    value = float(cohen_kappa_score([one for _, one, _ in votes], [other for _, _, other in votes]))
    return estimate.model_copy(update={"value": value}), ""


def _agreed(told: Sequence[Told], how: Resampling) -> MetricValue:
    """Raw agreement over all two votes on one pair of answers."""
    votes = [(one.contest.prompt_id, a, b) for one in told for a, b in combinations(one.votes.values(), 2)]
    estimate = share_alike(votes, how.using(BENCHMARK, "raw"))
    return figure(
        TOGETHER, BENCHMARK, "raw_agreement", estimate, n=len(votes), unit="pairs of votes",
        note=f"every two votes on {counted(len(told), 'pairs')} of answers",
    )  # fmt: skip


def _alpha(told: Sequence[Told], how: Resampling) -> list[MetricValue]:
    label = "Krippendorff's alpha, nominal (krippendorff)"
    groups = {prompt: place for place, prompt in enumerate(dict.fromkeys(one.contest.prompt_id for one in told))}
    tables = [_table(one.votes.values()) for one in told]
    undefined = Estimate(value=None, low=None, high=None, n=len(groups), method=f"{label}; undefined")
    why = ""
    if len({place for table in tables for place in np.flatnonzero(table)}) < 2:
        why = "undefined: all annotators say the same of every pair of answers"
    else:
        try:
            import krippendorff
        except ModuleNotFoundError:
            why = "needs the package krippendorff: pip install 'srlm[agreement]'"
    if why:
        return [figure(TOGETHER, BENCHMARK, "krippendorff_alpha", undefined, n=len(told), unit=UNIT, note=why)]
    together = np.zeros((len(groups), 9))
    for one, table in zip(told, tables, strict=True):
        met = (np.outer(table, table) - np.diag(table)) / (table.sum() - 1)
        together[groups[one.contest.prompt_id]] += met.ravel()
    estimate = of_sums(
        label, tuple(together.T), lambda sums: alpha(sums.reshape(*sums.shape[:-1], 3, 3)), how.using("alpha")
    )
    value = float(krippendorff.alpha(value_counts=np.array(tables, dtype=int), level_of_measurement="nominal"))
    found = estimate.model_copy(update={"value": value})
    return [figure(TOGETHER, BENCHMARK, "krippendorff_alpha", found, n=len(told), unit=UNIT)]


def _table(votes: Iterable[Outcome]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    found = np.zeros(3)
    for vote in votes:
        found[PLACE[vote]] += 1
    return found


def _against_the_others(told: Sequence[Told], how: Resampling) -> list[MetricValue]:
    """How often a person says what most of the others say: what a judge could reach at best."""
    votes, none = [], 0
    for one in told:
        for name, vote in one.votes.items():
            others = majority([other for person, other in one.votes.items() if person != name])
            if others is None:
                none += 1
            else:
                votes.append((one.contest.prompt_id, vote, others))
    if not votes:
        return []
    estimate = share_alike(votes, how.using(BENCHMARK, "others"))
    note = "each vote against the majority of the others" + (f"; {none} where these have none" if none else "")
    return [
        figure(TOGETHER, BENCHMARK, "person_agreement", estimate, n=len(votes), unscored=none, unit="votes", note=note)
    ]
