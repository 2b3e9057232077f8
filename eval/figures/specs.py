"""What a benchmark says of its figures, so that a table, a chart, the gate and a sentence can read them."""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from srlm.records import Record

Unit = Literal["share", "points", "plain"]
"""`share`: 0..1, shown as per cent. `points`: on a scale of the benchmark's own. `plain`: a number."""
Chapter = Literal["judge", "changed"]
"""Chapters of the page that begin with pictures of figures: models as judges, and what changed from model to model."""


class Picture(NamedTuple):
    """A chart of one metric, model by model."""

    chapter: Chapter
    title: str
    rank: int = 50
    """Place among the pictures of the chapter, the lowest first; the first one stands in the verdict, too."""
    ranked: bool = False
    """Whether it compares with the rankings of the run's data; the caption says whose these are."""


class MetricSpec(Record):
    """One metric of a benchmark."""

    label: str
    unit: Unit = "plain"
    better: Literal["higher", "lower"] | None = None
    """None: neither way is better by itself."""
    headline: bool = False
    """Whether the verdict at the top of the page says what became of it from model to model."""
    in_index: bool = False
    """Whether an index of runs shows it of a run's last model; of what is `headline` it always does."""
    margin: float | None = None
    """A loss that the gate tolerates where nobody names another, in the metric's own unit."""
    digits: int = 3
    """After the point, of what is no share."""
    signed: bool = False
    """Whether it is a difference in itself and carries its sign."""
    scale: tuple[float, float | None] | None = None
    """The lowest and the highest value that one prompt can have (None: without end). None: a share's, or nobody can
    say."""
    picture: Picture | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """What no value can leave, the upper end perhaps infinite. None: a quantity without a range."""
        if self.scale is None:
            return (-1.0 if self.signed else 0.0, 1.0) if self.unit == "share" else None
        low, high = self.scale
        return (low, math.inf if high is None else high)


class Named(Protocol):
    """What is called, and reads, as its metrics say: a benchmark, or figures that come from several of them."""

    name: str
    """As in MetricValue.benchmark."""
    label: str
    pairs: bool
    """Whether a figure is of two models together; else one with a baseline is a difference from the baseline's."""

    def spec(self, metric: str) -> MetricSpec:
        """How a metric of this name reads."""
        ...


class Group:
    """Figures under one name, with what is said of each metric."""

    def __init__(self, name: str, label: str, metrics: Mapping[str, MetricSpec], pairs: bool = False) -> None:
        self.name, self.label, self.pairs = name, label, pairs
        self._metrics = metrics

    def spec(self, metric: str) -> MetricSpec:
        """How a metric of this name reads."""
        return self._metrics.get(metric) or MetricSpec(label=spaced(metric))


def spaced(name: str) -> str:
    """A name as words."""
    return name.replace("_", " ")
