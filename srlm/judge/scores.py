"""From judgements: the mean score of each answer, how scores spread, whether the judge has collapsed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log2
from statistics import fmean

from srlm.errors import CollapseError
from srlm.judge.unread import reason_counts
from srlm.records import Count, Judgement, Unread
from srlm.settings import JudgeSettings


def rewards(judgements: Sequence[Judgement]) -> dict[str, float]:
    """Mean score of each response over the judgements that parse; a response without one is absent, never 0."""
    scores: dict[str, list[float]] = {}
    for judgement in judgements:
        if judgement.score is not None:
            scores.setdefault(judgement.response_id, []).append(judgement.score)
    return {response: fmean(points) for response, points in scores.items()}


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


def judgement_counts(judgements: Sequence[Judgement]) -> dict[str, Count]:
    """How many judgements there are, how many have no score and why, the histogram of scores, and how they spread."""
    histogram: Counter[float] = Counter()
    unread: Counter[Unread | None] = Counter()
    completed = cut = 0
    for judgement in judgements:  # one look at each: they may be many, and on disk
        completed += judgement.completed
        cut += judgement.cut
        unread[judgement.unread] += 1
        if judgement.score is not None:
            histogram[judgement.score] += 1
    scored = sum(histogram.values())
    return {
        "judgements": len(judgements),
        "judgements unscored": len(judgements) - scored,
        **reason_counts(unread.elements()),
        "judgements completed": completed,
        **({"judgements completed after a cut": cut} if cut else {}),
        "judgements by score": {f"{score:g}": number for score, number in sorted(histogram.items())},
        "most common score": max(histogram, key=lambda score: (histogram[score], score)) if scored else None,
        "most common score share": max(histogram.values()) / scored if scored else None,
        "score entropy": entropy(histogram),
        "share of fives": histogram[5.0] / scored if scored else None,
    }


def collapse(counts: Mapping[str, Count], settings: JudgeSettings) -> str | None:
    """Why the judge no longer tells answers apart, or None. `counts` are those of `pair` and `judgement_counts`."""
    top, found = counts.get("most common score share"), counts.get("pair yield")
    if counts.get("judgements") and top is None:
        return "none of its judgements has a score"
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
            f"{step}: the judge collapsed: {reason}. Training on such pairs teaches noise. Inspect the judgements "
            "(`srlm explain`), train a better judge (more EFT), or continue with --set judge.on_collapse=continue"
        )
    return reason
