"""Tricks that no judge may fall for, as figures of a run. They are asked by `srlm-eval canaries`."""

from collections.abc import Iterator

from ...figures.words import percent
from ..base import Benchmark, Doubt, LookedFor, PageSection, RunData

RANK = 40


class Canaries(Benchmark):
    """Shares of the canaries that held, by judge and way of asking. The audit's section shows them."""

    name = "canaries"
    label = "canaries"
    command = "canaries"
    by_default = False

    def sections(self, run: RunData) -> list[PageSection]:
        return [PageSection("judge")]  # nothing more: the audit's table lists them

    def doubts(self, run: RunData) -> Iterator[Doubt]:
        for metric in run.of(self.name):
            if metric.value is None:
                continue
            if metric.metric == "fooled" and metric.value > 0:
                said = (
                    f"judge {metric.model} prefers {percent(metric.value)} of the canaries, or calls them equal "
                    f"({metric.note}); its win rates can be bought"
                )
                yield Doubt("canaries", said, RANK)
            if metric.metric.endswith("_held") and metric.value < 1:
                yield Doubt(
                    "canaries", f"judge {metric.model} fell for {percent(1 - metric.value)} of the canaries", RANK
                )

    def looked_for(self, run: RunData) -> LookedFor:
        return LookedFor("canaries" if run.of(self.name) else "canaries (not tried: srlm-eval canaries)", RANK)
