"""The chapter of the page: a table tasks x models with the paper's values, and a picture of the alignment tax."""

from collections.abc import Sequence
from typing import NamedTuple

from srlm.methods.start import BASELINE

from ...data import cited, published
from ...figures import charts
from ...figures.captions import caption
from ...figures.words import MetricWords
from ...records import MetricValue
from ..base import PageSection, RunData
from ..paper_table import model_and_data
from .figures import AVERAGE, BENCHMARK, metric_of
from .known import KNOWN, OF_THE_PAPER, title


class Cell(NamedTuple):
    """A model's score on a task."""

    figure: MetricValue | None
    tax: MetricValue | None
    """Minus the baseline's (`baseline_of`) on the same documents."""
    paper: float | None


class Line(NamedTuple):
    """A task of the table."""

    label: str
    cells: Sequence[Cell]


def section(run: RunData, words: MetricWords) -> list[PageSection]:
    """The chapter; none where nothing was measured."""
    figures = run.of(BENCHMARK)
    if not figures:
        return []
    models = [name for name in run.finished if any(m.model == name for m in figures)]
    content = {
        "models": models,
        "lines": lines(run, figures, models, words),
        "figures": figures,
        "paper": published.nlp(),
        "baseline": baseline_of(run),
        "is_tax": baseline_of(run) == BASELINE.name,
        "unlike": cited.unlike(unlike(run, figures)),
    }
    return [
        PageSection(
            "own",
            "nlp/section.html",
            content,
            charts=pictures(figures, words, baseline_of(run), run),
            id="nlp",
            link="NLP",
        )
    ]


def baseline_of(run: RunData) -> str:
    """Whose scores every other model's are shown minus: the reference, else SFT."""
    return run.settings.evaluation.reference or BASELINE.name


def mains(figures: Sequence[MetricValue]) -> list[str]:
    """The figures that stand for their tasks: those that are compared, and the known tasks' own."""
    compared = {m.metric for m in figures if m.baseline is not None}
    known = {metric_of(name, one.main) for name, one in KNOWN.items()}
    found = list(dict.fromkeys(m.metric for m in figures if m.metric in compared | known))
    tasks = {one.partition(".")[0] for one in found}
    alone = [m.metric for m in figures if m.metric.partition(".")[0] not in tasks and m.metric != AVERAGE]
    order = [metric_of(name, one.main) for name, one in KNOWN.items()]
    found = [*found, *dict.fromkeys(alone)]
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))


def lines(run: RunData, figures: Sequence[MetricValue], models: Sequence[str], words: MetricWords) -> list[Line]:
    """A line a task, and the average below them."""
    paper = {row.model: row.values for row in published.nlp().rows}
    table = []
    for metric in [*mains(figures), *([AVERAGE] if any(m.metric == AVERAGE for m in figures) else [])]:
        task = metric.partition(".")[0]
        cells = []
        for model in models:
            own = run.figure(BENCHMARK, metric, model)
            tax = run.figure(BENCHMARK, metric, model, baseline_of(run))
            cells.append(Cell(own, tax, paper.get(model, {}).get(task)))
        table.append(Line(words.of(BENCHMARK).spec(metric).label, cells))
    return table


def pictures(figures: Sequence[MetricValue], words: MetricWords, baseline: str, run: RunData) -> list[charts.Chart]:
    """Of the last two models, each task's score minus the baseline's."""
    models = list(dict.fromkeys(m.model for m in figures if m.baseline == baseline and m.model != baseline))
    drawn = []
    for model in models[-2:]:
        taxes = [m for m in figures if (m.model, m.baseline) == (model, baseline) and m.value is not None]
        shares = [m for m in taxes if words.is_share(m)]
        rows = [charts.dot(m, words) | {"pair": title(m.metric.partition(".")[0])} for m in shares]
        if rows:
            heading = f"Alignment tax of {model}: its score" if baseline == BASELINE.name else f"{model}: its score"
            note = f"{caption(shares, run.level)} Tasks in the order of the table."
            drawn.append(
                charts.forest(f"{heading} minus {baseline}'s", rows, f"{model} minus {baseline}", note, run.looks)
            )
    return drawn


def unlike(run: RunData, figures: Sequence[MetricValue]) -> list[tuple[str, str, str]]:
    """How ours differ from the paper's: (what, ours, the paper's)."""
    paper, asked = published.nlp(), run.settings.evaluation.nlp
    facts = [*model_and_data(run.settings), ("harness", "lm-eval", "the paper's, which it does not name")]
    found = {m.metric.partition(".")[0]: m.note for m in figures if m.baseline is None}
    for task in OF_THE_PAPER:
        if task in found and task in paper.shots:
            ours = found[task].partition("-shot")[0]
            facts.append((f"{KNOWN[task].title} examples", ours, str(paper.shots[task])))
    if asked.limit is not None or any("the first" in said for said in found.values()):
        facts.append(("documents", "a part", "all"))
    return facts
