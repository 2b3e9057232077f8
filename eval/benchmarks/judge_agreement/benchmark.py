"""Each checkpoint as a judge of answers that people ranked."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import fmean

from markupsafe import Markup

from srlm.methods.base import ASSUMED
from srlm.methods.work import answers_a_set, judge_lengths
from srlm.records import Judgement, RankedSet
from srlm.settings import Settings
from srlm.text.counts import counted

from ...data import published
from ...figures import charts
from ...figures.words import percent
from ...records import MetricValue, Series
from ..base import (
    UNTAUGHT,
    Answers,
    Asked,
    Benchmark,
    Doubt,
    Lead,
    LookedFor,
    MetricSpec,
    OpenEngine,
    PageSection,
    Picture,
    RunData,
)
from ..order import JUDGES
from ..paper_table import PaperPart, PaperRow, PaperTable, unlike_paper
from ..ranked_by import ranked_by

UNSCORED = 0.1
"""Share of judgements without a score above which a judge is warned of."""
CHANCE = 0.5
"""Share of pairs that a judge orders right which knows nothing, ties counted half."""
MARGIN = 0.03
PAPER = ("pairwise_accuracy", "five_best", "exact_match", "spearman", "kendall")
"""What the paper reports, too."""
METRICS = {
    "pairwise_accuracy": MetricSpec(
        label="pairs ordered as ranked (a tie is wrong)",
        unit="share",
        better="higher",
        margin=MARGIN,
        in_index=True,
        picture=Picture("judge", "Pairs ordered as in the rankings", 10, ranked=True),
    ),
    "five_best": MetricSpec(label="scored 5 and ranked first", unit="share", better="higher"),
    "exact_match": MetricSpec(label="whole order exact", unit="share", better="higher"),
    "spearman": MetricSpec(
        label="Spearman's rho",
        better="higher",
        picture=Picture("judge", "Spearman's rho with the rankings", 20, ranked=True),
    ),
    "kendall": MetricSpec(label="Kendall's tau-b", better="higher"),
    "pairwise_accuracy_half": MetricSpec(
        label="pairs ordered as ranked (a tie is half)", unit="share", better="higher"
    ),
    "pairwise_accuracy_ties_left_out": MetricSpec(
        label="pairs ordered as ranked (a tie is left out)", unit="share", better="higher"
    ),
    "pairwise_accuracy_ties_right": MetricSpec(
        label="pairs ordered as ranked (a tie is right)", unit="share", better="higher"
    ),
    "spearman_undefined_as_0": MetricSpec(label="Spearman's rho, undefined as 0", better="higher"),
    "kendall_undefined_as_0": MetricSpec(label="Kendall's tau-b, undefined as 0", better="higher"),
    "unscored": MetricSpec(label="unscored judgements", unit="share", better="lower"),
    # By prompt only, for the gate.
    "parsed": MetricSpec(label="judgements with a score", better="higher", margin=0.02, scale=(0.0, 1.0)),
}
SHOWN = tuple(name for name in METRICS if name != "parsed" and not name.startswith("pairwise_accuracy_ties"))
INTRO = Markup(
    "Each model scores held-out answers that people ranked{}. Ties: people's ties are "
    'not compared; the judge\'s count as each row says. "Whole order exact" wants every pair people ordered to be '
    "ordered the same way."
)


class JudgeAgreement(Benchmark):
    """Agreement with people, and the paper's figures beside it."""

    name = "judge_agreement"
    label = "as a judge"
    command = "agreement"
    of_models = ("rankings",)
    metrics = METRICS
    leads = (Lead("pairwise_accuracy", "judge", "pairs ordered as ranked"),)
    in_paper = True
    of_judges = True

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterator[Asked]:
        reads, _ = judge_lengths(settings, ASSUMED)
        writes = settings.judge.sampling.max_new_tokens
        draws = round(settings.data.heldout_sets * answers_a_set(settings)) * settings.evaluation.judge_draws
        for name in models:
            yield Asked("judgements of held-out answers", name, draws, reads, writes)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import figures

        return figures(run.settings, run.folder, open_engine)

    def per_prompt(self, run: RunData) -> list[Series]:
        from .measure import by_prompt

        return by_prompt(run.settings, run.folder)

    def change(self, run: RunData, metric: str, model: str, baseline: str) -> MetricValue | None:
        from .measure import (
            change,
        )  # pairs without a score are left out, as in `measure`, and not wrong as for the gate

        return change(run, metric, model, baseline)

    def sections(self, run: RunData) -> list[PageSection]:
        paper = published.judge_agreement()
        content = {
            "metrics": SHOWN,
            "paper": paper,
            "unlike": _unlike(run),
            "rows": {row.model: row for row in paper.rows},
            "in_paper": PAPER,
            "shares": [name for name in PAPER if METRICS[name].unit == "share"],
        }
        pictures = [chart] if (chart := reliability(run)) else []
        from . import baselines  # they stand on scipy, which would slow down every command
        from .figures import TIES

        own = run.of(self.name)
        known = {metric.model for metric in own if metric.metric == "pairwise_accuracy" and metric.baseline is None}
        beside = [name for name in baselines.NAMES if name in known]
        notes = [metric.note for metric in own if metric.model == baselines.CEILING]
        ties = {
            "policies": TIES,
            "judges": [*(name for name in run.names if name in known), *beside],
            "ceiling": f"Human ceiling {notes[0]}." if notes else "",
        }
        left_out = "; ".join(f"{name}: {why}" for name, why in run.folder.not_measured().items())
        intro = INTRO.format(f" (not {left_out})" if left_out else "")
        sections = [
            PageSection("judge", "judge_agreement/section.html", content, rank=10, charts=pictures, intro=intro)
        ]
        if beside:
            sections.append(PageSection("judge", "judge_agreement/baselines.html", ties, rank=11))
        return sections

    def paper_tables(self, run: RunData) -> Iterator[PaperPart]:
        paper = published.judge_agreement()
        rows = [PaperRow(row.model, published={name: getattr(row, name) for name in PAPER}) for row in paper.rows]
        yield PaperTable("table 4", "The models as judges", self.name, PAPER, rows, paper.setting, _unlike(run))

    def doubts(self, run: RunData) -> Iterator[Doubt]:
        for metric in run.of(self.name):
            if metric.metric == "unscored" and metric.value is not None and metric.value > UNSCORED:
                said = f"{metric.model} as a judge: {percent(metric.value)} of its judgements hold no score"
                yield Doubt("judge", said, JUDGES, UNTAUGHT if metric.model in run.untaught else "")
        iterations = {step.name for step in run.folder.steps() if step.role == "iteration"}
        for metric in run.of(self.name):
            if metric.metric != "pairwise_accuracy_half" or metric.baseline or metric.model not in iterations:
                continue  # the base and the SFT baseline never learnt to judge
            if metric.value is not None and metric.low is not None and metric.high is not None and metric.low <= CHANCE:
                interval = f"[{100 * metric.low:.1f}, {100 * metric.high:.1f}]"
                said = (
                    f"{metric.model} as a judge orders {percent(metric.value)} {interval} of "
                    f"{counted(metric.n, metric.unit)} as ranked (a tie is half); a judge at chance has 50%"
                )
                yield Doubt("judge at chance", said, JUDGES)

    def looked_for(self, run: RunData) -> LookedFor:
        measured = any(metric.metric == "pairwise_accuracy_half" for metric in run.of(self.name))
        return LookedFor("judges at chance" if measured else "judges at chance (not measured)", JUDGES)


def _unlike(run: RunData) -> str:
    """How the run's agreement differs from the paper's."""
    counts = [metric.n for metric in run.of(JudgeAgreement.name) if metric.metric == "spearman"]
    prompts = [("prompts", str(max(counts)), published.judge_agreement().n)] if counts else []
    return unlike_paper(run.settings, prompts)


def reliability(run: RunData) -> charts.Chart | None:
    """What a judge's scores are worth: their mean at each rank that answers have."""
    heldout = run.records(run.folder.step("data") / "heldout_sets.jsonl", RankedSet)
    ranks = {response.id: rank for one in heldout for response, rank in zip(one.responses, one.ranks, strict=True)}
    rows, numbers = [], []
    for name in run.names:
        by_rank: dict[int, list[float]] = defaultdict(list)
        for judgement in run.records(run.evaluation / name / "judgements.jsonl", Judgement):
            if judgement.score is not None and judgement.response_id in ranks:
                by_rank[ranks[judgement.response_id]].append(judgement.score)
        for rank, scores in sorted(by_rank.items()):
            words = f"{name}, rank {rank + 1}: mean score {fmean(scores):.2f}, n {counted(len(scores), 'judgements')}"
            rows.append({"judge": name, "rank": str(rank + 1), "score": fmean(scores), "said": words})
            numbers.append(len(scores))
    if not rows:
        return None
    counts = f"{min(numbers):,} to {counted(max(numbers), 'judgements')}"
    note = (
        "A judge that follows the rankings falls from left to right. Judgements without a score are left out. "
        f"n {counts} a column; {ranked_by(run.settings)}; no intervals."
    )
    title = "Mean score by the answer's rank (1 = best)"
    return charts.columns(title, rows, "rank", "score", "judge", False, note, run.looks)
