"""Judgements as they are made: what the progress line says, and a stage in which nearly none has a score."""

import re
from pathlib import Path

import pytest

from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import CollapseError
from srlm.judge import rubric
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.watched import JudgementWatch
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
