"""Every checkpoint against every other on the evaluation prompts: verdicts of a judge, in both orders."""

from collections.abc import Iterable, Iterator, Sequence

from srlm.settings import Settings
from srlm.text.counts import counted

from ...data import cited, published
from ...records import MetricValue, Series
from ..asked import comparisons
from ..base import (
    Answers,
    Asked,
    Benchmark,
    BrowserEntry,
    Doubt,
    Finding,
    Lead,
    MetricSpec,
    OpenEngine,
    PageSection,
    RunData,
)
from ..order import order_doubts
from ..paired import contests_of
from ..paper_table import PaperPart, PaperRow, PaperTable, model_and_data
from .browser_entries import browser_entries
from .contests import Pairing, findings, pairings, pictures, shown
from .lost import regressions

METRICS = {
    "win": MetricSpec(label="wins", unit="share", better="higher"),
    "tie": MetricSpec(label="ties", unit="share"),
    "lose": MetricSpec(label="losses", unit="share", better="lower"),
    "win_minus_lose": MetricSpec(label="wins minus losses", unit="share", better="higher", signed=True, margin=0.1),
    "order_decided": MetricSpec(label="verdict changed with the order shown", unit="share", better="lower"),
    "preference": MetricSpec(
        label="judge's probability that it is better, mean of both orders", unit="share", better="higher"
    ),
    "preference_asked_again": MetricSpec(
        label="the same with the noise of the judge's votes alone, on the same prompts", unit="share", better="higher"
    ),
}
OUTCOMES = {1.0: "wins", 0.0: "ties", -1.0: "loses"}
"""By the value of a prompt."""
SHARES = (("win", "wins"), ("lose", "loses"))
"""What is shown of a contest beside the difference of the two."""


class HeadToHead(Benchmark):
    """Wins, ties and losses, and the paper's figures for the pairs of the same names."""

    name = "head_to_head"
    label = "head to head"
    command = "h2h"
    evaluation_prompts = True
    of_models = ("prompts", "judge")
    in_browser = True
    metrics = METRICS | {"win_minus_lose": METRICS["win_minus_lose"].model_copy(update={"in_index": True})}
    leads = (Lead("win_minus_lose", "contest", "head to head", OUTCOMES, SHARES),)
    pairs = True
    own_table = True
    in_paper = True

    def check(self, run: RunData) -> None:
        from .measure import refuse_retired_judge

        refuse_retired_judge(run.settings, run.folder)

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterable[Asked]:
        contests = len(contests_of(models, settings.evaluation.reference)) * settings.data.evaluation_prompts
        return comparisons("verdicts in both orders", settings, contests)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import figures

        return figures(run.settings, run.folder, answers, open_engine)

    def per_prompt(self, run: RunData) -> list[Series]:
        from .measure import by_prompt

        return by_prompt(run.settings, run.folder, run.records)

    def sections(self, run: RunData) -> list[PageSection]:
        found = pairings(run)
        rows = shown(found, run.names)
        wins = {
            "pairings": rows,
            "left_out": len(found) - len(rows),
            "left_out_models": run.folder.not_measured(),
            "pictures": pictures(rows, self.words, run),
            "paper": published.head_to_head(),
            "unlike": _unlike(run, rows),
        }
        return [
            PageSection("verdict", "head_to_head/verdict.html"),
            PageSection("wins", "head_to_head/wins.html", wins, rank=10),
            PageSection("differences", "head_to_head/lost.html", {"regressions": regressions(run)}, rank=20),
        ]

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        paper, rows = published.head_to_head(), shown(pairings(run), run.names)
        yield PaperTable(
            "figure 3",
            "Head to head",
            self.name,
            ("win", "tie", "lose"),
            [
                PaperRow(row.model, row.baseline, {"win": row.win, "tie": row.tie, "lose": row.lose})
                for row in paper.rows
            ],
            f"{paper.setting}, {counted(paper.n, 'prompts')}",
            _unlike(run, rows),
            charts=pictures(rows, self.words, run),
        )

    def findings(self, run: RunData) -> list[Finding]:
        alpha = round(1 - run.settings.evaluation.confidence, 12)
        return findings(pairings(run), run.steps_of, alpha, self.words)

    def doubts(self, run: RunData) -> Iterable[Doubt]:
        return order_doubts(run.of(self.name))

    def browser_entries(self, run: RunData) -> Iterator[BrowserEntry]:
        return browser_entries(run)


def _unlike(run: RunData, rows: Sequence[Pairing]) -> str:
    """How the run's contests differ from the paper's."""
    paper = published.head_to_head()
    judge = ("judge", run.settings.evaluation.judge.removeprefix("openai:"), paper.judge)
    prompts = ("prompts", str(max((one.win.n for one in rows), default=0)), str(paper.n))
    return cited.unlike([judge, *model_and_data(run.settings), prompts])
