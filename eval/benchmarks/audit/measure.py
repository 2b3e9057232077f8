"""The checkpoints of a run audited as judges: their held-out judgements, and what each gives its own answers.

evaluation/M2/judgements.jsonl (as `agreement` has them) -> preferences and spread of scores
evaluation/M2/responses.jsonl of all -> evaluation/M2/audit_judgements.jsonl -> self-preference
"""

from collections.abc import Sequence

from srlm.data.human_ranking import HumanRanking
from srlm.judge.pointwise import Answered
from srlm.records import Judgement, Prompt, RankedSet, seed_for
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder

from ...records import MetricValue
from ..base import OpenEngine
from ..finished import measured
from ..judge_agreement.measure import answered, heldout_judgements
from ..judge_agreement.ranked import mean_score
from ..measuring import evaluation_answers, judge_answers, resampling
from . import effects

PROMPTS = 64
"""Evaluation prompts whose answers every checkpoint reads."""


def figures(settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> list[MetricValue]:
    """All figures; models are asked only what is not on disk."""
    how, checkpoints = resampling(settings), measured(folder)
    sets = files.read(folder.step("data") / "heldout_sets.jsonl", RankedSet)
    ranked = [HumanRanking(ranked=one, group=one.prompt.id) for one in sets]
    metrics: list[MetricValue] = []
    for checkpoint in checkpoints:
        said = _by_answer(heldout_judgements(settings, folder, checkpoint, answered(sets), open_engine), sets)
        metrics += effects.preferences(checkpoint.name, ranked, effects.from_scores(said), how)
        metrics += effects.spread(checkpoint.name, ranked, said, how)
    prompts = files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)
    answers = [
        Answered(prompt=prompt, response=response)
        for checkpoint in checkpoints
        for prompt, response in zip(
            prompts[:PROMPTS], evaluation_answers(settings, folder, checkpoint, prompts, open_engine), strict=False
        )
    ]
    shown = folder.step("evaluation") / "audit_answers.jsonl"
    files.write(shown, [one.response for one in answers])
    scores: dict[str, dict[str, Sequence[float | None]]] = {}
    for checkpoint in checkpoints:
        found = judge_answers(
            settings,
            folder,
            checkpoint,
            answers,
            shown,
            open_engine,
            name="audit_judgements",
            label="judging all checkpoints' answers",
            seed=seed_for(settings.seed, "audit", checkpoint.name),
        )
        draws = settings.evaluation.judge_draws
        means = [mean_score(found[start : start + draws]) for start in range(0, len(found), draws)]
        each = len(means) // len(checkpoints)
        scores[checkpoint.name] = {
            author.name: means[place * each : (place + 1) * each] for place, author in enumerate(checkpoints)
        }
    return metrics + effects.self_preference(scores, how)


def _by_answer(said: Sequence[Judgement], sets: Sequence[RankedSet]) -> list[list[list[Judgement]]]:
    """Judgements by set, answer and draw."""
    draws = len(said) // max(1, sum(len(one.responses) for one in sets))
    rows = iter(said)
    return [[[next(rows) for _ in range(draws)] for _ in one.responses] for one in sets]
