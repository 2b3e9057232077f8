"""Evaluation fine-tuning data: judgements of ranked answers, kept where the judge's order agrees with people's.

The paper, section 3.1: the SFT baseline judges human-ranked answers; a prompt's judgements become training examples
only if their scores rank the answers as people did; then the most common score is thinned.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

from srlm.judge.rubric import Rubric
from srlm.judge.unread import reason_counts
from srlm.records import Demonstration, Judgement, RankedSet, seed_for
from srlm.settings import EftSettings
from srlm.text.score import read_score

Verdict = Literal[
    "kept", "rejected: no two scores", "rejected: all scores equal", "rejected: a tie", "rejected: reversed"
]


class EftData(NamedTuple):
    """Training examples and the account of what was accepted and rejected."""

    examples: list[Demonstration]
    counts: dict[str, int | float | None]


def agrees(ranks: Sequence[int], scores: Sequence[float], ties: Literal["strict", "lenient"]) -> Verdict:
    """Whether scores order answers as human ranks do (rank 0 is best).

    Only answers that people ranked apart are compared. `strict`: the better one must score higher in every such pair.
    `lenient`: never lower, and higher in at least one.
    """
    if len(scores) < 2:
        return "rejected: no two scores"
    # One entry a pair that people ordered: positive where the judge agrees.
    differences = [
        (scores[i] - scores[j]) * (1 if ranks[i] < ranks[j] else -1)
        for i, j in combinations(range(len(ranks)), 2)
        if ranks[i] != ranks[j]
    ]
    if any(difference < 0 for difference in differences):
        return "rejected: reversed"
    if not any(difference > 0 for difference in differences):
        return "rejected: all scores equal"
    if ties == "strict" and any(difference == 0 for difference in differences):
        return "rejected: a tie"
    return "kept"


def reviews(ranked: Sequence[RankedSet]) -> list[Judgement]:
    """The judgements people wrote themselves, where a set has them, as judgements of draw 0."""
    found = [
        (response.id, text, read_score(text))
        for one in ranked
        for response, text in zip(one.responses, one.reviews, strict=bool(one.reviews))
    ]
    return [Judgement.of(id, "human", 0, text, said.points, unread=said.unread) for id, text, said in found]


def build(
    ranked: Sequence[RankedSet], judgements: Sequence[Judgement], rubric: Rubric, settings: EftSettings, seed: int
) -> EftData:
    """EFT examples from judgements of the answers of ranked sets.

    Of several draws the first whose order agrees is taken. A judgement without a score leaves its answer out, as does
    one that was cut before it was asked for its score: half a sentence is no example. A set in which fewer than two
    answers are left is rejected.
    """
    by_response: dict[str, dict[int, Judgement]] = {}
    for judgement in judgements:
        by_response.setdefault(judgement.response_id, {})[judgement.draw] = judgement
    account: Counter[str] = Counter()
    kept: list[tuple[Demonstration, float]] = []
    for one in ranked:
        verdict, chosen = _best_draw(one, by_response, settings)
        account[verdict] += 1
        for judgement, text in chosen:
            prompt = rubric.prompt(one.prompt.transcript, text)
            assert judgement.score is not None
            kept.append(
                (
                    Demonstration.of("eft", prompt, judgement.raw, judgement.id, thought=judgement.thought),
                    judgement.score,
                )
            )
    examples, thinned = _thin(kept, settings.max_score_share, seed)
    cut = sum(judgement.cut and judgement.score is not None for judgement in judgements)
    counts: dict[str, int | float | None] = {
        "sets": len(ranked),
        "judgements": len(judgements),
        "judgements unscored": sum(judgement.score is None for judgement in judgements),
        **reason_counts(judgement.unread for judgement in judgements),
        **({"judgements cut, scored and left out": cut} if cut else {}),
        **{f"sets {verdict}": number for verdict, number in sorted(account.items())},
        "examples before thinning": len(kept),
        "examples thinned": thinned,
        "examples": len(examples),
    }
    return EftData(examples, counts)


def _best_draw(
    one: RankedSet, by_response: Mapping[str, Mapping[int, Judgement]], settings: EftSettings
) -> tuple[Verdict, list[tuple[Judgement, str]]]:
    draws = sorted({draw for response in one.responses for draw in by_response.get(response.id, {})})
    first: Verdict = "rejected: no two scores"
    for draw in draws:
        ranks, scores, read = [], [], []
        for response, rank in zip(one.responses, one.ranks, strict=True):
            judgement = by_response.get(response.id, {}).get(draw)
            if judgement is not None and judgement.score is not None and not judgement.cut:
                ranks.append(rank)
                scores.append(judgement.score)
                read.append((judgement, response.text))
        verdict = agrees(ranks, scores, settings.ties)
        if verdict == "kept" or (not settings.filter and len(scores) > 1):
            return "kept", read
        if draw == draws[0]:
            first = verdict
    return first, []


def _thin(kept: list[tuple[Demonstration, float]], share: float, seed: int) -> tuple[list[Demonstration], int]:
    """Drop examples of the most common score, at random, until it makes up at most `share`."""
    if not kept or share >= 1:
        return [example for example, _ in kept], 0
    common, number = Counter(score for _, score in kept).most_common(1)[0]
    others = len(kept) - number
    # A judge that gave one score only would leave nothing; such data is kept and the account shows it.
    allowed = int(share * others / (1 - share)) if others else number
    places = [place for place, (_, score) in enumerate(kept) if score == common]
    excess = max(0, number - allowed)
    dropped = set(random.Random(seed_for(seed, "thin")).sample(places, excess))
    return [example for place, (example, _) in enumerate(kept) if place not in dropped], excess
