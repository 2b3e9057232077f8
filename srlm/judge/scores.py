"""From readings to preference pairs: the best answer to a prompt against the worst (the paper, section 2.3 step 3)."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import log2
from statistics import fmean
from typing import NamedTuple

from srlm.errors import CollapseError
from srlm.judge.unread import reason_counts
from srlm.records import Count, Judgement, PreferencePair, Prompt, Response, Unread, seed_for
from srlm.settings import JudgeSettings


class Paired(NamedTuple):
    """Pairs and what became of every prompt."""

    pairs: list[PreferencePair]
    counts: dict[str, Count]


def rewards(readings: Sequence[Judgement]) -> dict[str, float]:
    """Mean score of each response over the readings that parse; a response without one is absent, never 0."""
    scores: dict[str, list[float]] = {}
    for reading in readings:
        if reading.score is not None:
            scores.setdefault(reading.response_id, []).append(reading.score)
    return {response: fmean(points) for response, points in scores.items()}


def random_rewards(responses: Sequence[Response], seed: int) -> dict[str, float]:
    """The `random_scores` arm: whole points 0 to 5, drawn by response."""
    return {r.id: float(random.Random(seed_for(seed, "random score", r.id)).randint(0, 5)) for r in responses}


def pair(
    prompts: Sequence[Prompt], responses: Sequence[Response], reward: Mapping[str, float], *, flipped: bool = False
) -> Paired:
    """Best against worst by reward; a prompt whose scored answers are all equal, or fewer than two, gives no pair.

    Among equals the answer drawn first is taken. Where best and worst are the same words, the next pair is: the best
    against the next worst, then the next best against the worst, and so on. `flipped` swaps chosen and rejected (an arm
    that must do harm).
    """
    answers: dict[str, list[Response]] = {}
    for response in responses:
        answers.setdefault(response.prompt_id, []).append(response)
    made: list[PreferencePair] = []
    account: Counter[str] = Counter()
    lengths: dict[str, list[int]] = {"chosen": [], "rejected": []}
    for prompt in prompts:
        scored = [response for response in answers.get(prompt.id, []) if response.id in reward]
        if len(scored) < 2:
            account["prompts with fewer than two scored answers"] += 1
            continue
        ordered = list(_from_best(scored, reward))
        if not ordered:
            account["prompts with equal scores"] += 1
            continue
        apart = [(best, worst) for best, worst in ordered if best.text != worst.text]
        if apart[:1] != ordered[:1]:
            account["prompts whose best and worst are the same words"] += 1
            if not apart:
                continue
            account["prompts with the next pair instead"] += 1
        best, worst = apart[0]
        if flipped:
            best, worst = worst, best
        made.append(PreferencePair.of(prompt.id, best.id, worst.id, reward[best.id], reward[worst.id]))
        lengths["chosen"].append(len(best.text))
        lengths["rejected"].append(len(worst.text))
    tied = ties([[reward.get(response.id) for response in answers.get(prompt.id, [])] for prompt in prompts])
    counts: dict[str, Count] = {
        "prompts": len(prompts),
        "responses": len(responses),
        "responses cut": sum(response.finish == "length" for response in responses),
        "responses empty": sum(not response.text.strip() for response in responses),
        "responses scored": len(reward),
        "pairs": len(made),
        "pair yield": len(made) / len(prompts) if prompts else None,
        **dict(sorted(account.items())),
        "ties": tied,
        "margin mean": fmean(p.margin for p in made) if made else None,
        "chosen length mean": fmean(lengths["chosen"]) if made else None,
        "rejected length mean": fmean(lengths["rejected"]) if made else None,
    }
    return Paired(made, counts)


def _from_best(scored: Sequence[Response], reward: Mapping[str, float]) -> Iterator[tuple[Response, Response]]:
    """Every two answers of unequal reward: the best with the worst, the next worst, ..., then the next best so."""
    best_first = sorted(scored, key=lambda response: -reward[response.id])  # sorting keeps equals as they were drawn
    worst_first = sorted(scored, key=lambda response: reward[response.id])
    for best in best_first:
        for worst in worst_first:
            if reward[best.id] > reward[worst.id]:
                yield best, worst


def entropy(histogram: Mapping[float, int]) -> float | None:
    """Shannon entropy of a histogram, in bits: 0 where all scores are the same, log2(6) = 2.58 for six even points."""
    total = sum(histogram.values())
    return abs(sum(n / total * log2(n / total) for n in histogram.values())) if total else None


def ties(scores: Sequence[Sequence[float | None]]) -> float | None:
    """Of two scored answers to the same prompt, how often both have the same score. None: no prompt has two."""
    rows = [[score for score in row if score is not None] for row in scores]
    equal = sum(count * (count - 1) for row in rows for count in Counter(row).values())
    pairs = sum(len(row) * (len(row) - 1) for row in rows)
    return equal / pairs if pairs else None


def reading_counts(readings: Sequence[Judgement]) -> dict[str, Count]:
    """How many readings there are, how many have no score and why, the histogram of scores, and how they spread."""
    histogram: Counter[float] = Counter()
    unread: Counter[Unread | None] = Counter()
    completed = cut = 0
    for reading in readings:  # one look at each: they may be many, and on disk
        completed += reading.completed
        cut += reading.cut
        unread[reading.unread] += 1
        if reading.score is not None:
            histogram[reading.score] += 1
    scored = sum(histogram.values())
    return {
        "readings": len(readings),
        "readings unparsed": len(readings) - scored,
        **reason_counts(unread.elements()),
        "readings completed": completed,
        **({"readings completed after a cut": cut} if cut else {}),
        "readings by score": {f"{score:g}": number for score, number in sorted(histogram.items())},
        "most common score": max(histogram, key=lambda score: (histogram[score], score)) if scored else None,
        "most common score share": max(histogram.values()) / scored if scored else None,
        "score entropy": entropy(histogram),
        "share of fives": histogram[5.0] / scored if scored else None,
    }


def collapse(counts: Mapping[str, Count], settings: JudgeSettings) -> str | None:
    """Why the judge no longer tells answers apart, or None. `counts` are those of `pair` and `reading_counts`."""
    top, found = counts.get("most common score share"), counts.get("pair yield")
    if counts.get("readings") and top is None:
        return "none of its readings holds a score"
    if isinstance(top, float) and top > settings.max_top_share:
        common = f"{top:.0%} of its scores are {counts['most common score']:g}"
        return f"{common} (judge.max_top_share {settings.max_top_share:.0%})"
    if isinstance(found, float) and found < settings.min_pair_yield:
        return f"only {found:.0%} of the prompts gave a pair (judge.min_pair_yield {settings.min_pair_yield:.0%})"
    return None


def check_collapse(counts: Mapping[str, Count], settings: JudgeSettings, step: str) -> str | None:
    """Raise CollapseError where the judge has collapsed and the run should stop; else the warning, or None."""
    reason = collapse(counts, settings)
    if reason is not None and settings.on_collapse == "stop":
        raise CollapseError(
            f"{step}: the judge collapsed: {reason}. Training on such pairs teaches noise. Look at the readings "
            "(`srlm explain`), train a better judge (more EFT), or go on with --set judge.on_collapse=continue"
        )
    return reason
