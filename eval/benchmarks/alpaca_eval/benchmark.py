"""AlpacaEval 2.0 of a run's checkpoints; `python -m eval alpaca` measures it, for it wants to be told of a judge."""

from collections.abc import Iterable, Iterator

from ...data import published
from ..base import Benchmark, BrowserEntry, Doubt, MetricSpec, PageSection, RunData
from ..order import order_doubts
from .browser_entries import browser_entries

LISTED = ("win_rate", "lc_win_rate", "avg_length")
METRICS = {
    "win_rate": MetricSpec(label="win rate", better="higher"),
    "lc_win_rate": MetricSpec(label="length-controlled win rate", better="higher"),
    "order_decided": MetricSpec(label="verdict changed with the order shown", unit="share", better="lower"),
}
BRIDGED = {
    "win_rate": MetricSpec(label="win rate", better="higher"),
    "lc_win_rate": MetricSpec(label="length-controlled win rate", better="higher"),
    "candidate_win_rate": MetricSpec(label="win rate by the candidate judge"),
    "candidate_lc_win_rate": MetricSpec(label="length-controlled win rate by the candidate judge"),
    "official_win_rate": MetricSpec(label="official win rate"),
    "official_lc_win_rate": MetricSpec(label="official length-controlled win rate"),
}


class AlpacaEval2(Benchmark):
    """Win rates against GPT-4 Turbo, raw and length-controlled."""

    name = "alpaca_eval"
    label = "AlpacaEval 2.0"
    command = "alpaca"
    by_default = False
    in_browser = True
    metrics = METRICS

    def sections(self, run: RunData) -> list[PageSection]:
        figures = [metric for metric in run.of(self.name) if metric.metric in LISTED]
        content = {"figures": figures, "paper": published.alpaca_eval()}
        return [PageSection("wins", "alpaca_eval/section.html", content, rank=20)]

    def doubts(self, run: RunData) -> Iterable[Doubt]:
        return order_doubts(run.of(self.name))

    def browser_entries(self, run: RunData) -> Iterator[BrowserEntry]:
        return browser_entries(run)


class AlpacaCanaries(Benchmark):
    """Answers that must not win, tried with AlpacaEval's judge."""

    name = "alpaca_canaries"
    label = "alpaca canaries"
    command = "alpaca"
    by_default = False


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
