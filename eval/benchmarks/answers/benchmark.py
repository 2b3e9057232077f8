"""The answers to the evaluation prompts by themselves: how long they are, and how many were cut at the token limit."""

from collections.abc import Iterator, Sequence

from srlm.methods.base import ASSUMED
from srlm.settings import Settings
from srlm.text.counts import counted

from ...data import published
from ...figures.words import percent
from ...records import MetricValue
from ..base import (
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
from ..paired import steps_of
from ..paper_table import PaperPart, PaperRow, PaperTable, unlike_paper

LENGTH_DRIFT = 1.25
"""Answers of a model that are this many times as long (or short) as those of the one before are warned of."""
MOSTLY_CUT = 0.5
"""Share of cut answers from which on a model is warned of."""
RANK = 10
"""Doubts about length are the first to be read."""
METRICS = {
    "characters": MetricSpec(
        label="length, characters",
        digits=1,
        picture=Picture("changed", "Mean length of an answer, characters", 90),
    ),
    "cut": MetricSpec(label="cut at the token limit", unit="share", better="lower"),
}


class AnswerLengths(Benchmark):
    """Length, and cut answers."""

    name = "answers"
    label = "answers"
    command = "h2h"
    evaluation_prompts = True
    of_models = ("prompts",)
    in_paper = True
    metrics = METRICS
    leads = (Lead("characters", "length", METRICS["characters"].label),)

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterator[Asked]:
        writes = settings.evaluation.sampling.max_new_tokens
        for name in models:  # the head to head compares these answers
            yield Asked("answers", name, settings.data.evaluation_prompts, ASSUMED.prompt, writes)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from ..measuring import resampling
        from .measure import described

        how = resampling(run.settings)
        return [metric for name, said in answers.items() for metric in described(name, said, how)]

    def sections(self, run: RunData) -> list[PageSection]:
        return [PageSection("changed", "answers/section.html", rank=20)]

    def paper_tables(self, run: RunData) -> Iterator[PaperPart]:
        rows = [PaperRow(name, published={"characters": count}) for name, count in published.run().characters.items()]
        yield PaperTable(
            "length of answers",
            "Mean length of an answer",
            self.name,
            ("characters",),
            rows,
            "answers to AlpacaEval's prompts; no unit is given, and characters are assumed, as in AlpacaEval",
            unlike_paper(run.settings, [("prompts", "the run's", "AlpacaEval's")]),
        )

    def doubts(self, run: RunData) -> Iterator[Doubt]:
        lengths = {
            one.model: one for one in run.of("answers") if one.metric == "characters" and one.value
        }  # fmt: skip
        known = [name for name in run.names if name in lengths]
        for model, baseline in steps_of(known, run.settings.evaluation.reference):
            before, after = lengths[baseline], lengths[model]
            ratio = (after.value or 0) / (before.value or 1)
            then = self.words.text_of(before, before.value or 0)
            if not 1 / LENGTH_DRIFT < ratio < LENGTH_DRIFT:
                way = "longer" if ratio > 1 else "shorter"
                yield Doubt(
                    "length drift",
                    f"{after.model}'s answers are {way} than {before.model}'s: "
                    f"{self.words.text_of(after, after.value or 0)} characters against {then} "
                    f"({ratio:.2f} times); many judges prefer longer answers, so read its wins with that in mind",
                    RANK,
                )

        for one in run.of("answers"):
            if one.metric == "cut" and one.baseline is None and one.value is not None and one.value >= MOSTLY_CUT:
                yield Doubt(
                    "cut answers",
                    f"{percent(one.value)} of {counted(one.n, 'answers')} of {one.model} were cut at the token limit "
                    "(evaluation.sampling.max_new_tokens); contests compare fragments",
                    RANK,
                )

    def looked_for(self, run: RunData) -> LookedFor:
        return LookedFor("length drift and cut answers" + ("" if run.of("answers") else " (not measured)"), RANK)
