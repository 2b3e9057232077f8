"""`srlm chat`: turns through a pipe, the judge beside them, and what is shown while an answer is written."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.cli.chat import Conversation, Shown
from srlm.contents import sha256_of
from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.engines.transformers import TransformersEngine
from srlm.judge.pointwise import ModelPointJudge
from srlm.records import Message, seed_for, user
from srlm.settings import JudgeSettings, ModelSettings, Sampling
from tests.hostile_words import STEERING, steering

ASKED = "a red b brown c black reverse"
AGAIN = "a pink b gold mate"


@pytest.fixture
def mine(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "runs/tiny", tmp_path / "runs/tiny"))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def answers_of(run: Path, turns: list[str], sampling: Sampling, seed: int) -> list[str]:
    """What `generate` says to each turn, all turns before it in the conversation."""
    engine = TransformersEngine.load(run / "M2/model", "M2", ModelSettings(base="x"), 8)
    messages: list[Message] = []
    found = []
    for number, turn in enumerate(turns):
        messages += user(turn)
        [[said]] = engine.generate([Request(messages=tuple(messages))], sampling, seed_for(seed, "chat", number))
        found.append(said.text)
        messages.append(Message(role="assistant", content=said.text))
    return found


def test_a_pipe_gives_the_engines_answers_turn_by_turn_and_writes_nothing(
    mine: Path, srlm: Any, typed: Callable[[str], None]
) -> None:
    before = {path: sha256_of(path) for path in mine.rglob("*") if path.is_file()}
    sampling = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=8)
    for options, wanted, seed in (
        ((), sampling, 1),
        (("--seed", 7), sampling, 7),
        (("--greedy",), sampling.model_copy(update={"temperature": 0.0}), 1),
    ):
        typed(f"{ASKED}\n\n{AGAIN}")  # an empty line is no turn, and the last one may have no end
        done = srlm("chat", mine, "m2", *options)
        assert done.exit_code == 0, done.stderr
        said = [line for line in done.stdout.splitlines() if not line.startswith("(cut at the token limit")]
        expected = answers_of(mine, [ASKED, AGAIN], wanted, seed)
        assert [line.rstrip() for line in said] == [
            line.rstrip() for answer in expected for line in answer.split("\n")
        ], options
    assert {path: sha256_of(path) for path in mine.rglob("*") if path.is_file()} == before


def test_the_judges_scores_and_words_stand_below_an_answer(mine: Path, srlm: Any, typed: Callable[[str], None]) -> None:
    typed(f"/judge\n{ASKED}\n/judge\n/new\n/judge\n/what\n")
    done = srlm("chat", mine, "M2", "--greedy")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "(there is no answer to judge)"
    [head] = [line for line in lines if line.startswith("judge M2: ")]
    scores = [json.loads(one) for one in head.rpartition("(")[2].rstrip(")").split(", ")]
    assert len(scores) == 2 and f"judge M2: {sum(scores) / 2:.3g} of 5 " in head
    assert sum(line.startswith("  | ") for line in lines) >= 2
    assert lines.count("(there is no answer to judge)") == 2  # after /new there is none again
    assert "a line that begins with / is sent with one more: //what" in lines[-1]
    typed(ASKED)
    assert "\njudge M2: " in srlm("chat", mine, "M2", "--greedy", "--judge").stdout


def test_a_damaged_model_is_not_talked_to(mine: Path, srlm: Any, typed: Callable[[str], None]) -> None:
    path = mine / "M2/model/model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    typed(ASKED)
    done = srlm("chat", mine, "M2")
    assert done.exit_code == 2 and "M2/model/model.safetensors has changed since M2 was finished" in done.stderr
    assert done.stdout == ""


def test_ctrl_c_ends_an_answer_and_keeps_what_was_written(mine: Path) -> None:
    engine = TransformersEngine.load(mine / "M2/model", "M2", ModelSettings(base="x"), 8)
    engine.ends = []  # it writes on
    settings = JudgeSettings(template="beads")
    sampling = Sampling(temperature=0, max_new_tokens=64)
    talk = Conversation(engine, sampling, 1, lambda: ModelPointJudge.of(engine, settings), settings)
    seen: list[str] = []

    def stop(text: str) -> None:
        seen.append(text)
        if len(seen) == 2:
            raise KeyboardInterrupt

    said = talk.answer(ASKED, stop)
    assert said.finish is None and said.text == seen[1] and len(seen[0]) < len(seen[1])
    assert [one.content for one in talk.messages] == [ASKED, seen[1]]


def test_a_turn_without_an_answer_is_forgotten() -> None:
    answers = iter(["", "yes"])
    engine = ScriptedEngine(lambda request, seed: next(answers))
    talk = Conversation(engine, Sampling(), 1, lambda: ModelPointJudge.of(engine, JudgeSettings()), JudgeSettings())
    assert talk.answer("one", lambda text: None).text == ""
    assert talk.messages == []
    assert talk.answer("two", lambda text: None).text == "yes"
    assert [one.content for one in talk.messages] == ["two", "yes"]


def test_what_is_shown_while_it_is_written_is_whole_words_and_steers_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in STEERING:
        text = f"first {words} then {words}\nlast"
        shown = Shown()
        for end in range(len(text)):
            shown.look(text[:end])
        shown.finish(text)
        said = capsys.readouterr().out
        assert not steering(said), words
        assert said.startswith("first ") and said.endswith("last\n")


def test_a_key_is_not_shown_piece_by_piece(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "sk-4f9a8b7c6d5e4f3a2b1c")
    text = "the key is sk-4f9a8b7c6d5e4f3a2b1c indeed"
    shown = Shown()
    for end in range(len(text)):
        shown.look(text[:end])
    shown.finish(text)
    assert capsys.readouterr().out == "the key is *** indeed\n"
