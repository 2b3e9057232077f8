"""RUN/paper.html: every table and figure of the paper in its order, ours beside the published; paper.md says the same.

The tables come from the benchmarks that the paper has (`in_paper`, `paper_tables`); the page knows none by name. Where
ours cannot be compared with the paper's, the reason stands instead of a difference. It is written from files on disk
and is as safe as the report (eval/report/page.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from ..benchmarks.base import Benchmark, RunData
from ..benchmarks.paper_table import PLACES, PaperFacts, PaperPart, PaperPicture, PaperRow, PaperTable, Place
from ..benchmarks.table import BENCHMARKS, WORDS
from ..data import published
from ..figures.charts import Chart
from ..figures.words import MetricWords
from ..records import MetricValue
from . import keys, page
from .paper_facts import facts
from .paper_written import markdown

FILE = "paper.html"


class ShownCell(NamedTuple):
    """One figure of a table: ours, the paper's, and the difference."""

    ours: MetricValue | None
    missing: str
    """Why there is none of ours."""
    published: str
    """Empty: the paper has none."""
    difference: str
    """Ours minus the paper's, with our interval. Empty: they cannot be compared, or one is missing."""


class ShownRow(NamedTuple):
    label: str
    cells: Sequence[ShownCell]

    @property
    def missing(self) -> str:
        """Why none of its figures is there; empty where one is."""
        return "" if any(cell.ours for cell in self.cells) else self.cells[0].missing

    @property
    def is_published(self) -> bool:
        """Whether the paper has any of its figures."""
        return any(cell.published for cell in self.cells)

    @property
    def is_compared(self) -> bool:
        """Whether any of its figures has a difference."""
        return any(cell.difference for cell in self.cells)


class Shown(NamedTuple):
    """One part of the page; what a part has none of is empty."""

    id: str
    kind: str
    """`table`, `facts` or `picture`."""
    place: Place
    title: str
    setting: str = ""
    unlike: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Any] = ()
    """ShownRow of a table, PaperFact of facts."""
    others: Sequence[tuple[str, Sequence[str]]] = ()
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()
    missing: str = ""
    one_source: bool = False

    @property
    def rank(self) -> int:
        """Its place among those of the paper."""
        return PLACES.index(self.place)

    @property
    def heading(self) -> str:
        """Where it stands in the paper, and what it is."""
        return f"{self.place[:1].upper()}{self.place[1:]}: {self.title}"


def write(settings: Settings, folder: RunFolder, command: str, out: Path | None = None) -> Path:
    """Write paper.html and paper.md into the run's folder, or into `out`; returns the page's path."""
    run, hidden = page.data_of(settings, folder), keys.secrets(settings)
    content = gather(run, command)
    path = (out or folder.path) / FILE
    pages = {path: page.render(FILE, content, WORDS), path.with_suffix(".md"): markdown(content, WORDS)}
    for file, text in pages.items():
        files.write_text(file, keys.withheld(text, hidden))
    return path


def gather(run: RunData, command: str) -> dict[str, Any]:
    """All that the page shows."""
    return {
        "name": run.settings.name,
        "base": run.settings.model.base,
        "models": run.finished,
        "judge": run.settings.evaluation.judge,
        "level": f"{100 * run.settings.evaluation.confidence:g}%",
        "parts": [shown(run, part, benchmark) for part, benchmark in parts(run)],
        "source": published.run(),
        "command": command,
    }


def parts(run: RunData, benchmarks: Sequence[Benchmark] = BENCHMARKS) -> list[tuple[PaperPart, Benchmark | None]]:
    """Every table and figure, in the paper's order, with the benchmark that gives it; None: nothing measures it."""
    found: list[tuple[PaperPart, Benchmark | None]] = [(part, None) for part in facts(run)]
    found += [
        (part, one) for one in benchmarks if one.in_paper for part in list(one.paper_tables(run)) or _plain(run, one)
    ]
    return sorted(found, key=lambda one: PLACES.index(one[0].place))


def _plain(run: RunData, benchmark: Benchmark) -> list[PaperPart]:
    """A benchmark of the paper that gives no table: its figures, model by model, behind all others."""
    measured = list(dict.fromkeys(one.metric for one in run.of(benchmark.name) if one.baseline is None))
    return [PaperTable(PLACES[-1], benchmark.label.capitalize(), benchmark.name, measured, [], "")] if measured else []


def shown(run: RunData, part: PaperPart, benchmark: Benchmark | None, words: MetricWords = WORDS) -> Shown:
    """A part as the page shows it."""
    id = "".join(letter if letter.isalnum() else "-" for letter in f"{part.place} {part.title}".lower())
    match part:
        case PaperFacts():
            return Shown(
                id, "facts", part.place, part.title, rows=part.rows, notes=part.notes, one_source=part.one_source
            )
        case PaperPicture():
            return Shown(
                id, "picture", part.place, part.title, part.setting, charts=part.charts, notes=part.notes,
                missing=part.missing, one_source=part.one_source,
            )  # fmt: skip
    columns = [words.of(part.benchmark).spec(metric).label for metric in part.metrics]
    rows = [_row(run, part, row, benchmark, words) for row in _rows(run, part)]
    others = [
        (name, [_published(part, metric, values.get(metric), words) for metric in part.metrics])
        for name, values in part.others
    ]
    missing = ""
    if not any(cell.ours for row in rows for cell in row.cells):
        reasons = {row.missing for row in rows}
        missing = reasons.pop() if len(reasons) == 1 else not_measured(benchmark, run.settings)
    return Shown(
        id, "table", part.place, part.title, part.setting, part.unlike if not missing else "", columns, rows, others,
        part.charts, part.notes, missing, part.one_source,
    )  # fmt: skip


def not_measured(benchmark: Benchmark | None, settings: Settings) -> str:
    """What to run where a benchmark has no figure yet, or why none is to come."""
    if benchmark is None:
        return "not there yet"
    if why := benchmark.inapplicable(settings):
        return why
    word = benchmark.command or f"run {benchmark.name}"
    return f"not measured: run `srlm-eval {word} --run FILE`"


def _rows(run: RunData, part: PaperTable) -> list[PaperRow]:
    """The paper's rows, and the run's own models or pairs that the paper does not have."""
    rows = {(row.model, row.baseline): row for row in part.rows}
    pairs = any(row.baseline is not None for row in part.rows)
    for one in run.of(part.benchmark):
        if one.metric in part.metrics and one.model in run.finished and (one.baseline is not None) == pairs:
            rows.setdefault((one.model, one.baseline), PaperRow(one.model, one.baseline))
    if pairs:
        return list(rows.values())
    place = {name: number for number, name in enumerate(run.finished)}
    return sorted(rows.values(), key=lambda row: place.get(row.model, len(place)))


def _row(run: RunData, part: PaperTable, row: PaperRow, benchmark: Benchmark | None, words: MetricWords) -> ShownRow:
    absent = [name for name in (row.model, row.baseline) if name is not None and name not in run.finished]
    why = row.missing or (f"no {absent[0]} in this run" if absent else not_measured(benchmark, run.settings))
    cells = []
    for metric in part.metrics:
        ours, theirs = run.figure(part.benchmark, metric, row.model, row.baseline), row.published.get(metric)
        cells.append(
            ShownCell(
                ours,
                "" if ours else why,
                _published(part, metric, theirs, words),
                "" if ours is None or theirs is None or part.unlike else _difference(ours, theirs, words),
            )
        )
    label = row.label or (row.model if row.baseline is None else f"{row.model} : {row.baseline}")
    return ShownRow(label, cells)


def _published(part: PaperTable, metric: str, value: float | None, words: MetricWords) -> str:
    """A published value with all of its digits."""
    if value is None:
        return ""
    share = words.of(part.benchmark).spec(metric).unit == "share"
    number = round(100 * value, 9) if share else value
    written = f"{number:,.6g}" if part.decimals is None else f"{number:,.{part.decimals}f}"
    return f"{written}{'%' if share or part.value_unit == 'percent' else ''}"


def _difference(ours: MetricValue, theirs: float, words: MetricWords) -> str:
    """Ours minus the paper's; the interval is ours alone, for the paper has none."""
    if ours.value is None:
        return ""
    said = words.change_of(ours, ours.value - theirs)
    if ours.low is None or ours.high is None:
        return said
    return f"{said} ({words.change_ends_of(ours, ours.low - theirs, ours.high - theirs)})"
