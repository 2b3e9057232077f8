"""One prompt of the first screen with every model's answer, chosen by a rule that it states."""

from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Literal, NamedTuple

from srlm.records import Prompt
from srlm.text.counts import counted

from ...benchmarks.base import RunData
from ...records import Series
from .sides import Measure, Sides, about

MOST_ANSWERS = 8
"""Answers beside each other; of more models, those to the first and the last ones."""


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


def exhibit(run: RunData, found: Sequence[Measure], sides: Sides) -> Exhibit | None:
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
    for one in about(found, "quality"):
        series = one.benchmark.by_model(run, one.lead.metric)
        if not series or not all(set(of.prompts) <= asked for of in series.values()):
            continue
        values = {name: _values(of) for name, of in series.items()}
        outcomes = {(name, id): _outcome(one, value) for name, own in values.items() for id, value in own.items()}
        mine, theirs = values.get(sides.last, {}), values.get(sides.start or "", {})
        return _ByPrompt(one.lead.name, {id: mine[id] - theirs[id] for id in mine if id in theirs}, outcomes)
    if sides.start is None:
        return _ByPrompt("", {}, {})
    for one in about(found, "contest"):
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
