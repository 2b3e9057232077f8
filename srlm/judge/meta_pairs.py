"""From judgements to preference pairs of judgements (Wu et al. 2024, section 2.3): rules without a model.

judgements of a prompt's answers -> contest (the answer they disagree most about) -> both orders of every two
-> Elo (elo.py) -> the best against the worst, unless a rule drops it
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import pvariance
from typing import Literal, NamedTuple

from srlm.judge import elo
from srlm.judge.meta_judge import MetaItem
from srlm.judge.rubric import Rubric
from srlm.records import Count, Judgement, JudgementRating, MetaJudgement, PreferencePair, Prompt, Response
from srlm.text.score import without_score

Ties = Literal["any", "ends"]


class Contest(NamedTuple):
    """The answer to a prompt whose judgements differ most in score, and those of them that are compared."""

    prompt: Prompt
    response: Response
    judgements: tuple[Judgement, ...]
    """In the order in which they were drawn; of those with the same words the first."""


class Match(NamedTuple):
    """Two judgements of one contest, in the order in which they are shown."""

    contest: Contest
    first: Judgement
    second: Judgement

    @property
    def item(self) -> MetaItem:
        return MetaItem(
            prompt=self.contest.prompt.transcript,
            response=self.contest.response.text,
            first=without_score(self.first.raw),
            second=without_score(self.second.raw),
        )


class Contests(NamedTuple):
    """Contests, and what became of the other prompts."""

    contests: list[Contest]
    counts: dict[str, int]


def contests(prompts: Sequence[Prompt], responses: Sequence[Response], judgements: Sequence[Judgement]) -> Contests:
    """One contest a prompt: its answer with the highest variance of scores, among equals the one drawn first.

    Only judgements with a score count, and none that was cut. A prompt gives no contest where no answer has two of
    them, where none has scores that differ, or where those of the answer differ in nothing but their score.
    """
    scored: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        if judgement.score is not None and not judgement.cut:
            scored.setdefault(judgement.response_id, []).append(judgement)
    answers: dict[str, list[Response]] = {}
    for response in responses:
        answers.setdefault(response.prompt_id, []).append(response)
    found: list[Contest] = []
    account: Counter[str] = Counter()
    for prompt in prompts:
        judged = [one for one in answers.get(prompt.id, []) if len(scored.get(one.id, [])) > 1]
        if not judged:
            account["prompts without an answer that has two scores"] += 1
            continue
        spread = {one.id: pvariance([j.score or 0.0 for j in scored[one.id]]) for one in judged}
        response = max(judged, key=lambda one: spread[one.id])
        if spread[response.id] == 0:
            account["prompts whose judgements agree"] += 1
            continue
        by_words: dict[str, Judgement] = {}
        for judgement in scored[response.id]:
            by_words.setdefault(judgement.raw, judgement)
        apart = tuple(by_words.values())
        if len({without_score(judgement.raw) for judgement in apart}) < 2:
            account["prompts whose judgements differ in the score alone"] += 1
            continue
        found.append(Contest(prompt, response, apart))
    return Contests(found, {"contests": len(found), **dict(sorted(account.items()))})


def matches(all_contests: Sequence[Contest]) -> Iterator[Match]:
    """Every two judgements of a contest in both orders; not those that differ in the score alone."""
    for contest in all_contests:
        words = {judgement.id: without_score(judgement.raw) for judgement in contest.judgements}
        for first, second in combinations(contest.judgements, 2):
            if words[first.id] != words[second.id]:
                yield Match(contest, first, second)
                yield Match(contest, second, first)


class Rated(NamedTuple):
    """Ratings of the judgements of every contest that has any, and what the step's manifest says of them."""

    ratings: list[JudgementRating]
    weights: elo.Weights
    counts: dict[str, Count]


def rate(
    all_contests: Sequence[Contest], said: Sequence[MetaJudgement], *, position_weights: bool, ridge: float
) -> Rated:
    """Elo ratings from what the meta-judge said; the weights of the places are those of all of it together."""
    wins = Counter(one.preference for one in said)
    weights = elo.position_weights(wins[1.0], wins[0.0]) if position_weights else elo.EVEN
    own: dict[str, list[MetaJudgement]] = {}
    for one in said:
        own.setdefault(one.response_id, []).append(one)
    ratings: list[JudgementRating] = []
    account: Counter[str] = Counter()
    for contest in all_contests:
        place = {judgement.id: number for number, judgement in enumerate(contest.judgements)}
        bouts = [
            elo.Bout(place[one.first_id], place[one.second_id], one.preference)
            for one in own.get(contest.response.id, [])
        ]
        found = elo.ratings(elo.win_weights(bouts, len(place), weights), ridge)
        if found is None:
            account["contests without ratings"] += 1
            continue
        account["contests whose ratings need the ridge"] += not found.finite
        ratings += [
            JudgementRating(judgement_id=id, response_id=contest.response.id, elo=found.elo[number])
            for id, number in place.items()
        ]
    counts: dict[str, Count] = {
        "contests without ratings": account["contests without ratings"],
        "contests whose ratings need the ridge": account["contests whose ratings need the ridge"],
        "weight of a win in the first place": weights.first,
        "weight of a win in the second place": weights.second,
    }
    return Rated(ratings, weights, counts)


class JudgementPairs(NamedTuple):
    """Pairs of judgements, and why the other contests gave none."""

    pairs: list[PreferencePair]
    counts: dict[str, Count]


def pair_judgements(
    all_contests: Sequence[Contest],
    ratings: Sequence[JudgementRating],
    rubric: Rubric,
    *,
    ties: Ties,
    longest: int | None,
    max_score_share: float,
) -> JudgementPairs:
    """The judgement with the highest Elo against the one with the lowest, contest by contest.

    Dropped, for the first reason that holds: ratings that are not unique (`ties`: any two equal, or the highest or
    lowest shared), a chosen judgement longer than `longest` characters, equal scores, a chosen score that already is
    that of `max_score_share` of the pairs kept before (of none, where there are none).
    """
    rating = {one.judgement_id: one.elo for one in ratings if one.elo is not None}
    pairs: list[PreferencePair] = []
    by_score: Counter[float] = Counter()
    account: Counter[str] = Counter()
    for contest in all_contests:
        rated = sorted((one for one in contest.judgements if one.id in rating), key=lambda one: -rating[one.id])
        if len(rated) < 2:
            continue  # counted as a contest without ratings
        values = [rating[one.id] for one in rated]
        best, worst = rated[0], rated[-1]
        assert best.score is not None and worst.score is not None  # contests are of scored judgements
        if elo.equal_ratings(values) if ties == "any" else elo.equal_ends(values):
            account["ratings not unique"] += 1
        elif longest is not None and len(best.raw) > longest:
            account[f"chosen longer than {longest:d} characters"] += 1
        elif best.score == worst.score:
            account["equal scores"] += 1
        elif pairs and by_score[best.score] >= max_score_share * len(pairs):
            account["chosen score too common"] += 1
        else:
            by_score[best.score] += 1
            prompt = rubric.request(contest.prompt.transcript, contest.response.text).messages
            pairs.append(
                PreferencePair.of_judgements(contest.prompt.id, prompt, best, worst, rating[best.id], rating[worst.id])
            )
    counts: dict[str, Count] = {
        "pairs": len(pairs),
        **{f"pairs dropped: {why}": number for why, number in sorted(account.items())},
        "pairs by chosen score": {f"{score:g}": number for score, number in sorted(by_score.items())},
        "chosen length mean": _mean([len(pair.chosen[0].content) for pair in pairs]),
        "rejected length mean": _mean([len(pair.rejected[0].content) for pair in pairs]),
    }
    return JudgementPairs(pairs, counts)


def comparison_counts(said: Sequence[MetaJudgement], judgements: Mapping[str, Judgement]) -> dict[str, Count]:
    """What comparisons are like: how many are read, which place wins, and whether the order or the score decides."""
    wins = Counter(one.preference for one in said)
    decided = wins[1.0] + wins[0.0]
    unread = Counter(one.unread for one in said if one.preference is None)
    verdicts = {(one.first_id, one.second_id): one.preference for one in said}
    both = [
        (preference, 1 - other)
        for (first, second), preference in verdicts.items()
        if first < second and preference is not None and (other := verdicts.get((second, first))) is not None
    ]
    higher = [
        (judgements[one.first_id].score or 0.0) - (judgements[one.second_id].score or 0.0)
        for one in said
        if one.preference in (0.0, 1.0)
    ]
    winners = [one.preference == 1.0 for one in said if one.preference in (0.0, 1.0)]
    unequal = [(difference > 0) == won for difference, won in zip(higher, winners, strict=True) if difference]
    return {
        "comparisons": len(said),
        "comparisons unscored": wins[None],
        **{f"comparisons unscored: {why}": number for why, number in sorted(unread.items(), key=str)},
        "comparisons tied": wins[0.5],
        "share won in the first place": wins[1.0] / decided if decided else None,
        "share of pairs decided otherwise when turned": _mean([a != b for a, b in both]),
        "share won by the higher score": _mean(unequal),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
