"""All that a report is made of, read once from a run's folder."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from srlm.errors import RecordError
from srlm.records import Demonstration, Judgement, PreferencePair, Prompt, RankedSet, Record, Response, RunManifest
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder, recorded

from ..records import MetricValue, Verdict
from ..suites.alpaca_kept import Kept, kept
from ..suites.finished import measured

R = TypeVar("R", bound=Record)
Named = Mapping[tuple[str, str, str, str | None], MetricValue]
"""Figures by benchmark, metric, model and baseline."""
WITHHELD = "[withheld]"
_USER = re.compile(r"(?<=://)[^/\s@]+@")


class Step(NamedTuple):
    """What one iteration of the loop left behind; empty lists where it has no such file."""

    name: str
    prompts: list[Prompt]
    judgements: list[Judgement]
    pairs: list[PreferencePair]
    training: list[dict[str, Any]]


class Material(NamedTuple):
    """One run as it lies on disk."""

    settings: Settings
    folder: RunFolder
    metrics: list[MetricValue]
    named: Named
    names: list[str]
    """Checkpoints that are measured, in the order they were made."""
    manifests: list[RunManifest]
    timings: dict[str, dict[str, float]]
    """Seconds of each stage of each step."""
    prompts: list[Prompt]
    answers: dict[str, dict[str, Response]]
    """Answers to the evaluation prompts, by checkpoint and prompt."""
    verdicts: list[Verdict]
    alpaca: list[Kept]
    """AlpacaEval, a model and a judge each."""
    heldout: list[RankedSet]
    """Answers that people ranked, on which the judges are measured."""
    readings: dict[str, list[Judgement]]
    """What each checkpoint said of them."""
    own: dict[str, tuple[list[Response], list[Judgement]]]
    """Each checkpoint's answers to the evaluation prompts that it judged itself, and these judgements."""
    steps: list[Step]
    demonstrations: list[Demonstration]
    """IFT and EFT examples."""

    def figure(self, benchmark: str, metric: str, model: str, baseline: str | None = None) -> MetricValue | None:
        """One figure; None where it was not measured."""
        return self.named.get((benchmark, metric, model, baseline))

    def of(self, benchmark: str) -> list[MetricValue]:
        """All figures of a benchmark."""
        return [metric for metric in self.metrics if metric.benchmark == benchmark]


def settings_of(place: Path) -> Settings:
    """A run's settings, from its YAML file or its folder. Raises SettingsError where `place` is neither."""
    return recorded(place) if place.is_dir() else load(place, ())


def read(settings: Settings, folder: RunFolder, more: Sequence[MetricValue] = ()) -> Material:
    """Read a run, `more` figures beside its own.

    Raises RecordError, DataError or StoreError where a file on disk is broken; a missing one is no error.
    """
    evaluation, names = folder.step("evaluation"), [checkpoint.name for checkpoint in measured(folder)]
    metrics = [*read_metrics(evaluation / "metrics.json"), *more]
    written = {name: _read(evaluation / name / "responses.jsonl", Response) for name in names}
    own = {
        name: (_read(evaluation / name / "own_responses.jsonl", Response), said)
        for name in names
        if (said := _read(evaluation / name / "own_judgements.jsonl", Judgement))
    }
    verdicts = evaluation / "verdicts"
    steps = ["data", "M0", *names]
    return Material(
        settings=settings,
        folder=folder,
        metrics=metrics,
        named={(m.benchmark, m.metric, m.model, m.baseline): m for m in metrics},
        names=names,
        manifests=[found for step in steps if (found := folder.manifest(step)) is not None],
        timings={step: found for step in steps if (found := _json(folder.step(step) / "timings.json"))},
        prompts=_read(folder.step("data") / "evaluation_prompts.jsonl", Prompt),
        answers={name: {r.prompt_id: r for r in responses} for name, responses in written.items() if responses},
        verdicts=[one for path in sorted(verdicts.glob("*.jsonl")) for one in files.read(path, Verdict)],
        alpaca=kept(folder, names),
        heldout=_read(folder.step("data") / "heldout_sets.jsonl", RankedSet),
        readings={name: said for name in names if (said := _read(evaluation / name / "judgements.jsonl", Judgement))},
        own=own,
        steps=[_step(folder.step(name), name) for name in steps[1:]],
        demonstrations=[
            *_read(folder.step("data") / "ift.jsonl", Demonstration),
            *_read(folder.step("M1") / "eft.jsonl", Demonstration),
        ],
    )


def _step(place: Path, name: str) -> Step:
    return Step(
        name=name,
        prompts=_read(place / "prompts.jsonl", Prompt),
        judgements=_read(place / "judgements.jsonl", Judgement),
        pairs=_read(place / "pairs.jsonl", PreferencePair),
        training=[row for row in _json(place / "training.json") or [] if isinstance(row, dict)],
    )


def _read(path: Path, kind: type[R]) -> list[R]:
    return files.read(path, kind) if path.exists() else []


def _json(path: Path) -> Any:
    return files.read_json(path) if path.exists() else None


def read_metrics(path: Path) -> list[MetricValue]:
    """The figures on disk; none where nothing was measured yet."""
    if not path.exists():
        return []
    try:
        return [MetricValue.model_validate(row) for row in files.read_json(path)]
    except (ValidationError, TypeError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it holds no list"
        raise RecordError(f"{path}: not a list of metric values: {said}; run the evaluation again") from None


def secrets(settings: Settings) -> list[str]:
    """Keys that this process knows of and that no output may hold, the longest first."""
    engines = (settings.engine, settings.judge.engine, settings.prompts.engine)
    names = {"OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "HF_TOKEN", *(one.api_key_env for one in engines if one)}
    # A key of a few letters (`none`, `EMPTY`) is a stand-in for servers that want none, and a word of its own.
    return sorted((key for name in names if len(key := os.environ.get(name, "")) >= 8), key=len, reverse=True)


def withheld(text: str, keys: Sequence[str]) -> str:
    """`text` without these keys, and without names and passwords in addresses."""
    for key in keys:
        text = text.replace(key, WITHHELD)
    return _USER.sub(f"{WITHHELD}@", text)
