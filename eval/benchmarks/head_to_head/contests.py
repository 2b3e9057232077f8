"""Head-to-heads: every pair that was compared, the paper's figures for the pair of the same names, and their charts."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from srlm.records import Record

from ..benchmarks import published
from ..benchmarks.published import PublishedComparison
from ..records import MetricValue
from . import charts, figures
from .material import Material

MOST_PAIRS = 28
"""Pairs shown (all of eight models); of more, each model against the one before it and against the first."""


class Contest(Record):
    """One pair of checkpoints, and the paper's figures for the pair of the same names."""

    model: str
    baseline: str
    win: MetricValue
    tie: MetricValue
    lose: MetricValue
    difference: MetricValue
    order_decided: MetricValue | None
    preference: MetricValue | None
    paper: PublishedComparison | None

    @property
    def name(self) -> str:
        return f"{self.model} : {self.baseline}"

    def finding(self, alpha: float) -> Literal["unread", "better", "worse", "no difference"]:
        """What the sign test says after Holm's correction over all pairs of the table."""
        p, difference = self.difference.p_adjusted, self.difference.value
        if p is None or difference is None:
            return "unread"
        if p >= alpha:
            return "no difference"
        return "better" if difference > 0 else "worse"


def contests(run: Material) -> list[Contest]:
    """Every pair that was compared."""
    paper = {(row.model, row.baseline): row for row in published.head_to_head().rows}
    return [
        Contest(
            model=found.model,
            baseline=found.baseline or "",
            win=run.named["head_to_head", "win", found.model, found.baseline],
            tie=run.named["head_to_head", "tie", found.model, found.baseline],
            lose=run.named["head_to_head", "lose", found.model, found.baseline],
            difference=found,
            order_decided=run.figure("head_to_head", "order_decided", found.model, found.baseline),
            preference=run.figure("head_to_head", "preference", found.model, found.baseline),
            paper=paper.get((found.model, found.baseline or "")),
        )
        for found in run.of("head_to_head")
        if found.metric == "win_minus_lose"
    ]


def shown(found: Sequence[Contest], names: Sequence[str]) -> list[Contest]:
    """Those that a page has room for."""
    if len(found) <= MOST_PAIRS:
        return list(found)
    wanted = {(later, earlier) for earlier, later in pairwise(names)} | {(name, names[0]) for name in names[1:]}
    return [one for one in found if (one.model, one.baseline) in wanted]


def pictures(found: Sequence[Contest]) -> list[charts.Chart]:
    """The bars with the paper's beside them, and the paired differences."""
    read = [one for one in found if one.win.value is not None]
    if not read:
        return []
    made = [charts.bars("Head to head: the first model's wins, ties and losses", _bars(read))]
    rows = [charts.dot(one.difference) | {"pair": one.name} for one in read if one.difference.value is not None]
    made.append(
        charts.forest("Wins minus losses, with intervals", rows, "share of prompts; right of 0 the first is better")
    )
    return made


def _bars(found: Sequence[Contest]) -> list[dict[str, Any]]:
    rows = []
    for one in found:
        for order, metric in enumerate((one.win, one.tie, one.lose)):
            said = f"{figures.label(metric.metric)}: {figures.sentence(metric)}"
            rows.append(
                {"pair": one.name, "outcome": metric.metric, "share": metric.value, "order": order, "said": said}
            )
        if one.paper:
            for order, outcome in enumerate(charts.OUTCOMES):
                share = getattr(one.paper, outcome)
                said = f"{figures.label(outcome)}, published, {one.name}: {figures.percent(share)}"
                pair = f"{one.name}, paper"
                rows.append({"pair": pair, "outcome": outcome, "share": share, "order": order, "said": said})
    return rows


class Finding(Record):
    """What can be said of a checkpoint and the one before it."""

    kind: Literal["missing", "unread", "better", "worse", "no difference"]
    model: str
    baseline: str
    contest: Contest | None = None

    @property
    def text(self) -> str:
        """One sentence with its evidence."""
        pair, contest = f"{self.model} against {self.baseline}", self.contest
        if contest is None:
            return f"{pair}: missing: not compared yet (python -m eval h2h)"
        if self.kind == "unread":
            return f"{pair}: missing: {contest.win.note}"
        said = {"better": f"{self.model} beats {self.baseline}", "worse": f"{self.model} loses to {self.baseline}"}
        shares = [
            f"{figures.text_of(metric, metric.value)} {figures.label(metric.metric)}"
            for metric in (contest.win, contest.tie, contest.lose)
            if metric.value is not None
        ]
        p = figures.p_text(contest.difference.p_adjusted) if contest.difference.p_adjusted is not None else ""
        begin = said.get(self.kind, f"No difference seen between {self.model} and {self.baseline}")
        seen = f"; {contest.difference.note}" if self.kind == "no difference" else ""
        return f"{begin} on {contest.win.n:,} prompts: {', '.join([*shares, p])}{seen}"


def findings(found: Sequence[Contest], names: Sequence[str], alpha: float) -> list[Finding]:
    """One for each checkpoint and the one before it."""
    by_pair = {(one.model, one.baseline): one for one in found}
    made = []
    for baseline, model in pairwise(names):
        contest = by_pair.get((model, baseline))
        kind = contest.finding(alpha) if contest else "missing"
        made.append(Finding(kind=kind, model=model, baseline=baseline, contest=contest))
    return made
