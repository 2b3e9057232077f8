"""Head-to-heads: every pair that was compared, the paper's figures for the pair of the same names, and their charts."""

from collections.abc import Sequence
from typing import Any, Literal

from srlm.records import Record
from srlm.text.counts import counted

from ...data.published import PublishedComparison, head_to_head
from ...figures import charts
from ...figures.captions import caption
from ...figures.words import MetricWords, p_text, percent
from ...records import MetricValue
from ..base import Finding, RunData
from ..paired import Pair, steps_of

LABELS = {"win": "wins", "tie": "ties", "lose": "losses"}
TEMPLATE = "head_to_head/finding.html"
MOST_PAIRS = 28
"""Pairs shown (all of eight models); of more, each model against the one before it and against the first."""


class Pairing(Record):
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


def pairings(run: RunData) -> list[Pairing]:
    """Every pair that was compared."""
    paper = {(row.model, row.baseline): row for row in head_to_head().rows}
    return [
        Pairing(
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


def shown(found: Sequence[Pairing], names: Sequence[str]) -> list[Pairing]:
    """Those that a page has room for."""
    if len(found) <= max(MOST_PAIRS, len(names)):  # with a reference there is one a model
        return list(found)
    wanted = {*steps_of(names, None), *steps_of(names, names[0])}
    return [one for one in found if (one.model, one.baseline) in wanted]


def pictures(found: Sequence[Pairing], words: MetricWords, run: RunData) -> list[charts.Chart]:
    """The bars with the paper's beside them, and the paired differences."""
    read = [one for one in found if one.win.value is not None]
    if not read:
        return []
    judge = f"judge {run.settings.evaluation.judge}"
    order = "Pairs in the order of the run."
    sides = "From left: the first model's wins in its colour, ties in grey, its losses in the second model's colour."
    pale = " Pale: the paper's." if any(one.paper for one in read) else ""
    shares = caption([one.win for one in read], "", judge)
    specs = [
        charts.bars(
            "Head to head: wins, ties and losses", _bars(read, words), f"{sides}{pale} {shares} {order}", run.looks
        )
    ]
    rows = [charts.dot(one.difference, words) | {"pair": one.name} for one in read if one.difference.value is not None]
    specs.append(
        charts.forest(
            "Head to head: wins minus losses",
            rows,
            "right of 0 the first is better",
            f"{caption([one.difference for one in read], run.level, judge)} {order}",
            run.looks,
        )
    )
    return specs


def _bars(found: Sequence[Pairing], words: MetricWords) -> list[dict[str, Any]]:
    rows = []
    for one in found:
        for order, metric in enumerate((one.win, one.tie, one.lose)):
            said = f"{words.label(metric)}: {words.sentence(metric)}"
            rows.append(
                {"pair": one.name, "outcome": metric.metric, "share": metric.value, "order": order, "said": said,
                 "model": one.model, "baseline": one.baseline}
            )  # fmt: skip
        if one.paper:
            for order, outcome in enumerate(charts.OUTCOMES):
                share = getattr(one.paper, outcome)
                said = f"{LABELS[outcome]}, published, {one.name}: {percent(share)}"
                pair = f"{one.name}, paper"
                rows.append(
                    {"pair": pair, "outcome": outcome, "share": share, "order": order, "said": said,
                     "model": one.model, "baseline": one.baseline, "published": True}
                )  # fmt: skip
    return rows


def findings(found: Sequence[Pairing], steps: Sequence[Pair], alpha: float, words: MetricWords) -> list[Finding]:
    """One for each checkpoint and its baseline."""
    by_pair = {(one.model, one.baseline): one for one in found}
    return [_finding(model, baseline, by_pair.get((model, baseline)), alpha, words) for model, baseline in steps]


def _finding(model: str, baseline: str, pairing: Pairing | None, alpha: float, words: MetricWords) -> Finding:
    kind = pairing.finding(alpha) if pairing else "missing"
    return Finding(kind, model, baseline, _said(model, baseline, pairing, kind, words), TEMPLATE, pairing)


def _said(model: str, baseline: str, pairing: Pairing | None, kind: str, words: MetricWords) -> str:
    pair = f"{model} against {baseline}"
    if pairing is None:
        return f"{pair}: missing: not compared yet (srlm-eval h2h)"
    if kind == "unread":
        return f"{pair}: missing: {pairing.win.note}"
    said = {"better": f"{model} beats {baseline}", "worse": f"{model} loses to {baseline}"}
    shares = [
        f"{words.text_of(metric, metric.value)} {words.label(metric)}"
        for metric in (pairing.win, pairing.tie, pairing.lose)
        if metric.value is not None
    ]
    p = p_text(pairing.difference.p_adjusted) if pairing.difference.p_adjusted is not None else ""
    begin = said.get(kind, f"No difference seen between {model} and {baseline}")
    seen = f"; {pairing.difference.note}" if kind == "no difference" else ""
    return f"{begin} on {counted(pairing.win.n, 'prompts')}: {', '.join([*shares, p])}{seen}"
