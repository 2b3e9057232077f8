"""People's votes on pairs of answers, as they lie on disk: nobody is asked while it is measured."""

from collections.abc import Iterable

from srlm.text.counts import counted

from ...data import published
from ...figures import charts
from ...figures.captions import caption
from ...records import MetricValue, Series
from ..base import Answers, Benchmark, Doubt, Lead, MetricSpec, OpenEngine, PageSection, RunData
from ..head_to_head.benchmark import METRICS as CONTESTS
from ..head_to_head.benchmark import OUTCOMES
from ..head_to_head.benchmark import SHARES as CONTEST_SHARES
from ..paper_table import PaperPart, PaperRow, PaperTable, unlike_paper

SHARES = ("win", "tie", "lose")
METRICS = {
    **{name: CONTESTS[name] for name in SHARES},
    "win_minus_lose": CONTESTS["win_minus_lose"].model_copy(update={"margin": None}),
    "raw_agreement": MetricSpec(label="two people say the same", unit="share", better="higher"),
    "cohen_kappa": MetricSpec(label="Cohen's kappa of two people", scale=(-1, 1), better="higher"),
    "krippendorff_alpha": MetricSpec(label="Krippendorff's alpha", scale=(-1, 1), better="higher"),
    "person_agreement": MetricSpec(label="a person says what most others say", unit="share", better="higher"),
    "left_chosen": MetricSpec(label="the answer on the left was chosen", unit="share"),
    "longer_chosen": MetricSpec(label="the winner is the longer answer", unit="share"),
    "judge_agreement": MetricSpec(label="judge says what most people say", unit="share", better="higher"),
    "judge_agreement_decided": MetricSpec(label="the same without ties", unit="share", better="higher"),
    "judge_kappa": MetricSpec(label="Cohen's kappa of judge and people", scale=(-1, 1), better="higher"),
}
OF_PEOPLE = ("krippendorff_alpha", "raw_agreement", "person_agreement", "left_chosen", "longer_chosen")
OF_TWO = ("raw_agreement", "cohen_kappa")
OF_JUDGES = ("judge_agreement", "judge_agreement_decided", "judge_kappa")
LEAST_ALPHA = 0.2
"""Krippendorff's alpha below which people hardly agree by more than chance."""


class Human(Benchmark):
    """Wins, ties and losses by the majority of people, their agreement, and that of judges with them."""

    name = "human"
    label = "human evaluation"
    command = "annotate"
    by_default = False
    metrics = METRICS
    leads = (Lead("win_minus_lose", "contest", "by people's votes", OUTCOMES, CONTEST_SHARES),)
    pairs = True
    own_table = True
    in_paper = True

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import figures

        return figures(run)

    def per_prompt(self, run: RunData) -> list[Series]:
        from .measure import by_prompt

        return by_prompt(run)

    def sections(self, run: RunData) -> list[PageSection]:
        found = run.of(self.name)
        if not found:
            return []
        contests = [m for m in found if m.metric == "win_minus_lose"]
        rows = [
            charts.dot(m, self.words) | {"pair": f"{m.model} : {m.baseline}"} for m in contests if m.value is not None
        ]
        paper = published.human()
        content = {
            "contests": [
                {
                    "difference": m,
                    "shares": [run.figure(self.name, one, m.model, m.baseline) for one in charts.OUTCOMES],
                }
                for m in contests
            ],
            "people": [m for m in found if m.metric in OF_PEOPLE and m.baseline is None],
            "twos": [m for m in found if m.metric in OF_TWO and m.baseline is not None],
            "judges": [m for m in found if m.metric in OF_JUDGES],
            "paper": paper,
            "published": {(row.model, row.baseline): row for row in paper.rows},
            "unlike": _unlike(run),
            "pictures": [
                charts.forest(
                    "People: wins minus losses",
                    rows,
                    "right of 0 the first is better",
                    caption(contests, run.level, "by the majority of people"),
                    run.looks,
                )
            ]
            if rows
            else [],
        }
        return [PageSection("wins", "human/section.html", content, rank=30)]

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        paper = published.human()
        rows = [
            PaperRow(row.model, row.baseline, {"win": row.win, "tie": row.tie, "lose": row.lose}) for row in paper.rows
        ]
        setting = f"{paper.setting}, {counted(paper.n, 'prompts')}, {paper.annotators} people"
        yield PaperTable("figure 5", "Human evaluation", self.name, SHARES, rows, setting, _unlike(run))

    def doubts(self, run: RunData) -> Iterable[Doubt]:
        for metric in run.of(self.name):
            if metric.metric == "krippendorff_alpha" and metric.value is not None and metric.value < LEAST_ALPHA:
                said = self.words.text_of(metric, metric.value)
                yield Doubt(
                    "people",
                    f"human evaluation: annotators hardly agree by more than chance (Krippendorff's alpha {said}); "
                    "their majority says little",
                )
            if metric.metric == "left_chosen" and metric.value is not None and _excludes_half(metric):
                said = self.words.text_of(metric, metric.value)
                yield Doubt("people", f"human evaluation: of votes for an answer, {said} were for the one on the left")


def _unlike(run: RunData) -> str:
    """How people's votes on the run differ from the paper's."""
    counts = [m.n for m in run.of(Human.name) if m.metric == "win_minus_lose"]
    return unlike_paper(run.settings, [("prompts", str(max(counts, default=0)), str(published.human().n))])


def _excludes_half(metric: MetricValue) -> bool:
    return metric.low is not None and metric.high is not None and not metric.low <= 0.5 <= metric.high
