"""Every form a judge has been seen to write its score in, and those that are no score."""

import time

import pytest

from srlm.judge.rubric import load
from srlm.text.score import has_score_line, parse_score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        pytest.param("Clear and correct.\nScore: 4", 4.0, id="plain"),
        pytest.param("Score: 0", 0.0, id="zero-is-a-score"),
        pytest.param("Score: 5", 5.0, id="five"),
        pytest.param("score: 3", 3.0, id="lower-case"),
        pytest.param("SCORE: 3", 3.0, id="upper-case"),
        pytest.param("score : 3", 3.0, id="space-before-the-colon"),
        pytest.param("Score:3", 3.0, id="no-space"),
        pytest.param("   \tScore:   3  \t", 3.0, id="white-space-around"),
        pytest.param("Score\u00a0: 3", 3.0, id="no-break-space"),
        pytest.param("Score = 3", 3.0, id="equals"),
        pytest.param("Score:\n3", None, id="the-number-on-the-next-line"),
        pytest.param("Score: 5 would need sources.\n\nscore: 3", 3.0, id="the-last-score-line-decides"),
        pytest.param("Score: 2\nScore: 4", 4.0, id="two-score-lines"),
        pytest.param("Score: 2\nI hope this helps!", 2.0, id="words-after-the-score-line"),
        pytest.param("Score: 4\nScore: <0-5>", 4.0, id="rubric-quoted-after-the-score"),
        pytest.param("Then end with the sum, in this form:\nScore: <0-5>", None, id="rubric-quoted-and-no-score"),
        pytest.param("Score: <total points>", None, id="the-papers-placeholder"),
        pytest.param("I would say four out of five.", None, id="no-score-line"),
        pytest.param("", None, id="empty"),
        pytest.param("Score:", None, id="no-number"),
        pytest.param("Score: four", None, id="a-number-in-words"),
        pytest.param("The score: 4", None, id="words-before"),
        pytest.param("Score: 4 because it is good", None, id="words-behind"),
        pytest.param("Score: 4 - 5", None, id="a-range"),
        pytest.param("Underscore: 4", None, id="another-word"),
        pytest.param("Total score: 4", 4.0, id="total"),
        pytest.param("Final Score: 4", 4.0, id="final"),
        pytest.param("Overall score: 4", 4.0, id="overall"),
        pytest.param("Score: 4/5", 4.0, id="of-five"),
        pytest.param("Score: 4 / 5", 4.0, id="of-five-with-spaces"),
        pytest.param("Score: 4.0/5.0", 4.0, id="of-five-in-decimals"),
        pytest.param("Score: 4 out of 5", 4.0, id="out-of-five"),
        pytest.param("Score: 4 points out of 5.", 4.0, id="points-out-of-five"),
        pytest.param("Score: 4 out of 5 points", 4.0, id="out-of-five-points"),
        pytest.param("Score: 4/10", None, id="of-ten-is-no-score"),
        pytest.param("Score: 3\nScore: 4/10", None, id="of-ten-decides-as-the-last-line"),
        pytest.param("Score: 4 out of 10", None, id="out-of-ten"),
        pytest.param("Score: 4/0", None, id="of-nothing"),
        pytest.param("Score: 1 point", 1.0, id="point"),
        pytest.param("Score: 4 points.", 4.0, id="points-and-a-full-stop"),
        pytest.param("**Score: 4**", 4.0, id="bold-line"),
        pytest.param("**Score:** 4", 4.0, id="bold-word-with-colon"),
        pytest.param("**Score**: **4/5**", 4.0, id="bold-word-and-number"),
        pytest.param("__Score__: _4_", 4.0, id="underscores"),
        pytest.param("### Score: 4", 4.0, id="heading"),
        pytest.param("- Score: 4", 4.0, id="list"),
        pytest.param("> Score: 4", 4.0, id="quote"),
        pytest.param("```\nScore: 4\n```", 4.0, id="code-block"),
        pytest.param("`Score: 4`", 4.0, id="code"),
        pytest.param("Score: [4]", 4.0, id="square-brackets"),
        pytest.param("Score: <4>", 4.0, id="angle-brackets"),
        pytest.param("Score: (4)", 4.0, id="round-brackets"),
        pytest.param('Score: "4"', 4.0, id="quotation-marks"),
        pytest.param("Score: 3.5", 3.5, id="decimal-point"),
        pytest.param("Score: 3,5", 3.5, id="decimal-comma"),
        pytest.param("Score: 4.", 4.0, id="full-stop"),
        pytest.param("Score: +3", 3.0, id="plus-sign"),
        pytest.param("Score: -1", None, id="negative"),
        pytest.param("Score: 4\nScore: -1", None, id="negative-decides-as-the-last-line"),
        pytest.param("Score: 7", None, id="seven"),
        pytest.param("Score: 5.1", None, id="just-above-five"),
        pytest.param("Score: 3\nScore: 7", None, id="seven-decides-as-the-last-line"),
        pytest.param("Score: 1234567", None, id="more-digits-than-a-score-has"),
        pytest.param("Score: nan", None, id="nan"),
        pytest.param("Score: inf", None, id="inf"),
        pytest.param("Score: 1e3", None, id="exponent"),
        pytest.param("Score: 0x3", None, id="hexadecimal"),
        pytest.param("Score\uff1a4", 4.0, id="full-width-colon"),
        pytest.param("Score\uff1a\uff14", 4.0, id="full-width-digit"),
        pytest.param("Score\uff1a4\uff0f5\u3002", 4.0, id="full-width-slash-and-stop"),
        pytest.param("Score: \u0663", 3.0, id="arabic-indic-digit"),
        pytest.param("Score: \u0969", 3.0, id="devanagari-digit"),
        pytest.param("Score: \u0664/\u0665", 4.0, id="arabic-indic-of-five"),
        pytest.param("Score: \u00b3", None, id="superscript-is-no-digit"),
        pytest.param("Score: \u2462", None, id="circled-is-no-digit"),
        pytest.param("Good.\r\nScore: 4\r\n", 4.0, id="crlf"),
        pytest.param("Good.\rScore: 4\r", 4.0, id="old-mac-line-ends"),
        pytest.param("Good.\u2028Score: 4\u2029Bye.", 4.0, id="unicode-line-separators"),
        pytest.param("Good.\u0085Score: 4", 4.0, id="next-line-character"),
        pytest.param("Good.\x00\nScore: 4", 4.0, id="nul-in-the-text"),
        pytest.param("Score: 4\x00", None, id="nul-behind-the-number"),
    ],
)
def test_parse_score(text: str, score: float | None) -> None:
    assert parse_score(text) == score


@pytest.mark.parametrize(
    ("text", "given"),
    [
        pytest.param("Score: 4", True, id="in-range"),
        pytest.param("Score: 7", True, id="out-of-range"),
        pytest.param("Score: 4/10", True, id="out-of-another-total"),
        pytest.param("Score: <0-5>", False, id="placeholder"),
        pytest.param("Four.", False, id="no-score-line"),
    ],
)
def test_a_score_line_is_one_whether_or_not_its_score_is_in_range(text: str, given: bool) -> None:
    assert has_score_line(text) is given


@pytest.mark.parametrize("name", ["additive", "beads"])
def test_the_shipped_rubrics_hold_no_score_line_that_could_be_quoted_back(name: str) -> None:
    assert not has_score_line(load(name).text)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        pytest.param("word " * 20_000 + "\nScore: 4", 4.0, id="a-single-long-line-before"),
        pytest.param("Score: 4\n" + "word " * 20_000, 4.0, id="a-single-long-line-behind"),
        pytest.param("Score: 4" + " " * 100_000, None, id="a-score-line-too-long-to-be-one"),
        pytest.param("a line of words\n" * 6_000 + "Score: 4", 4.0, id="many-lines"),
        pytest.param("Score: 4\n" + "\n" * 100_000, 4.0, id="many-empty-lines"),
        pytest.param("*" * 100_000, None, id="stars"),
        pytest.param(("*" * 199 + "\n") * 500, None, id="lines-of-stars"),
        pytest.param((" " * 190 + "x\n") * 500, None, id="lines-of-spaces"),
        pytest.param(("score: 5" + " " * 180 + "x\n") * 500, None, id="score-lines-that-fail-behind-many-spaces"),
        pytest.param(("final" + " " * 180 + "x\n") * 500, None, id="final-and-many-spaces"),
        pytest.param(("score" + "* " * 90 + "x\n") * 500, None, id="stars-and-spaces-for-a-colon"),
        pytest.param(("score: 5 out" + " " * 170 + "of x\n") * 500, None, id="out-and-many-spaces"),
    ],
)
def test_a_hundred_thousand_characters_are_searched_in_linear_time(text: str, score: float | None) -> None:
    began = time.process_time()
    assert parse_score(text) == score
    assert time.process_time() - began < 2  # milliseconds; a quadratic search would take minutes


def test_a_longer_text_takes_no_more_than_its_share() -> None:
    assert parse_score("Score: 3\n" + ("* " * 99 + "\n") * 20_000) == 3.0
