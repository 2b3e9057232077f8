"""The NLP benchmarks as the paper has them: table 3."""

from collections.abc import Iterator

from ...data import cited, published
from ..base import RunData
from ..paper_table import PaperPart, PaperRow, PaperTable
from .figures import BENCHMARK, metric_of
from .known import KNOWN, OF_THE_PAPER
from .page import unlike


def tables(run: RunData) -> Iterator[PaperPart]:
    """Table 3."""
    paper = published.nlp()
    rows = [
        PaperRow(
            row.model,
            published={metric_of(task, KNOWN[task].main): row.values[task] for task in OF_THE_PAPER},
        )
        for row in paper.rows
    ]
    yield PaperTable(
        "table 3",
        "NLP benchmarks",
        BENCHMARK,
        [metric_of(task, KNOWN[task].main) for task in OF_THE_PAPER],
        rows,
        f"Llama-2-70B: {paper.setting}",
        cited.unlike(unlike(run, run.of(BENCHMARK))),
        decimals=2,
        notes=["The first row of the paper is Llama 2 itself, M0; of ours it is there where M0 was measured."],
    )
