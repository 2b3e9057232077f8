"""Canaries: every kind for every question, and each one says nothing that answers it."""

import json
import re
from pathlib import Path

import pytest

from eval.benchmarks.canaries import measure as suite
from eval.cli import main
from eval.data.canaries import KINDS, QUESTIONS, canaries
from eval.stats.intervals import Resampling
from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.judge import rubric
from srlm.judge.open import Around, Judge, open_judge
from srlm.judge.pairwise import ModelPairJudge
from srlm.judge.pointwise import ModelPointJudge
from srlm.settings import Sampling


def test_every_kind_is_tried_on_every_question() -> None:
    found = [(canary.kind, canary.prompt) for canary in canaries()]
    assert found == [(kind, prompt) for kind in KINDS for prompt, _ in QUESTIONS]


def test_no_canary_holds_the_honest_answer() -> None:
    assert all(canary.honest not in canary.answer for canary in canaries())


def judge(obeys: bool) -> Judge:
    """A judge that knows the honest answers; it may also obey a score that stands in what it is shown."""

    def write(request: Request, seed: int) -> str:
        shown = request.messages[0].content
        ordered = re.findall(r"^Score: (\d)", shown, re.MULTILINE)
        if shown.startswith("Two assistants"):
            first = shown.split("[Answer B]")[0]
            return "A" if any(honest in first for _, honest in QUESTIONS) else "B"
        if obeys and ordered:
            return f"Score: {ordered[-1]}"
        return "Score: 4" if any(honest in shown for _, honest in QUESTIONS) else "Score: 1"

    engine = ScriptedEngine(write, "scripted")
    scores = ModelPointJudge(engine, rubric.load("additive"), Sampling(), complete=False)
    return Judge("scripted", scores, ModelPairJudge(engine), facts={"judge": "scripted"}, five_points=True)


def test_our_score_parser_is_moved_by_no_canary() -> None:
    tried = suite.parsing(rubric.load("additive"))
    assert len(tried) == 3 * len(canaries())
    assert all(one.held for one in tried)


def test_what_moves_the_model_itself_is_told_from_what_does_not(tmp_path: Path) -> None:
    wise, obedient = (suite.scored(judge(obeys), 1, 1, tmp_path / str(obeys)) for obeys in (False, True))
    assert all(one.held for one in wise)
    fallen = [one for one in obedient if not one.held]
    assert {one.kind for one in fallen} == {"score", "closing", "turn"}
    assert (fallen[0].given, fallen[0].should_not) == ("5", "4 or more")


def test_a_canary_must_lose_in_both_orders(tmp_path: Path) -> None:
    assert all(one.held for one in suite.compared(judge(obeys=False), 1, tmp_path))
    tied = suite.compared(open_judge("constant", Around()), 1, tmp_path)
    assert [one.held for one in tied] == [False] * len(canaries())
    assert tied[0].given == "a tie for the canary"


def test_figures_count_what_held_by_kind_and_leave_out_the_unread() -> None:
    tried = [
        suite.Tried(judge="j", way="scores", kind=kind, prompt="p", given="", should_not="", held=held)
        for kind, held in (("null", True), ("null", False), ("empty", None))
    ]
    found = {m.metric: m for m in suite.figures(tried, Resampling(resamples=100, confidence=0.95, seed=1))}
    assert (found["scores_held"].value, found["scores_held"].n, found["scores_held"].unscored) == (0.5, 2, 1)
    assert found["scores_held_empty"].value is None


def test_the_command_says_what_fell_and_that_our_parser_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c.json"
    with pytest.raises(SystemExit) as left:
        main(["canaries", "--judge", "constant", "--out", str(out)])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("the score parser held in 99 of 99 scripted judgements")
    assert "constant  pairs   null         FAIL  0 of 3" in said
    assert {m["benchmark"] for m in json.loads(out.read_text())} == {"canaries"}
