"""The sentence of the first screen: what became of the answers, and of the judge.

A difference is called where its interval excludes 0 and, for a test that was one of several, p after Holm's correction
is below alpha. All else is said to show no difference, or to be missing.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from markupsafe import Markup

from srlm.text.counts import counted

from ...benchmarks.base import RunData
from ...benchmarks.table import BENCHMARKS, WORDS
from ...figures.words import no_interval
from ...records import MetricValue
from ..verdict import UNSCORED
from .sides import MOST_NAMED, Measure, Sides, about, begun, change_of, shares_of

Verdict = Literal["better", "worse", "no difference", "too few", "missing"]


class Said(NamedTuple):
    """The sentence, and what has to stand below it."""

    kind: str
    """What it says of the answers: a `Verdict`, or `mixed`."""
    sentence: Markup
    more: list[Markup]


def sentence(run: RunData, found: Sequence[Measure], sides: Sides | None) -> Said:
    """Of the last model and what it is compared with; of several models beside each other, of them all."""
    if sides is None:
        return Said("missing", Markup("<strong>No model has been measured yet</strong> (srlm-eval all)."), [])
    return _of_several(run, found, sides) if sides.others else _of_two(run, found, sides)


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


def _of_two(run: RunData, found: Sequence[Measure], sides: Sides) -> Said:
    """The last model and what it started from, then both as judges."""
    last, start = sides.last, sides.start
    judged = _judges(run, about(found, "judge")[:1], last, start)
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
    return Said(kind, Markup(sentence), [*more, *judged.more, *_why(sides)])


def _of_several(run: RunData, found: Sequence[Measure], sides: Sides) -> Said:
    """Models that stand beside each other, each against the reference."""
    assert sides.start is not None
    answers = {
        name: overall([one.verdict for one in _evidence(run, found, name, sides.start)]) for name in sides.others
    }
    kinds = set(answers.values())
    kind = kinds.pop() if len(kinds) == 1 else "no difference"
    head = Markup("<strong>Against {}</strong>: {}").format(sides.start, _sorted_out(answers))
    more = [Markup("The table has each difference with its interval.")]
    measure = next(iter(about(found, "judge")), None)
    if measure is not None:
        changes = {name: change_of(run, measure, name, sides.start) for name in sides.others}
        verdicts = {name: verdict_of(one, measure, _alpha(run)) for name, one in changes.items()}
        head += Markup("; <strong>as a judge</strong> ({}): {}").format(measure.lead.name, _sorted_out(verdicts))
    return Said(kind, head + ".", [*more, *_why(sides)])


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


def _alone(run: RunData, found: Sequence[Measure], sides: Sides, judged: Said) -> Said:
    """One model, with nothing to compare it with."""
    parts = [
        Markup("{} {}").format(one.lead.name, _with_interval(run, figure, is_first=True))
        for one in about(found, "quality")
        if (figure := run.figure(one.benchmark.name, one.lead.metric, sides.last)) and figure.value is not None
    ]
    head = Markup("<strong>{} is the only model measured, so there is nothing to compare it with</strong>").format(
        sides.last
    )
    if parts:
        head += ": " + Markup("; ").join(parts)
    if judged.sentence:
        head += ", and " + judged.sentence
    return Said("missing", head + ".", [*judged.more, *_why(sides)])


def _judges(run: RunData, measure: Sequence[Measure], last: str, start: str | None) -> Said:
    """What became of the judge: no sentence where none was measured, and it is said below."""
    if not measure:
        unmeasured = Markup("As judges the models were not measured ({}).").format(_command("judge"))
        return Said("missing", Markup(), [unmeasured])
    (one,) = measure
    name = one.lead.name
    taught = [model for model in run.names if model not in run.untaught]
    before = start if start is not None and start in taught else next(iter(taught), None)
    figures = {model: run.figure(one.benchmark.name, one.lead.metric, model) for model in (last, before) if model}
    own = figures.get(last)
    if own is None:
        return Said("missing", Markup("<strong>{} was not measured as a judge</strong>").format(last), [])
    theirs = figures.get(before) if before else None
    if own.value is None:
        silent = f"{before} nor {last}" if before != last and theirs is not None and theirs.value is None else last
        neither = "neither " if silent != last else ""
        said = Markup("<strong>as a judge {}{} gives {} that can be read</strong>")
        return Said("missing", said.format(neither, silent, "a score" if neither else "no score"), [])
    if before is None or before == last or theirs is None or theirs.value is None:
        alone = Markup("<strong>as a judge</strong>: {} {}").format(name, _with_interval(run, own))
        return Said("missing", alone, [])
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
        return Said(kind, heads[kind], [])
    return Said(kind, heads[kind] + ": " + _part(run, _Evidence(one, change, kind)), [])


def _evidence(run: RunData, found: Sequence[Measure], model: str, baseline: str) -> list[_Evidence]:
    """What compares the answers of two models, and what it shows."""
    made = []
    for one in [*about(found, "quality"), *about(found, "contest")]:
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
        return Markup("{}: not compared{}.").format(begun(name), why)
    shares = [
        Markup("{} {}").format(word, WORDS.figure(figure))
        for word, figure in shares_of(run, one.measure, change.model, change.baseline or "")
    ]
    said = Markup(", ").join([*shares, _part(run, one)]) if shares else _with_interval(run, change)
    ends = {"no difference": "; no difference is shown", "too few": "; too few prompts for an interval"}
    begin = f"{begun(name)}: {change.model} " if shares else f"{begun(name)}: "
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
        return Markup("{} ({}, {}{})").format(WORDS.figure(figure), no_interval(figure) or "no interval", n, unscored)
    level = f"{run.level} interval " if is_first else ""
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


def _alpha(run: RunData) -> float:
    return round(1 - run.settings.evaluation.confidence, 12)
