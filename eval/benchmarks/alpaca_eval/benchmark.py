"""AlpacaEval 2.0 of a run's checkpoints; `python -m eval alpaca` measures it, for it wants to be told of a judge."""

from collections.abc import Iterable, Iterator, Sequence

from srlm.errors import SettingsError
from srlm.methods.base import ASSUMED
from srlm.methods.work import CHARACTERS_A_TOKEN
from srlm.settings import Settings
from srlm.text.counts import counted

from ...data import cited, published
from ...data.cited import warning_of
from ...figures.words import percent
from ...records import MetricValue
from ..base import (
    Answers,
    Asked,
    Benchmark,
    BrowserEntry,
    Doubt,
    Lead,
    LookedFor,
    MetricSpec,
    OpenEngine,
    PageSection,
    RunData,
)
from ..english import reads_no_english
from ..order import JUDGES, order_doubts
from ..paper_table import PaperPart, PaperRow, PaperTable, unlike_paper
from .browser_entries import browser_entries

CANARIES = 40
"""Rank of what canaries say of AlpacaEval's judge."""
JUDGED_BY = ("openai", "hf")
"""Kinds of judges that AlpacaEval's annotators can ask."""
BASELINE_TOKENS = 430
"""Of one output of GPT-4 Turbo: 2,049 characters on average, 4.8 a token."""
LISTED = ("win_rate", "lc_win_rate", "avg_length")
METRICS = {
    "win_rate": MetricSpec(label="win rate", better="higher"),
    "lc_win_rate": MetricSpec(label="length-controlled win rate", better="higher", in_index=True),
    "order_decided": MetricSpec(label="verdict changed with the order shown", unit="share", better="lower"),
}
BRIDGED = {
    "win_rate": MetricSpec(label="win rate", better="higher"),
    "lc_win_rate": MetricSpec(label="length-controlled win rate", better="higher", in_index=True),
    "candidate_win_rate": MetricSpec(label="win rate by the candidate judge"),
    "candidate_lc_win_rate": MetricSpec(label="length-controlled win rate by the candidate judge"),
    "official_win_rate": MetricSpec(label="official win rate"),
    "official_lc_win_rate": MetricSpec(label="official length-controlled win rate"),
}

OF_CANARIES = {"fooled": MetricSpec(label="canaries that win or are called equal", unit="share", better="lower")}


class AlpacaEval2(Benchmark):
    """Win rates against GPT-4 Turbo, raw and length-controlled."""

    name = "alpaca_eval"
    label = "AlpacaEval 2.0"
    command = "alpaca"
    by_default = False
    of_models = ("judge",)
    in_browser = True
    in_paper = True
    metrics = METRICS
    leads = (Lead("lc_win_rate", "quality", "length-controlled win rate, AlpacaEval 2.0"),)

    def inapplicable(self, settings: Settings) -> str:
        return reads_no_english(settings)

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterator[Asked]:
        from ...judging.annotator import Annotator

        answer = settings.evaluation.sampling.max_new_tokens
        for name in models:
            yield Asked("answers", name, cited.PROMPTS, ASSUMED.prompt, answer)
        if settings.evaluation.judge.partition(":")[0] in JUDGED_BY:
            annotator = Annotator()
            shown = ASSUMED.prompt + min(ASSUMED.answer, answer) + BASELINE_TOKENS
            reads = annotator.characters // CHARACTERS_A_TOKEN + shown
            writes = int(annotator.settings.get("max_tokens", 1))
            requests, wanted = cited.PROMPTS * len(models), settings.evaluation
            yield Asked("verdicts", wanted.judge, requests, reads, writes, wanted.price, wanted.base_url)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .command import measured_by

        return measured_by(run.settings, run.folder, judge_of(run), open_engine)

    def check(self, run: RunData) -> None:
        judge_of(run)

    def sections(self, run: RunData) -> list[PageSection]:
        figures = [metric for metric in run.of(self.name) if metric.metric in LISTED]
        counts = sorted({metric.n for metric in figures if metric.metric == "win_rate"})
        content = {
            "figures": figures,
            "prompts": " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1]))) if counts else "",
            "warnings": warnings(run),
            "paper": published.alpaca_eval(),
        }
        return [PageSection("wins", "alpaca_eval/section.html", content, rank=20)]

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        paper = published.alpaca_eval()
        yield PaperTable(
            "table 1",
            "AlpacaEval 2.0",
            self.name,
            ("win_rate",),
            [PaperRow(row.model, published={"win_rate": row.win_rate}) for row in paper.rows],
            f"{paper.setting}, {counted(paper.n, 'prompts')}",
            unlike="; ".join([*filter(None, [unlike_paper(run.settings)]), *warnings(run)]),
            others=[(row.model, {"win_rate": row.win_rate}) for row in paper.leaderboard],
            value_unit="percent",
            decimals=2,
        )

    def doubts(self, run: RunData) -> Iterable[Doubt]:
        yield from order_doubts(run.of(self.name))
        yield from (Doubt("AlpacaEval 2.0", said, JUDGES) for said in warnings(run))

    def browser_entries(self, run: RunData) -> Iterator[BrowserEntry]:
        return browser_entries(run)


def judge_of(run: RunData) -> str:
    """The judge of the run's settings as AlpacaEval's annotators ask it; one of its own models by its folder.

    Raises SettingsError where they cannot ask it.
    """
    spec = run.settings.evaluation.judge
    kind, _, name = spec.partition(":")
    if kind == "checkpoint":
        found = next((one for one in run.folder.all_checkpoints() if one.name == name), None)
        if found is not None and run.folder.model_path(found).is_dir():
            return f"hf:{run.folder.model_path(found)}"
    if kind not in JUDGED_BY:
        raise SettingsError(
            f"alpaca_eval needs a judge, and {spec} cannot be asked; set openai:MODEL or hf:DIR as --judge "
            "(evaluation.judge), or run its own command: srlm-eval alpaca --help"
        )
    return spec


def warnings(run: RunData) -> list[str]:
    """How the run's win rates differ from the published ones, each way once with the models it is of."""
    models: dict[str, list[str]] = {}
    for metric in run.of(AlpacaEval2.name):
        if metric.metric == "win_rate" and (sentence := warning_of(metric.note)):
            models.setdefault(sentence, []).append(metric.model)
    return [f"{', '.join(of)}: {sentence}" for sentence, of in models.items()]


class AlpacaCanaries(Benchmark):
    """Answers that must not win, tried with AlpacaEval's judge."""

    name = "alpaca_canaries"
    label = "alpaca canaries"
    command = "alpaca"
    by_default = False
    metrics = OF_CANARIES

    def doubts(self, run: RunData) -> Iterator[Doubt]:
        for metric in run.of(self.name):
            if metric.metric == "fooled" and metric.value:
                said = (
                    f"AlpacaEval's judge {metric.model} prefers {percent(metric.value)} of the canaries, or calls them "
                    f"equal ({metric.note}); its win rates can be gamed"
                )
                yield Doubt("canaries", said, CANARIES)
            elif metric.metric == "fooled" and metric.value is None:
                yield Doubt("canaries", f"no canary of AlpacaEval's judge {metric.model} could be read", CANARIES)

    def looked_for(self, run: RunData) -> LookedFor | None:
        return LookedFor("canaries of AlpacaEval's judge", CANARIES) if run.of(self.name) else None


class AlpacaBridge(Benchmark):
    """What GPT-4 Turbo would have given, from another judge."""

    name = "alpaca_bridge"
    label = "AlpacaEval 2.0 on the scale of GPT-4 Turbo"
    command = "bridge"
    by_default = False
    metrics = BRIDGED

    def sections(self, run: RunData) -> list[PageSection]:
        from .bridge_text import bridge_charts

        figures = run.of(self.name)
        if not figures:
            return []
        return [
            PageSection("wins", "alpaca_eval/bridge.html", {"figures": figures}, rank=21, charts=bridge_charts(figures))
        ]
