"""A run as it lies on disk: what benchmarks measure, and what a report is made of. Each file is read once, when needed.

Raises RecordError, DataError or StoreError where a file is broken; a missing one is no error.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from srlm.records import Demonstration, Judgement, PreferencePair, Prompt, Record, Response, RunManifest
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from .. import metrics
from ..figures.looks import Looks
from ..records import MetricValue
from .finished import measured
from .paired import Pair, steps_of

R = TypeVar("R", bound=Record)
T = TypeVar("T")
ByName = Mapping[tuple[str, str, str, str | None], MetricValue]
"""Figures by benchmark, metric, model and baseline."""
NO_MODELS = ("data", "intermediate")
"""Roles of steps that make no model, or one that nobody measures."""


class StepRecords(NamedTuple):
    """What one iteration of the loop left behind; empty lists where it has no such file."""

    name: str
    prompts: list[Prompt]
    judgements: list[Judgement]
    pairs: list[PreferencePair]
    training: list[dict[str, Any]]


class RunData:
    """One run. `more`: figures beside its own."""

    def __init__(self, settings: Settings, folder: RunFolder, more: list[MetricValue] | None = None) -> None:
        self.settings, self.folder = settings, folder
        self._more = more or []
        self._records: dict[Path, list[Any]] = {}
        self._made: dict[str, Any] = {}

    @property
    def evaluation(self) -> Path:
        """The folder of all that was measured."""
        return self.folder.step("evaluation")

    def records(self, path: Path, kind: type[R]) -> list[R]:
        """The records of a file; none where there is no such file."""
        if path not in self._records:
            self._records[path] = files.read(path, kind) if path.exists() else []
        return self._records[path]

    @cached_property
    def metrics(self) -> list[MetricValue]:
        """Every figure."""
        return [*metrics.read(metrics.path_of(self.folder)), *self._more]

    @cached_property
    def named(self) -> ByName:
        """The same by what they are of."""
        return {(m.benchmark, m.metric, m.model, m.baseline): m for m in self.metrics}

    def figure(self, benchmark: str, metric: str, model: str, baseline: str | None = None) -> MetricValue | None:
        """One figure; None where it was not measured."""
        return self.named.get((benchmark, metric, model, baseline))

    def of(self, benchmark: str) -> list[MetricValue]:
        """All figures of a benchmark."""
        return [metric for metric in self.metrics if metric.benchmark == benchmark]

    @cached_property
    def names(self) -> list[str]:
        """Checkpoints that are measured, in the order they were made."""
        return [checkpoint.name for checkpoint in measured(self.folder)]

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives; made once, and known by this name."""
        if name not in self._made:
            self._made[name] = make()
        return cast("T", self._made[name])

    @property
    def untaught(self) -> frozenset[str]:
        """Names of the models before the loop, which never learnt to judge."""
        return frozenset(step.name for step in self.folder.steps() if step.role in ("base", "baseline"))

    @property
    def steps_of(self) -> list[Pair]:
        """Which of them are compared with which."""
        return steps_of(self.names, self.settings.evaluation.reference)

    @cached_property
    def finished(self) -> list[str]:
        """All checkpoints."""
        return [checkpoint.name for checkpoint in self.folder.checkpoints()]

    @cached_property
    def looks(self) -> Looks:
        """How each model is drawn: by its place among the models that the run has begun."""
        return Looks([*(step.name for step in self.folder.steps() if step.role not in NO_MODELS), *self.names])

    @property
    def level(self) -> str:
        """The level of intervals, in words."""
        return f"{100 * self.settings.evaluation.confidence:g}%"

    @cached_property
    def prompts(self) -> list[Prompt]:
        """The evaluation prompts."""
        return self.records(self.folder.step("data") / "evaluation_prompts.jsonl", Prompt)

    @cached_property
    def answers(self) -> dict[str, dict[str, Response]]:
        """Answers to the evaluation prompts, by checkpoint and prompt."""
        written = {name: self.records(self.evaluation / name / "responses.jsonl", Response) for name in self.names}
        return {name: {r.prompt_id: r for r in responses} for name, responses in written.items() if responses}

    @cached_property
    def manifests(self) -> list[RunManifest]:
        """Of every step."""
        return [found for step in self._steps if (found := self.folder.manifest(step)) is not None]

    @cached_property
    def timings(self) -> dict[str, dict[str, float]]:
        """Seconds of each stage of each step."""
        return {step: found for step in self._steps if (found := _json(self.folder.step(step) / "timings.json"))}

    @cached_property
    def steps(self) -> list[StepRecords]:
        """What each step but the data left behind."""
        return [self._step(self.folder.step(name), name) for name in self._steps if name != "data"]

    @cached_property
    def demonstrations(self) -> list[Demonstration]:
        """IFT and EFT examples."""
        return [
            *self.records(self.folder.step("data") / "ift.jsonl", Demonstration),
            *(one for path in self.folder.holding("eft.jsonl") for one in self.records(path, Demonstration)),
        ]

    @property
    def _steps(self) -> list[str]:
        return [step.name for step in self.folder.steps() if step.role in ("data", "base") or step.name in self.names]

    def _step(self, place: Path, name: str) -> StepRecords:
        return StepRecords(
            name=name,
            prompts=self.records(place / "prompts.jsonl", Prompt),
            judgements=self.records(place / "judgements.jsonl", Judgement),
            pairs=self.records(place / "pairs.jsonl", PreferencePair),
            training=[row for row in _json(place / "training.json") or [] if isinstance(row, dict)],
        )


def _json(path: Path) -> Any:
    return files.read_json(path) if path.exists() else None
