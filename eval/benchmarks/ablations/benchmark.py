"""Ablations as the paper has them; `srlm-eval ablations` trains their runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from srlm.methods.base import ASSUMED
from srlm.methods.work import answers_a_set, judge_lengths
from srlm.settings import Settings
from srlm.text.counts import counted

from ...data import published
from ...figures import charts
from ...figures.captions import caption
from ...records import MetricValue
from ..base import Answers, Asked, Benchmark, MetricSpec, OpenEngine, PageSection, RunData
from ..judge_agreement.benchmark import METRICS as AGREEMENT
from ..judge_agreement.benchmark import PAPER
from ..paper_table import PaperPart, PaperRow, PaperTable, unlike_paper
from .arms import JUDGE_PROMPT, RUBRICS, inapplicable

BENCHMARK = "ablations"
METRICS = {
    "win": MetricSpec(label="wins against the SFT baseline", unit="share", better="higher"),
    "tie": MetricSpec(label="ties", unit="share"),
    "lose": MetricSpec(label="losses", unit="share", better="lower"),
    "pairs": MetricSpec(label="pairs", digits=0),
    "pair_yield": MetricSpec(label="prompts that gave a pair", unit="share", better="higher"),
    "top_score_share": MetricSpec(label="judgements with the most common score", unit="share"),
    "score_entropy": MetricSpec(label="entropy of the scores, bits", digits=2),
    "positive_examples": MetricSpec(label="answers with the highest score", digits=0),
    "finished": MetricSpec(label="trained to the end"),
    **{name: spec.model_copy(update={"picture": None, "margin": None}) for name, spec in AGREEMENT.items()},
}
CONTESTS = ("win", "tie", "lose")
YIELD = ("pairs", "pair_yield", "top_score_share", "score_entropy")


class Ablations(Benchmark):
    """What another judge's prompt, no EFT data, no pairs, or prompts by M_t change."""

    name = BENCHMARK
    label = "ablations"
    command = "ablations"
    by_default = False
    in_paper = True
    own_table = True
    metrics = METRICS

    def spec(self, metric: str) -> MetricSpec:
        known = self.metrics.get(metric)
        if known is not None or "/" not in metric:
            return known or super().spec(metric)
        from ..table import WORDS  # which this benchmark stands in

        against, _, measure = metric.rpartition(": ")
        benchmark, _, name = measure.partition("/")
        of = WORDS.of(benchmark)
        label = f"{of.label}, {of.spec(name).label}" + (f" ({against})" if against else "")
        return MetricSpec(label=label, unit=of.spec(name).unit)

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterator[Asked]:
        if not inapplicable(JUDGE_PROMPT, settings):
            reads, _ = judge_lengths(settings, ASSUMED)
            draws = round(settings.data.heldout_sets * answers_a_set(settings)) * settings.evaluation.judge_draws
            other = sum(rubric != settings.judge.template for rubric in RUBRICS)
            writes = settings.judge.sampling.max_new_tokens
            yield Asked("judgements with another rubric", models[0], draws * other, reads, writes)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import figures

        return figures(run)

    def sections(self, run: RunData) -> list[PageSection]:
        figures = run.of(self.name)
        return [PageSection("differences", "ablations/section.html", {"figures": figures}, rank=30)] if figures else []

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        paper, training, unlike = published.ablations(), published.run(), unlike_paper(run.settings)
        yield PaperTable(
            "ablation: the judge's prompt",
            "The SFT baseline as judge with two prompts",
            self.name,
            PAPER,
            [
                PaperRow(f"SFT, {rubric}", None, paper.rubrics[rubric], missing=_missing(run, JUDGE_PROMPT))
                for rubric in reversed(RUBRICS)
            ],
            "multiple choice (Li et al. 2023) against the additive prompt; Open Assistant answers ranked by people",
            unlike,
        )
        won = {
            row.model: {"win": row.win, "tie": row.tie, "lose": row.lose}
            for row in published.head_to_head().rows
            if row.baseline == "SFT"
        }
        pairs = {name: {"pairs": float(count)} for name, count in training.pairs.items()}
        few = {name: {"pairs": float(count)} for name, count in paper.ift_only_pairs.items()}
        yield PaperTable(
            "ablation: positive examples only",
            "SFT on the answers that the model scored 5, instead of DPO on pairs",
            self.name,
            CONTESTS,
            _rows(run, "positive_only", ("M2",), CONTESTS, won, {"M2": paper.positive_only}),
            f"{counted(paper.positive_only_examples, 'answers')} scored 5; wins and losses against the SFT baseline",
            unlike,
            charts=self._differences(run, "positive_only"),
            notes=_stopped(run, "positive_only"),
        )
        yield PaperTable(
            "ablation: no EFT data",
            "M1 trained on IFT alone: what its scores are worth",
            self.name,
            YIELD,
            _rows(run, "ift_only", ("M2", "M3"), YIELD, pairs, few),
            "few answers get different scores, which collapse to 4, so that few pairs are left",
            unlike,
            charts=self._differences(run, "ift_only"),
            notes=_stopped(run, "ift_only"),
        )
        yield PaperTable(
            "appendix A.5",
            "New prompts by M_t itself",
            self.name,
            (*CONTESTS, "pair_yield"),
            _rows(run, "own_prompts", ("M2", "M3"), (*CONTESTS, "pair_yield"), {}, {}),
            "30 prompts of each model were read by people: all models can write them, M2 and M3 sometimes run on; no "
            "figures are given",
            charts=self._differences(run, "own_prompts"),
            notes=_stopped(run, "own_prompts"),
        )

    def _differences(self, run: RunData, arm: str) -> list[charts.Chart]:
        """The last model of an arm minus the run's own, where that is a share."""
        found = [
            one
            for one in run.of(self.name)
            if one.model.startswith(f"{arm}/") and one.baseline is not None and one.value is not None
        ]
        rows = [
            charts.dot(one, self.words) | {"pair": self.words.label(one)}
            for one in found
            if self.spec(one.metric).unit == "share"
        ]
        title = f"The last model of {arm} minus the run's own, on the same prompts"
        note = caption([one for one in found if self.spec(one.metric).unit == "share"], run.level)
        return [charts.forest(title, rows, "right of 0 the ablation is better", note)] if rows else []


def _rows(
    run: RunData,
    arm: str,
    names: Sequence[str],
    metrics: Sequence[str],
    own: Mapping[str, Mapping[str, float]],
    published: Mapping[str, Mapping[str, float]],
) -> list[PaperRow]:
    """The run's own models and those of an arm, with the paper's values of both."""
    measured = [one for one in run.of(BENCHMARK) if _of(one, arm) and one.metric in metrics]
    ours = dict.fromkeys([*names, *(one.model.partition("/")[2] for one in measured)])
    itself = [PaperRow(name, None, own.get(name, {}), f"{name}, the run itself") for name in ours]
    return itself + [
        PaperRow(f"{arm}/{name}", None, published.get(name, {}), f"{name}, ablation", _missing(run, arm, name))
        for name in ours
    ]


def _of(metric: MetricValue, arm: str) -> bool:
    return metric.baseline is None and metric.model.startswith(f"{arm}/")


def _missing(run: RunData, name: str, model: str | None = None) -> str:
    """Why an ablation has no figure, or none of a model."""
    why = inapplicable(name, run.folder.given)
    if not why and model is not None and model not in run.finished:
        why = f"no {model} in this run"
    return why or f"not measured: run `srlm-eval ablations --run FILE --only {name}`"


def _stopped(run: RunData, arm: str) -> list[str]:
    return [
        f"The run {run.settings.name}-ablation-{arm} stopped: {one.note}"
        for one in run.of(BENCHMARK)
        if one.model == arm and one.metric == "finished"
    ]
