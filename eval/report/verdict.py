"""What a reader has to know before any figure: what could make the figures mislead."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from srlm.data.overlap import normalised
from srlm.records import Record

from . import figures
from .material import Material

LENGTH_DRIFT = 1.25
"""Answers of a model that are this many times as long (or short) as those of the one before are warned of."""
ORDER_DECIDED = 0.3
UNREAD = 0.1
UNSCORED = 0.05
"""Shares above which a judge's verdicts, its readings and any figure's missing units are warned of."""


class Warned(Record):
    """One reason for doubt."""

    about: str
    text: str


def warnings(run: Material) -> list[Warned]:
    """Every reason for doubt that the run's own records give."""
    found = [*_lengths(run), *_judge(run), *_canaries(run), *_contamination(run), *_unscored(run)]
    return list({one.text: one for one in found}.values())


def looked_for(run: Material) -> list[str]:
    """What was looked for, and what could not be, in words."""
    measured = {metric.benchmark for metric in run.metrics}
    said = ["length drift" if "answers" in measured else "length drift (not measured)"]
    said.append(
        "judge collapse" if any(step.judgements for step in run.steps) else "judge collapse (no judgements yet)"
    )
    said.append("canaries" if "canaries" in measured else "canaries (not tried: python -m eval canaries)")
    return [
        *said,
        "trainings that moved no weight",
        "overlap of training and evaluation prompts",
        "units without a score",
    ]


def _lengths(run: Material) -> Iterator[Warned]:
    found = [one for name in run.names if (one := run.figure("answers", "characters", name)) is not None and one.value]
    for before, after in pairwise(found):
        ratio = (after.value or 0) / (before.value or 1)
        now, then = (figures.text_of(one, one.value or 0) for one in (after, before))
        if not 1 / LENGTH_DRIFT < ratio < LENGTH_DRIFT:
            way = "longer" if ratio > 1 else "shorter"
            yield Warned(
                about="length drift",
                text=f"{after.model}'s answers are {way} than {before.model}'s: {now} characters against {then} "
                f"({ratio:.2f} times); many judges prefer longer answers, so read its wins with that in mind",
            )


def _judge(run: Material) -> Iterator[Warned]:
    for manifest in run.manifests:
        for about, said in manifest.warnings.items():
            yield Warned(about="training" if about == "movement" else "judge collapse", text=f"{manifest.step}: {said}")
        top, most = manifest.counts.get("most common score share"), run.settings.judge.max_top_share
        if isinstance(top, float) and top > (1 + most) / 3:
            yield Warned(
                about="judge collapse",
                text=f"{manifest.step}: {figures.percent(top)} of the judge's scores are the same (the run stops above "
                f"{figures.percent(most)})",
            )
    for metric in run.metrics:
        if metric.value is None:
            continue
        if metric.metric == "unparsed" and metric.value > UNREAD:
            yield Warned(
                about="judge",
                text=f"{metric.model} as a judge: {figures.percent(metric.value)} of its readings hold no score",
            )
        if metric.metric == "order_decided" and metric.value > ORDER_DECIDED:
            yield Warned(
                about="judge",
                text=f"{metric.model} against {metric.baseline or 'the baseline'}: in {figures.percent(metric.value)} "
                "of the verdicts the order in which the answers were shown decided",
            )


def _canaries(run: Material) -> Iterator[Warned]:
    for metric in run.of("canaries"):
        if metric.value is None:
            continue
        if metric.metric == "fooled" and metric.value > 0:
            yield Warned(
                about="canaries",
                text=f"judge {metric.model} prefers {figures.percent(metric.value)} of the canaries, or calls them "
                f"equal ({metric.note}); its win rates can be bought",
            )
        if metric.metric.endswith("_held") and metric.value < 1:
            yield Warned(
                about="canaries",
                text=f"judge {metric.model} fell for {figures.percent(1 - metric.value)} of the canaries",
            )


def _contamination(run: Material) -> Iterator[Warned]:
    texts = {normalised(prompt.transcript) for prompt in run.prompts}
    for step in run.steps:
        same = sum(normalised(prompt.transcript) in texts for prompt in step.prompts)
        if same:
            yield Warned(
                about="contamination",
                text=f"{step.name} was trained on {same:,} of the evaluation prompts, word for word",
            )
    taught = {normalised(d.transcript) for d in run.demonstrations if d.kind == "ift"}
    if same := len(texts & taught):
        yield Warned(about="contamination", text=f"{same:,} evaluation prompts are IFT examples, word for word")


def _unscored(run: Material) -> Iterator[Warned]:
    worst: dict[tuple[Any, ...], tuple[float, str]] = {}
    for metric in run.metrics:
        if metric.baseline is not None and metric.benchmark != "head_to_head":
            continue  # a difference lacks what one of its two sides lacks, and that side is warned of
        units = metric.n + metric.unscored
        share = metric.unscored / units if metric.unscored else 0.0
        place = (metric.benchmark, metric.model)
        if share > UNSCORED and share > worst.get(place, (0.0, ""))[0]:
            text = (
                f"{metric.model}, {figures.label(metric.benchmark)}: {metric.unscored:,} of {units:,} "
                f"{metric.unit} have no score ({figures.label(metric.metric)})"
            )
            worst[place] = (share, text)
    for _, text in worst.values():
        yield Warned(about="unscored", text=text)
