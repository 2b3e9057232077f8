"""Each checkpoint as a judge of answers that people ranked (the paper, section 3.1 and table 4).

    data/heldout_sets.jsonl -> evaluation/M1/judgements.jsonl -> metric values

An answer's score is the mean of the judgements that parse; an answer none of whose judgements parses has no score. The
measures and their rules for ties are in srlm/judge/agreement.py.
"""

from collections.abc import Sequence
from pathlib import Path

from srlm.judge import agreement
from srlm.judge.pointwise import Answered
from srlm.records import Checkpoint, Judgement, RankedSet, seed_for
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted

from ...records import MetricValue, Series
from ...stats.intervals import Resampling
from ..base import OpenEngine, RunData
from ..finished import measured
from ..measuring import aligned, judge_answers, resampling
from ..paired import steps_of
from . import baselines
from .figures import Compared, described, differences, judgement_note, unscored_share

BENCHMARK = "judge_agreement"


def figures(settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> list[MetricValue]:
    """All figures of the checkpoints as judges; models are asked only what is not on disk."""
    sets = files.read(folder.step("data") / "heldout_sets.jsonl", RankedSet)
    prompts = [one.prompt.id for one in sets]
    how = resampling(settings)
    metrics: list[MetricValue] = []
    found = {}
    for checkpoint in measured(folder):
        judgements = heldout_judgements(settings, folder, checkpoint, answered(sets), open_engine)
        found[checkpoint.name] = agreement.measure([one.ranks for one in sets], scores_of(sets, judgements))
        metrics += described(checkpoint.name, BENCHMARK, prompts, found[checkpoint.name], how)
        metrics.append(unscored_judgements(checkpoint.name, sets, judgements, how))
    metrics += baselines.figures(sets, prompts, BENCHMARK, how, ceiling=False)
    pairs = steps_of(list(found), settings.evaluation.reference)
    asked = [Compared(model=model, baseline=baseline) for model, baseline in pairs]
    return metrics + differences(BENCHMARK, asked, prompts, found, how)


def answered(sets: Sequence[RankedSet]) -> list[Answered]:
    """Every answer of every set, in order."""
    return [Answered(prompt=ranked.prompt, response=response) for ranked in sets for response in ranked.responses]


def heldout_judgements(
    settings: Settings, folder: RunFolder, checkpoint: Checkpoint, shown: Sequence[Answered], open_engine: OpenEngine
) -> list[Judgement]:
    """What the checkpoint says of every held-out answer, in order, `judge_draws` times each."""
    return judge_answers(
        settings,
        folder,
        checkpoint,
        shown,
        folder.step("data") / "heldout_sets.jsonl",
        open_engine,
        name="judgements",
        label="judging held-out answers",
        seed=seed_for(settings.seed, "judge agreement", checkpoint.name),
    )


def change(run: RunData, metric: str, model: str, baseline: str) -> MetricValue | None:
    """One judge minus another on the same sets, from their judgements on disk; None where one has not judged."""
    sets = run.records(run.folder.step("data") / "heldout_sets.jsonl", RankedSet)
    said = {name: run.records(run.evaluation / name / "judgements.jsonl", Judgement) for name in (model, baseline)}
    if not sets or not all(said.values()):
        return None
    ranks, prompts = [one.ranks for one in sets], [one.prompt.id for one in sets]
    found = {name: agreement.measure(ranks, scores_of(sets, own)) for name, own in said.items()}
    asked = [Compared(model=model, baseline=baseline)]
    return differences(BENCHMARK, asked, prompts, found, resampling(run.settings), (metric,))[0]


def by_prompt(settings: Settings, folder: RunFolder) -> list[Series]:
    """Pairs of held-out answers in the right order, and judgements with a score, of every checkpoint on every set."""
    found = []
    for checkpoint in measured(folder):
        path = folder.step("evaluation") / checkpoint.name / "judgements.jsonl"
        if path.exists():
            sets = files.read(folder.step("data") / "heldout_sets.jsonl", RankedSet)
            found += judged_series(checkpoint.name, BENCHMARK, [one.id for one in sets], path, sets)
    return found


def judged_series(
    model: str, benchmark: str, ids: Sequence[str], path: Path, sets: Sequence[RankedSet]
) -> list[Series]:
    """Pairs in the right order, weighted by pairs, and judgements with a score, of what one judge said of ranked sets.

    An answer without a score counts as wrong in its pairs: a judge that falls silent must not look better.
    """
    said = files.read(path, Judgement)
    shown = [response.id for ranked in sets for response in ranked.responses]
    aligned(path, [judgement.response_id for judgement in said], shown)
    pairs = agreement.measure([one.ranks for one in sets], scores_of(sets, said))["pairwise_accuracy"]
    draws = len(said) // max(1, sum(len(ranked.responses) for ranked in sets))
    scored = iter([judgement.score is not None for judgement in said])
    parsed = [[next(scored) for _ in range(draws * len(ranked.responses))] for ranked in sets]
    totals = pairs.total + pairs.unscored
    return [
        Series(
            model=model,
            benchmark=benchmark,
            metric="pairwise_accuracy",
            prompts=tuple(ids),
            values=tuple(
                float(hits / total) if total else None for hits, total in zip(pairs.hits, totals, strict=True)
            ),
            weights=tuple(totals.tolist()),
        ),
        Series(
            model=model,
            benchmark=benchmark,
            metric="parsed",
            prompts=tuple(ids),
            values=tuple(sum(row) / len(row) if row else None for row in parsed),
        ),
    ]


def scores_of(sets: Sequence[RankedSet], judgements: Sequence[Judgement]) -> list[tuple[float | None, ...]]:
    """The mean score of every answer, set by set; None where no judgement of it parses.

    Judgements stand in the order of the answers, equally many each: the same answer may appear in two sets.
    """
    answers = sum(len(ranked.responses) for ranked in sets)
    draws = len(judgements) // answers if answers else 0
    if draws * answers != len(judgements):
        raise AssertionError(f"{counted(len(judgements), 'judgements')} of {counted(answers, 'answers')}")
    rows = iter(judgements)
    scores = []
    for ranked in sets:
        row = []
        for response in ranked.responses:
            own = [next(rows) for _ in range(draws)]
            if any(judgement.response_id != response.id for judgement in own):
                raise AssertionError(f"a judgement of another answer stands at {response.id}")
            known = [judgement.score for judgement in own if judgement.score is not None]
            row.append(sum(known) / len(known) if known else None)
        scores.append(tuple(row))
    return scores


def unscored_judgements(
    model: str, sets: Sequence[RankedSet], judgements: Sequence[Judgement], how: Resampling
) -> MetricValue:
    """The share of judgements that hold no score."""
    draws = len(judgements) // max(1, sum(len(ranked.responses) for ranked in sets))
    rows = iter(judgements)
    own = [[next(rows) for _ in range(draws * len(ranked.responses))] for ranked in sets]
    return unscored_share(
        model,
        BENCHMARK,
        [ranked.prompt.id for ranked in sets],
        [sum(judgement.score is None for judgement in row) for row in own],
        [len(row) for row in own],
        how,
        note=judgement_note(judgements),
    )
