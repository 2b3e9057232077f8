"""What a benchmark is. A new one is a file here and a line in table.py; docs/extending.md shows the shortest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from markupsafe import Markup

from srlm.engines.base import Engine
from srlm.errors import SettingsError
from srlm.judge.pairwise import Outcome
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
    "Compared",
    "Doubt",
    "Finding",
    "Item",
    "Lead",
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
    expected: str = ""
    """Why every run of this kind has it, so that the page folds it. Empty: it is a surprise, and is read first."""


UNTAUGHT = "it was not taught to judge"
"""Why a doubt about a judge is expected of a model before the loop."""


class LookedFor(NamedTuple):
    """What was looked for, where a run gives no reason for doubt."""

    words: str
    rank: int = 50


class Lead(NamedTuple):
    """A metric for the first screen of the page."""

    metric: str
    about: Literal["quality", "contest", "judge", "length"]
    """What it measures of a model: how good its answers are; whether they beat another model's (a figure of two models
    together, above 0 where the first wins); how good a judge it is; how long its answers are."""
    name: str
    """In a sentence and over a narrow column."""
    outcomes: Mapping[float, str] = {}
    """What the value of a single prompt is called: `{1: "correct", 0: "wrong"}`. Empty: it is shown as a number."""
    shares: tuple[tuple[str, str], ...] = ()
    """Of a contest: metrics that are shown before it, and the word before each: `(("win", "wins"), ...)`."""


class Compared(NamedTuple):
    """Two models whose answers a judge compared."""

    model: str
    baseline: str
    judge: str


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
    outcomes: Sequence[tuple[Compared, Outcome | None]] = ()
    """Of the answers that were compared: win, tie or lose, as the model's; None: it could not be told."""


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
    of_judges: bool = False
    """Whether its figures are of models as judges: a model that was not taught to judge is expected to have none."""

    @property
    def by_settings(self) -> bool:
        """Whether a run's settings say all that measuring it takes; else its own command asks for more."""
        return type(self).measure is not Benchmark.measure

    @property
    def words(self) -> MetricWords:
        """How its own figures read."""
        return MetricWords((self,))

    @property
    def leads(self) -> Sequence[Lead]:
        """What the first screen of the page shows of it. By default its headline metrics, as measures of answers."""
        return [Lead(name, "quality", spec.label) for name, spec in self.metrics.items() if spec.headline]

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

    def by_model(self, run: RunData, metric: str) -> Mapping[str, Series]:
        """What lies on disk of a metric that is of one model, by model. Read once."""
        return {one.model: one for one in self._series(run) if one.metric == metric and one.model and not one.baseline}

    def against(self, run: RunData, metric: str, baseline: str) -> Mapping[str, Series]:
        """What lies on disk of a contest with one model, by the other model. Read once."""
        found = self._series(run)
        return {one.model: one for one in found if one.metric == metric and one.model and one.baseline == baseline}

    def _series(self, run: RunData) -> list[Series]:
        return run.once(f"{self.name}: a value a prompt", lambda: self.per_prompt(run))

    def change(self, run: RunData, metric: str, model: str, baseline: str) -> MetricValue | None:
        """What became of a metric of `leads` between two models that `measure` did not compare, from `per_prompt`.

        None: one of the two has no values on disk. No model is asked.
        """
        found = self.by_model(run, metric)
        if model not in found or baseline not in found:
            return None
        from .measuring import difference, resampling

        theirs = dict(zip(found[baseline].prompts, found[baseline].values, strict=True))
        both = [(value, theirs.get(id)) for id, value in zip(found[model].prompts, found[model].values, strict=True)]
        how = resampling(run.settings).using(self.name, model, baseline)
        return difference(model, baseline, self.name, metric, both, how, "no prompt has a value for both")

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

    def kinds_of_prompts(self, run: RunData) -> Mapping[str, Iterable[str]]:
        """Ids of the prompts of each kind that its figures are about, by the kind's name, with which they end."""
        return {}
