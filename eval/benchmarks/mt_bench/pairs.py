"""MT-Bench by pairs: each model against the one before it, in both orders, as FastChat compares.

A win needs both orders; a disagreement is a tie; where either order gave no verdict the pair is unscored (FastChat
counts it as a tie, or as model 2's win where both failed).

    evaluation/mt_bench/M2-vs-M1.jsonl     a verdict on each question's turn
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from srlm.engines.base import Completion
from srlm.judge.open import Judge, mt_bench_judge
from srlm.judge.pairwise import Opinion, outcome_of
from srlm.judge.unread import why_unread
from srlm.records import Message, seed_for
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.text.counts import counted
from srlm.text.rating import read_winner

from ...data.mt_bench import MtBench
from ...data.mt_bench_prompts import pair_values, prompt_name
from ...records import MetricValue, Verdict, verdict_id
from ...stats.bounded import SIGNED
from ...stats.intervals import Resampling, of_sums, pooled
from ...stats.significance import paired_test
from ..base import OpenEngine
from ..measuring import figure, made_from, resampling, with_holm
from ..paired import steps_of
from .answers import Conversation
from .grading import block_of, engine_of, grading_facts, written
from .measure import affordable_questions, all_conversations, noted_questions, opened

BENCHMARK = "mt_bench_pairs"
SAME = Opinion(preference=0.5, raw="(the same words)")


class TurnPair(NamedTuple):
    """Two models' answers to one turn of a question, with the turn before it."""

    ours: Conversation
    theirs: Conversation
    turn: int

    @property
    def about(self) -> str:
        """What a verdict is about."""
        return f"{self.ours.question.id}/{self.turn}"

    @property
    def same(self) -> bool:
        """Whether both said the same up to this turn."""
        return self.ours.answers[: self.turn] == self.theirs.answers[: self.turn]


def measure(settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> list[MetricValue]:
    """Every pair of successive models; models and the judge are asked what is not on disk."""
    bench = opened(settings)
    found = all_conversations(settings, folder, bench, open_engine)
    contests = {
        (later, earlier): [
            TurnPair(ours, theirs, turn)
            for ours, theirs in zip(found[later], found[earlier], strict=True)
            for turn in (1, 2)
        ]
        for later, earlier in steps_of(list(found), settings.evaluation.reference)
    }
    with closing(mt_bench_judge(folder, open_engine)) as judge:

        def ask(some: Sequence[str]) -> None:
            for own in contests.values():
                compare(settings, judge, bench, [one for one in own if one.ours.question.id in some], ("", ""))

        kept = {verdicts_path(folder, *models): _facts(settings, bench, own, judge) for models, own in contests.items()}
        sample = affordable_questions(settings, folder, bench, judge, ask, kept)
        metrics = []
        for models, own in contests.items():
            if len(sample) == len(bench.questions):
                said = verdicts(settings, folder, models, bench, own, judge)
            else:
                part = [one for one in own if one.ours.question.id in sample]
                said = compare(settings, judge, bench, part, models)
            questions = {one.about: one.ours.question.id for one in own}
            metrics += compared(models, said, questions, resampling(settings))
    return noted_questions(with_holm(metrics, resampling(settings), shares=True), sample, bench)


def verdicts_path(folder: RunFolder, later: str, earlier: str) -> Path:
    """Where the verdicts on two models are kept."""
    return folder.step("evaluation") / "mt_bench" / f"{later}-vs-{earlier}.jsonl"


def _facts(settings: Settings, bench: MtBench, contests: Sequence[TurnPair], judge: Judge) -> dict[str, Any]:
    """What the verdicts on two models are made from."""
    responses = [one.answer(turn).id for pair in contests[::2] for one in pair[:2] for turn in (1, 2)]
    return grading_facts(settings, judge, bench, responses)


def verdicts(
    settings: Settings,
    folder: RunFolder,
    models: tuple[str, str],
    bench: MtBench,
    contests: Sequence[TurnPair],
    judge: Judge,
) -> list[Verdict]:
    """The judge's verdict on each, kept as they come."""
    path = verdicts_path(folder, *models)
    made_from(path, _facts(settings, bench, contests, judge), folder)
    with Reporter(f"{models[0]} against {models[1]}: MT-Bench verdicts", folder.log) as report:
        made = files.resumable(
            path,
            Verdict,
            contests,
            lambda chunk, index: compare(settings, judge, bench, chunk, models, index),
            per_item=1,
            block=block_of(judge),
            report=report,
            concurrency=lambda: engine_of(judge).concurrency,
            belongs=lambda pair, said: (
                (said.response_a_id, said.response_b_id)
                == (pair.ours.answer(pair.turn).id, pair.theirs.answer(pair.turn).id)
            ),
        )
        return list(made)


def compare(
    settings: Settings,
    judge: Judge,
    bench: MtBench,
    contests: Sequence[TurnPair],
    models: tuple[str, str],
    block: int = 0,
) -> list[Verdict]:
    """Both orders of each. Conversations of the same words are equal, and no judge is asked."""
    asked = [one for one in contests if not one.same]
    shown = [_messages(bench, one, turned) for one in asked for turned in (False, True)]
    said = [_opinion(one) for one in written(settings, judge, shown, seed_for(settings.seed, *models, block))]
    both = iter(zip(said[::2], said[1::2], strict=True))
    return [_verdict(one, models, judge.id, *((SAME, SAME) if one.same else next(both))) for one in contests]


def _messages(bench: MtBench, pair: TurnPair, turned: bool) -> tuple[Message, ...]:
    question = pair.ours.question
    reference = bench.reference(question)
    first, second = (pair.theirs, pair.ours) if turned else (pair.ours, pair.theirs)
    values = pair_values(question.turns, first.answers, second.answers, reference, pair.turn)
    return bench.prompts[prompt_name("pairwise", pair.turn, reference is not None)].messages(values)


def _opinion(written: Completion) -> Opinion:
    unread = why_unread(written)
    if unread is not None:
        return Opinion(preference=None, raw=written.refused or written.text, unread=unread)
    found = read_winner(written.text)
    return Opinion(preference=found.preference, raw=written.text, unread=found.unread)


def _verdict(pair: TurnPair, models: tuple[str, str], judge: str, shown: Opinion, back: Opinion) -> Verdict:
    a, b, turned = pair.ours.answer(pair.turn), pair.theirs.answer(pair.turn), back.turned
    return Verdict(
        id=verdict_id(a.id, b.id, judge),
        prompt_id=pair.about,
        model_a=models[0],
        model_b=models[1],
        response_a_id=a.id,
        response_b_id=b.id,
        judge=judge,
        preference_ab=shown.preference,
        preference_ba=turned.preference,
        outcome=outcome_of(shown.preference, turned.preference),
        raw_ab=shown.raw,
        raw_ba=back.raw,
        unread_ab=shown.unread,
        unread_ba=back.unread,
    )


def compared(
    models: tuple[str, str], said: Sequence[Verdict], questions: Mapping[str, str], how: Resampling
) -> list[MetricValue]:
    """Win, tie and lose shares over question turns, wins minus losses with a test over questions, and the order's sway.

    `questions`: the question of each thing that a verdict is about.
    """
    model, baseline = models
    read = [one for one in said if one.outcome is not None]
    how = how.using(BENCHMARK, *models)
    rows: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one in read:
        row = rows[questions[one.prompt_id]]
        row["all"] += 1
        row[one.outcome or ""] += 1
        row["flipped"] += one.preference_ab != one.preference_ba
    totals = [row["all"] for row in rows.values()]
    note = f"judge {said[0].judge}; {counted(len(rows), 'questions')}" if said else "no answers"
    found = []
    for metric, column in (("win", "win"), ("tie", "tie"), ("lose", "lose"), ("order_decided", "flipped")):
        estimate = pooled([row[column] for row in rows.values()], totals, how)
        found.append(
            figure(model, BENCHMARK, metric, estimate, n=len(read), unscored=len(said) - len(read), unit="pairs",
                   baseline=baseline, note=note)
        )  # fmt: skip
    points = [row["win"] - row["lose"] for row in rows.values()]
    tested = paired_test(points, how.seed) if points else None
    if rows:
        columns = tuple(np.array([points, totals]))
        estimate = of_sums("wins minus losses", columns, lambda total: total[..., 0] / total[..., 1], how, SIGNED)
    else:
        estimate = pooled([], [], how)
    found.insert(
        3,
        figure(model, BENCHMARK, "win_minus_lose", estimate, n=len(read), unscored=len(said) - len(read), unit="pairs",
               baseline=baseline, p=tested.p if tested else None, test=tested.test if tested else "", note=note),
    )  # fmt: skip
    return found
