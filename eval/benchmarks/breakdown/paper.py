"""The breakdown as the paper has it: win rates by category (figure 4), and what the prompts are (appendix A.6)."""

from collections.abc import Iterator

from ...data import published
from ...figures.words import MetricWords, percent
from ...records import MetricValue
from ..base import RunData
from ..paper_table import PaperFact, PaperFacts, PaperPart, PaperPicture
from . import names
from .section import Composition, compositions, pictures


def parts(run: RunData, words: MetricWords, missing: str) -> Iterator[PaperPart]:
    """Figure 4 and the tables of appendix A.6. `missing`: what to do where there is nothing yet."""
    paper, drawn = published.breakdown(), pictures(run, words)
    yield PaperPicture(
        "figure 4",
        "Win rates by kind of prompt",
        f"{paper.setting}; a picture of win rates by category, without figures that are known",
        drawn,
        [f"The paper: {said}" for said in paper.findings],
        "" if drawn else _without(run) or missing,
        one_source=True,
    )
    found = compositions(run)
    if found:
        for one in found:
            yield PaperFacts("appendix A.6", one.title, _rows(one, words), one_source=True)
        return
    for label, kinds in paper.rows.items():
        rows = [PaperFact(kind.kind, "", _published(kind)) for kind in kinds]
        title = f"{names.SORTS[label].capitalize()} of AlpacaEval's prompts"
        yield PaperFacts("appendix A.6", title, rows, [missing], one_source=True)


def _without(run: RunData) -> str:
    """Why prompts that were labelled give no win rate; empty: they were not labelled."""
    figures = run.of(names.BREAKDOWN)
    if not figures:
        return ""
    why = next((one.note for one in figures if names.is_test(one.metric) and one.value is None), "")
    return f"no win rate: {why}" if why else "no comparison to split: run `srlm-eval h2h --run FILE`"


def _rows(one: Composition, words: MetricWords) -> list[PaperFact]:
    ours = [
        PaperFact(row.kind, _own(row.share, words), _published(row.paper) if row.paper is not None else "")
        for row in one.rows
    ]
    return ours + [PaperFact(row.kind, "no such kind", _published(row)) for row in one.others]


def _own(share: MetricValue | None, words: MetricWords) -> str:
    if share is None or share.value is None:
        return "none read" if share is None else f"none read, {share.unscored:,} unscored"
    return f"{words.text_of(share, share.value)}, n {share.n:,}"


def _published(kind: published.PublishedKind) -> str:
    return percent(kind.share) + (f", n {kind.n:,}" if kind.n is not None else "")
