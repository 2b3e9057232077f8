"""A run against a committed baseline: has it lost on any measure, by statistics and not by a bare threshold?

    evaluation/*.jsonl on disk -> Series by prompt -> against the baseline's runs -> a verdict a measure

Exit statuses of the command: 0 no regression, 1 a regression, 2 could not judge (missing, misaligned or changed data).
"""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationError

from srlm.errors import RecordError, SettingsError, StoreError
from srlm.methods.base import run_folder
from srlm.records import Record
from srlm.settings import Settings
from srlm.store import files
from srlm.version import commit

from ..benchmarks.run_data import RunData
from ..benchmarks.table import BENCHMARKS, WORDS
from ..records import Baseline, BaselineMeasure, BaselineRun, Series
from ..stats.bounded import Bounds
from ..stats.regression import GateVerdict, Loss, Values, loss, verdicts

ALL = "all"


class GateRow(NamedTuple):
    """One measure of the comparison."""

    measure: BaselineMeasure
    loss: Loss
    verdict: GateVerdict


class WatchedMeasure(Record):
    """A measure to be watched."""

    name: str
    """As in MeasureId."""
    margin: Annotated[float, Field(ge=0)]
    worse: Literal["lower", "higher"] = "lower"


class Line(Record):
    """A value of the user's own benchmark."""

    prompt: str
    value: float | None


def series(settings: Settings, own: Sequence[str] = ()) -> dict[str, Series]:
    """Every measure that lies on disk, by name, and the user's own as NAME=FILE words; no model is asked."""
    folder = run_folder(settings)
    folder.refuse_gone()
    run = RunData(settings, folder)
    found = {one.name: one for benchmark in BENCHMARKS for one in benchmark.per_prompt(run)}
    for word in own:
        name, equals, path = word.partition("=")
        if not (name and equals and path):
            raise SettingsError(f"--values {word}: write it as NAME=FILE")
        found[name] = _own(name, Path(path))
    return found


def _own(name: str, path: Path) -> Series:
    lines = files.read(path, Line)
    try:
        return Series(metric=name, prompts=tuple(one.prompt for one in lines), values=tuple(one.value for one in lines))
    except ValidationError as error:
        raise RecordError(f"{path}: {error.errors()[0]['msg']}") from None


def read_baseline(path: Path) -> Baseline:
    """Raises StoreError where there is none, RecordError where it is none."""
    if not path.exists():
        raise StoreError(f"{path}: no such baseline; create one from a good run: --update-baseline --reason TEXT")
    return files.read_one(path, Baseline)


def compare(baseline: Baseline, found: Mapping[str, Series]) -> list[GateRow]:
    """Every measure of the baseline against the run's. Raises RecordError where the two cannot be compared."""
    losses = []
    for measure in baseline.measures:
        now = found.get(measure.name)
        if now is None:
            raise RecordError(
                f"{measure.name}: the run has no such measure; it has {', '.join(sorted(found)) or 'none at all'}. "
                "Is it fully trained and evaluated?"
            )
        if sorted(now.prompts) != sorted(measure.prompts):
            gone, new = len({*measure.prompts} - {*now.prompts}), len({*now.prompts} - {*measure.prompts})
            raise RecordError(
                f"{measure.name}: the run was evaluated on other prompts than the baseline ({gone} are missing, {new} "
                "are new); a changed benchmark needs a new baseline (--update-baseline --reason TEXT)"
            )
        place = {prompt: i for i, prompt in enumerate(now.prompts)}
        order = [place[prompt] for prompt in measure.prompts]
        weights = tuple(now.weights[i] for i in order) if now.weights else ()
        losses.append(
            loss(
                [Values(run.values, run.weights) for run in measure.runs],
                Values([now.values[i] for i in order], weights),
                measure.margin,
                lower_is_worse=measure.worse == "lower",
                family=len(baseline.measures),
                bounds=_bounds(measure),
            )
        )
    return [GateRow(*row) for row in zip(baseline.measures, losses, verdicts(losses), strict=True)]


def _bounds(measure: BaselineMeasure) -> Bounds | None:
    """What no value of a measure can leave; None: its benchmark does not say, or it is the user's own."""
    bounds = WORDS.of(measure.benchmark or "").spec(measure.metric).bounds
    return None if bounds is None else Bounds(*bounds)


class Measured(NamedTuple):
    """A run that is to stand in a baseline."""

    settings: Settings
    series: Mapping[str, Series]


def baseline_of(wanted: Sequence[WatchedMeasure], runs: Sequence[Measured], reason: str) -> Baseline:
    """A baseline from one or more runs, all over the same prompts."""
    measures = []
    for one in wanted:
        kept: list[BaselineRun] = []
        prompts: tuple[str, ...] = ()
        for run in runs:
            if one.name not in run.series:
                has = ", ".join(sorted(run.series)) or "none"
                raise RecordError(f"{run.settings.folder}: has no measure {one.name}; it has {has}")
            found = run.series[one.name]
            prompts = prompts or found.prompts
            if found.prompts != prompts:
                raise RecordError(
                    f"{run.settings.folder}: {one.name} was evaluated on other prompts than the first run"
                )
            folder = run_folder(run.settings)
            # What made the run, which may be older code than what writes the baseline.
            last = folder.manifest(folder.checkpoints()[-1].name) if folder.checkpoints() else None
            kept.append(
                BaselineRun(
                    seed=run.settings.seed,
                    settings_digest=last.settings_digest if last else run.settings.digest,
                    commit=last.commit if last else None,
                    values=found.values,
                    weights=found.weights,
                )
            )
        measures.append(
            BaselineMeasure(
                **runs[0].series[one.name].identity,
                margin=one.margin,
                worse=one.worse,
                prompts=prompts,
                runs=tuple(kept),
            )
        )
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return Baseline(reason=reason, commit=commit(), made=today, measures=tuple(measures))


def _as_specified(series: Series) -> WatchedMeasure | None:
    """Watched as its benchmark says; None where it names no margin."""
    spec = WORDS.of(series.benchmark or "").spec(series.metric)
    if spec.margin is None:
        return None
    return WatchedMeasure(name=series.name, margin=spec.margin, worse="higher" if spec.better == "lower" else "lower")


def wanted_of(texts: Sequence[str], before: Baseline | None, found: Mapping[str, Series]) -> list[WatchedMeasure]:
    """Measures to watch, from `NAME=MARGIN` or `NAME=MARGIN:higher` words, or as the baseline before had them.

    The word `all` stands for every measure found for which its benchmark names a margin.
    """
    if not texts:
        if before is None:
            raise SettingsError(
                "a first baseline needs measures: --measure M3:M2/head_to_head/win_minus_lose=0.1 (tolerates a loss "
                "of 0.1), or --measure all"
            )
        return [WatchedMeasure(name=one.name, margin=one.margin, worse=one.worse) for one in before.measures]
    made = []
    for text in texts:
        if text == ALL:
            made += [one for series in found.values() if (one := _as_specified(series)) is not None]
            continue
        name, _, rest = text.partition("=")
        margin, _, worse = rest.partition(":")
        if worse not in ("", "lower", "higher"):
            raise SettingsError(f"--measure {text}: the worse direction must be `lower` or `higher`, not {worse!r}")
        try:
            made.append(WatchedMeasure.model_validate({"name": name, "margin": margin, "worse": worse or "lower"}))
        except ValidationError:
            raise SettingsError(
                f"--measure {text}: write it as NAME=MARGIN or NAME=MARGIN:higher, with a margin of at least 0"
            ) from None
    return made
