"""MT-Bench as the paper has it: table 2, and each category."""

from collections.abc import Iterator, Sequence

from srlm.text.counts import counted

from ...data import published
from ...data.mt_bench import CATEGORIES
from ...figures.charts import Chart
from ..paper_table import PaperPart, PaperRow, PaperTable
from .names import HARD, OTHERS, OVERALL


def tables(benchmark: str, unlike: str, drawn: Sequence[Chart]) -> Iterator[PaperPart]:
    """Both tables. `unlike`: how the run's figures differ from the paper's; `drawn`: the means of both."""
    paper = published.mt_bench()
    rows = [PaperRow(row.model, published=row.values) for row in paper.rows]
    setting = f"{paper.setting}, {counted(paper.questions, 'questions')} of two turns"
    yield PaperTable(
        "table 2", "MT-Bench", benchmark, (OVERALL, HARD, OTHERS), rows, setting, unlike, charts=drawn, decimals=2
    )
    metrics = [f"category: {name}" for name in CATEGORIES]
    yield PaperTable(
        "appendix: MT-Bench by category",
        "MT-Bench, each category",
        benchmark,
        metrics,
        rows,
        setting,
        unlike,
        decimals=2,
    )
