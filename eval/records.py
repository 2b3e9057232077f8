"""What crosses a file boundary in the harness: verdicts of pairwise judges, and metric values.

"Could not tell" is None with a count beside it; no -1, NaN or 0 stands in for it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from srlm.engines.openai.calls import Missing
from srlm.judge.pairwise import Outcome, outcome_of
from srlm.records import OTHER_ID, Growing, Record, Unread, digest

HALVES = (0.0, 0.5, 1.0)


class Verdict(Growing):
    """What one judge said of two models' answers to one prompt, asked in both orders."""

    LATER = ("votes_ab", "votes_ba", "unread_ab", "unread_ba")

    id: str
    prompt_id: str
    model_a: str
    model_b: str
    response_a_id: str
    response_b_id: str
    judge: str
    """Id of the judge."""
    preference_ab: float | None
    """Asked with A first: 1 = A's answer is better, 0.5 = equal, 0 = B's is better. None: not readable."""
    preference_ba: float | None
    """Asked with B first; 1 still means that A's answer is better."""
    outcome: Outcome | None
    """For A. Both orders say A (B): win (lose). They differ, or either says equal: tie. None: one was not readable."""
    probability_ab: float | None = None
    """Probability the judge gives to A's answer, A first. None: the judge does not say."""
    probability_ba: float | None = None
    """The same with B first; still the probability of A's answer."""
    raw_ab: str
    """All that the judge wrote with A first."""
    raw_ba: str
    votes_ab: tuple[float | None, ...] = ()
    """Of each sampled verdict with A first, A's preference; their mean is `probability_ab`. Empty: asked once."""
    votes_ba: tuple[float | None, ...] = ()
    """The same with B first; 1 still means that A's answer is better."""
    unread_ab: Unread | None = None
    """Why `preference_ab` is None; None where it is not, or where nobody asked why (older files)."""
    unread_ba: Unread | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if any(value is not None and value not in HALVES for value in (self.preference_ab, self.preference_ba)):
            raise ValueError("a preference is 1, 0.5 or 0, or None where it could not be read")
        if self.outcome != outcome_of(self.preference_ab, self.preference_ba):
            raise ValueError("the outcome does not follow from the two preferences")
        return self

    def fault(self) -> str | None:
        if self.id != verdict_id(self.response_a_id, self.response_b_id, self.judge):
            return OTHER_ID
        for value, why in ((self.preference_ab, self.unread_ab), (self.preference_ba, self.unread_ba)):
            if value is not None and why is not None:
                return f"it has a preference and a reason why it has none ({why})"
        chances = (self.probability_ab, self.probability_ba, *self.votes_ab, *self.votes_ba)
        return next((f"a probability of {p:g}" for p in chances if p is not None and not 0 <= round(p, 6) <= 1), None)


def verdict_id(response_a_id: str, response_b_id: str, judge: str) -> str:
    """Id of what `judge` says of these two answers."""
    return digest("verdict", response_a_id, response_b_id, judge)


class Annotation(Record):
    """One judge's preference between a model's answer and the baseline's to one prompt, asked in one order."""

    id: str
    prompt_id: str
    """Id of the prompt, computed from the instruction: what annotations are joined by, never their place in a file."""
    model: str
    baseline: str
    judge: str
    draw: int = 0
    """Number of the question put to the judge about these two answers, from 0."""
    preference: float | None = Field(ge=0, le=1)
    """How far the model's answer is preferred: 1 = surely, 0.5 = a draw, 0 = the baseline's surely (alpaca_eval's own
    `preference` minus 1). None: there is none, and `missing` says why."""
    missing: Missing | None = None
    switched: bool | None = None
    """Whether the judge was shown the model's answer first. None: not known, or the judge was not asked."""
    raw: str | None = None
    """What the judge answered. None: it was not asked (answers of the same words), or nobody kept it."""
    price: float | None = None
    """US dollars. None: not known."""
    seconds: float | None = None

    @model_validator(mode="after")
    def _told_or_not(self) -> Self:
        if (self.preference is None) != (self.missing is not None):
            raise ValueError("an annotation needs a preference, or the reason why it has none")
        return self


def annotation_id(
    prompt_id: str, output: str, baseline_output: str, judge: str, switched: bool | None, draw: int = 0
) -> str:
    """Id of what `judge` says of these two answers, shown in this order, asked for the `draw`-th time."""
    return digest("annotation", prompt_id, output, baseline_output, judge, switched, draw)


Unlabelled = (
    Literal["no such line", "several values", "not in the list", "not on the scale"]
    | Literal["cut", "open thought", "no room", "refused", "not asked", "none of its own"]
)
"""Why a prompt has no category, complexity or length: the judge's words name none, several different ones, one that it
was not offered, or no whole number of 1 to 10; they were cut, or were all thought; the request did not fit or was
refused; nobody was asked; the prompt carries no category."""


class PromptKind(Record):
    """What one prompt is: its category, its complexity and the length that an answer should have."""

    id: str
    prompt_id: str
    judge: str
    """Id of who labelled it; `file:NAME` of a labelled file, `prompts` where it is the prompt's own category alone."""
    raw: str
    """All that the judge wrote."""
    category: str | None
    complexity: int | None
    """1 to 10."""
    length: str | None
    unread: dict[str, Unlabelled]
    """By field, why it is None."""

    @classmethod
    def of(
        cls,
        prompt_id: str,
        judge: str,
        raw: str,
        labels: "Labels",
        unread: dict[str, Unlabelled],
    ) -> Self:
        return cls(
            id=digest("prompt kind", prompt_id, judge, raw),
            prompt_id=prompt_id,
            judge=judge,
            raw=raw,
            unread=unread,
            **labels.model_dump(),
        )

    def fault(self) -> str | None:
        if self.id != digest("prompt kind", self.prompt_id, self.judge, self.raw):
            return OTHER_ID
        if self.complexity is not None and not 1 <= self.complexity <= 10:
            return f"a complexity of {self.complexity} is not within 1 to 10"
        missing = {name for name in Labels.model_fields if getattr(self, name) is None}
        return None if missing == set(self.unread) else "a label and a reason why it is missing do not go together"


class Labels(Record):
    """The three labels of a prompt."""

    category: str | None = None
    complexity: int | None = None
    length: str | None = None


class KindRow(Record):
    """A labelled prompt as figures use it, and as `evaluation.breakdown.labels` takes it."""

    prompt_id: str
    sets: tuple[str, ...]
    """The benchmarks whose prompt it is: `head_to_head`, `alpaca_eval`."""
    instruction: str
    category: str | None
    complexity: int | None
    length: str | None
    unread: dict[str, Unlabelled]
    judge: str


class CategoryList(Record):
    """Categories that a judge found in the prompts it was shown."""

    id: str
    judge: str
    prompt_ids: tuple[str, ...]
    """Those that it was shown."""
    raw: str
    """All that the judge wrote."""
    names: tuple[str, ...]
    """Empty: they could not be read, and `unread` says why."""
    unread: str | None = None

    @classmethod
    def of(cls, judge: str, prompt_ids: tuple[str, ...], raw: str, names: tuple[str, ...], unread: str | None) -> Self:
        identity = digest("categories", judge, prompt_ids, raw)
        return cls(id=identity, judge=judge, prompt_ids=prompt_ids, raw=raw, names=names, unread=unread)

    def fault(self) -> str | None:
        return OTHER_ID if self.id != digest("categories", self.judge, self.prompt_ids, self.raw) else None


class MetricValue(Record):
    """One figure of the report and all that has to stand beside it."""

    model: str
    """Name of the checkpoint or model; of a judge, where the judge is measured."""
    benchmark: str
    """What was measured, by its name in the table of benchmarks: `head_to_head`, `answers`, `judge_agreement`, ..."""
    metric: str
    value: float | None
    """A share lies in 0..1. With a baseline: model minus baseline; win, tie and lose are the model's shares."""
    low: float | None
    """Lower end of the interval; None where there are fewer than two prompts."""
    high: float | None
    n: int
    """Units that entered the value."""
    unscored: int
    """Units that should have and could not."""
    unit: str = "prompts"
    """What n and unscored count. The interval is over prompts; of `seeds` over these, too."""
    value_unit: str = ""
    """What value, low and high are in, where not a share or what the metric's name says: `percent` (0..100)."""
    method: str
    """How value and interval were computed."""
    baseline: str | None = None
    """The other model of a paired comparison on the same prompts."""
    p: float | None = None
    """Two-sided, over prompts; `method` names the test."""
    p_adjusted: float | None = None
    """The same after Holm's correction over the comparisons of its table."""
    note: str = ""
    """Why a value is missing, or what a reader has to know."""

    def fault(self) -> str | None:
        if self.n < 0 or self.unscored < 0:
            return f"n {self.n}, unscored {self.unscored}: neither can be negative"
        if (self.low is None) != (self.high is None) or (self.low or 0) > (self.high or 0):
            return f"an interval from {self.low} to {self.high}"
        return next((f"a p of {p:g}" for p in (self.p, self.p_adjusted) if p is not None and not 0 <= p <= 1), None)


class MeasureId(Record):
    """What a value a prompt is of: one metric of one model."""

    model: str | None = None
    """None: of no model that we know of, as a measure of the user's own."""
    baseline: str | None = None
    """The other model of a comparison on the same prompts."""
    benchmark: str | None = None
    metric: str

    @property
    def identity(self) -> dict[str, str | None]:
        """The fields that say what it is of."""
        return {"model": self.model, "baseline": self.baseline, "benchmark": self.benchmark, "metric": self.metric}

    @property
    def name(self) -> str:
        """How it is called on the command line: `M3/answers/correct`, `M3:M2/head_to_head/win_minus_lose`, `mine`."""
        model = self.model if self.baseline is None else f"{self.model}:{self.baseline}"
        return "/".join(part for part in (model, self.benchmark, self.metric) if part is not None)


class Series(MeasureId):
    """One measure, a value a prompt: what a paired comparison of two runs needs."""

    prompts: tuple[str, ...]
    """Id of each prompt."""
    values: tuple[float | None, ...]
    """None: could not be told."""
    weights: tuple[float, ...] = ()
    """Units behind each value (pairs, judgements); empty: one each. The weighted mean is the figure of metrics.json."""

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        if len(self.values) != len(self.prompts) or (self.weights and len(self.weights) != len(self.prompts)):
            raise ValueError("a series needs one value per prompt and, if it has weights, one weight per prompt")
        if len(set(self.prompts)) != len(self.prompts):
            raise ValueError("duplicate prompt in a series")
        return self


class BaselineRun(Record):
    """One run's values of one measure."""

    seed: int
    settings_digest: str
    commit: str | None
    """The code that trained it."""
    values: tuple[float | None, ...]
    weights: tuple[float, ...] = ()


class BaselineMeasure(MeasureId):
    """One measure that a later run must not lose on, over one or more runs of the same settings."""

    margin: Annotated[float, Field(ge=0)]
    """A loss of this much is tolerated, in the measure's own unit."""
    worse: Literal["lower", "higher"] = "lower"
    prompts: tuple[str, ...]
    runs: Annotated[tuple[BaselineRun, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _of_a_name(cls, given: Any) -> Any:
        """Baselines written before measures had fields hold a name, which is what the measure is still called."""
        if isinstance(given, dict) and "name" in given and "metric" not in given:
            return {key: value for key, value in given.items() if key != "name"} | {"metric": given["name"]}
        return given

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        for run in self.runs:
            if len(run.values) != len(self.prompts) or (run.weights and len(run.weights) != len(self.prompts)):
                raise ValueError(f"{self.name}: the run of seed {run.seed} does not have one value per prompt")
        return self


class Baseline(Record):
    """What a run is held against: a file that is kept under version control."""

    reason: str
    """Why it was written."""
    commit: str | None
    """The code that wrote it."""
    made: str
    """Date, UTC, as 2026-01-31."""
    measures: tuple[BaselineMeasure, ...]
