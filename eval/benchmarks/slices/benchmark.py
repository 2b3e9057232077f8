"""Where the newer model gained and where it lost: the head to head by kind of prompt."""

from collections.abc import Iterable, Mapping

from ...figures import charts
from ...figures.captions import caption
from ...records import MetricValue
from ..base import Answers, Benchmark, OpenEngine, PageSection, RunData
from ..breakdown.names import BREAKDOWN, kind_of


class Slices(Benchmark):
    """Wins minus losses by category, source and length of the prompt, from verdicts on disk."""

    name = "slices"
    label = "kinds of prompts"
    command = "h2h"
    of_models = ("prompts", "judge")
    unit = "share"
    own_table = True

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import figures

        return figures(run.settings, run.folder)

    def sections(self, run: RunData) -> list[PageSection]:
        if run.of(BREAKDOWN):  # which shows these, too: one section of kinds
            return []
        figures = run.of(self.name)
        pictures = self._pictures(run, figures)
        return [
            PageSection("changed", charts=pictures),
            PageSection("differences", "slices/section.html", {"figures": figures}, rank=10),
        ]

    def kinds_of_prompts(self, run: RunData) -> Mapping[str, Iterable[str]]:
        if not run.of(self.name):
            return {}
        from .measure import kinds

        return {kind_of(sort, kind): ids for sort, own in kinds(run.prompts).items() for kind, ids in own.items()}

    def _pictures(self, run: RunData, figures: list[MetricValue]) -> list[charts.Chart]:
        """The last two models, each against its baseline."""
        drawn = []
        for model, baseline in run.steps_of[-2:]:
            found = [m for m in figures if (m.model, m.baseline) == (model, baseline) and m.value is not None]
            found.sort(key=lambda metric: metric.metric)
            rows = [charts.dot(metric, self.words) | {"pair": metric.metric} for metric in found]
            if rows:
                title = f"{model} against {baseline}, by kind of prompt"
                note = f"{caption(found, run.level, f'judge {run.settings.evaluation.judge}')} Kinds by name."
                drawn.append(charts.forest(title, rows, "wins minus losses", note, run.looks))
        return drawn
