"""What a reader has to know before any figure: what could make the figures mislead."""

from collections.abc import Iterator, Sequence

from srlm.data.overlap import normalised
from srlm.methods.suspicions import suspicions
from srlm.methods.untrained import models_of
from srlm.text.counts import counted

from ..benchmarks.base import UNTAUGHT, Doubt, LookedFor, RunData
from ..benchmarks.table import BENCHMARKS, WORDS
from ..figures.words import percent

UNSCORED = 0.05
"""Share of any figure's missing units above which it is warned of."""
TRAINING, CONTAMINATION, MISSING = 20, 60, 70
"""Ranks of doubts about the run itself, between those of its benchmarks."""


def doubts(run: RunData) -> list[Doubt]:
    """Every reason for doubt that the run's own records give."""
    found = [*_training(run), *_plain_text(run), *_contamination(run), *_unscored(run)]
    found += [doubt for benchmark in BENCHMARKS for doubt in benchmark.doubts(run)]
    return sorted({one.text: one for one in found}.values(), key=lambda one: one.rank)


def by_subject(found: Sequence[Doubt]) -> list[tuple[str, list[Doubt]]]:
    """Doubts about the same thing together, in the order of the first of each."""
    groups: dict[str, list[Doubt]] = {}
    for one in found:
        groups.setdefault(one.about, []).append(one)
    return list(groups.items())


def looked_for(run: RunData) -> list[str]:
    """What was looked for, and what could not be, in words."""
    collapse = "judge collapse" if any(step.judgements for step in run.steps) else "judge collapse (no judgements yet)"
    of_training = [
        LookedFor(collapse, TRAINING),
        LookedFor("candidates cut, empty or alike, judgements that name no score, ties", TRAINING),
        LookedFor("trainings that moved no weight", CONTAMINATION),
        LookedFor("overlap of training and evaluation prompts", CONTAMINATION),
    ]
    found = [
        *([] if models_of(run.settings) else of_training),
        LookedFor("units without a score", MISSING),
        *(said for benchmark in BENCHMARKS if (said := benchmark.looked_for(run)) is not None),
    ]
    return [one.words for one in sorted(found, key=lambda one: one.rank)]


def _training(run: RunData) -> Iterator[Doubt]:
    for manifest in run.manifests:
        for one in suspicions(manifest):
            yield Doubt(one.about, f"{manifest.step}: {one.said}", TRAINING)
        top, most = manifest.counts.get("most common score share"), run.settings.judge.max_top_share
        if isinstance(top, float) and top > (1 + most) / 3:
            yield Doubt(
                "judge collapse",
                f"{manifest.step}: {percent(top)} of the judge's scores are the same (the run stops above "
                f"{percent(most)})",
                TRAINING,
            )


def _plain_text(run: RunData) -> Iterator[Doubt]:
    for name in run.names:
        if name in run.folder.continues_text():
            said = f"{name} has no chat template: it was asked with the words of each prompt alone, and continues them"
            yield Doubt("base model", said, TRAINING)


def _contamination(run: RunData) -> Iterator[Doubt]:
    texts = {normalised(prompt.transcript) for prompt in run.prompts}
    for step in run.steps:
        same = sum(normalised(prompt.transcript) in texts for prompt in step.prompts)
        if same:
            said = f"{step.name} was trained on {same:,} of the evaluation prompts, word for word"
            yield Doubt("contamination", said, CONTAMINATION)
    taught = {normalised(d.transcript) for d in run.demonstrations if d.kind == "ift"}
    if same := len(texts & taught):
        yield Doubt(
            "contamination", f"{counted(same, 'evaluation prompts are')} IFT examples, word for word", CONTAMINATION
        )


def _unscored(run: RunData) -> Iterator[Doubt]:
    judging = {benchmark.name for benchmark in BENCHMARKS if benchmark.of_judges}
    worst: dict[tuple[str, str], tuple[float, str]] = {}
    for metric in run.metrics:
        if WORDS.is_difference(metric):
            continue  # a difference lacks what one of its two sides lacks, and that side is warned of
        units = metric.n + metric.unscored
        share = metric.unscored / units if metric.unscored else 0.0
        place = (metric.benchmark, metric.model)
        if share > UNSCORED and share > worst.get(place, (0.0, ""))[0]:
            text = (
                f"{metric.model}, {WORDS.title(metric.benchmark)}: {metric.unscored:,} of {units:,} "
                f"{metric.unit} have no score ({WORDS.label(metric)})"
            )
            worst[place] = (share, text)
    for (benchmark, model), (_, text) in worst.items():
        yield Doubt("unscored", text, MISSING, UNTAUGHT if benchmark in judging and model in run.untaught else "")
