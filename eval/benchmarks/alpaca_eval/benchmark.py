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
