"""AlpacaEval's raw win rate corrected by human labels of some prompts.

The length-controlled one is a fit and no mean over prompts; it is not corrected.
"""

from collections.abc import Sequence

from srlm.records import Prompt

from ...data.alpaca_files import Annotated
from ...data.labels import HumanLabel, match, places, unit_name
from ...records import MetricValue
from ...stats.intervals import Resampling
from ..labelled import figures
from .scores import BENCHMARK, sample


def corrected(
    annotated: Annotated, prompts: Sequence[Prompt], labels: Sequence[HumanLabel], how: Resampling
) -> list[MetricValue]:
    """The win rate of the judge, of the labels, and of both together, in percent; a label is named by instruction or
    prompt id."""
    one = sample(annotated, prompts)
    known = dict(zip(one.prompts, one.preference.tolist(), strict=True))
    judge = [known.get(prompt.id) for prompt in prompts]
    named = [(prompt.id, place) for place, prompt in enumerate(prompts)]
    named += [(unit_name(prompt.text), place) for place, prompt in enumerate(prompts)]
    judged = {place for place, value in enumerate(judge) if value is not None}
    found = match(labels, places(named), judged, model=one.model, baseline=one.baseline)
    return figures(one.model, BENCHMARK, "win_rate", judge, found, how.using(BENCHMARK, one.judge), percent=True)
