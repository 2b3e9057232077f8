"""How much of the gap between a weak supervisor and a ceiling a student has closed (Burns et al. 2023, section 3).

    PGR = (student - weak) / (ceiling - weak)

of three accuracies on the same pairs: 0 the student is no better than its supervisor, 1 it is as good as if it had been
trained on true labels. Where the ceiling is not above the weak model there is no gap, and no ratio.
"""

from collections.abc import Sequence

from srlm.records import Count, PairJudgement

RESAMPLES = 2000
NO_GAP = "the ceiling is not above the weak model"
UNCLEAR = "the gap itself is within chance: in more than 2.5% of resamples the ceiling is not above the weak model"
Credits = Sequence[float | None]


def credits_of(said: Sequence[PairJudgement]) -> list[float | None]:
    """The share of both orders in which each pair was judged right; judgements come by twos, with the better answer
    first and turned. A verdict of equal counts half. None: one order has no verdict."""
    found: list[float | None] = []
    for listed, turned in zip(said[::2], said[1::2], strict=True):
        known = listed.preference is not None and turned.preference is not None
        found.append((listed.preference + 1 - turned.preference) / 2 if known else None)  # type: ignore[operator]
    return found


def performance_gap(weak: Credits, student: Credits, ceiling: Credits, seed: int) -> dict[str, Count]:
    """The ratio with its parts, on the pairs that all three judged; its interval is the 95% percentile bootstrap over
    pairs, the same pairs for all three."""
    import numpy as np

    rows = [one for one in zip(weak, student, ceiling, strict=True) if None not in one]
    counts: dict[str, Count] = {"n": len(rows), "unscored": len(weak) - len(rows)}
    names = ("weak", "student", "ceiling")
    if not rows:
        return {**counts, **dict.fromkeys(names), "PGR": None, "low": None, "high": None, "why": "no pair was judged"}
    credit = np.array(rows, dtype=np.float64)
    means = credit.mean(0)
    counts |= {f"{name}": float(mean) for name, mean in zip(names, means, strict=True)}
    gap = means[2] - means[0]
    if gap <= 0:
        return {**counts, "PGR": None, "low": None, "high": None, "why": NO_GAP}
    chance = np.random.default_rng(seed)
    drawn = np.array([credit[chance.integers(len(rows), size=len(rows))].mean(0) for _ in range(RESAMPLES)])
    gaps = drawn[:, 2] - drawn[:, 0]
    counts["PGR"] = float((means[1] - means[0]) / gap)
    if (gaps <= 0).mean() > 0.025:
        return {**counts, "low": None, "high": None, "why": UNCLEAR}
    above = gaps > 0
    ratios = (drawn[above, 1] - drawn[above, 0]) / gaps[above]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return {**counts, "low": float(low), "high": float(high), "why": None}
