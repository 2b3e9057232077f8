"""The charts with which chapters begin: one a metric that its benchmark wants drawn, model by model."""

from collections.abc import Sequence

from srlm.methods.untrained import models_of

from ..benchmarks.base import RunData
from ..benchmarks.ranked_by import ranked_by
from ..benchmarks.table import BENCHMARKS, WORDS
from ..figures.captions import caption
from ..figures.charts import Chart, dots
from ..figures.specs import Chapter
from ..records import MetricValue


def pictures(run: RunData, chapter: Chapter, shown: Chart | None = None) -> list[Chart]:
    """Those of a chapter that were measured, in the order that their benchmarks ask for, but for one that is `shown`
    already."""
    wanted = [
        (spec.picture, benchmark.name, metric)
        for benchmark in BENCHMARKS
        for metric, spec in benchmark.metrics.items()
        if spec.picture is not None and spec.picture.chapter == chapter
    ]
    drawn = []
    for picture, benchmark, metric in sorted(wanted, key=lambda one: one[0].rank):
        if shown is not None and shown.title == picture.title:
            continue
        row = [found for name in run.finished if (found := run.figure(benchmark, metric, name))]
        if row and (chart := by_model(run, row, picture.title, ranked_by(run.settings) if picture.ranked else "")):
            drawn.append(chart)
    return drawn


def by_model(run: RunData, figures: Sequence[MetricValue], title: str, *said: str) -> Chart | None:
    """One measure, model by model, with what it is made of and what else is `said`; None where no model has a value."""
    # Models that were given stand in no order: a line would show a trend that there is not.
    joined = not models_of(run.settings)
    return dots(figures, title, WORDS, run.looks, caption(figures, run.level, *said), joined)
