from pathlib import Path

import pytest

from srlm.errors import SettingsError
from srlm.judge.rubric import SHIPPED, load
from srlm.records import digest
from srlm.text.score import parse_score


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_rubric_shows_the_question_before_the_response(name: str) -> None:
    prompt = load(name).prompt("QUESTION", "RESPONSE")
    assert prompt.count("QUESTION") == prompt.count("RESPONSE") == 1
    assert prompt.index("QUESTION") < prompt.index("RESPONSE")
    assert "{" not in prompt


def test_the_additive_rubric_has_five_criteria_and_asks_for_reasons_before_the_score() -> None:
    text = load("additive").text
    assert [line[:2] for line in text.splitlines() if line[:1].isdigit()] == ["1.", "2.", "3.", "4.", "5."]
    assert text.index("at most 100 words") < text.index("Score: <0-5>")
    assert text.splitlines()[-1] == "Score: <0-5>"


def test_text_in_a_response_fills_no_slot_and_text_in_a_question_fills_none() -> None:
    prompt = load("beads").prompt("say {response}", "{prompt} {response}")
    assert prompt == "review : say {response} response : {prompt} {response}"


def test_a_request_is_one_user_turn() -> None:
    request = load("beads").request("a", "b", draws=3)
    assert [(m.role, m.content) for m in request.messages] == [("user", "review : a response : b")]
    assert (request.draws, request.prefix) == (3, "")


def test_a_file_is_a_rubric_whose_wording_alone_makes_its_digest(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("{prompt} | {response}\n\n")
    (tmp_path / "copy.txt").write_text("{prompt} | {response}\n")
    mine, copy = load(str(tmp_path / "mine.txt")), load(str(tmp_path / "copy.txt"))
    assert mine.prompt("a", "b") == "a | b"
    assert mine.digest == copy.digest == digest("rubric", "{prompt} | {response}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"{prompt} only", r"no slot \{response\}", id="no-response"),
        pytest.param(b"{response} only", r"no slot \{prompt\}", id="no-prompt"),
        pytest.param(b"", r"no slot \{prompt\} and no slot \{response\}", id="empty"),
        pytest.param(b"\xff{prompt}{response}", "is neither a readable file", id="not-utf-8"),
    ],
)
def test_a_file_that_is_no_rubric_is_an_error(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        load(str(path))


def test_a_missing_template_names_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is neither a readable file nor one of additive, beads"):
        load(str(tmp_path / "none.txt"))
    with pytest.raises(SettingsError, match="is neither a readable file nor one of additive, beads"):
        load(str(tmp_path))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_whole_prompt_does_not_parse_as_a_score_where_the_response_has_none(name: str) -> None:
    assert parse_score(load(name).prompt("Why?", "Because.")) is None
