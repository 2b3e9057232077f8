"""The first screen of the page, all of it.

One sentence from paired differences, one table with a row a model, one chart, one prompt with every model's answer, and
what it was all made of. What is measured of answers, of judges and of lengths is what benchmarks name in `leads`; none
is known by name here.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from ...benchmarks.base import RunData
from ...figures.charts import Chart
from . import table
from .exhibit import Exhibit, exhibit
from .made_of import made_of
from .sentence import sentence
from .sides import about, measures, sides_of
from .table import Column


class Summary(NamedTuple):
    """All of the first screen."""

    kind: str
    """What the sentence says of the answers: a `Verdict`, or `mixed`."""
    sentence: Markup
    more: Sequence[Markup]
    """What has to stand below it, a sentence each."""
    start: str | None
    columns: Sequence[Column]
    unscored: Sequence[str]
    """Of each model, what has no score."""
    rows: Sequence[int]
    """Places of the models that the table has room for; all of them stand below it where these are fewer."""
    chart: Chart | None
    exhibit: Exhibit | None
    made_of: Sequence[tuple[str, str]]


def summary(run: RunData) -> Summary:
    """The first screen of a run's page."""
    found, sides = measures(run), sides_of(run)
    start = sides.start if sides else None
    said = sentence(run, found, sides)
    drawn = [*about(found, "quality"), *about(found, "judge")[:1]]
    return Summary(
        said.kind,
        said.sentence,
        said.more,
        start,
        table.columns(run, found, start),
        [table.unscored(run, found, name, start) for name in run.names],
        table.rows(run.names, start),
        table.chart(run, drawn, about(found, "contest"), start),
        exhibit(run, found, sides) if sides else None,
        made_of(run),
    )
