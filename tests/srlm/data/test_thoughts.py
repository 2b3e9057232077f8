"""Thoughts in published answers: cut where it is certain, counted in any case."""

import json
from pathlib import Path

import pytest

from srlm.data import rankings
from srlm.data.thoughts import parted


@pytest.mark.parametrize(
    ("text", "answer", "closed"),
    [
        pytest.param("<think>\nIs it?\n</think>\n\nYes.", "Yes.", True, id="both-marks"),
        pytest.param("\n<thinking>Is it?</thinking>Yes.", "Yes.", True, id="another-models-marks"),
        pytest.param("Is it?\n</think>\n\nYes.", "Yes.", True, id="the-prompt-opened-it"),
        pytest.param("<think>Is it? And", "", False, id="never-ends"),
        pytest.param("Plain.", "Plain.", True, id="none"),
        pytest.param("Write `</think>` at the end.", "Write `</think>` at the end.", True, id="about-the-mark"),
        pytest.param("Use <think>a</think> tags.", "Use <think>a</think> tags.", True, id="an-example-inside"),
        pytest.param("a\n</think>\nb\n</think>\nc", "a\n</think>\nb\n</think>\nc", True, id="twice-is-not-certain"),
    ],
)
def test_a_thought_is_cut_where_it_is_certain(text: str, answer: str, closed: bool) -> None:
    found = parted(text)
    assert (found.answer, found.closed) == (answer, closed)


def test_rankings_have_answers_without_thoughts_and_say_how_many_were_cut(tmp_path: Path) -> None:
    rows = [
        {"prompt": "p", "responses": ["<think>hm</think>\n\nGood.", "Bad."], "ranks": [0, 1]},
        {"prompt": "q", "responses": ["<think>and so on", "Short."], "ranks": [0, 1]},
        {"prompt": "r", "responses": ["The tag is </think>.", "I do not know."], "ranks": [0, 1]},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = rankings.read(str(tmp_path / "rows.jsonl"))
    first, second = found.sets[0].ranked.responses
    assert (first.text, first.thought, second.text, second.thought) == ("Good.", "hm", "Bad.", None)
    assert [one.ranked.prompt.text for one in found.sets] == ["p", "r"]
    assert found.account == {
        "thoughts cut from answers": 1,
        "dropped: an answer is a thought that never ends": 1,
        "answers with a thought's mark inside, left as they are": 1,
    }
