"""Several runs on one page: their models side by side, and paired differences on the prompts that two runs share."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from srlm.errors import SettingsError
from srlm.methods.base import run_folder
from srlm.settings import Settings
from srlm.store import files

from ..records import MetricValue, Series
from ..stats.intervals import Resampling, paired_mean_difference
from ..stats.significance import sign_test_of
from ..suites.finished import measured
from ..suites.measuring import figure, with_holm
from ..suites.regress import series
from . import charts, figures, material, page, written

BENCHMARK = "compared_runs"
MOST_PICTURES = 12


def write(runs: Sequence[Settings], out: Path, command: str) -> Path:
    """Write OUT/report.html, OUT/report.md, OUT/metrics.csv and OUT/metrics.json; returns the page's path."""
    names = [settings.name for settings in runs]
    if len(set(names)) < len(names):
        raise SettingsError(f"two of the runs have the same name ({', '.join(names)}); rename a folder")
    keys = [key for settings in runs for key in material.secrets(settings)]
    content = gather(runs, command)
    path = out / "report.html"
    pages = {
        out / "metrics.json": written.metrics_json(content["metrics"]),
        out / "metrics.csv": written.metrics_csv(content["metrics"]),
        out / "report.md": written.markdown(content),
        path: page.render("compare.html", content),
    }
    for place, text in pages.items():
        files.write_text(place, material.withheld(text, keys))
    return path


def gather(runs: Sequence[Settings], command: str) -> dict[str, Any]:
    """All that the page shows: each run's figures under RUN/MODEL, and the paired differences between runs."""
    folders = [run_folder(settings) for settings in runs]
    found = {
        settings.name: material.read_metrics(folder.step("evaluation") / "metrics.json")
        for settings, folder in zip(runs, folders, strict=True)
    }
    last = {settings.name: [c.name for c in measured(folder)] for settings, folder in zip(runs, folders, strict=True)}
    by_prompt = {settings.name: series(settings) for settings in runs}
    paired = differences(by_prompt, last, page_how(runs[0]))
    metrics = [metric.model_copy(update=_within(run, metric)) for run, own in found.items() for metric in own] + paired
    return {
        "name": " and ".join(found),
        "runs": [
            {"name": settings.name, "method": method_words(settings), "base": settings.model.base,
             "seed": settings.seed, "models": last[settings.name], "measured": len(found[settings.name])}
            for settings in runs
        ],
        "pictures": pictures(found),
        "paired": paired,
        "forest": forest(paired),
        "metrics": metrics,
        "warnings": [],
        "findings": [],
        "level": f"{100 * runs[0].evaluation.confidence:g}%",
        "command": command,
    }  # fmt: skip


def method_words(settings: Settings) -> str:
    """The method of a run, and what it has in the place of the judge's scores, of the usual pairs, or of EFT."""
    words = [figures.label(settings.method.name)]
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


def page_how(settings: Settings) -> Resampling:
    """Intervals as the first run's settings have them."""
    wanted = settings.evaluation
    return Resampling(resamples=wanted.bootstrap, confidence=wanted.confidence, seed=settings.seed)


def _within(run: str, metric: MetricValue) -> dict[str, str | None]:
    return {"model": f"{run}/{metric.model}", "baseline": metric.baseline and f"{run}/{metric.baseline}"}


def pictures(found: Mapping[str, Sequence[MetricValue]]) -> list[charts.Chart]:
    """A chart for each measure that two runs or more have, a colour a run."""
    by_measure: dict[tuple[str, str], dict[str, list[MetricValue]]] = {}
    for run, metrics in found.items():
        for metric in metrics:
            if metric.baseline is None and metric.value is not None:
                by_measure.setdefault((metric.benchmark, metric.metric), {}).setdefault(run, []).append(metric)
    made: list[charts.Chart] = []
    for (benchmark, name), runs in by_measure.items():
        if len(runs) > 1 and len(made) < MOST_PICTURES:
            rows = [charts.dot(metric, run) for run, metrics in runs.items() for metric in metrics]
            share = figures.is_share(next(iter(runs.values()))[0])
            made.append(charts.series(f"{figures.label(benchmark)}: {figures.label(name)}", rows, share))
    return made


def differences(
    by_prompt: Mapping[str, Mapping[str, Series]], models: Mapping[str, Sequence[str]], how: Resampling
) -> list[MetricValue]:
    """The last models of every two runs on the prompts both answered: paired means, sign test, Holm over all."""
    made = []
    for first, second in combinations(by_prompt, 2):
        if not models[first] or not models[second]:
            continue
        one, other = models[second][-1], models[first][-1]
        for name, found in by_prompt[second].items():
            model, _, measure = name.partition("/")
            model, colon, over = model.partition(":")  # M3:M2 is M3's head-to-head with its own run's M2
            against = by_prompt[first].get(f"{other}{colon}{over}/{measure}")
            if model == one and against is not None:
                measure = f"over {over}: {measure}" if over else measure
                made.append(_difference(f"{second}/{one}", f"{first}/{other}", measure, found, against, how))
    return with_holm(made, how)


def _difference(
    model: str, baseline: str, measure: str, found: Series, against: Series, how: Resampling
) -> MetricValue:
    theirs = dict(zip(against.prompts, against.values, strict=True))
    shared = [(value, theirs[id]) for id, value in zip(found.prompts, found.values, strict=True) if id in theirs]
    both = [(a, b) for a, b in shared if a is not None and b is not None]
    # The test wants what a prompt gained or lost; a share of several units a prompt is that prompt's mean.
    estimate = paired_mean_difference([a for a, _ in both], [b for _, b in both], how.using(model, baseline, measure))
    return figure(
        model,
        BENCHMARK,
        measure,
        estimate,
        unscored=len(shared) - len(both),
        baseline=baseline,
        p=sign_test_of([a - b for a, b in both]) if both else None,
        note="" if both else "the two runs share no prompt that both could be scored on",
    )


def forest(paired: Sequence[MetricValue]) -> list[charts.Chart]:
    """The differences that have a value, a picture a measure that is a share."""
    made = []
    for measure in dict.fromkeys(metric.metric for metric in paired):
        found = [m for m in paired if m.metric == measure and m.value is not None and figures.is_share(m)]
        rows = [charts.dot(metric) | {"pair": f"{metric.model} : {metric.baseline}"} for metric in found]
        if rows:
            title = f"{figures.label(measure)}: difference on the same prompts"
            made.append(charts.forest(title, rows, "right of 0 the first is better"))
    return made
