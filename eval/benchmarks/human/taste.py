"""What besides quality may sway people: the side on which an answer stands, and its length."""

from collections.abc import Sequence

from ...records import MetricValue
from ...stats.intervals import Estimate, Resampling, pooled, share
from ..measuring import figure
from ..run_data import RunData
from .gathered import Gathered
from .people import BENCHMARK, TOGETHER


def figures(run: RunData, found: Gathered, needed: int | None, how: Resampling) -> list[MetricValue]:
    """How often the answer on the left was chosen, and how often the majority's winner is the longer answer."""
    votes = sum(len(one.sides) for one in found.told)
    unchosen = sum(len(one.votes) for one in found.told) - votes
    left = figure(
        TOGETHER, BENCHMARK, "left_chosen", _by_prompt([
            (one.contest.prompt_id, sum(side == "left" for side in one.sides), len(one.sides)) for one in found.told
        ], how.using(BENCHMARK, "left")),
        n=votes, unscored=max(0, unchosen), unit="votes", note="of votes for an answer; each model was on the left of "
        "half of its prompts",
    )  # fmt: skip
    longer, alike = [], 0
    for one in found.told:
        outcome = one.outcome(needed)
        if outcome not in ("win", "lose"):
            continue
        model, baseline = (
            len(run.answers[name][one.contest.prompt_id].text) for name in (one.contest.model, one.contest.baseline)
        )
        if model == baseline:
            alike += 1
        else:
            longer.append((one.contest.prompt_id, int((outcome == "win") == (model > baseline)), 1))
    return [
        left,
        figure(
            TOGETHER, BENCHMARK, "longer_chosen", _by_prompt(longer, how.using(BENCHMARK, "longer")), n=len(longer),
            unscored=alike, unit="pairs of answers", note="of pairs of answers with a winner; in characters",
        ),
    ]  # fmt: skip


def _by_prompt(counts: Sequence[tuple[str, int, int]], how: Resampling) -> Estimate:
    """A share of (prompt, hits, total), all of one prompt together."""
    hits: dict[str, int] = {}
    totals: dict[str, int] = {}
    for prompt, hit, total in counts:
        if total:
            hits[prompt] = hits.get(prompt, 0) + hit
            totals[prompt] = totals.get(prompt, 0) + total
    return pooled(list(hits.values()), list(totals.values()), how) if totals else share([], how)
