"""Any judge on any file of human rankings: `srlm-eval agreement --rankings FILE --judge SPEC`.

A judge scores every answer (the mean of k draws counts), or compares every two answers of a set in both orders, or
both. A pairwise judge's answer has as its score the share of comparisons it wins within its set. A win needs both
orders: in `pairwise_accuracy` two orders that disagree are a tie.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from srlm.data.human_ranking import HumanRanking
from srlm.data.rankings import Rankings
from srlm.judge.agreement import UNITS, Measure, measure
from srlm.judge.open import Judge
from srlm.judge.pairwise import BothOrders, Opinion, PairItem, outcome_of
from srlm.judge.pointwise import Answered
from srlm.records import Growing, Judgement, Unread, digest, seed_for
from srlm.store import disk, files

from ...data.labels import HumanLabel
from ...records import MetricValue
from ...stats.intervals import Resampling
from ..measuring import BLOCK, made_from
from . import as_published, baselines, labelled, one_by_one, people
from .figures import BY_SET, PAIR_UNITS, Compared, described, differences, judgement_note, unscored_share
from .ranked_pair import RankedPair

BENCHMARK = "agreement"
KS = (1, 3, 5)
"""Draws whose means are compared, from the same draws."""
Ask = Literal["scores", "pairs", "both"]


class PairVerdict(Growing):
    """What a judge said of two answers in one order; fields as Opinion's."""

    LATER = ("unread", "bounds", "votes")

    id: str
    preference: float | None
    probability: float | None
    raw: str
    unread: Unread | None = None
    bounds: tuple[float, float] | None = None
    votes: tuple[float | None, ...] = ()

    @property
    def opinion(self) -> Opinion:
        """What was said, without the id."""
        return Opinion.model_validate(self.model_dump(exclude={"id"}))


def run(
    rankings: Rankings,
    judges: Sequence[Judge],
    *,
    draws: int,
    ask: Ask,
    how: Resampling,
    seed: int,
    keep: Path,
    labels: Sequence[HumanLabel] | None = None,
) -> list[MetricValue]:
    """All figures of the judges, what people reach among each other, baselines, and paired differences.

    `labels`: what people say of some of the pairs, to correct the share of pairs right by.

    What a model says is kept under `keep`, and asked again only where it is not there.
    """
    sets, groups = rankings.sets, [one.group for one in rankings.sets]
    ranks = [one.ranked.ranks for one in sets]
    found: dict[str, dict[str, Measure]] = {}
    asked: list[Compared] = []
    preferred: dict[str, labelled.Pairs] = {}
    scored: list[str] = []
    paired: list[str] = []
    metrics = people.figures(sets, how)
    for judge in judges:
        own = seed_for(seed, "agreement", judge.id)
        if judge.pointwise is not None and ask != "pairs":
            taken = draws if judge.draws is None else min(draws, judge.draws)
            said = judge_sets(judge, sets, taken, own, keep)
            for k in sorted({k for k in KS if k < taken} | {taken}):
                name = judge.id if k == taken else f"{judge.id} (k={k})"
                scores = [[mean_score(one[:k]) for one in row] for row in said]
                found[name] = measure(ranks, scores)
                preferred[name] = by_scores(scores)
                if not judge.five_points:
                    del found[name]["five_best"]
                if k == taken:
                    scored.append(name)
                    means = [[mean_score(one) for one in row] for row in said]
                    metrics += as_published.of_scores(rankings.format, name, sets, means, how)
                else:
                    asked.append(Compared(model=judge.id, baseline=name))
            rows = [[judgement.score is None for one in row for judgement in one] for row in said]
            note = judgement_note(judgement for row in said for one in row for judgement in one)
            metrics.append(unscored_share(judge.id, BENCHMARK, groups, [*map(sum, rows)], [*map(len, rows)], how, note))
        if judge.pairwise is not None and (ask != "scores" or judge.pointwise is None):
            name = f"{judge.id} (pairs)" if judge.id in found else judge.id
            paired.append(name)
            pairs = compared(judge, sets, own, keep)
            found[name] = pair_measures(ranks, pairs)
            preferred[name] = by_pairs(pairs)
            if judge.one_order:
                found[name] = {key: one for key, one in found[name].items() if key not in PAIR_UNITS}
            metrics += as_published.of_pairs(rankings.format, name, sets, pairs, how, one_order=judge.one_order)
            metrics.append(
                unscored_comparisons(name, BENCHMARK, groups, pairs, how, orders=1 if judge.one_order else 2)
            )
    for name, one in found.items():
        metrics += described(name, BENCHMARK, groups, one, how)
        if labels is not None:
            metrics += labelled.corrected(name, BENCHMARK, sets, preferred[name], labels, how)
    ceiling = any(metric.model == baselines.CEILING for metric in metrics)
    metrics += baselines.figures([one.ranked for one in sets], groups, BENCHMARK, how, ceiling=ceiling)
    for alike in (scored, paired):
        asked += [Compared(model=model, baseline=baseline) for baseline, model in combinations(alike, 2)]
    asked += [Compared(model=f"{id} (pairs)", baseline=id) for id in scored if f"{id} (pairs)" in found]
    for name in (*UNITS, *BY_SET):
        both = [one for one in asked if name in found[one.model] and name in found[one.baseline]]
        metrics += differences(BENCHMARK, both, groups, found, how, names=(name,))
    return metrics


def unscored_comparisons(
    model: str,
    benchmark: str,
    groups: Sequence[str],
    pairs: Sequence[RankedPair],
    how: Resampling,
    *,
    orders: int = 2,
    note: str = "",
) -> MetricValue:
    """The share of comparisons that could not be read."""
    told = [(one.set, value) for one in pairs for value in (one.listed, one.turned)[:orders]]
    lost = np.bincount([place for place, value in told if value is None], minlength=len(groups))
    asked = np.bincount([place for place, _ in told], minlength=len(groups))
    return unscored_share(model, benchmark, groups, lost.tolist(), asked.tolist(), how, note)


def by_scores(scores: Sequence[Sequence[float | None]]) -> labelled.Pairs:
    """How far each answer is preferred to each behind it in its set, by scores."""
    found: dict[tuple[int, int, int], float | None] = {}
    for place, row in enumerate(scores):
        for i, j in combinations(range(len(row)), 2):
            a, b = row[i], row[j]
            found[place, i, j] = None if a is None or b is None else 0.5 if a == b else float(a > b)
    return found


def by_pairs(pairs: Sequence[RankedPair]) -> labelled.Pairs:
    """The same by comparisons; a win needs both orders."""
    points = {"win": 1.0, "tie": 0.5, "lose": 0.0, None: None}
    return {(one.set, one.first, one.second): points[outcome_of(one.listed, one.turned)] for one in pairs}


def mean_score(said: Sequence[Judgement]) -> float | None:
    """The mean of the judgements that have a score."""
    known = [one.score for one in said if one.score is not None]
    return sum(known) / len(known) if known else None


def judge_sets(
    judge: Judge, sets: Sequence[HumanRanking], draws: int, seed: int, keep: Path
) -> list[list[list[Judgement]]]:
    """What the judge says, by set, answer and draw; an answer that stands in several sets is judged once."""
    assert judge.pointwise is not None
    shown = {
        (one.ranked.prompt.id, response.text): Answered(prompt=one.ranked.prompt, response=response)
        for one in reversed(sets)
        for response in one.ranked.responses
    }
    order = list(dict.fromkeys((one.ranked.prompt.id, r.text) for one in sets for r in one.ranked.responses))
    asked = digest([[prompt, text] for prompt, text in order])
    path = keep_file(judge, keep, "judgements", {"answers": asked, "draws": draws, "seed": seed})
    answers = [shown[key] for key in order]
    if not is_begun(path) and one_by_one.exists(judge):
        said = one_by_one.judgements(judge.pointwise, answers, draws, seed)
        files.write(path, said)
    else:
        said = list(judge.pointwise.judge(answers, draws, seed, path))
    by_text = {key: said[place * draws : (place + 1) * draws] for place, key in enumerate(order)}
    return [[by_text[one.ranked.prompt.id, r.text] for r in one.ranked.responses] for one in sets]


def compared(judge: Judge, sets: Sequence[HumanRanking], seed: int, keep: Path) -> list[RankedPair]:
    """Every two answers of every set, in both orders."""
    places = [(s, i, j) for s, one in enumerate(sets) for i, j in combinations(range(len(one.ranked.responses)), 2)]
    items = [
        PairItem(
            prompt=sets[s].ranked.prompt.transcript,
            first=sets[s].ranked.responses[i].text,
            second=sets[s].ranked.responses[j].text,
        )
        for s, i, j in places
    ]
    said = both_orders(judge, items, seed, keep / f"{judge.file}-comparisons.jsonl")
    made = []
    for place, both in zip(places, said, strict=True):
        turned = both.listed if judge.one_order else both.turned
        made.append(RankedPair(*place, both.listed.preference, turned.preference, both.probability))
    return made


def both_orders(judge: Judge, items: Sequence[PairItem], seed: int, path: Path) -> list[BothOrders]:
    """What the judge says of each item in both orders of showing; kept in `path` where it had to be asked for."""
    said = _opinions(judge, [shown for item in items for shown in (item, item.turned)], seed, path)
    return [BothOrders.of(*both) for both in zip(said[::2], said[1::2], strict=True)]


def _opinions(judge: Judge, items: Sequence[PairItem], seed: int, path: Path) -> list[Opinion]:
    pairs = judge.pairwise
    assert pairs is not None
    if judge.facts is None:
        return pairs.compare(items, seed)

    def work(chunk: Sequence[PairItem], index: int) -> list[PairVerdict]:
        return [
            PairVerdict(id=digest("comparison", item.model_dump()), **dict(opinion))
            for item, opinion in zip(chunk, pairs.compare(chunk, seed_for(seed, "pairs", index)), strict=True)
        ]

    made_from(path, {**judge.facts, "items": digest([item.model_dump() for item in items]), "seed": seed})
    kept = files.resumable(
        path,
        PairVerdict,
        items,
        work,
        per_item=1,
        block=BLOCK,
        concurrency=lambda: pairs.concurrency,
        belongs=lambda item, said: said.id == digest("comparison", item.model_dump()),
    )
    return [one.opinion for one in kept]


def is_begun(path: Path) -> bool:
    """Whether what a judge said is kept in this file, or was being written to it."""
    return path.exists() or disk.part_of(path).exists()


def keep_file(judge: Judge, keep: Path, name: str, facts: Mapping[str, object]) -> Path:
    """Where the judge's words are kept, with a note of what they were made from where they cost anything."""
    path = keep / f"{judge.file}-{name}.jsonl"
    if judge.facts is not None:
        made_from(path, {**judge.facts, **facts})
    return path


def pair_measures(ranks: Sequence[Sequence[int]], pairs: Sequence[RankedPair]) -> dict[str, Measure]:
    """Every measure of a pairwise judge, set by set.

    accuracy_as_listed, _turned    of the pairs people ordered, those the judge ordered alike in that order of showing
    accuracy_both_orders           the same in both orders; one that is unscored leaves the pair unscored
    accuracy_by_probability        by the mean of both orders' probabilities, in which a liking for either place cancels
                                   out (Wang et al. 2023); where the judge gives any
    position_agreement             of all pairs, those on which both orders say the same
    first_shown_preferred          of all judgements that prefer one answer, those that prefer the one shown first
    """
    table: dict[str, list[list[float]]] = {}
    shares = [[[0.0, 0.0] for _ in own] for own in ranks]

    def count(name: str, place: int, hit: float | None, units: int = 1) -> None:
        columns = table.setdefault(name, [[0.0] * len(ranks) for _ in range(3)])
        if hit is None:
            columns[2][place] += units
        else:
            columns[0][place] += hit
            columns[1][place] += units

    tells_chances = any(pair.chance is not None for pair in pairs)
    for place, i, j, listed, turned, chance in pairs:
        both = listed is not None and turned is not None
        count("position_agreement", place, float(listed == turned) if both else None)
        for told, first in ((listed, 1.0), (turned, 0.0)):
            if told in (0.0, 1.0):
                count("first_shown_preferred", place, float(told == first))
        won = (listed + turned) / 2 if listed is not None and turned is not None else None
        for answer, share in ((i, won), (j, None if won is None else 1 - won)):
            shares[place][answer][0] += np.nan if share is None else share
            shares[place][answer][1] += 1
        if ranks[place][i] == ranks[place][j]:
            continue
        better = float(ranks[place][i] < ranks[place][j])
        right = [None if told is None else float(told == better) for told in (listed, turned)]
        count("accuracy_as_listed", place, right[0])
        count("accuracy_turned", place, right[1])
        count("accuracy_both_orders", place, min(right[0], right[1]) if None not in right else None)  # type: ignore[type-var]
        if tells_chances:
            likely = None if chance is None or chance == 0.5 else float(chance > 0.5)
            count("accuracy_by_probability", place, None if chance is None else float(likely == better))
        outcome = outcome_of(listed, turned)
        score = None if outcome is None else {"win": 1.0, "tie": 0.5, "lose": 0.0}[outcome]
        count("pairwise_accuracy", place, None if score is None else float(score == better))
        count("pairwise_accuracy_half", place, None if score is None else 1 - abs(score - better))
    found = {name: Measure(*(np.array(column) for column in columns)) for name, columns in table.items()}
    whole = measure(ranks, [[None if np.isnan(won) else float(won / n) for won, n in row] for row in shares])
    return {name: whole[name] for name in whole if name not in ("five_best", *UNITS)} | found
