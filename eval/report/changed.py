"""What changed from model to model: lengths, quality, kinds of prompts, and the prompts on which the newer one lost."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from srlm.records import Record

from . import charts
from .material import Material

MOST_REGRESSIONS = 8
SORTS = ("category", "source", "length")


class Regression(Record):
    """Prompts on which a model lost to the one before it."""

    model: str
    baseline: str
    count: int
    compared: int
    prompts: tuple[tuple[str, str], ...]
    """Id and text of the first few, in the order of the evaluation prompts."""


def quality(run: Material) -> list[charts.Chart]:
    """One picture a measure of the answers, model by model."""
    wanted = [("answers", "characters", "Mean length of an answer, characters")]
    if run.settings.data.kind == "beads":
        wanted = [
            ("beads", "correct", "Correct answers, share of prompts"),
            ("bead_skills", "greedy_correct", "Correct greedy answers (M0: asked in its own way)"),
            ("beads", "oracle_score", "Exact score, mean of 0 to 5 points"),
            *wanted,
        ]
    return pictures(run, wanted)


def judges(run: Material) -> list[charts.Chart]:
    """One picture a measure of the models as judges."""
    wanted = [
        ("judge_agreement", "pairwise_accuracy", "Pairs ordered as people ordered them"),
        ("judge_agreement", "spearman", "Spearman's rho with people"),
    ]
    if run.settings.data.kind == "beads":
        wanted += [
            ("bead_judge", "own_correct", "Verdicts on its own answers' correctness, balanced"),
            ("bead_judge", "own_pairwise_accuracy", "Pairs of its own answers in the right order"),
        ]
    return pictures(run, wanted)


def pictures(run: Material, wanted: Sequence[tuple[str, str, str]]) -> list[charts.Chart]:
    """A chart for each (benchmark, metric, title) that was measured."""
    found = [
        ([m for name in ("M0", *run.names) if (m := run.figure(benchmark, metric, name))], title)
        for benchmark, metric, title in wanted
    ]
    return [chart for row, title in found if row and (chart := charts.dots(row, title))]


def reliability(run: Material) -> charts.Chart | None:
    """What a judge's scores are worth: their mean at each rank people gave."""
    ranks = {response.id: rank for one in run.heldout for response, rank in zip(one.responses, one.ranks, strict=True)}
    rows = []
    for name, said in run.readings.items():
        by_rank: dict[int, list[float]] = defaultdict(list)
        for judgement in said:
            if judgement.score is not None and judgement.response_id in ranks:
                by_rank[ranks[judgement.response_id]].append(judgement.score)
        for rank, scores in sorted(by_rank.items()):
            words = f"{name}, people's rank {rank + 1}: mean score {fmean(scores):.2f}, n {len(scores):,} readings"
            rows.append({"judge": name, "rank": str(rank + 1), "score": fmean(scores), "said": words})
    if not rows:
        return None
    note = "A judge that follows people falls from left to right. Readings without a score are left out."
    return charts.columns("Mean score by people's rank (1 = best)", rows, "rank", "score", "judge", False, note)


def slices(run: Material) -> list[charts.Chart]:
    """Wins minus losses by kind of prompt, each model against the one before it."""
    made = []
    for baseline, model in list(pairwise(run.names))[-2:]:
        found = [m for m in run.of("slices") if (m.model, m.baseline) == (model, baseline) and m.value is not None]
        rows = [charts.dot(metric) | {"pair": metric.metric} for metric in found]
        if rows:
            made.append(charts.forest(f"{model} against {baseline}, by kind of prompt", rows, "wins minus losses"))
    return made


def regressions(run: Material) -> list[Regression]:
    """The prompts on which each model lost to the one before it."""
    made = []
    for baseline, model in pairwise(run.names):
        outcomes = {v.prompt_id: v.outcome for v in run.verdicts if (v.model_a, v.model_b) == (model, baseline)}
        lost = [(p.id, p.text) for p in run.prompts if outcomes.get(p.id) == "lose"]
        if outcomes:
            made.append(
                Regression(
                    model=model,
                    baseline=baseline,
                    count=len(lost),
                    compared=len(outcomes),
                    prompts=tuple(lost[:MOST_REGRESSIONS]),
                )
            )
    return made
