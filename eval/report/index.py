"""One page over the runs of a folder: what each is made of, its last model's headline figures, and their history.

Which figures these are, their benchmarks say (`MetricSpec.headline`, `in_index`); the page knows none by name. A run
that cannot be read is named with its reason. A run whose files are as they were is not read again: the JSON beside the
page keeps its row, with the sizes and times of the files that it was made from.

Names of folders, models and judges are anybody's words: the page escapes them, and a link is made of the folder that
was found, never of what a file says.
"""

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import ValidationError, field_validator

from srlm.errors import SettingsError, SrlmError
from srlm.methods.base import method_of, run_folder
from srlm.methods.untrained import models_of
from srlm.printable import one_line
from srlm.records import Record, digest
from srlm.settings import Settings
from srlm.settings.data import files_of
from srlm.store import files
from srlm.store.folder import INPUTS, RunFolder, recorded
from srlm.store.seals import EVALUATION, MANIFEST
from srlm.store.seals import NAME as SEALS
from srlm.terminal import cut
from srlm.text.counts import counted
from srlm.text.spreadsheet import csv_text
from srlm.version import VERSION

from .. import metrics
from ..benchmarks.table import BENCHMARKS, WORDS
from ..figures.charts import Chart
from ..figures.history import history
from ..records import MetricValue
from . import keys, page, warned
from .compare import method_words

SETTINGS = "settings.json"
OF_A_RUN = (SETTINGS, INPUTS, SEALS)
"""A folder with one of these is a run's."""
READ = (SETTINGS, INPUTS, "log.txt", "report.html", warned.NAME, f"{EVALUATION}/metrics.json")
"""Files of a run that its row is made from, beside the manifests of its steps."""
EARLIEST = datetime.datetime(1971, 1, 1)
"""No run is older, and clocks of all systems know it."""
LONGEST = 400
"""Cells of a reason."""


class IndexedRun(Record):
    """A run in the index."""

    path: str
    """Of its folder within the one that was asked for; `nested/name` one level down."""
    stamp: str
    """Of the sizes and times of the files that it was read from."""
    broken: str | None = None
    """Why it could not be read; then nothing else is known."""
    unfinished: str | None = None
    """What is still to be made."""
    method: str = ""
    model: str = ""
    """M0, or the models that are measured as they are."""
    data: str = ""
    judge: str = ""
    """Who compares the models' answers."""
    seed: int | None = None
    date: str | None = None
    """When it began: ISO 8601, with the time where its log says so."""
    commit: str | None = None
    """The code that made its last model."""
    last_model: str | None = None
    warnings: int | None = None
    """Of its report, but for expected ones; None: there is no report of these figures."""
    has_report: bool = False
    figures: tuple[MetricValue, ...] = ()
    """The last model's."""

    @field_validator("date")
    @classmethod
    def _dated(cls, date: str | None) -> str | None:
        if date is not None and _time(date) is None:
            raise ValueError(f"{date!r} is no date of a run")
        return date


class Column(NamedTuple):
    """A measure of the table."""

    benchmark: str
    metric: str

    @property
    def title(self) -> str:
        """Benchmark and measure in words."""
        words = f"{WORDS.title(self.benchmark)}: {WORDS.of(self.benchmark).spec(self.metric).label}"
        return words[:1].upper() + words[1:]

    def of(self, run: IndexedRun) -> MetricValue | None:
        """A run's figure."""
        same = (one for one in run.figures if (one.benchmark, one.metric) == tuple(self))
        return next(same, None)


def write(root: Path, out: Path, command: str) -> Path:
    """Write the page, and the same as JSON and CSV beside it; returns the page's path.

    Raises SettingsError where `root` is no folder of runs, or `out` is no name of a page.
    """
    if out.suffix != ".html":
        raise SettingsError(f"--out {out}: must end in .html; the same as .json and .csv is written beside it")
    if not root.is_dir():
        raise SettingsError(f"{root}: no such folder; name the folder that holds the runs")
    if _is_run(root):
        raise SettingsError(f"{root}: is a run; name the folder that holds it: srlm-eval index {root.parent}")
    data = out.with_suffix(".json")
    found = gather(root, _kept(data))
    runs = [run for run, _ in found.runs]
    files.write_json(data, {"rows": [one.model_dump(mode="json") for one in runs]})
    files.write_text(out.with_suffix(".csv"), as_csv(runs))
    content = {"name": _readable(str(root)), "command": _readable(command), **_shown(found, out)}
    files.write_text(out, page.render("index.html", content, WORDS))
    return out


class Found(NamedTuple):
    """What is in a folder of runs."""

    runs: list[tuple[IndexedRun, Path]]
    """Each with its folder, the newest first."""
    others: list[str]
    """Names of folders in which there is no run."""


def gather(root: Path, kept: Mapping[str, IndexedRun] = {}) -> Found:
    """The runs within a folder. `kept`: rows that were read before, by path; those of the same files are taken over."""
    runs: list[tuple[IndexedRun, Path]] = []
    others: list[str] = []
    for place, name in _folders(root):
        if place is None:
            others.append(name)
            continue
        stamp = _stamp(place)
        before = kept.get(name)
        same = before is not None and before.stamp == stamp and before.broken is None
        runs.append((before if same and before else _read(place, name, stamp), place))
    return Found(sorted(runs, key=lambda one: (one[0].date or "", one[0].path), reverse=True), others)


def columns(runs: Sequence[IndexedRun]) -> list[Column]:
    """The measures that any of the runs has, in the order of the table of benchmarks."""
    order = [benchmark.name for benchmark in BENCHMARKS]
    found = {Column(one.benchmark, one.metric) for run in runs for one in run.figures if one.benchmark in order}
    return sorted(found, key=lambda one: (order.index(one.benchmark), one.metric))


def as_csv(runs: Sequence[IndexedRun]) -> str:
    """A line a run, unrounded; an empty cell is None."""
    facts = ("path", "broken", "unfinished", "method", "model", "data", "judge", "seed", "date", "commit", "last_model")
    parts = ("value", "low", "high", "n", "baseline")
    measures = columns(runs)
    header = [*facts, "warnings", *(f"{one.benchmark}.{one.metric} {part}" for one in measures for part in parts)]
    rows = []
    for run in runs:
        figures = [one.of(run) for one in measures]
        cells = [None if one is None else getattr(one, part) for one in figures for part in parts]
        rows.append([*(getattr(run, fact) for fact in facts), run.warnings, *cells])
    return csv_text(header, rows)


# Found ----------------------------------------------------------------------------------------------------------------


def _folders(root: Path) -> Iterator[tuple[Path | None, str]]:
    """Each run with its name, a level down, too; no path: a folder in which there is none."""
    for place in _within(root):
        if _is_run(place):
            yield place, _readable(place.name)
            continue
        nested = [one for one in _within(place) if _is_run(one)]
        for one in nested:
            yield one, f"{_readable(place.name)}/{_readable(one.name)}"
        if not nested:
            yield None, _readable(place.name)


def _within(place: Path) -> list[Path]:
    """The folders in a folder; none where it cannot be looked into."""
    try:
        with os.scandir(place) as entries:
            found = [Path(one.path) for one in entries if not one.name.startswith(".") and one.is_dir()]
    except OSError:
        return []
    return sorted(found)


def _is_run(place: Path) -> bool:
    return any(os.path.lexists(place / name) for name in OF_A_RUN)


def _readable(name: str) -> str:
    """A file's name as text; a byte that is none is shown as a question mark."""
    return os.fsencode(name).decode("utf-8", "replace")


def _stamp(place: Path) -> str:
    """Of all that a row is made from: this program, and the sizes and times of the run's files."""
    found = [VERSION]
    for name in (*READ, *(f"{step.name}/{MANIFEST}" for step in _within(place))):
        try:
            one = os.lstat(place / name)
        except OSError:
            continue
        found.append(f"{_readable(name)} {one.st_mtime_ns} {one.st_size}")
    return digest(*found)


def _kept(data: Path) -> dict[str, IndexedRun]:
    """The rows of an index that was made before; none where its file is no index of this version."""
    try:
        rows = files.read_object(data).get("rows") if data.is_file() else None
        found = [IndexedRun.model_validate(row) for row in rows] if isinstance(rows, list) else []
    except (SrlmError, ValidationError):
        return {}
    return {one.path: one for one in found}


# Read -----------------------------------------------------------------------------------------------------------------


def _read(place: Path, name: str, stamp: str) -> IndexedRun:
    try:
        return _row(place, name, stamp)
    except (SrlmError, OSError) as error:
        return IndexedRun(path=name, stamp=stamp, broken=cut(one_line(str(error)), LONGEST))


def _row(place: Path, name: str, stamp: str) -> IndexedRun:
    settings = recorded(place)
    folder = run_folder(settings)
    done = [one.name for one in folder.checkpoints()]
    others = [name for name in done if name != settings.evaluation.reference]  # what the reference is compared with
    last = next(reversed(others or done), None)
    manifest = folder.manifest(last) if last is not None else None
    hidden = keys.secrets(settings)
    return IndexedRun(
        path=name,
        stamp=stamp,
        unfinished=_unfinished(settings, folder),
        method=method_words(settings),
        model=keys.withheld(_models(settings), hidden),
        data=keys.withheld(_data(settings), hidden),
        judge=keys.withheld(settings.evaluation.judge, hidden),
        seed=settings.seed,
        date=_date(folder),
        commit=manifest.commit if manifest is not None else None,
        last_model=last,
        warnings=warned.count(place / "report.html", metrics.path_of(folder)),
        has_report=(place / "report.html").is_file(),
        figures=tuple(_figures(settings, folder, last)) if last is not None else (),
    )


def _unfinished(settings: Settings, folder: RunFolder) -> str | None:
    wanted = method_of(settings).steps(settings, settings.iterations)
    missing = [step.name for step in wanted if folder.manifest(step.name) is None]
    if not missing:
        return None
    few = ", ".join(missing[:4]) + (", ..." if len(missing) > 4 else "")
    begun = [step.name for step in folder.steps() if step.name in missing]
    return f"{few} not finished{f' ({begun[-1]} has begun)' if begun else ''}"


def _models(settings: Settings) -> str:
    given = models_of(settings)
    named = [name if name == _short(one.model) else f"{name} ({_short(one.model)})" for name, one in given.items()]
    return ", ".join(named) or _short(settings.model.base)


def _data(settings: Settings) -> str:
    named = dict.fromkeys(_short(path) for path in files_of(settings.data).values() if path)
    return ", ".join(named) or settings.data.kind


def _short(path: str) -> str:
    """A path by its last part; a name of the Hub or of a server as it is."""
    place = path.removeprefix("hf:")
    return Path(place).name or path if place.startswith(("/", "./", "../", "~")) else path


def _date(folder: RunFolder) -> str | None:
    """The time of the first line of its log, or the day on which it began."""
    log = folder.path / "log.txt"
    if log.is_file():
        with log.open("rb") as lines:
            word = lines.read(64).split(b" ")[0].decode("ascii", "replace")
        if (began := _time(word)) is not None:  # else not a line of ours
            return began.isoformat(timespec="seconds")
    inputs = folder.inputs()
    return None if inputs is None or inputs.date < EARLIEST.date() else inputs.date.isoformat()


def _time(word: str) -> datetime.datetime | None:
    """A date that a run may have; None where the word is none."""
    try:
        found = datetime.datetime.fromisoformat(word).replace(tzinfo=None)
    except ValueError:
        return None
    return found if found >= EARLIEST else None


def _figures(settings: Settings, folder: RunFolder, last: str) -> Iterator[MetricValue]:
    """The last model's headline figures; of a comparison that against the run's reference, or against the first model
    that it was compared with."""
    found = metrics.read(metrics.path_of(folder))
    order = [settings.evaluation.reference, *(one.name for one in folder.checkpoints())]
    for benchmark in BENCHMARKS:
        own = [one for one in found if one.benchmark == benchmark.name and one.model == last]
        for name in dict.fromkeys(one.metric for one in own):
            spec = benchmark.spec(name)
            if not (spec.headline or spec.in_index):
                continue
            same = [one for one in own if one.metric == name and (one.baseline is not None) == benchmark.pairs]
            same.sort(key=lambda one: order.index(one.baseline) if one.baseline in order else len(order))
            yield from same[:1]


# Shown ----------------------------------------------------------------------------------------------------------------


def _shown(found: Found, out: Path) -> dict[str, Any]:
    good = [one for one, _ in found.runs if one.broken is None]
    measures = columns(good)
    return {
        "runs": good,
        "columns": measures,
        "links": {one.path: _link(place / "report.html", out) for one, place in found.runs if one.has_report},
        "broken": [one for one, _ in found.runs if one.broken is not None],
        "unfinished": sum(one.unfinished is not None for one in good),
        "others": found.others,
        "charts": [chart for one in measures if (chart := _history(one, good)) is not None],
        "files": [out.with_suffix(end).name for end in (".csv", ".json")],
    }


def _link(report: Path, out: Path) -> str:
    """The address of a report, relative to the page; no name in it acts as a scheme or a query."""
    return quote(os.fsencode(os.path.relpath(os.path.abspath(report), os.path.abspath(out.parent))))


def _history(column: Column, runs: Sequence[IndexedRun]) -> Chart | None:
    """None where fewer than two dated runs have it."""
    rows = []
    for run in sorted(runs, key=lambda one: one.date or ""):
        metric = column.of(run)
        if run.date is None or metric is None or metric.value is None:
            continue
        said = f"{run.path}, {run.date}, commit {(run.commit or 'unknown')[:10]}: {WORDS.sentence(metric)}"
        ends = {"value": metric.value, "low": metric.low, "high": metric.high}
        rows.append({"run": run.path, "date": run.date, "kind": _kind(run), "said": said, **ends})
    if len(rows) < 2:
        return None
    spec = WORDS.of(column.benchmark).spec(column.metric)
    note = f"{counted(len(rows), 'runs')}; those of one method, model and data have one colour."
    return history(column.title, rows, "share" if spec.unit == "share" else "number", spec.signed, note)


def _kind(run: IndexedRun) -> str:
    return ", ".join((run.method, run.model, run.data))
