"""The first screen of the page: is the last model better than what the run started from, and is its judge?

One sentence from paired differences, one table with a row a model, one chart, one prompt with every model's answer, and
what it was all made of. What is measured of answers, of judges and of lengths is what benchmarks name in `leads`; none
is known by name here.

A difference is called where its interval excludes 0 and, for a test that was one of several, p after Holm's correction
is below alpha. All else is said to show no difference, or to be missing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from statistics import median_low
from typing import Literal, NamedTuple

from markupsafe import Markup

from srlm.methods.untrained import models_of
from srlm.records import Prompt
from srlm.settings import MeasuredData
from srlm.text.counts import counted

from ..benchmarks.base import Benchmark, Lead, RunData
from ..benchmarks.ranked_by import ranked_by
from ..benchmarks.table import BENCHMARKS, WORDS
from ..figures import charts
from ..records import MetricValue, Series
from .pictures import by_model
from .verdict import UNSCORED

Verdict = Literal["better", "worse", "no difference", "too few", "missing"]
MOST_NAMED = 6
"""Models that the sentence names; of more, it counts them."""
MOST_ANSWERS = 8
"""Answers beside each other; of more models, those to the first and the last ones."""


class Measure(NamedTuple):
    """A metric that a benchmark gives to the first screen."""

    benchmark: Benchmark
    lead: Lead


class Sides(NamedTuple):
    """The models that the sentence is about."""

    last: str
    start: str | None
    """What `last` is compared with. None: there is no other model."""
    why: str
    """Why with that one: a sentence."""
    others: Sequence[str] = ()
    """Where several models are compared with `start` and none of them is the last: all of them."""


class Cell(NamedTuple):
    """A figure of the table. None: it does not apply, or was not measured."""

    figure: MetricValue | None
    shares: Sequence[tuple[str, MetricValue]] = ()
    """Of a contest: words, and what stands behind each."""


class Column(NamedTuple):
    """A column of the table, a cell a model."""

    title: str
    n: str
    """Units of the figures that have a value: `1,188 to 1,190 pairs`."""
    cells: Sequence[Cell]
    about: str = ""
    """What the figures are, where the title does not say it."""


class Answer(NamedTuple):
    """One model's answer to the prompt that is shown."""

    model: str
    text: str
    is_cut: bool
    outcome: "Outcome | None"
    """What was said of it."""


class Outcome(NamedTuple):
    """What was said of one answer."""

    word: str
    kind: Literal["win", "tie", "lose"]


class Exhibit(NamedTuple):
    """A prompt with all answers."""

    prompt: Prompt
    rule: str
    """How it was chosen."""
    answers: Sequence[Answer]
    left_out: int
    """Models whose answers are in the browser alone."""


class Summary(NamedTuple):
    """All of the first screen."""

    kind: str
    """What the sentence says of the answers: a `Verdict`, or `mixed`."""
    sentence: Markup
    more: Sequence[Markup]
    """What has to stand below it, a sentence each."""
    start: str | None
    columns: Sequence[Column]
    unscored: Sequence[str]
    """Of each model, what has no score."""
    chart: charts.Chart | None
    exhibit: Exhibit | None
    made_of: Sequence[tuple[str, str]]


def summary(run: RunData) -> Summary:
    """The first screen of a run's page."""
    found = measures(run)
    judges, sides = _about(found, "judge")[:1], sides_of(run)
    if sides is None:
        said = _Said("missing", Markup("<strong>No model has been measured yet</strong> (srlm-eval all)."), [])
    elif sides.others:
        said = _of_several(run, found, sides)
    else:
        said = _of_two(run, found, sides)
    start = sides.start if sides else None
    columns = _columns(run, found, start)
    return Summary(
        said.kind,
        said.sentence,
        said.more,
        start,
        columns,
        [_unscored(run, found, name, start) for name in run.names],
        _chart(run, [*_about(found, "quality"), *judges], _about(found, "contest"), start),
        _exhibit(run, found, sides) if sides else None,
        made_of(run),
    )


def measures(run: RunData) -> list[Measure]:
    """What benchmarks name, where a model of the run has a value; of judges, also where none gave a score."""
    values, tried = set(), set()
    for one in run.metrics:
        if one.model in run.names:
            tried.add((one.benchmark, one.metric, one.baseline is None))
            if one.value is not None:
                values.add((one.benchmark, one.metric, one.baseline is None))
    return [
        Measure(benchmark, lead)
        for benchmark in BENCHMARKS
        for lead in benchmark.leads
        if (benchmark.name, lead.metric, lead.about != "contest") in (tried if lead.about == "judge" else values)
    ]


def sides_of(run: RunData) -> Sides | None:
    """Which models the sentence compares; None where none was measured.

    A run's last model is compared with the base that its training began from, where that can answer; else with the
    first model of the loop; else with the first that was measured. `evaluation.reference` comes before all of these.
    """
    leads = {(benchmark.name, lead.metric) for benchmark in BENCHMARKS for lead in benchmark.leads}
    known = [one for one in run.metrics if (one.benchmark, one.metric) in leads]
    measured = {one.model for one in known} | {one.baseline for one in known}
    reference, names = run.settings.evaluation.reference, [name for name in run.names if name in measured]
    if not names:
        return None
    others = [name for name in names if name != reference] or names
    if models_of(run.settings):
        start = reference if reference in names else names[0]
        rest = [name for name in names if name != start]
        why = f"Compared with {start}, the reference" if rest else ""
        return Sides(rest[-1] if rest else start, start if rest else None, why, rest if len(rest) > 1 else ())
    steps = {step.name: step for step in run.folder.steps()}
    loop = [name for name in others if steps[name].role == "iteration"]
    last = loop[-1] if loop else others[-1]
    if reference in names:
        return Sides(last, reference, f"Compared with {reference}, the run's reference")
    base = steps[last]
    while base.parent in steps:
        base = steps[base.parent]
    if base.role == "base" and base.name in names and base.name != last:
        return Sides(last, base.name, f"Compared with {base.name}, from which the run started")
    why = f"{base.name} was not measured (srlm-eval all)" if base.name in run.names and base.name != last else ""
    if missing := run.folder.not_measured().get(base.name):
        why = f"{base.name} answers no prompts ({missing})"
    before = [name for name in (*loop[:1], *names) if name != last]
    if not before:
        return Sides(last, None, why)
    start = before[0]
    what = f"Compared with {start}, the first model {'of the loop' if start in loop else 'measured'}"
    return Sides(last, start, f"{what}: {why}" if why else what)


# The sentence ---------------------------------------------------------------------------------------------------------


class _Said(NamedTuple):
    kind: str
    sentence: Markup
    more: list[Markup]


class _Evidence(NamedTuple):
    measure: Measure
    change: MetricValue | None
    verdict: Verdict


def verdict_of(change: MetricValue | None, measure: Measure, alpha: float) -> Verdict:
    """What a difference shows."""
    if change is None or change.value is None:
        return "missing"
    if change.low is None or change.high is None:
        return "too few"
    if change.low <= 0 <= change.high or (change.p_adjusted is not None and change.p_adjusted >= alpha):
        return "no difference"
    more_is_better = measure.benchmark.spec(measure.lead.metric).better != "lower"
    return "better" if (change.value > 0) == more_is_better else "worse"


def overall(verdicts: Sequence[Verdict]) -> str:
    """What several measures say together: `mixed` where one calls a model better and another one worse."""
    shown = {one for one in verdicts if one in ("better", "worse")}
    if len(shown) == 2:
        return "mixed"
    known = sorted(verdicts, key=["better", "worse", "no difference", "too few", "missing"].index)
    return known[0] if known else "missing"


def change_of(run: RunData, measure: Measure, model: str, baseline: str) -> MetricValue | None:
    """A model's figure against another's on the same prompts: as it was measured, else from what lies on disk."""
    benchmark, metric = measure.benchmark, measure.lead.metric
    found = run.figure(benchmark.name, metric, model, baseline)
    if found is None and measure.lead.about != "contest":
        return run.once(
            f"{benchmark.name}: {metric}: {model} minus {baseline}",
            lambda: benchmark.change(run, metric, model, baseline),
        )
    return found


def _of_two(run: RunData, found: Sequence[Measure], sides: Sides) -> _Said:
    """The last model and what it started from, then both as judges."""
    last, start = sides.last, sides.start
    judged = _judges(run, _about(found, "judge")[:1], last, start)
    if start is None:
        return _alone(run, found, sides, judged)
    evidence = _evidence(run, found, last, start)
    kind = overall([one.verdict for one in evidence])
    heads = {
        "better": Markup("<strong>{0} is better than {1}</strong>"),
        "worse": Markup("<strong>{0} is worse than {1}</strong>"),
        "mixed": Markup("<strong>{0} is better than {1} by one measure and worse by another</strong>"),
        "no difference": Markup("<strong>No difference is shown between {0} and {1}</strong>"),
        "too few": Markup("<strong>Too few prompts were measured to compare {0} with {1}</strong>"),
        "missing": Markup("<strong>{0} and {1} have not been compared</strong> ({2})"),
    }
    # What decided the verdict comes first; of a mixed one, both.
    deciding = [
        one for one in evidence if one.verdict == kind or (kind == "mixed" and one.verdict in ("better", "worse"))
    ]
    first = deciding[: 2 if kind == "mixed" else 1] if kind not in ("missing", "too few") else []
    parts = [_part(run, one, is_first=place == 0) for place, one in enumerate(first)]
    head = heads[kind].format(last, start, _command("contest")) + (": " + Markup("; ").join(parts) if parts else "")
    link = ", but " if {kind, judged.kind} == {"better", "worse"} else ", and "
    sentence = head + link + judged.sentence + "." if judged.sentence else head + "."
    more = [_also(run, one) for one in evidence if one.verdict != kind and one not in first]
    return _Said(kind, Markup(sentence), [*more, *judged.more, *_why(sides)])


def _of_several(run: RunData, found: Sequence[Measure], sides: Sides) -> _Said:
    """Models that stand beside each other, each against the reference."""
    assert sides.start is not None
    answers = {
        name: overall([one.verdict for one in _evidence(run, found, name, sides.start)]) for name in sides.others
    }
    kinds = set(answers.values())
    kind = kinds.pop() if len(kinds) == 1 else "no difference"
    head = Markup("<strong>Against {}</strong>: {}").format(sides.start, _sorted_out(answers))
    more = [Markup("The table has each difference with its interval.")]
    measure = next(iter(_about(found, "judge")), None)
    if measure is not None:
        changes = {name: change_of(run, measure, name, sides.start) for name in sides.others}
        verdicts = {name: verdict_of(one, measure, _alpha(run)) for name, one in changes.items()}
        head += Markup("; <strong>as a judge</strong> ({}): {}").format(measure.lead.name, _sorted_out(verdicts))
    return _Said(kind, head + ".", [*more, *_why(sides)])


def _sorted_out(verdicts: Mapping[str, str]) -> str:
    """Models by what was found of each, the best first."""
    said = {
        "better": "better",
        "worse": "worse",
        "mixed": "better by one measure and worse by another",
        "no difference": "no difference is shown for",
        "too few": "too few prompts for",
        "missing": "not compared",
    }
    parts = []
    for kind, words in said.items():
        names = [name for name, one in verdicts.items() if one == kind]
        if names:
            listed = ", ".join(names) if len(verdicts) <= MOST_NAMED else counted(len(names), "models")
            parts.append(f"{words} {listed}" if words.endswith("for") else f"{listed} {words}")
    return "; ".join(parts)


def _alone(run: RunData, found: Sequence[Measure], sides: Sides, judged: _Said) -> _Said:
    """One model, with nothing to compare it with."""
    parts = [
        Markup("{} {}").format(one.lead.name, _with_interval(run, figure, is_first=True))
        for one in _about(found, "quality")
        if (figure := run.figure(one.benchmark.name, one.lead.metric, sides.last)) and figure.value is not None
    ]
    head = Markup("<strong>{} is the only model measured, so there is nothing to compare it with</strong>").format(
        sides.last
    )
    if parts:
        head += ": " + Markup("; ").join(parts)
    if judged.sentence:
        head += ", and " + judged.sentence
    return _Said("missing", head + ".", [*judged.more, *_why(sides)])


def _judges(run: RunData, measure: Sequence[Measure], last: str, start: str | None) -> _Said:
    """What became of the judge: no sentence where none was measured, and it is said below."""
    if not measure:
        unmeasured = Markup("As judges the models were not measured ({}).").format(_command("judge"))
        return _Said("missing", Markup(), [unmeasured])
    (one,) = measure
    name = one.lead.name
    taught = [model for model in run.names if model not in run.untaught]
    before = start if start is not None and start in taught else next(iter(taught), None)
    figures = {model: run.figure(one.benchmark.name, one.lead.metric, model) for model in (last, before) if model}
    own = figures.get(last)
    if own is None:
        return _Said("missing", Markup("<strong>{} was not measured as a judge</strong>").format(last), [])
    theirs = figures.get(before) if before else None
    if own.value is None:
        silent = f"{before} nor {last}" if before != last and theirs is not None and theirs.value is None else last
        neither = "neither " if silent != last else ""
        said = Markup("<strong>as a judge {}{} gives {} that can be read</strong>")
        return _Said("missing", said.format(neither, silent, "a score" if neither else "no score"), [])
    if before is None or before == last or theirs is None or theirs.value is None:
        alone = Markup("<strong>as a judge</strong> it is at {}: {}").format(_with_interval(run, own), name)
        return _Said("missing", alone, [])
    change = change_of(run, one, last, before)
    kind = verdict_of(change, one, _alpha(run))
    whose = "" if before == start else f"{before}'s"
    heads = {
        "better": Markup("<strong>its judge is better{}</strong>").format(f" than {whose}" if whose else ""),
        "worse": Markup("<strong>its judge is worse{}</strong>").format(f" than {whose}" if whose else ""),
        "no difference": Markup("<strong>no difference is shown between {}</strong>").format(
            f"its judge and {whose}" if whose else "their judges"
        ),
        "too few": Markup("<strong>too few rankings were judged to compare {}</strong>").format(
            f"its judge with {whose}" if whose else "their judges"
        ),
        "missing": Markup("<strong>{} and {} were not compared as judges</strong>").format(last, before),
    }
    if change is None or kind in ("missing", "too few"):
        return _Said(kind, heads[kind], [])
    return _Said(kind, heads[kind] + ": " + _part(run, _Evidence(one, change, kind)), [])


def _evidence(run: RunData, found: Sequence[Measure], model: str, baseline: str) -> list[_Evidence]:
    """What compares the answers of two models, and what it shows."""
    made = []
    for one in [*_about(found, "quality"), *_about(found, "contest")]:
        change = change_of(run, one, model, baseline)
        made.append(_Evidence(one, change, verdict_of(change, one, _alpha(run))))
    return made


def _part(run: RunData, one: _Evidence, is_first: bool = False) -> Markup:
    """A difference in the sentence, with its interval and n."""
    assert one.change is not None
    name = _metric_name(one.measure)
    return Markup("{} {}").format(name, _with_interval(run, one.change, is_first))


def _also(run: RunData, one: _Evidence) -> Markup:
    """Further evidence, as a sentence of its own."""
    name, change = one.measure.lead.name, one.change
    if change is None or change.value is None:
        why = f": {change.note or change.method}" if change is not None else ""
        return Markup("{}: not compared{}.").format(_begun(name), why)
    shares = [
        Markup("{} {}").format(word, WORDS.figure(figure))
        for word, figure in _shares(run, one.measure, change.model, change.baseline or "")
    ]
    said = Markup(", ").join([*shares, _part(run, one)]) if shares else _with_interval(run, change)
    ends = {"no difference": "; no difference is shown", "too few": "; too few prompts for an interval"}
    begin = f"{_begun(name)}: {change.model} " if shares else f"{_begun(name)}: "
    return Markup("{}{}{}.").format(begin, said, ends.get(one.verdict, ""))


def _metric_name(measure: Measure) -> str:
    """What a difference is of: of a contest, the metric itself."""
    if measure.lead.about == "contest":
        return measure.benchmark.spec(measure.lead.metric).label
    return measure.lead.name


def _with_interval(run: RunData, figure: MetricValue, is_first: bool = False) -> Markup:
    """A value with all that has to stand beside it; `is_first`: with the interval's level, too."""
    n = counted(figure.n, figure.unit)
    many = figure.unscored > UNSCORED * (figure.n + figure.unscored)  # the table has the few
    unscored = f", {figure.unscored:,} unscored" if many else ""
    if figure.low is None:
        return Markup("{} (no interval, {}{})").format(WORDS.figure(figure), n, unscored)
    level = f"{100 * run.settings.evaluation.confidence:g}% interval " if is_first else ""
    return Markup("{} ({}{}, {}{})").format(WORDS.figure(figure), level, WORDS.interval(figure), n, unscored)


def _why(sides: Sides) -> list[Markup]:
    return [Markup("{}.").format(sides.why)] if sides.why else []


def _command(about: str) -> str:
    """The command that measures what is missing."""
    return next(
        f"srlm-eval {one.command or f'run {one.name}'}"
        for one in BENCHMARKS
        if any(lead.about == about for lead in one.leads)
    )


def _about(found: Sequence[Measure], about: str) -> list[Measure]:
    return [one for one in found if one.lead.about == about]


def _alpha(run: RunData) -> float:
    return round(1 - run.settings.evaluation.confidence, 12)


# The table and the chart ----------------------------------------------------------------------------------------------


def _columns(run: RunData, found: Sequence[Measure], start: str | None) -> list[Column]:
    """Answers, the same against the start, contests with it, judge, length."""
    made = []

    def add(title: str, cells: Sequence[Cell], about: str = "") -> None:
        if any(cell.figure is not None for cell in cells):
            made.append(Column(title, _units(cells), cells, about))

    for one in _about(found, "quality"):
        add(_begun(one.lead.name), [Cell(_own(run, one, name)) for name in run.names])
        if start is not None:
            changes = [Cell(change_of(run, one, name, start) if name != start else None) for name in run.names]
            add(f"Against {start}", changes)
    for one in _about(found, "contest"):
        contests = [_contest(run, one, name, start) for name in run.names]
        metric = one.benchmark.spec(one.lead.metric).label
        words = " / ".join(word for word, _ in next((cell.shares for cell in contests if cell.shares), ()))
        about = f"{words}, with the interval of {metric}" if words else metric
        add(f"{_begun(one.lead.name)} with {start}", contests, f"{one.lead.name}: {about}")
    for one in _about(found, "judge")[:1]:
        add("As a judge", [Cell(_own(run, one, name)) for name in run.names], f"as a judge: {one.lead.name}")
    for one in _about(found, "length")[:1]:
        add(_begun(one.lead.name), [Cell(_own(run, one, name)) for name in run.names])
    return made


def caption(columns: Sequence[Column], level: str) -> str:
    """What has to stand beside the table: intervals, n, and what figures are whose title does not say it."""
    by_n: dict[str, list[str]] = {}
    for one in columns:
        by_n.setdefault(one.n, []).append(one.title)
    by_n.pop("", None)
    most = max(map(len, by_n.values()), default=0)
    common = next((n for n, titles in by_n.items() if len(titles) == most and (most > 1 or len(by_n) == 1)), None)
    named = [f"{n} ({', '.join(map(_within, titles))})" for n, titles in by_n.items() if n != common]
    said = [f"Below each figure its {level} interval over prompts"]
    if by_n:
        said.append(f"n: {'; '.join(filter(None, [common, *named]))}")
    return ". ".join([*said, *(_begun(one.about) for one in columns if one.about)]) + "."


def _units(cells: Sequence[Cell]) -> str:
    """`1,188 to 1,190 pairs`: of the figures that have a value."""
    known = [cell.figure for cell in cells if cell.figure is not None and cell.figure.value is not None]
    if not known:
        return ""
    fewest, most = min(one.n for one in known), max(one.n for one in known)
    return f"{f'{fewest:,} to ' if fewest < most else ''}{counted(most, known[0].unit)}"


def _within(title: str) -> str:
    """A title within a sentence; a name that begins with capitals keeps them."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _begun(words: str) -> str:
    """Words as a sentence or a title begins."""
    return words[:1].upper() + words[1:]


def _own(run: RunData, measure: Measure, model: str) -> MetricValue | None:
    return run.figure(measure.benchmark.name, measure.lead.metric, model)


def _contest(run: RunData, measure: Measure, model: str, start: str | None) -> Cell:
    """A model's contest with the start; of one that came before the start, that contest turned round."""
    name, metric = measure.benchmark.name, measure.lead.metric
    if start is None:
        return Cell(None)
    if (figure := run.figure(name, metric, model, start)) is not None:
        return Cell(figure, _shares(run, measure, model, start))
    if (figure := run.figure(name, metric, start, model)) is None:
        return Cell(None)
    low, high = (None if end is None else -end for end in (figure.high, figure.low))
    turned = {"model": model, "baseline": start, "value": figure.value and -figure.value, "low": low, "high": high}
    words = [word for word, _ in _shares(run, measure, start, model)]
    figures = [share for _, share in reversed(_shares(run, measure, start, model))]
    return Cell(figure.model_copy(update=turned), list(zip(words, figures, strict=True)))


def _shares(run: RunData, measure: Measure, model: str, baseline: str) -> list[tuple[str, MetricValue]]:
    shares = [(word, run.figure(measure.benchmark.name, name, model, baseline)) for name, word in measure.lead.shares]
    return [(word, figure) for word, figure in shares if figure is not None and figure.value is not None]


def _unscored(run: RunData, found: Sequence[Measure], model: str, start: str | None) -> str:
    """Units of the table's own figures that have no score; those of a difference are of its sides."""
    figures = [
        _contest(run, one, model, start).figure if one.lead.about == "contest" else _own(run, one, model)
        for one in found
    ]
    said = [counted(one.unscored, one.unit) for one in figures if one is not None and one.unscored]
    return ", ".join(dict.fromkeys(said)) or "0"


def _chart(
    run: RunData, single: Sequence[Measure], contests: Sequence[Measure], start: str | None
) -> charts.Chart | None:
    """Quality by model: the first measure of answers; else contests with the start; else the judges."""
    answers = [one for one in single if one.lead.about == "quality"]
    if not answers and start is not None:
        for one in contests:
            drawn = [
                figure
                for name in run.names
                if (figure := _contest(run, one, name, start).figure) is not None and figure.value is not None
            ]
            if drawn:
                title = f"{one.benchmark.spec(one.lead.metric).label} against {start}"
                return by_model(run, drawn, _begun(title))
    for one in [*answers, *single]:
        figures = [figure for name in run.names if (figure := _own(run, one, name)) is not None]
        picture = one.benchmark.spec(one.lead.metric).picture
        title = picture.title if picture else f"{_begun(one.lead.name)}, by model"
        ranked = ranked_by(run.settings) if picture and picture.ranked else ""
        if chart := by_model(run, figures, title, ranked):
            return chart
    return None


# The prompt -----------------------------------------------------------------------------------------------------------


def _exhibit(run: RunData, found: Sequence[Measure], sides: Sides) -> Exhibit | None:
    """The first evaluation prompt on which the last model gained as much as on the median prompt."""
    answered = [name for name in run.names if name in run.answers]
    prompts = [prompt for prompt in run.prompts if any(prompt.id in run.answers[name] for name in answered)]
    if not prompts:
        return None
    said = _by_prompt(run, found, sides)
    gains = {prompt.id: said.gains[prompt.id] for prompt in prompts if prompt.id in said.gains}
    if gains:
        typical = median_low(gains.values())
        prompt = next(one for one in prompts if gains.get(one.id) == typical)
        rule = (
            f"Chosen by rule: the first of {counted(len(gains), 'prompts')} with the median gain of {sides.last} over "
            f"{sides.start} ({said.name})."
        )
    else:
        prompt, rule = prompts[0], "Chosen by rule: the first evaluation prompt."
    shown = answered
    if len(answered) > MOST_ANSWERS:
        first = sides.start if sides.start in answered else answered[0]
        shown = [first, *[name for name in answered if name != first][1 - MOST_ANSWERS :]]
    answers = [
        Answer(name, one.text, one.finish == "length", said.outcomes.get((name, prompt.id)))
        for name in shown
        if (one := run.answers[name].get(prompt.id)) is not None
    ]
    return Exhibit(prompt, rule, answers, len(answered) - len(shown))


class _ByPrompt(NamedTuple):
    name: str
    gains: Mapping[str, float]
    """By prompt, what the last model gained on the start."""
    outcomes: Mapping[tuple[str, str], Outcome]
    """What was said of a model's answer to a prompt."""


def _by_prompt(run: RunData, found: Sequence[Measure], sides: Sides) -> _ByPrompt:
    """From the first measure that says something of each evaluation prompt, measures of answers before contests."""
    asked = {prompt.id for prompt in run.prompts}
    for one in _about(found, "quality"):
        series = one.benchmark.by_model(run, one.lead.metric)
        if not series or not all(set(of.prompts) <= asked for of in series.values()):
            continue
        values = {name: _values(of) for name, of in series.items()}
        outcomes = {(name, id): _outcome(one, value) for name, own in values.items() for id, value in own.items()}
        mine, theirs = values.get(sides.last, {}), values.get(sides.start or "", {})
        return _ByPrompt(one.lead.name, {id: mine[id] - theirs[id] for id in mine if id in theirs}, outcomes)
    if sides.start is None:
        return _ByPrompt("", {}, {})
    for one in _about(found, "contest"):
        series = one.benchmark.against(run, one.lead.metric, sides.start)
        if sides.last not in series or not set(series[sides.last].prompts) <= asked:
            continue
        values = {name: _values(of) for name, of in series.items()}
        outcomes = {
            (name, id): _outcome(one, value, f" against {sides.start}")
            for name, own in values.items()
            for id, value in own.items()
        }
        return _ByPrompt(one.lead.name, values[sides.last], outcomes)
    return _ByPrompt("", {}, {})


def _values(series: Series) -> dict[str, float]:
    return {id: value for id, value in zip(series.prompts, series.values, strict=True) if value is not None}


def _outcome(measure: Measure, value: float, against: str = "") -> Outcome:
    words = measure.lead.outcomes
    word = words.get(value, f"{measure.lead.name} {value:.3g}")
    kind: Literal["win", "tie", "lose"] = "tie"
    if value in words and len(words) > 1:
        kind = "win" if value == max(words) else "lose" if value == min(words) else "tie"
    return Outcome(f"{word}{against}", kind)


# What it was made of --------------------------------------------------------------------------------------------------


def made_of(run: RunData) -> list[tuple[str, str]]:
    """Models, data, judge, date, commit and seed, a word each and what it was."""
    return [(name, said) for name, said in _facts(run) if said]


def _facts(run: RunData) -> Iterator[tuple[str, str]]:
    settings, given = run.settings, models_of(run.settings)
    if given:
        listed = ", ".join(f"{name} ({_short(one.model)})" for name, one in given.items())
        yield "models", listed if len(given) <= MOST_NAMED else counted(len(given), "models")
    else:
        base = settings.model.base
        method = settings.method.name.replace("_", " ")
        yield "model", f"{'random weights' if base == 'scratch' else _short(base)}, {method}"
    paths = [path for name in ("path", "prompts_path") if (path := getattr(settings.data, name, None))]
    count = counted(len(run.prompts), "evaluation prompts") if run.prompts else ""
    kind = "" if isinstance(settings.data, MeasuredData) else settings.data.kind
    yield "data", ", ".join(filter(None, [kind, *map(_short, paths), count]))
    yield "judge", settings.evaluation.judge
    inputs = run.folder.inputs()
    if inputs is not None and settings.model.date is None:  # else it is a day that chat templates are told
        yield "begun", inputs.date.isoformat()
    commits = Counter(one.commit[:7] if one.commit else "unknown" for one in run.manifests)
    yield "commit", ", ".join(commits)
    yield "seed", str(settings.seed)


def _short(place: str) -> str:
    """A path from the root by its last part; a name of the Hub as it is."""
    kind, mark, path = place.rpartition(":")
    return f"{kind}{mark}.../{PurePath(path).name}" if PurePath(path).is_absolute() else place
