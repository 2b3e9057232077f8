"""AlpacaEval's win rates, and differences of two models' raw ones, corrected by human labels of some prompts."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from srlm.records import Prompt
from srlm.text.counts import counted

from ...data.alpaca_eval import GlmData
from ...data.alpaca_files import Annotated
from ...data.labels import HumanLabel, Matched, match, places, unit_name
from ...records import MetricValue
from ...stats.bounded import SIGNED
from ...stats.intervals import Resampling
from ..labelled import figures
from . import people_length
from .scores import BENCHMARK, Sample, sample


def corrected(
    annotated: Annotated,
    prompts: Sequence[Prompt],
    labels: Sequence[HumanLabel],
    how: Resampling,
    glm: GlmData | None = None,
) -> list[MetricValue]:
    """The win rate of the judge, of the labels, and of both together, in percent; a label is named by instruction or
    prompt id. With `glm`, the same of the length-controlled one."""
    return corrected_sample(sample(annotated, prompts), prompts, labels, how, glm)


def corrected_sample(
    one: Sample,
    prompts: Sequence[Prompt],
    labels: Sequence[HumanLabel],
    how: Resampling,
    glm: GlmData | None = None,
    *,
    several: bool = False,
) -> list[MetricValue]:
    """The same. `several`: there are other models, so that a label must name the one it is of."""
    known = dict(zip(one.prompts, one.preference.tolist(), strict=True))
    judge = [known.get(prompt.id) for prompt in prompts]
    found = _matched(one, prompts, labels, several=several)
    raw = figures(one.model, BENCHMARK, "win_rate", judge, found, how.using(BENCHMARK, one.judge), percent=True)
    if glm is None or one.n < 2:
        return raw
    place = {prompt.id: place for place, prompt in enumerate(prompts)}
    return raw + people_length.corrected(one, place, found, glm, how, unscored=len(prompts) - one.n)


def of_board(
    samples: Sequence[Sample],
    prompts: Sequence[Prompt],
    labels: Sequence[HumanLabel],
    how: Resampling,
    glm: GlmData | None = None,
) -> list[MetricValue]:
    """The corrected win rates of each model that labels name; of a model alone, all labels that name no other."""
    several = len(samples) > 1
    named = {label.model for label in labels}
    return [
        metric
        for one in samples
        if one.model in named or not several
        for metric in corrected_sample(one, prompts, labels, how, glm, several=several)
    ]


def of_nobody(samples: Sequence[Sample], labels: Sequence[HumanLabel]) -> str:
    """How many labels are of no model here, in words; empty: none."""
    models = {one.model for one in samples}
    gone = Counter(
        f"of {label.model}, which is not here"
        if label.model is not None
        else "without `model`, of which there are several"
        for label in labels
        if (label.model not in models if label.model is not None else len(models) > 1)
    )
    return ", ".join(f"{counted(count, 'labels')} not used ({reason})" for reason, count in sorted(gone.items()))


def apart(
    samples: Sequence[Sample], prompts: Sequence[Prompt], labels: Sequence[HumanLabel], how: Resampling
) -> list[MetricValue]:
    """Every pair's difference of win rates, corrected by the prompts on which people labelled both, in points.

    Labels of only one of the two say nothing of their difference on a prompt; they are counted, as those are that
    match nothing. Of those that name no model `of_nobody` tells.
    """
    metrics = []
    named = [label for label in labels if label.model is not None]
    own = {one.model: _matched(one, prompts, named, several=True) for one in samples}
    for one, other in combinations(samples, 2):
        first, second = (dict(zip(side.prompts, side.preference.tolist(), strict=True)) for side in (one, other))
        # On 0..1, as labels are: a half is no difference.
        judge = [
            (first[prompt.id] - second[prompt.id] + 1) / 2 if prompt.id in first and prompt.id in second else None
            for prompt in prompts
        ]
        told, theirs = own[one.model].values, own[other.model].values
        both = {place: (told[place] - theirs[place] + 1) / 2 for place in told if theirs.get(place) is not None}
        alone = len(told) + len(theirs) - 2 * len(both)
        gone = Counter(own[one.model].unmatched) + Counter(own[other.model].unmatched)
        found = Matched(both, gone + Counter({"the other model has no label of the prompt": alone}))
        metrics += figures(
            one.model,
            BENCHMARK,
            "win_rate_difference",
            judge,
            found,
            how.using(BENCHMARK, one.judge),
            bounds=SIGNED,
            percent=True,
            baseline=other.model,
        )
    return metrics


def _matched(one: Sample, prompts: Sequence[Prompt], labels: Sequence[HumanLabel], *, several: bool) -> Matched:
    """The labels of one model's answers, by place of the prompt."""
    named = [(prompt.id, place) for place, prompt in enumerate(prompts)]
    named += [(unit_name(prompt.text), place) for place, prompt in enumerate(prompts)]
    asked = set(one.prompts)
    judged = {place for place, prompt in enumerate(prompts) if prompt.id in asked}
    own = [label for label in labels if not several or label.model in (None, one.model)]
    return match(own, places(named), judged, model=one.model, baseline=one.baseline, several=several)
