"""Win rates by category, complexity and expected length of the answer (the paper, appendix A.6 and figure 4)."""

from collections.abc import Iterable, Mapping, Sequence

from srlm.settings import Settings

from ...records import MetricValue
from ..base import Answers, Asked, Benchmark, MetricSpec, OpenEngine, PageSection, RunData
from ..paper_table import PaperPart
from . import names


class Breakdown(Benchmark):
    """Every head-to-head, and AlpacaEval, by kind of prompt; the kinds are a judge's."""

    name = "breakdown"
    label = "by kind"
    command = "breakdown"
    by_default = False
    in_paper = True
    unit = "share"
    pairs = True
    own_table = True

    def spec(self, metric: str) -> MetricSpec:
        return names.spec(metric)

    def check(self, run: RunData) -> None:
        from .asking import check
        from .measure import checked_labels

        check(run.settings)
        checked_labels(run.settings)

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterable[Asked]:
        from .asking import requests

        return requests(settings)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import figures

        return figures(run, open_engine)

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        from .paper import parts

        return parts(run, self.words, "not measured: run `srlm-eval breakdown --run FILE`")

    def sections(self, run: RunData) -> list[PageSection]:
        if not run.of(self.name):
            return []
        from .section import section

        return section(run, self.words)

    def kinds_of_prompts(self, run: RunData) -> Mapping[str, Iterable[str]]:
        if not run.of(self.name):
            return {}
        from .measure import kinds, rows_of

        sorts = kinds(rows_of(run))
        return {names.kind_of(sort, kind): ids for sort, own in sorts.items() for kind, ids in own.items()}
