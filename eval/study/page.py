"""RUNS/report/methods.html: the methods of a study side by side, with their costs, and each against the reference.

It is written from what lies on disk: runs, or their results alone. It is as safe as the report (eval/report/page.py).
methods.md, metrics.csv and metrics.json say the same.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm.errors import SrlmError, first_line
from srlm.methods import start
from srlm.methods.base import find_method
from srlm.methods.sharing import shareable
from srlm.store import files
from srlm.text.counts import counted

from .. import metrics as kept
from ..benchmarks.table import BENCHMARKS
from ..figures import charts
from ..figures.against import against
from ..figures.captions import caption
from ..figures.drawing import sentences
from ..figures.looks import Looks
from ..figures.specs import MetricSpec
from ..figures.words import MetricWords, p_text
from ..records import MetricValue
from ..report import keys, page
from . import results
from .figures import BENCHMARK, Cells, differences, group, means, seeds_named
from .file import Study
from .measures import WINS, Measured, Value, measures
from .results import RunResult
from .training import finished, why_not
from .written import markdown

FILE = "methods.html"
TESTED = 0.05
NOT_KEPT = Value(None, "not kept of it: an older srlm did not measure it")


class ShownMethod(NamedTuple):
    """A row of the table of methods."""

    name: str
    method: str
    summary: str
    paper: str
    file: str
    overrides: str
    seeds: str
    """How many have the outcome, as `7 of 8`."""
    trials: str
    note: str


class NotThere(NamedTuple):
    """A run that is not there, or not whole."""

    method: str
    seed: int
    why: str


def in_groups(missing: Sequence[NotThere]) -> list[str]:
    """A line for each reason and the seeds that have it: `not trained: seeds 7 and 8 of loop, spin`."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for one in missing:
        seeds.setdefault((one.why, one.method), []).append(one.seed)
    methods: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for (why, method), own in seeds.items():
        methods.setdefault((why, tuple(own)), []).append(method)
    return [f"{why}: {seeds_named(own)} of {', '.join(names)}" for (why, own), names in methods.items()]


class SeedRow(NamedTuple):
    """What one run has."""

    method: str
    seed: int
    why: str
    """Why it has nothing; empty: it has."""
    shown: Sequence[str]


def place_of(study: Study) -> Path:
    """The folder of the page, where nobody names another; no run is called like that."""
    return study.runs / "report"


def write(study: Study, command: str, out: Path) -> Path:
    """Write the page and the files beside it; returns the page's path."""
    hidden = [key for one in study.methods for key in keys.secrets(one.settings)]
    content = gather(study, command)
    words = content["words"]
    path = out / FILE
    pages = {
        out / "metrics.json": kept.as_json(content["metrics"]),
        out / "metrics.csv": kept.as_csv(content["metrics"]),
        path.with_suffix(".md"): markdown(content, words),
        path: page.render(FILE, content, words),
    }
    for place, text in pages.items():
        files.write_text(place, keys.withheld(text, hidden))
    return path


def gather(study: Study, command: str) -> dict[str, Any]:
    """All that the page shows."""
    runs, missing, outcome = _runs(study)
    wanted = measures(outcome)
    absent = {(one.method, one.seed): one.why for one in missing}
    cells: Cells = {
        (method.name, seed): {one.name: runs[method.name, seed].values.get(one.name, NOT_KEPT) for one in wanted}
        if (method.name, seed) in runs
        else {one.name: Value(None, absent[method.name, seed]) for one in wanted}
        for method in study.methods
        for seed in study.seeds
    }
    names, confidence = [one.name for one in study.methods], study.given.confidence
    averaged = means(names, study.seeds, wanted, cells, confidence)
    paired = differences(names, study.reference, study.seeds, wanted, cells, confidence)
    words = MetricWords((*BENCHMARKS, group(wanted)))
    named = {(one.metric, one.model): one for one in averaged}
    level = f"{100 * confidence:g}%"
    return {
        "name": study.name,
        "reference": study.reference,
        "seeds": study.seeds,
        "level": level,
        "methods": [_shown(study, number, named) for number in range(len(names))],
        "own_start": own_start(study),
        "other_start": other_start(study, runs),
        "measures": wanted,
        "outcome": outcome,
        "named": named,
        "not_there": missing,
        "not_there_lines": in_groups(missing),
        "findings": findings(paired, words),
        "pictures": pictures(named, wanted, names, words, level),
        "forests": forests(paired, words, names, level),
        "paired": paired,
        "by_seed": [
            _by_seed(one.name, seed, cells[one.name, seed], absent.get((one.name, seed), ""), wanted, words)
            for one in study.methods
            for seed in study.seeds
        ],
        "commits": sorted({one.commit or "not known" for one in runs.values()}),
        "metrics": [*averaged, *paired],
        "words": words,
        "command": command,
    }


def _runs(study: Study) -> tuple[dict[tuple[str, int], RunResult], list[NotThere], str]:
    """The runs that are finished, why the others are not there, and what counts."""
    runs: dict[tuple[str, int], RunResult] = {}
    missing = []
    for method in study.methods:
        for seed in study.seeds:
            cell = study.cell(method, seed)
            kept = results.read(study, seed)
            try:
                found = finished(study, cell, kept)
            except SrlmError as error:
                found, why = None, first_line(error)
            else:
                why = why_not(study, cell, kept) if found is None else ""
            if found is None:
                missing.append(NotThere(cell.method, seed, why))
            else:
                runs[cell.method, seed] = found
    outcome = study.given.outcome or next((one.outcome for one in runs.values() if one.outcome != WINS), WINS)
    for (name, seed), one in list(runs.items()):
        if one.outcome != outcome:
            del runs[name, seed]
            missing.append(NotThere(name, seed, f"its outcome is {one.outcome}; name the study's (outcome)"))
    return runs, missing, outcome


def own_start(study: Study) -> list[str]:
    """The methods whose M1 is not the reference's: their gain is over another model."""
    reference, *others = study.cells(study.seeds[0])
    return [
        cell.method
        for cell in others
        if start.FIRST.name not in [step.name for step in shareable(reference.settings, cell.settings)]
    ]


def other_start(study: Study, runs: Mapping[tuple[str, int], RunResult]) -> list[str]:
    """The methods whose M1 should be the reference's and has other weights: it was made on another machine, say."""

    def differs(name: str, seed: int) -> bool:
        one, other = runs.get((name, seed)), runs.get((study.reference, seed))
        return one is not None and other is not None and one.first != other.first

    own = own_start(study)
    alike = [method.name for method in study.methods if method.name not in own]
    found = {name: [seed for seed in study.seeds if differs(name, seed)] for name in alike}
    return [f"{name} ({seeds_named(seeds)})" for name, seeds in found.items() if seeds]


def _shown(study: Study, number: int, named: dict[tuple[str, str], MetricValue]) -> ShownMethod:
    one = study.methods[number]
    method = find_method(one.settings.method.name)
    tuned = f", on seeds {one.given.tuned_on}" if one.given.tuned_on != "" else ""
    return ShownMethod(
        one.name,
        one.settings.method.name,
        method.summary,
        method.paper,
        one.file.as_posix(),
        " ".join((*study.given.set, *one.given.set)),
        f"{named['outcome', one.name].n} of {len(study.seeds)}",
        "not stated" if one.given.trials is None else f"{one.given.trials}{tuned}",
        one.given.note,
    )


def findings(paired: Sequence[MetricValue], words: MetricWords) -> list[str]:
    """What the corrected tests say of the gain, one sentence a method; then which show nothing."""
    gains = [one for one in paired if one.metric == "gain"]
    if not gains:
        return []
    spec = words.spec(gains[0])
    measure = "" if spec.better == "higher" else f" in {spec.label}"
    shown = [one for one in gains if one.p_adjusted is not None and one.p_adjusted < TESTED]
    said = [
        f"{one.model} {_gains(one.value or 0, spec)} than {one.baseline}{measure}: "
        f"{words.text_of(one, one.value or 0)}, {p_text(one.p_adjusted or 0)} after Holm's correction, "
        f"{counted(one.n, 'seeds')}."
        for one in sorted(shown, key=lambda one: -(one.value or 0))
    ]
    silent = [one.model for one in gains if one not in shown and one.p_adjusted is not None]
    if silent:
        said.append(f"No difference in {_gain(spec)} from {gains[0].baseline} is shown of: {', '.join(silent)}.")
    untested = [one.model for one in gains if one.p_adjusted is None]
    if untested:
        said.append(f"Not tested, for too few seeds or equal values: {', '.join(untested)}.")
    return said


def _gain(spec: MetricSpec) -> str:
    """What more of the outcome than M1 has is called."""
    return "gain" if spec.better == "higher" else "change"


def _gains(difference: float, spec: MetricSpec) -> str:
    """What a method does whose gain differs so from the reference's; where higher is not better, no gain is claimed."""
    if spec.better == "higher":
        return f"gains {'more' if difference > 0 else 'less'}"
    word = "higher" if difference > 0 else "lower"
    return f"is {word}" + ("" if spec.better is None else " (better)" if word == spec.better else " (worse)")


def pictures(
    named: dict[tuple[str, str], MetricValue],
    wanted: Sequence[Measured],
    names: Sequence[str],
    words: MetricWords,
    level: str,
) -> list[charts.Chart]:
    """The gain against each cost that any method has."""
    drawn = []
    for cost in (one for one in wanted if one.is_cost):
        rows, left_out = [], []
        for name in names:
            gain, took = named["gain", name], named[cost.name, name]
            if gain.value is None or took.value is None:
                left_out.append(name)
                continue
            rows.append(
                {
                    "name": name,
                    **{"x": took.value, "x_low": took.low, "x_high": took.high},
                    **{"y": gain.value, "y_low": gain.low, "y_high": gain.high},
                    "said": f"{name}: {words.text_of(gain, gain.value)} for {took.value:,.0f} {cost.spec.label}",
                }
            )
        if rows:
            gained = words.label(named["gain", names[0]])
            note = f"Without a value: {', '.join(left_out)}." if left_out else ""
            share = words.is_share(named["gain", names[0]])
            title = f"{_gain(words.spec(named['gain', names[0]])).capitalize()} against {cost.spec.label}"
            found = [named["gain", name] for name in names if name not in left_out]
            note = sentences(caption(found, level), note)
            drawn.append(against(title, rows, cost.spec.label, gained, share, note, Looks(names)))
    return drawn


def forests(paired: Sequence[MetricValue], words: MetricWords, names: Sequence[str], level: str) -> list[charts.Chart]:
    """The differences in gain from the reference."""
    found = [one for one in paired if one.metric == "gain" and one.value is not None and words.is_share(one)]
    if not found:
        return []
    rows = [charts.dot(one, words) | {"pair": one.model} for one in found]
    spec = words.spec(found[0])
    title = f"{_gain(spec).capitalize()}, minus the reference's on the same seeds"
    note = f"{caption(found, level)} Methods in the order of the study."
    return [charts.forest(title, rows, f"right of 0 the method {_gains(1, spec)}", note, Looks(names))]


def _by_seed(
    method: str, seed: int, own: Mapping[str, Value], why: str, wanted: Sequence[Measured], words: MetricWords
) -> SeedRow:
    return SeedRow(method, seed, why, [_rounded(own[one.name], one, words) for one in wanted])


def _rounded(value: Value, measure: Measured, words: MetricWords) -> str:
    """A number of one run, rounded as its measure is; the reason where there is none."""
    if value.value is None:
        return f"missing: {value.why}"
    one = MetricValue(
        model="", benchmark=BENCHMARK, metric=measure.name, value=value.value, low=None, high=None, n=1, unscored=0,
        method="",
    )  # fmt: skip
    return words.text_of(one, value.value)
