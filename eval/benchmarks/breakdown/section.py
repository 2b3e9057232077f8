"""The breakdown's part of the page: pictures as the paper's figure 4, what the prompts are, and every figure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from srlm.text.counts import counted

from ...data import cited, published
from ...figures import charts
from ...figures.captions import caption
from ...figures.words import MetricWords
from ...records import MetricValue
from ..base import PageSection, RunData
from . import names
from .measure import ALPACA_EVAL, HEAD_TO_HEAD, kinds, rows_of

MOST_DRAWN = 24
"""Kinds in one picture."""


class Counted(NamedTuple):
    """One kind of prompt among those of a benchmark."""

    kind: str
    share: MetricValue | None
    paper: published.PublishedKind | None


class Composition(NamedTuple):
    """What the prompts of a benchmark are, by one label."""

    title: str
    rows: Sequence[Counted]
    others: Sequence[published.PublishedKind]
    """Kinds of the paper that ours have no equal of."""


def section(run: RunData, words: MetricWords) -> list[PageSection]:
    """Pictures, and the tables below them."""
    rows, paper = rows_of(run), published.breakdown()
    figures = run.of(names.BREAKDOWN)
    judges = list(dict.fromkeys(row.judge for row in rows))
    unlike = cited.unlike(
        [
            ("judge", ", ".join(judges), paper.judge),
            ("prompts", str(len(rows)), str(paper.n)),
            ("model", run.settings.model.base, "Llama-2-70B"),
        ]
    )
    steps = set(run.steps_of)
    content = {
        "paper": paper,
        "unlike": unlike,
        "judges": judges,
        "labelled": len(rows),
        "floor": run.settings.evaluation.breakdown.floor,
        "compositions": compositions(run),
        "tests": [m for m in figures if names.is_test(m.metric)],
        "figures": [
            m
            for m in figures
            if not (names.is_test(m.metric) or names.is_composition(m.metric) or names.is_detail(m.metric))
            and (m.baseline is None or (m.model, m.baseline) in steps)
        ],
        "more": run.of("slices"),
    }
    return [
        PageSection("changed", charts=pictures(run, words)),
        PageSection("differences", "breakdown/section.html", content, rank=10),
    ]


def compositions(run: RunData) -> list[Composition]:
    """What the evaluation prompts are, and AlpacaEval's."""
    paper, found = published.breakdown(), []
    for name, what in ((HEAD_TO_HEAD, names.PROMPTS), (ALPACA_EVAL, names.ALPACA_PROMPTS)):
        rows = [row for row in rows_of(run) if name in row.sets]
        own = kinds(rows)
        for label, sort in names.SORTS.items():
            theirs = {one.kind: one for one in paper.rows[label]}
            counted = [
                Counted(kind, _of(run, names.figure_of(what, sort, kind)), theirs.pop(kind, None))
                for kind in own.get(sort) or (["(none read)"] if any(label in row.unread for row in rows) else [])
            ]
            counted = [one for one in counted if one.share is not None]
            if counted:
                title = f"{sort[:1].upper()}{sort[1:]} of {'the evaluation' if name == HEAD_TO_HEAD else 'AlpacaEval'}"
                found.append(Composition(f"{title} prompts", counted, list(theirs.values())))
    return found


def _of(run: RunData, metric: str) -> MetricValue | None:
    return next((one for one in run.of(names.BREAKDOWN) if one.metric == metric and one.baseline is None), None)


def pictures(run: RunData, words: MetricWords) -> list[charts.Chart]:
    """A picture a label: AlpacaEval's win rates model by model, and each model against the first, kind by kind."""
    drawn = []
    first = run.names[0] if run.names else None
    for name, what in ((ALPACA_EVAL, names.ALPACA), (HEAD_TO_HEAD, None)):
        own = kinds([row for row in rows_of(run) if name in row.sets])
        for sort, found in own.items():
            rows: list[dict[str, Any]] = []
            shown: list[MetricValue] = []
            for kind in list(found)[:MOST_DRAWN]:
                for model in run.names:
                    metric = names.kind_of(sort, kind) if what is None else names.figure_of(what, sort, kind)
                    baseline = first if what is None else None
                    one = run.figure(names.BREAKDOWN, metric, model, baseline)
                    if one is not None and one.value is not None:
                        shown.append(one)
                        rows.append(charts.dot(one, words) | {"kind": kind})
            if rows:
                left = len(found) - min(len(found), MOST_DRAWN)
                order = (
                    "by the number of prompts, the largest first"
                    if sort == names.SORTS["category"]
                    else "in their own order"
                )
                judge = "" if what else f"judge {run.settings.evaluation.judge}"
                note = f"{caption(shown, run.level, judge)} Kinds {order}."
                note += f" {counted(left, 'smaller kinds are')} in metrics.csv alone." if left else ""
                title = f"AlpacaEval win rate by {sort}" if what else f"Wins minus losses against {first} by {sort}"
                axis = "win rate" if what else "wins minus losses"
                drawn.append(charts.by_kind(title, rows, axis, signed=what is None, note=note, looks=run.looks))
    return drawn
