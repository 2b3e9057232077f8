"""The table of the first screen, a row a model, and its chart."""

from collections.abc import Sequence
from typing import NamedTuple

from srlm.text.counts import counted

from ...benchmarks.base import RunData
from ...benchmarks.ranked_by import ranked_by
from ...figures import charts
from ...records import MetricValue
from ..pictures import by_model
from .sides import Measure, about, begun, change_of, own, shares_of

MOST_ROWS = 10
"""Models in the table; of more, the start and the last ones, and a table of all of them is folded below."""


class Cell(NamedTuple):
    """A figure of the table. None: it does not apply, or was not measured."""

    figure: MetricValue | None
    shares: Sequence[tuple[str, MetricValue]] = ()
    """Of a contest: words, and what stands behind each."""


class Column(NamedTuple):
    """A column of the table, a cell a model."""

    title: str
    n: str
    """Units of the figures that have a value: `1,188 to 1,190 pairs`."""
    cells: Sequence[Cell]
    about: str = ""
    """What the figures are, where the title does not say it."""


def rows(names: Sequence[str], start: str | None) -> list[int]:
    """All models; of many, the start and the last ones."""
    if len(names) <= MOST_ROWS:
        return list(range(len(names)))
    first = names.index(start) if start is not None else 0
    return [first, *[place for place in range(len(names)) if place != first][1 - MOST_ROWS :]]


def columns(run: RunData, found: Sequence[Measure], start: str | None) -> list[Column]:
    """Answers, the same against the start, contests with it, judge, length."""
    made = []

    def add(title: str, cells: Sequence[Cell], about: str = "") -> None:
        if any(cell.figure is not None for cell in cells):
            made.append(Column(title, _units(cells), cells, about))

    for one in about(found, "quality"):
        add(begun(one.lead.name), [Cell(own(run, one, name)) for name in run.names])
        if start is not None:
            changes = [Cell(change_of(run, one, name, start) if name != start else None) for name in run.names]
            add(f"Against {start}", changes)
    for one in about(found, "contest"):
        contests = [_contest(run, one, name, start) for name in run.names]
        metric = one.benchmark.spec(one.lead.metric).label
        words = " / ".join(word for word, _ in next((cell.shares for cell in contests if cell.shares), ()))
        said = f"{words}, with the interval of {metric}" if words else metric
        add(f"{begun(one.lead.name)} with {start}", contests, f"{one.lead.name}: {said}")
    for one in about(found, "judge")[:1]:
        said = f"as a judge: {one.lead.name}, {ranked_by(run.settings)}"
        add("As a judge", [Cell(own(run, one, name)) for name in run.names], said)
    for one in about(found, "length")[:1]:
        add(begun(one.lead.name), [Cell(own(run, one, name)) for name in run.names])
    return made


def caption(columns: Sequence[Column], level: str) -> str:
    """What has to stand beside the table: intervals, n, and what figures are whose title does not say it."""
    by_n: dict[str, list[str]] = {}
    for one in columns:
        by_n.setdefault(one.n, []).append(one.title)
    by_n.pop("", None)
    most = max(map(len, by_n.values()), default=0)
    common = next((n for n, titles in by_n.items() if len(titles) == most and (most > 1 or len(by_n) == 1)), None)
    named = [f"{n} ({', '.join(map(_within, titles))})" for n, titles in by_n.items() if n != common]
    said = [f"Below each figure: {level} interval over prompts"]
    if by_n:
        said.append(f"n: {'; '.join(filter(None, [common, *named]))}")
    return ". ".join([*said, *(begun(one.about) for one in columns if one.about)]) + "."


def _units(cells: Sequence[Cell]) -> str:
    """`1,188 to 1,190 pairs`: of the figures that have a value."""
    known = [cell.figure for cell in cells if cell.figure is not None and cell.figure.value is not None]
    if not known:
        return ""
    fewest, most = min(one.n for one in known), max(one.n for one in known)
    return f"{f'{fewest:,} to ' if fewest < most else ''}{counted(most, known[0].unit)}"


def _contest(run: RunData, measure: Measure, model: str, start: str | None) -> Cell:
    """A model's contest with the start; of one that came before the start, that contest turned round."""
    name, metric = measure.benchmark.name, measure.lead.metric
    if start is None:
        return Cell(None)
    if (figure := run.figure(name, metric, model, start)) is not None:
        return Cell(figure, shares_of(run, measure, model, start))
    if (figure := run.figure(name, metric, start, model)) is None:
        return Cell(None)
    low, high = (None if end is None else -end for end in (figure.high, figure.low))
    turned = {"model": model, "baseline": start, "value": figure.value and -figure.value, "low": low, "high": high}
    words = [word for word, _ in shares_of(run, measure, start, model)]
    figures = [share for _, share in reversed(shares_of(run, measure, start, model))]
    return Cell(figure.model_copy(update=turned), list(zip(words, figures, strict=True)))


def unscored(run: RunData, found: Sequence[Measure], model: str, start: str | None) -> str:
    """Units of the table's own figures that have no score; those of a difference are of its sides."""
    figures = [
        _contest(run, one, model, start).figure if one.lead.about == "contest" else own(run, one, model)
        for one in found
    ]
    said = [counted(one.unscored, one.unit) for one in figures if one is not None and one.unscored]
    return ", ".join(dict.fromkeys(said)) or "0"


def chart(
    run: RunData, single: Sequence[Measure], contests: Sequence[Measure], start: str | None
) -> charts.Chart | None:
    """Quality by model: the first measure of answers; else contests with the start; else the judges."""
    answers = [one for one in single if one.lead.about == "quality"]
    if not answers and start is not None:
        for one in contests:
            drawn = [
                figure
                for name in run.names
                if (figure := _contest(run, one, name, start).figure) is not None and figure.value is not None
            ]
            if drawn:
                title = f"{one.benchmark.spec(one.lead.metric).label} against {start}"
                return by_model(run, drawn, begun(title))
    for one in [*answers, *single]:
        figures = [figure for name in run.names if (figure := own(run, one, name)) is not None]
        picture = one.benchmark.spec(one.lead.metric).picture
        title = picture.title if picture else f"{begun(one.lead.name)}, by model"
        ranked = ranked_by(run.settings) if picture and picture.ranked else ""
        if chart := by_model(run, figures, title, ranked):
            return chart
    return None


def _within(title: str) -> str:
    """A title within a sentence; a name that begins with capitals keeps them."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]
