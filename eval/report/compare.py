"""Several runs on one page: their models side by side, and paired differences on the prompts that two runs share."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from srlm.errors import SettingsError
from srlm.methods.base import run_folder
from srlm.settings import Settings
from srlm.store import files

from .. import metrics as kept
from ..benchmarks.between_runs import between, called, series
from ..benchmarks.finished import measured
from ..benchmarks.measuring import resampling, with_holm
from ..benchmarks.table import BENCHMARKS
from ..figures import charts
from ..figures.captions import caption
from ..figures.looks import Looks
from ..figures.specs import Group, MetricSpec, spaced
from ..figures.words import MetricWords, better_side
from ..records import MetricValue, Series
from ..stats.intervals import Resampling
from . import keys, page, written

BENCHMARK = "compared_runs"
MOST_PICTURES = 12


def write(runs: Sequence[Settings], out: Path, command: str) -> Path:
    """Write OUT/report.html, OUT/report.md, OUT/metrics.csv and OUT/metrics.json; returns the page's path."""
    names = [settings.name for settings in runs]
    if len(set(names)) < len(names):
        raise SettingsError(f"two of the runs have the same name ({', '.join(names)}); rename a folder")
    hidden = [key for settings in runs for key in keys.secrets(settings)]
    content = gather(runs, command)
    words = content["words"]
    path = out / "report.html"
    pages = {
        out / "metrics.json": kept.as_json(content["metrics"]),
        out / "metrics.csv": kept.as_csv(content["metrics"]),
        out / "report.md": written.markdown(content, words),
        path: page.render("compare.html", content, words),
    }
    for place, text in pages.items():
        files.write_text(place, keys.withheld(text, hidden))
    return path


def gather(runs: Sequence[Settings], command: str) -> dict[str, Any]:
    """All that the page shows: each run's figures under RUN/MODEL, and the paired differences between runs."""
    folders = {settings.name: run_folder(settings) for settings in runs}
    for folder in folders.values():
        folder.refuse_gone()
    found = {name: kept.read(kept.path_of(folder)) for name, folder in folders.items()}
    last = {name: [checkpoint.name for checkpoint in measured(folder)] for name, folder in folders.items()}
    by_prompt = {settings.name: series(settings, folders[settings.name]) for settings in runs}
    paired = differences(by_prompt, last, resampling(runs[0]))
    words = MetricWords((*BENCHMARKS, _group(by_prompt.values())))
    metrics = [metric.model_copy(update=_within(run, metric)) for run, own in found.items() for metric in own] + paired
    level = f"{100 * runs[0].evaluation.confidence:g}%"
    looks = Looks(found, {f"{run}/{model}": run for run, models in last.items() for model in models})
    return {
        "name": " and ".join(found),
        "runs": [
            {"name": settings.name, "method": method_words(settings), "base": settings.model.base,
             "seed": settings.seed, "models": last[settings.name], "measured": len(found[settings.name])}
            for settings in runs
        ],
        "pictures": pictures(found, words, looks, level),
        "paired": paired,
        "forest": forest(paired, words, looks, level),
        "metrics": metrics,
        "summary": None,
        "doubts": [],
        "expected": [],
        "findings": [],
        "level": level,
        "command": command,
        "words": words,
    }  # fmt: skip


def method_words(settings: Settings) -> str:
    """The method of a run, and what it has in the place of the judge's scores, of the usual pairs, or of EFT."""
    words = [spaced(settings.method.name)]
    if settings.reward.kind == "world" and settings.reward.scores == "form":
        words.append("reward: world, form alone")
    elif settings.reward.kind != "judge":
        words.append(f"reward: {settings.reward.kind}")
    if settings.selection.kind != "best_worst":
        words.append(f"selection: {settings.selection.kind}")
    if settings.selection.flip:
        words.append("pairs flipped")
    if settings.eft.writer == "off":
        words.append("no EFT")
    return ", ".join(words)


def _group(every: Iterable[Sequence[Series]]) -> Group:
    """How differences between runs read: as what they are differences of."""
    specs: dict[str, MetricSpec] = {}
    words = MetricWords(BENCHMARKS)
    for own in every:
        for one in own:
            spec = words.of(one.benchmark or "").spec(one.metric)
            specs[called(one)] = MetricSpec(label=spaced(called(one)), unit=spec.unit, better=spec.better)
    return Group(BENCHMARK, spaced(BENCHMARK), specs)


def _within(run: str, metric: MetricValue) -> dict[str, str | None]:
    return {"model": f"{run}/{metric.model}", "baseline": metric.baseline and f"{run}/{metric.baseline}"}


def pictures(
    found: Mapping[str, Sequence[MetricValue]], words: MetricWords, looks: Looks, level: str
) -> list[charts.Chart]:
    """A chart for each measure that two runs or more have, a colour a run."""
    by_measure: dict[tuple[str, str], dict[str, list[MetricValue]]] = {}
    for run, metrics in found.items():
        for metric in metrics:
            if metric.baseline is None and metric.value is not None:
                by_measure.setdefault((metric.benchmark, metric.metric), {}).setdefault(run, []).append(metric)
    drawn: list[charts.Chart] = []
    for runs in by_measure.values():
        if len(runs) > 1 and len(drawn) < MOST_PICTURES:
            rows = [charts.dot(metric, words, run) for run, metrics in runs.items() for metric in metrics]
            first = next(iter(runs.values()))[0]
            title = f"{words.title(first.benchmark)}: {words.label(first)}"
            every = [metric for metrics in runs.values() for metric in metrics]
            note = caption(every, level)
            drawn.append(charts.series(title, rows, words.is_share(first), looks, note))
    return drawn


def differences(
    by_prompt: Mapping[str, Sequence[Series]], models: Mapping[str, Sequence[str]], how: Resampling
) -> list[MetricValue]:
    """The last models of every two runs on the prompts both answered: paired means, sign test, Holm over all."""
    found = []
    for first, second in combinations(by_prompt, 2):
        if not models[first] or not models[second]:
            continue
        one, other = models[second][-1], models[first][-1]
        theirs = {(s.baseline, s.benchmark, s.metric): s for s in by_prompt[first] if s.model == other}
        for own in by_prompt[second]:
            against = theirs.get((own.baseline, own.benchmark, own.metric))
            if own.model == one and against is not None:
                found.append(between(BENCHMARK, f"{second}/{one}", f"{first}/{other}", own, against, how))
    return with_holm(found, how)


def forest(paired: Sequence[MetricValue], words: MetricWords, looks: Looks, level: str) -> list[charts.Chart]:
    """The differences that have a value, a picture a measure that is a share."""
    drawn = []
    for measure in dict.fromkeys(metric.metric for metric in paired):
        found = [m for m in paired if m.metric == measure and m.value is not None and words.is_share(m)]
        rows = [charts.dot(metric, words) | {"pair": f"{metric.model} : {metric.baseline}"} for metric in found]
        if rows:
            title = f"{words.label(found[0])}: difference on the same prompts"
            across = better_side(words.spec(found[0]))
            drawn.append(charts.forest(title, rows, across, caption(found, level), looks))
    return drawn
