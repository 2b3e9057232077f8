"""The checkpoints of a run audited as judges: what besides quality sways them."""

from ...records import MetricValue
from ..base import Answers, Benchmark, OpenEngine, PageSection, RunData


class Audit(Benchmark):
    """Length, lists, markdown and a model's own answers; how spread and how steady its scores are."""

    name = "audit"
    label = "audit"
    command = "audit"
    of_models = ("prompts", "rankings")
    of_judges = True
    by_default = False  # every model reads all the others' answers

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import figures

        return figures(run.settings, run.folder, open_engine)

    def sections(self, run: RunData) -> list[PageSection]:
        figures = [*run.of("audit"), *run.of("canaries")]
        return [PageSection("judge", "audit/section.html", {"figures": figures}, rank=30)]
