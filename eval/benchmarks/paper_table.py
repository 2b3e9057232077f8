"""The tables and figures of the paper (Yuan et al. 2024) as data: what `srlm-eval paper` sets ours beside.

A benchmark with `in_paper = True` gives its tables by `paper_tables`. Each is a few lines: the place in the paper, the
metrics that are its columns, and a row a model with the published values by metric, in the metric's own unit.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from srlm.settings import Settings

from ..data import cited
from ..figures.charts import Chart

Place = Literal[
    "seed data",
    "training",
    "preference pairs",
    "figure 3",
    "table 1",
    "figure 4",
    "length of answers",
    "figure 5",
    "table 2",
    "table 3",
    "table 4",
    "ablation: the judge's prompt",
    "ablation: positive examples only",
    "appendix A.1",
    "ablation: no EFT data",
    "appendix A.5",
    "appendix A.6",
    "appendix: MT-Bench by category",
]
"""Where a table or figure stands in the paper, in the paper's order."""
PLACES: Sequence[Place] = get_args(Place)
MODEL, DATA = "Llama-2-70B", "oasst"
"""What the paper trained, and on what."""
MODEL_NAMES = ("llama-2-70b", "llama-2-70b-hf")
"""How the folder or the name on the Hub of that model ends, in small letters."""


class PaperRow(NamedTuple):
    """One model of a table, or one pair of models."""

    model: str
    baseline: str | None = None
    published: Mapping[str, float] = {}
    """The paper's values by metric, in the metric's own unit (a share lies in 0..1); without: the paper has none."""
    label: str = ""
    """What the row is called. Empty: the model's name, or both names."""
    missing: str = ""
    """Why there is no figure of ours, where there is none. Empty: as the page says of any model."""


class PaperTable(NamedTuple):
    """A table or figure of the paper whose values are figures of metrics.json."""

    place: Place
    title: str
    benchmark: str
    """Whose figures ours are."""
    metrics: Sequence[str]
    """The columns."""
    rows: Sequence[PaperRow]
    setting: str
    """What the paper measured, with how many of what."""
    unlike: str = ""
    """How ours differ from the paper's (`unlike_paper`). Empty: they can be compared, and the difference is shown."""
    others: Sequence[tuple[str, Mapping[str, float]]] = ()
    """Models that the paper sets beside its own, with their values."""
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()
    """Sentences below it."""
    one_source: bool = False
    """Whether its published values are known from one transcription only."""
    value_unit: str = ""
    """Of published values, as in MetricValue.value_unit."""
    decimals: int | None = None
    """Of its published values, where the paper writes all alike (57.80%). None: as many as a value needs."""


class PaperFact(NamedTuple):
    """A value that is set or counted, not measured."""

    what: str
    ours: str
    """Empty: not there yet."""
    published: str
    """Empty: the paper does not state it."""


class PaperFacts(NamedTuple):
    """Settings or counts of the paper beside the run's."""

    place: Place
    title: str
    rows: Sequence[PaperFact]
    notes: Sequence[str] = ()
    one_source: bool = False


class PaperPicture(NamedTuple):
    """A figure of the paper that has no values, beside ours."""

    place: Place
    title: str
    setting: str
    """What the paper shows."""
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()
    missing: str = ""
    """Why there is no picture of ours."""
    one_source: bool = False


PaperPart = PaperTable | PaperFacts | PaperPicture


def model_and_data(settings: Settings) -> list[tuple[str, str, str]]:
    """What a run trains and on what, beside the paper's, for `cited.unlike`."""
    base = settings.model.base if settings.model.base != "none" else "as it is"
    model = MODEL if base.rstrip("/").rpartition("/")[2].lower() in MODEL_NAMES else base
    return [("model", model, MODEL), ("data", settings.data.kind, DATA)]


def unlike_paper(settings: Settings, more: Sequence[tuple[str, str, str]] = ()) -> str:
    """How a run's figures differ from the paper's in model and data, and in `more` (what, ours, the paper's)."""
    return cited.unlike([*model_and_data(settings), *more])
