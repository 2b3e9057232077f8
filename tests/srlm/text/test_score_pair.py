"""Two scores in a judge's words, one an answer: read as a verdict, or refused."""

import pytest

from srlm.text.score_pair import read_score_pair

FIRST, SECOND, TIE, NONE = 1.0, 0.0, 0.5, None


@pytest.mark.parametrize(
    ("text", "preference"),
    [
        pytest.param("Score A: 4\nScore B: 3", FIRST, id="plain"),
        pytest.param("**Score A:** 4/5\n**Score B:** 5/5", SECOND, id="bold-and-out-of-five"),
        pytest.param("Assistant A: 8\nAssistant B: 8", TIE, id="equal"),
        pytest.param("score a : 5 \n score b : 0", FIRST, id="bead-world"),
        pytest.param("Score A\uff1a\uff14\nScore B\uff1a\uff13", FIRST, id="full-width"),
        pytest.param("Score\u200b A: 4\nScore B: \u20605", SECOND, id="signs-of-no-width"),
        pytest.param("Score A: 4\nScore B: 3</s>", FIRST, id="an-end-that-a-server-left"),
        pytest.param("Score A: 4 \u2705\nScore B: 3 \u2705", FIRST, id="check-marks"),
        pytest.param("| A | 4 |\n| B | 3 |", FIRST, id="table"),
        pytest.param('{"score_A":4,"score_B":3}', FIRST, id="json"),
        pytest.param("<think>Score A: 1\nScore B: 2</think>Score A: 4\nScore B: 3", FIRST, id="behind-a-thought"),
        pytest.param("Score A: 4.5\nScore B: 4,5", TIE, id="decimal-point-and-comma"),
        pytest.param("Score A: 4", NONE, id="one-alone"),
        pytest.param("Score A: 4\nScore B:", NONE, id="cut"),
        pytest.param("Score A: 4\nScore B: 3\nScore B: 5", NONE, id="one-told-twice"),
        pytest.param("Score A: 4/10\nScore B: 3/5", NONE, id="of-two-totals"),
        pytest.param("Score A: 3-4\nScore B: 5", NONE, id="a-range"),
        pytest.param("Score A: 4\u00b2\nScore B: 3", NONE, id="a-note-is-no-digit"),
        pytest.param("Score A: four\nScore B: 3", NONE, id="in-words"),
        pytest.param("Answer A: 2 errors\nAnswer B: 0 errors", NONE, id="counts-of-something-else"),
        pytest.param("Score A: 7\nScore B: 5\n\nWinner: B", NONE, id="a-verdict-that-differs"),
        pytest.param("Score A: 7\nScore B: 5\n\nWinner: A", FIRST, id="a-verdict-that-agrees"),
    ],
)
def test_read_score_pair(text: str, preference: float | None) -> None:
    assert read_score_pair(text).preference == preference
