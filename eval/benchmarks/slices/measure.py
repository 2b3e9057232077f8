"""Where the newer model gained and where it lost: the head-to-head on kinds of prompts (the paper, figure 4).

Each model against the one before it (or `evaluation.reference`), by category, by source and by length of the
instruction. From verdicts on disk.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from srlm.records import Prompt
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from ...records import MetricValue, Verdict
from ...stats.intervals import Resampling
from ..by_kind import parts, wins_minus_losses
from ..finished import measured
from ..head_to_head.measure import outcome_points
from ..head_to_head.places import verdicts_path
from ..measuring import resampling, with_holm
from ..paired import steps_of

BENCHMARK = "slices"
THIRDS = ("shortest third", "middle third", "longest third")
FEWEST = 5
"""Prompts below which a kind is left out: an interval would say nothing."""


def figures(settings: Settings, folder: RunFolder) -> list[MetricValue]:
    """Figures of every checkpoint against its baseline, where there are verdicts; no model is asked."""
    prompts = files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)
    metrics = []
    for later, earlier in steps_of([one.name for one in measured(folder)], settings.evaluation.reference):
        path = verdicts_path(folder, later, earlier)
        if path.exists():
            metrics += compared(later, earlier, prompts, files.read(path, Verdict), resampling(settings))
    return metrics


def kinds(prompts: Sequence[Prompt]) -> dict[str, dict[str, list[str]]]:
    """Ids of prompts by kind, for each way of sorting them that gives two kinds or more."""
    sorts: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in ("category", "source", "length")}
    lengths = [len(prompt.transcript) for prompt in prompts]
    cuts = np.quantile(lengths, [1 / 3, 2 / 3]) if lengths else np.zeros(2)
    for prompt, length in zip(prompts, lengths, strict=True):
        if prompt.category is not None:
            sorts["category"][prompt.category].append(prompt.id)
        sorts["source"][prompt.source].append(prompt.id)
        sorts["length"][THIRDS[int(np.searchsorted(cuts, length))]].append(prompt.id)
    return {name: dict(sorted(found.items())) for name, found in sorts.items() if len(found) > 1}


def compared(
    model: str, baseline: str, prompts: Sequence[Prompt], verdicts: Sequence[Verdict], how: Resampling
) -> list[MetricValue]:
    """Wins minus losses on each kind of prompt, Holm's correction over them all."""
    points = outcome_points(verdicts)
    # A prompt without a verdict is one whose verdict could not be told.
    every = {prompt.id: points.get(prompt.id) for prompt in prompts}
    metrics = wins_minus_losses(BENCHMARK, model, baseline, parts(kinds(prompts), every, FEWEST), how)
    return with_holm(metrics, how, shares=True)
