"""NLP benchmarks of every checkpoint, by lm-eval (the paper, table 3): what alignment costs."""

from collections.abc import Iterable, Sequence

from srlm.errors import SettingsError
from srlm.settings import Settings

from ...records import MetricValue, Series
from ..base import Answers, Asked, Benchmark, MetricSpec, OpenEngine, PageSection, RunData
from ..english import reads_no_english
from ..paper_table import PaperPart
from .known import KNOWN, title

SHARES = ("acc", "exact_match", "em", "f1", "pass@1", "mc1", "mc2", "contains")
"""How names of metrics begin, or end, whose values lie in 0..1."""
WRITTEN = {"strict-match": "strict", "flexible-extract": "flexible"}
"""Filters of lm-eval, in a word."""
MARGIN = 0.03
"""A loss of a main metric that the gate tolerates where nobody names another."""


class Nlp(Benchmark):
    """ARC, HellaSwag, SIQA, PIQA, GSM8K, MMLU, OBQA, NQ and IFEval, and any other task of lm-eval."""

    name = "nlp"
    label = "NLP benchmarks"
    command = "nlp"
    of_models = ()
    by_default = False
    own_table = True
    in_paper = True

    def spec(self, metric: str) -> MetricSpec:
        task, _, which = metric.partition(".")
        if metric == "average":
            return MetricSpec(label="average of the paper's tasks", unit="share", better="higher", in_index=True)
        share = any(part in SHARES or part.endswith("acc") or part.startswith("acc") for part in which.split("."))
        words = " ".join(WRITTEN.get(part, part.replace("_", " ")) for part in which.split("."))
        main = task in KNOWN and KNOWN[task].main == which
        return MetricSpec(
            label=f"{title(task)}, {words}" if words else title(task),
            unit="share" if share else "plain",
            better="higher" if share else None,
            margin=MARGIN if main else None,
        )

    def inapplicable(self, settings: Settings) -> str:
        return reads_no_english(settings)

    def check(self, run: RunData) -> None:
        from .ready import prepared, refuse_other_alphabets

        if (why := self.inapplicable(run.settings)) and set(run.settings.evaluation.nlp.tasks) <= KNOWN.keys():
            raise SettingsError(f"NLP benchmarks: {why}")  # before their data are loaded, which takes a minute
        refuse_other_alphabets(run.folder, prepared(run.settings.evaluation.nlp))

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterable[Asked]:
        from .foreseen import foreseen

        return foreseen(settings.evaluation.nlp, models)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from srlm.terminal import note

        from ..measuring import resampling
        from .figures import figures
        from .measure import ask_all, kept, lms_of, models_of, take_from_others
        from .ready import prepared

        models, open_lm = models_of(run.folder), lms_of(run.settings, run.folder, open_engine)
        tasks = prepared(run.settings.evaluation.nlp)
        take_from_others(run.folder, models, tasks)
        failed = ask_all(models, tasks, open_lm, run.folder.log)
        return figures(resampling(run.settings), kept(models, note), failed, run.settings.evaluation.reference)

    def per_prompt(self, run: RunData) -> list[Series]:
        from .figures import by_document
        from .measure import kept, models_of

        return by_document(kept(models_of(run.folder)))

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        from .paper import tables

        return tables(run)

    def sections(self, run: RunData) -> list[PageSection]:
        from .page import section

        return section(run, self.words)
