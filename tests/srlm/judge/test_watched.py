"""Judgements as they are made: what the progress line says, and a stage in which nearly none has a score."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import CollapseError
from srlm.judge import constitution, pair_template, rubric
from srlm.judge.choices import AnswerPair, choose
from srlm.judge.pair_sampling import PairSampler, ShownPair, kept_opinions
from srlm.judge.pairwise import ModelPairJudge, Opinion
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.watched import JudgementWatch, VerdictWatch, counting
from srlm.records import Judgement, Prompt, Response, Unread
from srlm.settings import JudgeSettings, Sampling

PROMPT = Prompt.of("Why is the sky blue?", "test")
ANSWERED = [Answered(prompt=PROMPT, response=Response.of(PROMPT.id, str(n), "M1", n)) for n in range(250)]


def said(score: float | None, unread: Unread | None = None, *, completed: bool = False) -> Judgement:
    return Judgement.of("an answer", "M1", 0, "words", score, completed=completed, unread=unread)


class Speaker:
    """Judges with a score the answers `0`, `1`, ... up to `scored`, and counts what it writes."""

    def __init__(self, scored: int) -> None:
        self.written, self._scored = 0, scored

    def __call__(self, request: Request, seed: int) -> str:
        self.written += 1
        found = re.search(r"<response>\n(\d+)\n</response>", request.messages[0].content)
        assert found is not None
        return "Score: 4" if int(found[1]) < self._scored else "I like it."


def judged(path: Path, speaker: Speaker, settings: JudgeSettings, block: int = 32, concurrency: int = 1) -> int:
    """Two judgements of each of 250 answers, 500 in all; how many there are."""
    engine = ScriptedEngine(speaker, "M1", concurrency)
    judge = ModelPointJudge(engine, rubric.load("additive"), Sampling(), complete=False)
    watch = JudgementWatch("M2: judgements", settings, lambda seen: None)
    return len(judge.judge(ANSWERED, 2, 1, path, block=block, watch=watch))


def test_the_progress_line_counts_judgements_without_a_score_by_reason() -> None:
    lines: list[str] = []
    watch = JudgementWatch("M2: judgements", JudgeSettings(), lines.append)
    watch([said(4), said(3)])
    watch([said(None, "cut"), said(None, "cut"), said(None, "no score"), said(2, completed=True)])
    assert lines == [
        "0 of 2 without a score",
        "3 of 6 without a score (2 cut, 1 no score), 1 completed",
    ]


def test_a_stage_in_which_nearly_no_judgement_has_a_score_stops_early_and_says_what_may_help(tmp_path: Path) -> None:
    message = (
        "M2: judgements: stopped early: 2 of the first 400 judgements have a score (judge.min_scored 1%); 398 of 400 "
        "without a score (398 no score). What may help: let the judge complete its score (judge.complete=true), "
        "another judge.template, or another model. To go on all the same: --set judge.min_scored=0"
    )
    with pytest.raises(CollapseError) as stopped:
        judged(tmp_path / "judgements.jsonl", speaker := Speaker(scored=1), JudgeSettings())
    assert str(stopped.value) == message
    assert speaker.written == 7 * 32 * 2  # the 400th stands in the seventh block of 64


def test_what_most_judgements_lack_decides_the_advice() -> None:
    watch = JudgementWatch("M1: EFT judgements", JudgeSettings(), lambda seen: None)
    with pytest.raises(CollapseError, match=r"What may help: raise judge\.sampling\.max_new_tokens \(300 of 400 "):
        watch([said(None, "cut")] * 300 + [said(None, "no score")] * 100)


@pytest.mark.parametrize(("block", "concurrency"), [(1, 1), (64, 1), (250, 1), (8, 4)])
def test_where_it_stops_does_not_depend_on_blocks_or_threads(tmp_path: Path, block: int, concurrency: int) -> None:
    path = tmp_path / "judgements.jsonl"
    with pytest.raises(CollapseError, match="2 of the first 400 judgements have a score"):
        judged(path, Speaker(scored=1), JudgeSettings(), block, concurrency)
    assert judged(tmp_path / "enough.jsonl", Speaker(scored=2), JudgeSettings(), block, concurrency) == 500  # 4 of 400


def test_a_stage_that_was_stopped_stops_again_without_asking_and_goes_on_where_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"
    with pytest.raises(CollapseError):
        judged(path, Speaker(scored=1), JudgeSettings())
    with pytest.raises(CollapseError, match="2 of the first 400 judgements have a score"):
        judged(path, again := Speaker(scored=1), JudgeSettings())
    assert again.written == 0
    assert judged(path, rest := Speaker(scored=1), JudgeSettings(min_scored=0)) == 500
    assert rest.written == 500 - 7 * 32 * 2
    whole = tmp_path / "whole.jsonl"
    judged(whole, Speaker(scored=1), JudgeSettings(on_collapse="continue"))
    assert path.read_bytes() == whole.read_bytes()


def test_a_judge_that_speaks_late_is_not_stopped_by_fewer_judgements_than_are_looked_at() -> None:
    watch = JudgementWatch("M2: judgements", JudgeSettings(), lambda seen: None)
    watch([said(None, "no score")] * 396)
    watch([said(3)] * 4)  # 1% of 400
    watch([said(None, "no score")] * 1000)  # later ones decide nothing


# Comparisons of two answers -------------------------------------------------------------------------------------------


def compared(preference: float | None, unread: Unread | None = None) -> Opinion:
    return Opinion(preference=preference, raw="words", unread=unread)


def watching(settings: JudgeSettings, say: Callable[[str], None] = lambda seen: None) -> VerdictWatch:
    return VerdictWatch(
        "M2: verdicts", settings, say, room="method.tokens", advice=["another method.template", "a longer look"]
    )


def test_the_progress_line_counts_comparisons_without_a_verdict_and_which_place_is_preferred() -> None:
    lines: list[str] = []
    watch = watching(JudgeSettings(), lines.append)
    watch([compared(None, "cut"), compared(None, "no verdict"), compared(None, "cut")])
    watch([compared(1.0), compared(1.0), compared(0.0), compared(0.5)])
    assert lines == [
        "3 of 3 without a verdict (2 cut, 1 no verdict)",
        "3 of 7 without a verdict (2 cut, 1 no verdict); 2 prefer the first shown, 1 the second",
    ]


def test_comparisons_of_which_nearly_none_has_a_verdict_stop_the_stage_and_say_what_may_help() -> None:
    first = [compared(1.0)] * 3 + [compared(None, "cut")] * 300 + [compared(None, "unclear verdict")] * 96
    message = (
        "M2: verdicts: stopped early: 3 of the first 400 comparisons have a verdict (judge.min_scored 1%); 397 of 400 "
        "without a verdict (300 cut, 97 unclear verdict). What may help: raise method.tokens (300 of 400 comparisons "
        "were cut), another method.template, a longer look, or another model. To go on all the same: --set "
        "judge.min_scored=0"
    )
    with pytest.raises(CollapseError) as stopped:
        watching(JudgeSettings())([*first, compared(None, "unclear verdict")])
    assert str(stopped.value) == message
    watching(JudgeSettings())([*first, compared(0.0)])  # 1% of 400
    for settings in (counting(JudgeSettings()), JudgeSettings(on_collapse="continue")):
        watching(settings)([compared(None, "no verdict")] * 400)


SHOWN = [ShownPair(prompt=PROMPT, first=ANSWERED[n].response, second=ANSWERED[n + 1].response) for n in range(0, 248)]
PRINCIPLES = constitution.load("general", "method.principles")


def sampled(engine: ScriptedEngine, path: Path, watch: VerdictWatch) -> None:
    sampler = PairSampler(engine, pair_template.load("brackets"), Sampling())
    sampler.judge(SHOWN, 2, 1, path, block=10, watch=watch)


def asked_once(engine: ScriptedEngine, path: Path, watch: VerdictWatch) -> None:
    judge = ModelPairJudge(engine, template=pair_template.load("brackets"))
    kept_opinions(judge, [one for pair in SHOWN for one in (pair, pair.turned)], 1, path, block=20, watch=watch)


def by_principle(engine: ScriptedEngine, path: Path, watch: VerdictWatch) -> None:
    judge = ModelPairJudge(engine, template=PRINCIPLES.pair_template(16))
    pairs = [AnswerPair(prompt=one.prompt, first=one.first, second=one.second) for one in SHOWN]
    choose(judge, pairs, PRINCIPLES.choosing, seed=1, path=path, block=10, watch=watch)


@pytest.mark.parametrize(("stage", "records"), [(sampled, 400), (asked_once, 400), (by_principle, 200)])
def test_every_stage_of_comparisons_is_watched(
    tmp_path: Path, stage: Callable[[ScriptedEngine, Path, VerdictWatch], None], records: int
) -> None:
    silent = ScriptedEngine(lambda request, seed: "Both are fine.", "M1")
    with pytest.raises(CollapseError, match="0 of the first 400 comparisons have a verdict"):
        stage(silent, tmp_path / "stopped.jsonl", watching(JudgeSettings()))
    # Two comparisons of each pair; a choice is two.
    assert len((tmp_path / "stopped.jsonl.part").read_bytes().splitlines()) == records


def test_a_choice_is_counted_for_the_place_that_its_judge_preferred(tmp_path: Path) -> None:
    lines: list[str] = []
    by_principle(
        ScriptedEngine(lambda request, seed: "A", "M1"), tmp_path / "c.jsonl", watching(JudgeSettings(), lines.append)
    )
    assert lines[-1] == "0 of 496 without a verdict; 496 prefer the first shown, 0 the second"
