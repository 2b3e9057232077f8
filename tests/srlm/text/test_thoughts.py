"""A thought and an answer, parted by text alone."""

import pytest

from srlm.text.thoughts import Split, split


@pytest.mark.parametrize(
    ("written", "opened", "thought", "answer", "closed"),
    [
        pytest.param("Yes.", False, None, "Yes.", True, id="no-thought"),
        pytest.param("  Yes.\n", False, None, "  Yes.\n", True, id="white-space-of-an-answer-stays"),
        pytest.param("<think>\nhm\n</think>\n\nYes.\n", False, "hm", "Yes.\n", True, id="written-whole"),
        pytest.param("\n<think>hm</think>Yes.", None, "hm", "Yes.", True, id="by-a-server"),
        pytest.param("<think>\n\n</think>\n\nYes.", False, None, "Yes.", True, id="empty"),
        pytest.param("hm</think>Yes.", True, "hm", "Yes.", True, id="opened-by-the-prompt"),
        pytest.param("<think>hm</think>Yes.", True, "hm", "Yes.", True, id="opened-twice"),
        pytest.param("hm</think>Yes.", None, "hm", "Yes.", True, id="opened-by-a-servers-prompt"),
        pytest.param("hm</think>Yes.", False, None, "hm</think>Yes.", True, id="never-opened"),
        pytest.param("hm, yes", True, "hm, yes", "", False, id="never-closed"),
        pytest.param("<think>hm, yes", False, "hm, yes", "", False, id="written-and-never-closed"),
        pytest.param("", True, "", "", False, id="nothing-at-all"),
        pytest.param("hm</think>", True, "hm", "", True, id="closed-and-no-answer"),
        pytest.param("hm</think>a</think>b", True, "hm", "a</think>b", True, id="the-first-mark-closes"),
        pytest.param("[THINK]hm[/THINK]Yes.", False, "hm", "Yes.", True, id="mistral"),
        pytest.param("<|START_THINKING|>hm<|END_THINKING|>Yes.", None, "hm", "Yes.", True, id="cohere"),
        pytest.param("<|channel>thought\nhm\n<channel|>Yes.", False, "hm", "Yes.", True, id="gemma"),
        pytest.param("Use <think> for it.", None, None, "Use <think> for it.", True, id="a-word-within-an-answer"),
    ],
)
def test_split(written: str, opened: bool | None, thought: str | None, answer: str, closed: bool) -> None:
    found = split(written, opened=opened)
    assert (found.thought, found.answer, found.closed) == (thought, answer, closed)
    assert written[found.start :] == answer


def test_a_long_text_without_an_end_takes_no_longer_than_its_length() -> None:
    text = "<think>" * 100_000
    assert split(text) == Split(text[len("<think>") :], "", closed=False, start=len(text))
