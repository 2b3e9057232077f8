"""Wins minus losses of every head-to-head corrected by human labels of some of its prompts; no model is asked."""

from collections.abc import Sequence

from srlm.records import Prompt
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from ...data.labels import HumanLabel, match, places, unit_name
from ...records import MetricValue
from ...stats.bounded import SIGNED
from ..labelled import figures
from ..measuring import resampling
from .measure import BENCHMARK, by_prompt


def corrected(settings: Settings, folder: RunFolder, labels: Sequence[HumanLabel]) -> list[MetricValue]:
    """Of each pair of checkpoints: the judge's figure, the labels', and both together.

    A label is named by prompt id or instruction, and says win, tie or lose for `model` against `baseline`.
    """
    texts = {one.id: one for one in files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)}
    contests = by_prompt(settings, folder)
    found = []
    for one in contests:
        judge = [None if value is None else (value + 1) / 2 for value in one.values]
        named = [(id, place) for place, id in enumerate(one.prompts)]
        named += [(unit_name(texts[id].transcript), place) for id, place in named if id in texts]
        judged = {place for place, value in enumerate(judge) if value is not None}
        matched = match(
            labels, places(named), judged, model=one.model, baseline=one.baseline, several=len(contests) > 1
        )
        found += figures(
            one.model or "",
            BENCHMARK,
            "win_minus_lose",
            judge,
            matched,
            resampling(settings),
            bounds=SIGNED,
            baseline=one.baseline,
        )
    return found
