"""The head to head by judges that the run asked before: the same answers, the same figures, another judge.

`evaluation.judge` may change after an evaluation. What the judge before it said stays where it is, and its figures
stand beside those of the run's judge, with how often both give the same outcome.
"""

from ...records import MetricValue
from ..base import Answers, Benchmark, MetricSpec, OpenEngine, PageSection, RunData
from .benchmark import METRICS

BENCHMARK = "other_judges"
SAME = "same_outcome"
OWN = {**METRICS, SAME: MetricSpec(label="same outcome as the run's judge", unit="share")}


class OtherJudges(Benchmark):
    """Figures of the judges before the one that the run has now."""

    name = BENCHMARK
    label = "head to head by other judges"
    command = "h2h"
    of_models = ("prompts", "judge")
    metrics = OWN
    pairs = True
    own_table = True

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .other_figures import figures

        return figures(run)

    def sections(self, run: RunData) -> list[PageSection]:
        named = {(one.metric, one.model, one.baseline): one for one in run.of(self.name)}
        rows = [
            {"model": model, "baseline": baseline, **{name: named.get((name, model, baseline)) for name in OWN}}
            for metric, model, baseline in named
            if metric == "win_minus_lose"
        ]
        content = {"rows": rows, "judge": run.settings.evaluation.judge}
        return [PageSection("wins", "head_to_head/other_judges.html", content, rank=11)] if rows else []
