"""runs/NAME/report.html: what was measured, pictures first, from metrics.json, the manifests and the records on disk.

Each benchmark gives its parts of the page (`sections`); the page orders them, and knows none by name. Models wrote part
of what is shown, so nothing here is trusted: the template escapes everything, and the page allows its own script and
style by their digests and nothing else (Content-Security-Policy). Every figure of metrics.json that is shown stands in
a `<data value=...>` element that carries the unrounded number. report.md and metrics.csv say the same.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from srlm.methods.untrained import models_of
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from .. import metrics
from ..benchmarks.base import Benchmark, PageSection, Place, RunData
from ..benchmarks.table import BENCHMARKS, STUDY, WORDS
from ..figures import words
from ..figures.policy import policy
from ..figures.words import MetricWords
from ..records import MetricValue
from . import browser, keys, pictures, repeated, training, verdict, warned, written
from .first_screen.summary import summary
from .first_screen.table import caption

FOLD = 280
"""Characters: a longer text is folded."""
MOST_FIGURES = 3000
"""Rows of the table of every figure; where there are more, it names metrics.csv instead."""
TEMPLATES = tuple(Path(__file__).parent.parent / name for name in ("report/templates", "benchmarks"))
SCRIPTS = ("tables", "report")
BROWSER_SCRIPTS = ("markdown", "difference", "browser")
"""Of a page that has a browser of prompts."""
PLAIN = "table.html"
"""The section of a benchmark that has none of its own: its metrics, model by model."""


class Headline(NamedTuple):
    """What became of a figure from one model to the next."""

    label: str
    before: MetricValue
    after: MetricValue
    change: MetricValue


def data_of(settings: Settings, folder: RunFolder, study: Path | None = None) -> RunData:
    """What the report of a run is made of; with the figures of a study's file among the run's own.

    Raises StoreError where a file that it would be made from is gone.
    """
    folder.refuse_gone()
    return RunData(settings, folder, STUDY.figures(study) if study is not None else None)


def write(
    settings: Settings, folder: RunFolder, command: str, out: Path | None = None, study: Path | None = None
) -> Path:
    """Write the page, report.md and metrics.csv into the run's folder; returns the page's path.

    With `out` into that folder, and metrics.json and machine.json too, so that it says all by itself. With `study`, the
    file of one, its section and figures, too.
    """
    run, hidden = data_of(settings, folder, study), keys.secrets(settings)
    content = gather(run, command, [STUDY.section(study)] if study is not None else ())
    place = out or folder.path
    path = place / "report.html"
    pages = {
        path: render(
            "report.html",
            {**content, "browser": browser.packed(run, hidden), "paper": (place / "paper.html").exists()},
            WORDS,
        ),
        place / "report.md": written.markdown(content, WORDS),
        place / "metrics.csv": metrics.as_csv(run.metrics),
    }
    if out is None:
        pages[place / warned.NAME] = warned.as_json(content["doubts"], metrics.path_of(folder))
    else:
        pages[out / "metrics.json"] = metrics.as_json(run.metrics)
        pages[out / repeated.MADE_ON] = json.dumps(repeated.machine(), indent=1, sort_keys=True) + "\n"
    for file, text in pages.items():
        files.write_text(file, keys.withheld(text, hidden))
    return path


def render(template: str, content: Mapping[str, Any], how: MetricWords) -> str:
    """A page's HTML; figures read as `how` says."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # a section reads as if it stood in its chapter
    )
    environment.filters |= {
        "figure": how.figure,
        "interval": how.interval,
        "label": how.label,
        "title": lambda metric: how.title(metric.benchmark),
        "p": words.p_value,
        "percent": words.percent,
        "points": words.points,
        "plain": words.plain,
        "count": words.count,
        "by_subject": verdict.by_subject,
        "picture": lambda chart: chart.picture,
        "prompt": lambda text: "",
    }
    read = content.get("browser")
    if read is not None:
        environment.filters |= {
            "figure": read.lists.linked(how.figure),
            "picture": read.lists.pictures(content["metrics"], how),
            "prompt": read.lists.of_text,
        }
    style = "".join(_file(f"{name}.css") for name in ("report", "tables", "summary", *(["browser"] if read else [])))
    script = "".join(_file(f"{name}.js") for name in (*SCRIPTS, *(BROWSER_SCRIPTS if read else [])))
    frame = {
        "style": Markup(style),
        "script": Markup(script),
        "policy": policy(script, style),
        "fold": FOLD,
        "how": how,
    }
    return environment.get_template(template).render({**content, **frame}).removesuffix("\n")


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def gather(run: RunData, command: str, more: Sequence[PageSection] = ()) -> dict[str, Any]:
    """All that the page shows, but for the browser; with `more` sections than the benchmarks'."""
    wanted = run.settings.evaluation
    apart = {STUDY.name, *(benchmark.name for benchmark in BENCHMARKS if benchmark.own_table)}
    settings, found, first = run.settings.model_dump(mode="json"), sections(run, more), summary(run)
    doubts = verdict.doubts(run)
    return {
        "name": run.settings.name,
        "names": run.names,
        "judge": wanted.judge,
        "is_trained": not models_of(run.settings),
        "reference": wanted.reference,
        "alpha": round(1 - wanted.confidence, 12),
        "level": f"{100 * wanted.confidence:g}%",
        "metrics": run.metrics,
        "named": run.named,
        "listed": run.metrics if len(run.metrics) <= MOST_FIGURES else [],
        "summary": first,
        "caption": caption(first.columns, run.level),
        "doubts": [one for one in doubts if not one.expected],
        "expected": [one for one in doubts if one.expected],
        "looked_for": verdict.looked_for(run),
        "findings": [
            (finding, headlines(run, finding.model, finding.baseline))
            for benchmark in BENCHMARKS
            for finding in benchmark.findings(run)
        ],
        "sections": found,
        "judge_charts": [chart for section in found["judge"] for chart in section.charts],
        "change_charts": [chart for section in found["changed"] for chart in section.charts],
        "judge_pictures": pictures.pictures(run, "judge", first.chart),
        "change_pictures": pictures.pictures(run, "changed", first.chart),
        "changes": [m for m in run.metrics if m.baseline is not None and m.benchmark not in apart],
        "score_pictures": training.score_pictures(run),
        "histories": training.histories(run),
        "counts": training.counts(run.manifests),
        "eft": training.eft_account(run),
        "map": training.prompt_map(run),
        "manifests": run.manifests,
        "timings": run.timings,
        "settings": yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100),
        "seed": run.settings.seed,
        "commits": sorted({m.commit or "unknown" for m in run.manifests}),
        "versions": {name: version for m in run.manifests for name, version in sorted(m.versions.items())},
        "command": command,
    }


def sections(run: RunData, more: Sequence[PageSection] = ()) -> dict[Place, list[PageSection]]:
    """Every part of the page that a benchmark gives, by its place."""
    found: dict[Place, list[PageSection]] = defaultdict(list, {place: [] for place in get_args(Place)})
    for benchmark in BENCHMARKS:
        for section in benchmark.sections(run) or _plain(run, benchmark):
            found[section.place].append(section)
    for section in more:
        found[section.place].append(section)
    return {place: sorted(every, key=lambda one: one.rank) for place, every in found.items()}


def _plain(run: RunData, benchmark: Benchmark) -> list[PageSection]:
    """A table of what was measured of the run's models; none where nothing was."""
    measured = [m for m in run.of(benchmark.name) if m.baseline is None and m.model in run.names]
    if not measured:
        return []
    content = {"benchmark": benchmark.name, "metrics": list(dict.fromkeys(metric.metric for metric in measured))}
    return [PageSection("changed", PLAIN, content)]


def headlines(run: RunData, model: str, baseline: str) -> list[Headline]:
    """What became of the figures that their benchmarks want at the top, from one model to the next."""
    found = []
    for benchmark in BENCHMARKS:
        for metric, spec in benchmark.metrics.items():
            change = run.figure(benchmark.name, metric, model, baseline)
            if spec.headline and change is not None and change.value is not None:
                before, after = (run.named[benchmark.name, metric, name, None] for name in (baseline, model))
                label = spec.label[:1].upper() + spec.label[1:]
                found.append(Headline(label, before, after, change))
    return found
