"""Where IFT, EFT, new and evaluation prompts lie, and how far the sets overlap (the paper, appendix A.1)."""

from collections.abc import Iterable, Sequence

from srlm.text.counts import counted

from ...figures.words import p_text
from ...records import MetricValue
from ..base import Answers, Benchmark, Doubt, LookedFor, MetricSpec, OpenEngine, PageSection, RunData
from ..paper_table import PaperPart, PaperPicture

METRICS = {
    "nearest": MetricSpec(label="nearest neighbour is in the other set", unit="share"),
    "nearest_beyond_chance": MetricSpec(
        label="nearest neighbour in the other set, less chance", unit="share", signed=True
    ),
    "told_apart": MetricSpec(label="a classifier tells the sets apart (50%: it cannot)", unit="share"),
    "near_duplicates": MetricSpec(label="has a near duplicate in the other set", unit="share"),
}
CONTAMINATION = 60
"""Rank of what the map says of evaluation prompts in the training data."""


class DataMap(Benchmark):
    """Texts by an embedding model: no language model is asked."""

    name = "data_map"
    label = "data map"
    command = "data-map"
    by_default = False
    in_paper = True
    metrics = METRICS
    pairs = True
    own_table = True

    def check(self, run: RunData) -> None:
        from .embedding import model_of
        from .texts import text_sets

        model_of(run.settings.evaluation.data_map)
        text_sets(run)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import figures

        return figures(run)

    def sections(self, run: RunData) -> list[PageSection]:
        if not run.of(self.name):
            return []
        from .section import section

        return [section(run)]

    def paper_tables(self, run: RunData) -> Iterable[PaperPart]:
        from .section import section

        figures = run.of(self.name)
        beyond = [one for one in figures if one.metric == "nearest_beyond_chance"]
        yield PaperPicture(
            "appendix A.1",
            "Where the training prompts lie",
            "t-SNE of IFT, EFT and new prompts: IFT and the new ones overlap, EFT lies apart; no figures",
            section(run).content["charts"] if figures else [],
            self._said(beyond),
            "" if figures else "not measured: run `srlm-eval data-map --run FILE`",
        )

    def _said(self, beyond: Sequence[MetricValue]) -> list[str]:
        """What the figures of overlap are, once, and a line for each two sets."""
        if not beyond:
            return []
        return [
            "Of each first set, the share of texts whose nearest other text is in the second, less the share by "
            f"chance: 0 means drawn alike, below 0 apart ({beyond[0].method}; Holm over all pairs of sets).",
            *(
                self.words.sentence(one).removesuffix(f"; {one.method}")
                + ("" if one.p_adjusted is None else f", {p_text(one.p_adjusted)}")
                for one in beyond
            ),
        ]

    def doubts(self, run: RunData) -> Iterable[Doubt]:
        from srlm.worlds.table import WORLDS

        from .measure import against_evaluation

        # Prompts that are the same word for word are warned of by the page itself, and never expected.
        kind = run.settings.data.kind
        alike = f"all prompts of the {WORLDS[kind].title} follow a few patterns" if kind in WORLDS else ""
        for metric in against_evaluation(run.of(self.name)):
            if metric.value:
                said = (
                    f"{round(metric.value * metric.n)} of {counted(metric.n, 'evaluation prompts have')} a "
                    "near duplicate among "
                    f"the {metric.baseline} texts ({metric.note.partition(';')[0]})"
                )
                yield Doubt("evaluation prompts in the training data", said, CONTAMINATION, alike)

    def looked_for(self, run: RunData) -> LookedFor | None:
        return LookedFor("near duplicates of evaluation prompts", CONTAMINATION) if run.of(self.name) else None
