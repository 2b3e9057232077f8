"""Each checkpoint as a judge of answers that people ranked (the paper, section 3.1 and table 4).

    data/heldout_sets.jsonl -> evaluation/M1/judgements.jsonl -> metric values

An answer's score is the mean of the readings that parse; an answer none of whose readings parses has no score. The
measures and their rules for ties are in eval/stats/agreement.py. M0 is left out: it never saw a judgement.
"""

from collections.abc import Sequence
from itertools import pairwise

from srlm.judge.reading import Answered
from srlm.records import Checkpoint, Judgement, RankedSet, Record, seed_for
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from ..records import MetricValue, Series
from ..stats import agreement
from ..stats.agreement import Counted
from ..stats.intervals import Resampling, mean, paired_mean_difference, paired_pooled_difference, pooled, share
from ..stats.significance import sign_test_of
from .measuring import OpenEngine, figure, measured, readings, resampling, with_holm

BENCHMARK = "judge_agreement"
POOLED = {"pairwise_accuracy": "pairs", "pairwise_accuracy_half": "pairs", "five_best": "answers"}
"""Shares over units that come in prompts, and their unit."""
BY_PROMPT = ("exact_match", "spearman", "kendall")
"""One value a prompt, None where undefined."""


class Measured(Record):
    """One judge on all held-out sets, a value a prompt."""

    pooled: dict[str, tuple[Counted, ...]]
    by_prompt: dict[str, tuple[float | None, ...]]


def run(settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> list[MetricValue]:
    """All figures of the checkpoints as judges; models are asked only what is not on disk."""
    sets = files.read(folder.step("data") / "heldout_sets.jsonl", RankedSet)
    how = resampling(settings)
    metrics: list[MetricValue] = []
    found = {}
    for checkpoint in measured(folder):
        judgements = heldout_readings(settings, folder, checkpoint, answered(sets), open_engine)
        found[checkpoint.name] = measure(sets, scores_of(sets, judgements))
        metrics += described(checkpoint.name, sets, found[checkpoint.name], how)
        metrics.append(unparsed(checkpoint.name, sets, judgements, how))
    return metrics + differences(sets, found, how)


def answered(sets: Sequence[RankedSet]) -> list[Answered]:
    """Every answer of every set, in order."""
    return [Answered(prompt=ranked.prompt, response=response) for ranked in sets for response in ranked.responses]


def heldout_readings(
    settings: Settings, folder: RunFolder, checkpoint: Checkpoint, shown: Sequence[Answered], open_engine: OpenEngine
) -> list[Judgement]:
    """What the checkpoint says of every held-out answer, in order, `judge_draws` times each."""
    return readings(
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


def by_prompt(settings: Settings, folder: RunFolder) -> list[Series]:
    """Pairs of held-out answers in the right order, and readings with a score, of every checkpoint on every set."""
    found = []
    for checkpoint in measured(folder):
        path = folder.step("evaluation") / checkpoint.name / "judgements.jsonl"
        if path.exists():
            sets, said = files.read(folder.step("data") / "heldout_sets.jsonl", RankedSet), files.read(path, Judgement)
            found += judged_series(checkpoint.name, BENCHMARK, [one.id for one in sets], sets, said)
    return found


def judged_series(
    model: str, benchmark: str, ids: Sequence[str], sets: Sequence[RankedSet], said: Sequence[Judgement]
) -> list[Series]:
    """Pairs in the right order, weighted by pairs, and readings with a score, of one judge on ranked sets.

    An answer without a score counts as wrong in its pairs: a judge that falls silent must not look better.
    """
    pairs = [agreement.pairwise_accuracy(*row) for row in _rows(sets, scores_of(sets, said))]
    draws = len(said) // max(1, sum(len(ranked.responses) for ranked in sets))
    scored = iter([judgement.score is not None for judgement in said])
    parsed = [[next(scored) for _ in range(draws * len(ranked.responses))] for ranked in sets]
    totals = [c.total + c.unscored for c in pairs]
    return [
        Series(
            name=f"{model}/{benchmark}/pairwise_accuracy",
            prompts=tuple(ids),
            values=tuple(c.hits / total if total else None for c, total in zip(pairs, totals, strict=True)),
            weights=tuple(map(float, totals)),
        ),
        Series(
            name=f"{model}/{benchmark}/parsed",
            prompts=tuple(ids),
            values=tuple(sum(row) / len(row) if row else None for row in parsed),
        ),
    ]


def _rows(
    sets: Sequence[RankedSet], scores: Sequence[agreement.Scores]
) -> list[tuple[tuple[int, ...], agreement.Scores]]:
    return [(ranked.ranks, row) for ranked, row in zip(sets, scores, strict=True)]


def scores_of(sets: Sequence[RankedSet], judgements: Sequence[Judgement]) -> list[tuple[float | None, ...]]:
    """The mean score of every answer, set by set; None where no reading of it parses.

    Readings stand in the order of the answers, equally many each: the same answer may appear in two sets.
    """
    answers = sum(len(ranked.responses) for ranked in sets)
    draws = len(judgements) // answers if answers else 0
    if draws * answers != len(judgements):
        raise AssertionError(f"{len(judgements)} readings of {answers} answers")
    rows = iter(judgements)
    scores = []
    for ranked in sets:
        row = []
        for response in ranked.responses:
            own = [next(rows) for _ in range(draws)]
            if any(judgement.response_id != response.id for judgement in own):
                raise AssertionError(f"a reading of another answer stands at {response.id}")
            known = [judgement.score for judgement in own if judgement.score is not None]
            row.append(sum(known) / len(known) if known else None)
        scores.append(tuple(row))
    return scores


def measure(sets: Sequence[RankedSet], scores: Sequence[agreement.Scores]) -> Measured:
    """Every measure on every set."""
    rows = _rows(sets, scores)
    exact = [agreement.exact_match(*row) for row in rows]
    return Measured(
        pooled={
            "pairwise_accuracy": tuple(agreement.pairwise_accuracy(*row) for row in rows),
            "pairwise_accuracy_half": tuple(agreement.pairwise_accuracy(*row, tie=0.5) for row in rows),
            "five_best": tuple(agreement.five_best(*row) for row in rows),
        },
        by_prompt={
            "exact_match": tuple(None if match is None else float(match) for match in exact),
            "spearman": tuple(agreement.spearman(*row) for row in rows),
            "kendall": tuple(agreement.kendall(*row) for row in rows),
        },
    )


def described(model: str, sets: Sequence[RankedSet], found: Measured, how: Resampling) -> list[MetricValue]:
    """One judge's figures."""
    how = how.using(BENCHMARK, model)
    metrics = []
    for name, counted in found.pooled.items():
        estimate = pooled([c.hits for c in counted], [c.total for c in counted], how)
        metrics.append(
            figure(
                model,
                BENCHMARK,
                name,
                estimate,
                n=sum(c.total for c in counted),
                unscored=sum(c.unscored for c in counted),
                unit=POOLED[name],
                note=_pooled_note(name, estimate.value is None),
            )
        )
    for name, values in found.by_prompt.items():
        known = [value for value in values if value is not None]
        estimate = share([value == 1 for value in known], how) if name == "exact_match" else mean(known, how)
        note = (
            "" if known else "undefined for every prompt (people or the judge tied all answers, or a score is missing)"
        )
        metrics.append(figure(model, BENCHMARK, name, estimate, unscored=len(values) - len(known), note=note))
        if name != "exact_match":
            filled = _undefined_as_0(sets, values)
            left_out = len(values) - len(filled)
            metrics.append(
                figure(
                    model,
                    BENCHMARK,
                    f"{name}_undefined_as_0",
                    mean(filled, how),
                    unscored=left_out,
                    note="left out: prompts whose answers people all tied" if left_out else "",
                )
            )
    return metrics


def _pooled_note(name: str, missing: bool) -> str:
    if name == "five_best":
        return "the judge gave no answer 5" if missing else "of answers whose mean reading is 5"
    return "no pair could be compared" if missing else ""


def _undefined_as_0(sets: Sequence[RankedSet], values: Sequence[float | None]) -> list[float]:
    """A judge that cannot tell agrees 0; where people tied all answers there is nothing to agree with."""
    return [
        0.0 if value is None else value
        for ranked, value in zip(sets, values, strict=True)
        if agreement.measurable(ranked.ranks)
    ]


def unparsed(model: str, sets: Sequence[RankedSet], judgements: Sequence[Judgement], how: Resampling) -> MetricValue:
    """The share of readings that hold no score."""
    draws = len(judgements) // max(1, sum(len(ranked.responses) for ranked in sets))
    rows = iter(judgements)
    failed, asked = [], []
    for ranked in sets:
        own = [next(rows) for _ in range(draws * len(ranked.responses))]
        failed.append(float(sum(judgement.score is None for judgement in own)))
        asked.append(float(len(own)))
    completed = sum(judgement.completed for judgement in judgements)
    return figure(
        model,
        BENCHMARK,
        "unparsed",
        pooled(failed, asked, how.using(BENCHMARK, model)),
        n=len(judgements),
        unit="readings",
        note=f"{completed} readings had to be asked for their score" if completed else "",
    )


def differences(sets: Sequence[RankedSet], found: dict[str, Measured], how: Resampling) -> list[MetricValue]:
    """What each iteration changed, paired by prompt; a prompt counts where it is defined for both."""
    metrics = []
    for name in POOLED:
        for baseline, model in pairwise(found):
            a, b = found[model].pooled[name], found[baseline].pooled[name]
            estimate = paired_pooled_difference(
                ([c.hits for c in a], [c.total for c in a]),
                ([c.hits for c in b], [c.total for c in b]),
                how.using(BENCHMARK, model, baseline),
            )
            note = _pooled_note(name, True) + ", for one of the two" if estimate.value is None else ""
            partly = sum(bool(x.unscored or y.unscored) for x, y in zip(a, b, strict=True))
            metrics.append(figure(model, BENCHMARK, name, estimate, unscored=partly, baseline=baseline, note=note))
    for name in BY_PROMPT:
        table = []
        for baseline, model in pairwise(found):
            rows = zip(found[model].by_prompt[name], found[baseline].by_prompt[name], strict=True)
            both = [(a, b) for a, b in rows if a is not None and b is not None]
            estimate = paired_mean_difference([a for a, _ in both], [b for _, b in both], how.using(model, baseline))
            table.append(
                figure(
                    model,
                    BENCHMARK,
                    name,
                    estimate,
                    unscored=len(sets) - len(both),
                    baseline=baseline,
                    p=sign_test_of([a - b for a, b in both]) if both else None,
                    note="" if both else "no prompt is defined for both",
                )
            )
        metrics += with_holm(table)
    return metrics
