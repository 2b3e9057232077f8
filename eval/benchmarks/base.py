"""What a benchmark is. A new one is a file here and a line in table.py; docs/extending.md shows the shortest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from markupsafe import Markup

from srlm.engines.base import Engine
from srlm.errors import SettingsError
from srlm.records import Checkpoint, Message, Prompt, Record, Response
from srlm.settings import Price, Settings

from ..figures.charts import Chart
from ..figures.specs import MetricSpec, Picture, Unit, spaced
from ..figures.words import MetricWords
from ..records import MetricValue, Series
from .paper_table import PaperPart
from .run_data import RunData

__all__ = [
    "Answers",
    "Asked",
    "Benchmark",
    "BrowserEntry",
    "Doubt",
    "Finding",
    "Item",
    "LongText",
    "LookedFor",
    "MetricSpec",
    "OpenEngine",
    "PageSection",
    "Picture",
    "RunData",
    "Unit",
]  # fmt: skip

Answers = Mapping[str, Sequence[Response]]
"""Of each measured checkpoint, an answer an item, in the order of the items."""


class OpenEngine(Protocol):
    """Opens a checkpoint; `plain` as a base model, which continues text and knows of no chat."""

    def __call__(self, checkpoint: Checkpoint, plain: bool = False) -> Engine: ...


class Asked(NamedTuple):
    """What measuring asks of one model: its number of requests, and the length of each."""

    what: str
    """In words: `answers to both turns`."""
    model: str
    """Name of a checkpoint, or the specification of a judge."""
    requests: int
    reads: int
    """Tokens of a request, on average."""
    writes: int
    """Tokens of an answer, at most."""
    price: Price | None = None
    """Of a judge behind a server, as the settings say. None: what the price list says of its server."""
    base_url: str | None = None
    """Of a judge's server. None: the client's own default."""


class Item(Record):
    """One question of a benchmark."""

    prompt: Prompt
    reference: str | None = None
    """The right answer, where there is one."""

    @classmethod
    def of(cls, question: str, reference: str | None, source: str, category: str | None = None) -> "Item":
        """A question of one turn."""
        return cls(prompt=Prompt.of(question, source, category), reference=reference)

    @property
    def turns(self) -> tuple[Message, ...]:
        """The conversation up to where the answer starts."""
        return self.prompt.messages

    @property
    def category(self) -> str | None:
        """The kind of question."""
        return self.prompt.category


Need = Literal["prompts", "rankings", "judge"]
"""What somebody names who measures models without a run."""
Place = Literal["verdict", "wins", "judge", "changed", "differences", "own"]
"""Where on the page a section stands: below the findings; in `Win rates`; in `Judge`; in `What changed`, above or below
the differences on the same prompts; or as a chapter of its own behind `What changed`."""


class PageSection(NamedTuple):
    """A part of the page."""

    place: Place
    template: str = ""
    """A file under eval/benchmarks, which sees this section as `s`. Empty: charts only."""
    content: Mapping[str, Any] = {}
    rank: int = 50
    """Place among the sections of its kind, the lowest first."""
    charts: Sequence[Chart] = ()
    """Shown behind the chapter's own pictures."""
    intro: Markup = Markup()
    """First words of the chapter, our own."""
    id: str = ""
    link: str = ""
    """Of a chapter of its own: its id, and its name in the page's navigation."""


class Finding(NamedTuple):
    """What can be said of a model and the one before it, at the top of the page."""

    kind: Literal["missing", "unread", "better", "worse", "no difference"]
    model: str
    baseline: str
    text: str
    """One sentence with its evidence."""
    template: str
    """The same as HTML; it sees the finding as `one`."""
    content: Any = None


class Doubt(NamedTuple):
    """A reason to doubt the figures."""

    about: str
    text: str
    rank: int = 50
    """Place among the doubts, the lowest first."""


class LookedFor(NamedTuple):
    """What was looked for, where a run gives no reason for doubt."""

    words: str
    rank: int = 50


class BrowserEntry(NamedTuple):
    """One prompt of the page's browser."""

    prompt: Prompt
    id: str
    """Of the entry: a prompt may be in two benchmarks."""
    flags: str
    """Letters of the filters that find it: f, d, r, u (templates/browser.html)."""
    answers: Sequence[tuple[str, str, str | None]]
    """Model, text, how it ended."""
    more: Mapping[str, Any]
    """What else is shown; words that may be cut are `LongText`."""


class LongText(str):
    """Words of a judge in `BrowserEntry.more`: long ones are cut where the page would grow too large."""


class Benchmark(Protocol):
    """Figures of one name, from a run's checkpoints. A benchmark says only what is its own; all else has a default."""

    name: str
    """As in MetricValue.benchmark."""
    label: str
    """In words."""
    command: str = ""
    """The word of `srlm-eval` that measures it, with all others of that word. Empty: `run NAME` does."""
    help: str = ""
    """Of a command that has no file of its own in eval/cli."""
    by_default: bool = True
    """Whether `eval all` measures it."""
    metrics: Mapping[str, MetricSpec] = {}
    """Those to be named in words; others are called as they are."""
    unit: Unit = "plain"
    """Of metrics that `metrics` leaves out."""
    pairs: bool = False
    """Whether its figures are of two models together; else one with a baseline is a difference from the baseline's."""
    own_table: bool = False
    """Whether its comparisons stand in its own section, and not among the differences on the same prompts."""
    evaluation_prompts: bool = False
    """Whether its items are the run's evaluation prompts, which all such benchmarks have answered once."""
    of_models: Sequence[Need] | None = None
    """What it needs where models are measured without a run. None: it is about a training."""
    in_browser: bool = False
    """Whether its prompts can be looked at in the page's browser."""
    in_paper: bool = False
    """Whether the paper has it, so that `srlm-eval paper` measures it and shows its `paper_tables`."""

    @property
    def by_settings(self) -> bool:
        """Whether a run's settings say all that measuring it takes; else its own command asks for more."""
        return type(self).measure is not Benchmark.measure

    @property
    def words(self) -> MetricWords:
        """How its own figures read."""
        return MetricWords((self,))

    def spec(self, metric: str) -> MetricSpec:
        """How a metric of this name reads."""
        return self.metrics.get(metric) or MetricSpec(label=spaced(metric), unit=self.unit)

    def items(self, run: RunData) -> Sequence[Item]:
        """Questions that every measured checkpoint answers once; none where it measures something else."""
        return [Item(prompt=prompt) for prompt in run.prompts] if self.evaluation_prompts else ()

    def check(self, run: RunData) -> None:
        """Raises where it could not be measured, before any model is asked for any benchmark."""
        return None

    def inapplicable(self, settings: Settings) -> str:
        """Why its figures would say nothing of a run; empty: they say something. `srlm-eval paper` leaves it out."""
        return ""

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterable[Asked]:
        """What measuring these checkpoints would ask in all, known before anything is trained or sent."""
        return ()

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        """Every figure; models are asked only what is not on disk."""
        raise self.needs_more()

    def needs_more(self) -> SettingsError:
        """Why it cannot be measured from settings alone."""
        return SettingsError(f"{self.name} needs more options; run its own command: srlm-eval {self.command} --help")

    def per_prompt(self, run: RunData) -> list[Series]:
        """What lies on disk, a value a prompt: the gate and a comparison of runs read it; no model is asked."""
        return []

    def sections(self, run: RunData) -> list[PageSection]:
        """Its parts of the page. None: a table of its metrics, model by model."""
        return []

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        """The paper's tables and figures that it measures, with the published values."""
        return ()

    def findings(self, run: RunData) -> list[Finding]:
        """What the top of the page says of each model and the one before it."""
        return []

    def doubts(self, run: RunData) -> Iterable[Doubt]:
        """What its figures give reason to doubt."""
        return ()

    def looked_for(self, run: RunData) -> LookedFor | None:
        """What `doubts` looks for, in words."""
        return None

    def browser_entries(self, run: RunData) -> Iterator[BrowserEntry]:
        """Its prompts for the page's browser."""
        return iter(())
