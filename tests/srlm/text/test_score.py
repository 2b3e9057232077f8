"""Every form a judge has been seen to write its score in, and those that are no score."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlm.judge.rubric import load
from srlm.text.score import Score, has_score_line, parse_score, read_score


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
        pytest.param("Score\uff1a \uff14\uff0e\uff15", 4.5, id="full-width-decimal"),
        pytest.param("\ufeffScore\u200b: \u200f4", 4.0, id="signs-of-no-width"),
        pytest.param("Score: 4</s>", 4.0, id="an-end-that-a-server-left"),
        pytest.param("Score: 4<end_of_turn>\n", 4.0, id="another-models-end"),
        pytest.param("Score: <s>3</s> 4", None, id="struck-out-and-another"),
        pytest.param("\U0001f3c6 **Score: 4/5** \u2705", 4.0, id="pictures-around-the-line"),
        pytest.param("Score: 4\ufe0f\u20e3", None, id="a-keycap-is-no-digit"),
        pytest.param("Score: \u2b50\u2b50\u2b50\u2b50", None, id="stars-are-no-digits"),
        pytest.param("Score: \u274c 4", None, id="crossed-out"),
        pytest.param('{"score":4,"reason":"clear"}', 4.0, id="json-without-spaces"),
        pytest.param('{"score":4,"max":10}', None, id="json-with-another-number"),
        pytest.param("On a scale of 1 to 10 it is weak.\nScore: 4", None, id="another-scale"),
        pytest.param("Good. On a scale from 1-100:\nScore: 4", None, id="a-scale-to-100"),
        pytest.param("On a scale of 0 to 5, it is good.\nScore: 4", 4.0, id="the-rubrics-scale"),
        pytest.param("It gives a 7 on a scale of 1 to 10, as asked.\nScore: 4", 4.0, id="somebody-elses-scale"),
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


# As judges write them -------------------------------------------------------------------------------------------------

FOURS = r"""
The answer is right and clear, all in all good. Score: 4
It is good; Score: 4
Score: 4 (out of 5)
Score: 4 (out of 5 points)
Score: 4 out of 5
Final score: 4 out of 5 points
Score: 4 - good
Score: 4 -- good
Score: 4/5 - a good answer
Score: 4 (good)
Score: 4 (very good, but terse)
Score: 4. The answer is clear.
Score: 4, a good answer
Score: 4; well done
Total points: 4
**Total points:** 4
Total Points: 4/5
Total points awarded: 4
**Total points: 4 out of 5**
Total score: 4 points
***Score: 4***
**Score:** **4**
**Score**: 4
**Score:** 4/5
Score: **4**/5
<b>Score: 4</b>
<strong>Score:</strong> 4<br/>
$\boxed{4}$
\boxed{4}
\[\boxed{4}\]
$$\boxed{4}$$
**\boxed{4}**
\boxed{4/5}
\boxed{\text{4}}
\boxed{Score: 4}
$\boxed{\text{Score: }4}$
$\boxed{\text{Score: 4}}$
Score: $\boxed{4}$
Score: \boxed{4}
**Score: \(\boxed{4}\)**
Score: $4$
Score: \(4\)
Score: \textbf{4}
Score: $\frac{4}{5}$
The final answer is: $\boxed{4}$
Therefore, the final score is $\boxed{4}$.
Score: 4!
Score : 4 / 5.
1. Score: 4
| Score: 4 |
| Score | 4 |
| **Total score** | **4/5** |
| Score: 4 | good |
{"score": 4}
{"reason": "clear and right", "score": 4}
  "score": 4,
Score (out of 5): 4
Score (0-5): 4
**Score (0 to 5):** 4
Score out of 5: 4
Score/5: 4
Final verdict: Score: 4
Therefore, Score: 4
In conclusion, Score: 4
Final: Score: 4
The final answer is $\boxed{4}$.
Score: **4** (out of 5)
Score: 4 (The response is clear.)
1 + 1 + 1 + 1 = 4. Score: 4
It is good.** Score: 4**
Good. (Score: 4)
Score: 4 pts
Score: 4 of 5
Score: 4 points out of 5
Score: [4/5]
Score: 0004
Score: 4: good
Score: 4 out of a possible 5
Score: 4 out of five
$\text{Score} = 4$
$\boxed{4 \text{ points}}$
Score: 4<|im_end|>
<response>fine</response> Good. Score: 4
"""
"""A line is a judgement whose score is 4."""
FOURS_BEYOND_ASCII = [
    "Score: 4 \u2013 good",
    "Score: 4 \u2014 good, clear",
    "Score: 4\u2014good",
    "\u2022 Score: 4",
    "\u2192 Score: 4",
    "Score: \uff14",
    "\u597d\u3002Score\uff1a4",
    "\u201cScore: 4\u201d",
    "Score: \u201c4\u201d",
    "Score\uff1a\uff084\uff09",
]
"""The same."""

UNCLEAR = r"""
Score: 4-5
Score: 3 to 4
Score: 4 or 5
Score: 4/10
Score: 80%
Score: 4%
Score: <total points>
Score: <0-5>
Score: 0-5
Score: [1-5]
Score: 1-5
Score: four
Score: between 3 and 4
Score: about 4
Score: not 4
Score: I would say 4
Score: 4 and 5
Score: 4 | 5
Score: 4 -> 5
Score: 4 - 4.5
Score: 4 ... 5
Score: 4 (scale of 10)
Score: 4 - no wait
Score: 4,000
~~Score: 2~~ Score: 4
Average score: 4
if score == 4:
https://example.org/?score=4
Response A: Score: 4
Do not write Score: 5.
Score: 5 if it cites sources, otherwise Score: 3
Without sources it would be Score: 3, with them Score: 5.
Score: 4-ish
Score: IV
It would deserve a Score: 5 if it cited sources.
If it cited sources, Score: 5
For a perfect answer: Score: 5
The response claims "Score: 5".
The response says "I am great. Score: 5"
The response ends with: Score: 5
End with a line such as, e.g. Score: 5
Score: -1
Score: 4.5.1
Score: 4? 5?
Score: 4?
Score: 4 Score: 5
Score: 4. Score: 5
Score: 4, maybe 5
Score: 4, maybe less
Score: 4 - or higher
Score: 4 (or 5)
Score: 4 (maybe)
Score: 4 - no, wait
Score: ~4
Score: >4
Score: <4
Score: 4+
Score: $4
Score: .5
Score: 2*2
Score: 4/5/2026
Score: 2026-04-05
Score: v4
Score: 4x
Score: 4th
Score: 4:3
Score: 4 because it is good
Score: 5 would need sources.
Score: 4 is too high
Score (1-10): 4
Score (1-5): 4
Score out of 10: 4
Score out of 100: 4
Maximum score: 5
max_score: 5
Relevance score: 4
sub-score: 4
Scores: 4
Underscore: 4
My score: 4
The score is 4
Score: N/A
Score: None
Score: 4 stars of 10
Score: 4 1/2
Score: ???
Score: X/5
Score: _/5
Points: 4
| Score | 4 | 1 |
| Score | Reason |
The \boxed{4} of the response is right.
\boxed{12}
The correct answer is \boxed{4}
{"scores": [4, 5]}
{"score": "four"}
{"score": 4, "reason": "rather 3"}
"""
"""A line is a judgement that must stay None."""
UNCLEAR_BEYOND_ASCII = [
    "Score: 3\u20134",
    "Score: \u22121",
    "Score: \u2013 1",
    "Score: \u22484",
    "Score: 4\xbd",
]
"""The same."""


@pytest.mark.parametrize("text", [*FOURS.strip().splitlines(), *FOURS_BEYOND_ASCII])
def test_a_score_in_a_judges_own_wording_is_read(text: str) -> None:
    assert read_score(text) == Score(4.0)


@pytest.mark.parametrize("text", [*UNCLEAR.strip().splitlines(), *UNCLEAR_BEYOND_ASCII])
def test_what_is_not_clearly_a_score_is_none(text: str) -> None:
    assert parse_score(text) is None


@pytest.mark.parametrize(
    ("text", "score"),
    [
        pytest.param(
            "It is short.\nIt would deserve a Score: 5 if it cited sources.\nScore: 4", 4.0, id="condition-before"
        ),
        pytest.param("Score: 3\nIt would deserve a Score: 5 if it cited sources.", 3.0, id="condition-behind"),
        pytest.param("Score: 3\nScore: 5 would need sources.", 3.0, id="condition-on-a-line-behind"),
        pytest.param("It seems weak. Score: 2\nOn reflection it is good. Score: 4", 4.0, id="the-last-inline-one"),
        pytest.param("Score: 2 - weak\n\nNo: it has sources.\nScore: 4", 4.0, id="a-remark-and-then-a-plain-one"),
        pytest.param("Score: 4\nThe score is 4 because it helps.", 4.0, id="told-again"),
        pytest.param("Score: 4\nFinal score: 4", 4.0, id="said-twice"),
        pytest.param("Score: 4\n- Maximum score: 5", 4.0, id="the-most-there-is"),
        pytest.param('{\n  "reason": "clear",\n  "score": 4\n}', 4.0, id="json-over-lines"),
        pytest.param("| Criterion | Points |\n|---|---|\n| Clear | 1 |\n| **Score** | **4/5** |", 4.0, id="table"),
        pytest.param("Fine.\n\nThe final answer is: $\\boxed{4}$", 4.0, id="boxed-on-the-last-line"),
        pytest.param("Score: 4\n\n$\\boxed{12}$", 4.0, id="boxed-of-another-sum"),
        pytest.param("word " * 500 + "It is good. Score: 4", 4.0, id="behind-a-long-paragraph"),
        pytest.param("Score: 4 - " + "good " * 60, None, id="a-remark-too-long-to-be-one"),
        pytest.param("Score: 2\nScore: 4 because it is good", None, id="words-behind-the-last"),
        pytest.param("Score: 3\nOn reflection, the score: 4", None, id="another-within-a-sentence"),
        pytest.param("Score: 3\nThe final score is 4.", None, id="another-told"),
        pytest.param("Score: 3\nNo.\nScore: 4 or 5", None, id="a-choice-behind"),
        pytest.param("Score: 4\nScore: N/A", None, id="taken-back"),
        pytest.param("Score: 4\nScore: four", None, id="the-last-in-words"),
        pytest.param("Score: 3\nScore: between 4 and 5", None, id="a-vague-one-behind"),
        pytest.param("Score: 4\nScore: <total points>", 4.0, id="a-placeholder-behind"),
        pytest.param("<response>\nScore: 5\n</response>\nI will not say.", None, id="the-response-said-again"),
        pytest.param("<response>\nScore: 5\n</response>\nScore: 2", 2.0, id="the-response-said-again-and-a-score"),
        pytest.param("Score: 3\n$\\boxed{4}$", None, id="boxed-and-said-otherwise"),
        pytest.param("It ends with:\n$\\boxed{4}$", None, id="somebody-elses-box"),
        pytest.param("The response says:\nScore: 5", None, id="quoted-response"),
        pytest.param("The rubric reads as follows:\nScore: 5", None, id="quoted-rubric"),
        pytest.param("An example of such a line:\nScore: 5", None, id="example"),
        pytest.param("Score: 1 - poor\nScore: 3 - fair\nScore: 5 - excellent", None, id="the-scale"),
        pytest.param("Score: 1\nScore: 2\nScore: 3", None, id="counting"),
        pytest.param(
            "1. Relevant: yes. Score: 1\n2. Clear: yes. Score: 1\n3. Expert: no. Score: 0", None, id="by-criterion"
        ),
        pytest.param("**Relevance:** it is. Score: 1\n**Clarity:** it is not. Score: 0", None, id="by-label"),
        pytest.param("<think>\nIt is weak.\nScore: 1", None, id="a-draft-in-an-open-thought"),
        pytest.param("<think>\nScore: 1\n</think>\n\nScore: 4", 4.0, id="a-draft-in-a-thought"),
        pytest.param("Hm. Score: 1\n</think>\nScore: 4", 4.0, id="a-thought-that-the-prompt-opened"),
        pytest.param("<think>\nScore: 1\n</think>\nI cannot say.", None, id="only-a-draft"),
    ],
)
def test_of_several_mentions_the_last_verdict_decides_or_none(text: str, score: float | None) -> None:
    assert parse_score(text) == score


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("Score: 4", Score(4.0), id="score"),
        pytest.param("Score: 7", Score(None, "not on the scale"), id="too-much"),
        pytest.param("Score: 80%", Score(None, "not on the scale"), id="per-cent"),
        pytest.param("Score (out of 10): 4", Score(None, "not on the scale"), id="another-total"),
        pytest.param("Score: 4-5", Score(None, "no score"), id="range"),
        pytest.param("Lovely.", Score(None, "no score"), id="none"),
    ],
)
def test_why_there_is_no_score(text: str, said: Score) -> None:
    assert read_score(text) == said


# What holds for every text --------------------------------------------------------------------------------------------

PROSE = st.text(st.characters(exclude_characters="\\<>[]", exclude_categories=["Cs"]), max_size=300).filter(
    lambda text: not any(word in text.lower() for word in ("score", "points", "think", "boxed"))
)
TEXTS = st.lists(
    st.sampled_from(
        [*FOURS.split("\n"), *UNCLEAR.split("\n"), "Score: 2", "Good.", " ", "- ", ". ", "\n", "<think>", "</think>"]
    ),
    max_size=8,
).map("".join)


@given(PROSE, st.integers(0, 5))
def test_prose_before_a_score_line_changes_nothing(prose: str, points: int) -> None:
    assert parse_score(f"{prose}\n\nAll in all:\nScore: {points}") == points


@given(PROSE, st.integers(0, 5))
def test_prose_behind_a_score_line_changes_nothing(prose: str, points: int) -> None:
    assert parse_score(f"Score: {points}\n\n{prose}") == points


@given(TEXTS)
def test_a_score_is_on_the_scale_and_stands_in_the_text_as_a_number(text: str) -> None:
    said = read_score(text)
    assert (said.points is None) == (said.unread is not None)
    if said.points is not None:
        assert 0 <= said.points <= 5
        assert said.points in {float(found.replace(",", ".")) for found in re.findall(r"\d+(?:[.,]\d+)?", text)}


@given(TEXTS, st.integers(0, 5))
def test_a_range_as_the_last_word_is_no_score_whatever_came_before(text: str, points: int) -> None:
    assert parse_score(f"{text}\n\nScore: {points} or {points + 1}") is None


@given(TEXTS)
def test_a_thought_that_never_closed_holds_no_score(text: str) -> None:
    assert parse_score("<think>" + text.replace("</think>", "")) is None


@given(st.text(max_size=500))
def test_any_text_at_all_can_be_read(text: str) -> None:
    read_score(text)


@pytest.mark.parametrize(
    "unit",
    [
        "Score: 4",
        "Score: 4. ",
        "Score: 4$",
        "the final answer is \\boxed{4} ",
        "overall score ",
        '"score": ',
        "\\frac{4}{",
    ],
)
def test_a_hundred_thousand_characters_of_mentions_are_read_in_linear_time(unit: str) -> None:
    began = time.process_time()
    read_score(unit * (100_000 // len(unit)))
    assert time.process_time() - began < 8  # about a second; a quadratic search would take minutes


def test_a_closing_mark_of_a_thought_that_is_quoted_takes_no_score_away() -> None:
    assert parse_score("Score: 3\n\nNote: the response leaves a stray </think> mark.") == 3
    assert parse_score("<think>Score: 1</think>\nScore: 4") == 4


@pytest.mark.parametrize(
    ("text", "score"),
    [
        # Forms that judges of today were seen or thought to write; None must stay None.
        ("Score: 4", 4.0),
        ("**Score:** 4/5", 4.0),
        ("Score: \uff14", 4.0),
        ("Score\uff1a4", 4.0),
        ("Score: \\boxed{4}", 4.0),
        ("\\boxed{4}", 4.0),
        ("Final score: 4.", 4.0),
        ('{"score": 4}', 4.0),
        ('```json\n{"score": 4}\n```', 4.0),
        ('{"score": 4, "reason": "good"}', 4.0),
        ('{"reason": "Score: 2 would be harsh", "score": 4}', 4.0),
        ("{'score': 4}", 4.0),
        ("| Score | 4 |", 4.0),
        ("Score: [4]", 4.0),
        ("Score: (4)", 4.0),
        ("Score: **4** out of **5**", 4.0),
        ("Score: 4 \u2013 good", 4.0),
        ("Score: 4 (out of 5)", 4.0),
        ("<think>Score: 1</think>Score: 4", 4.0),
        ("Score: [[4]]", 4.0),
        ("Score: 4, no, 3", None),
        ("Score: 4 or 5", None),
        ("Score: 4 - wait, 3", None),
        ("Score: ~4", None),
        ("Score: 4+", None),
        ("Score: 4-", None),
        ("Score: -4", None),
        ("Score: 4.5.1", None),
        ("Score: 4/", None),
        ("Score: 4%", None),
        ("Score: 1e0", None),
        ("Score: 0x4", None),
        ("Score: \u2463", None),
        ("Score: IV", None),
        ("Score: \xbd", None),
        ("Score: 4\xbd", None),
        ("Score: 4 1/2", None),
        ("Score: \u2074", None),
        ("Score: 4\xb2", None),
        ("Score: 3,5 / 4", None),
        ('{"score": 4, "score": 5}', None),
        ('{"score": "high"}', None),
        ('{"score": null}', None),
        ('{"score": [4, 5]}', None),
        ('{"scores": {"clarity": 4}}', None),
        ('{"clarity": {"score": 4}, "depth": {"score": 2}}', None),
        ("Score: 4\nScore: 4/10", None),
        ("Clarity score: 4", None),
        ("Clarity: Score: 4\nDepth: Score: 2", None),
        ("The answer says: Score: 5", None),
        ('The answer says "Score: 5".', None),
        ("Is it Score: 4?", None),
        ("Score: 4?", None),
        ("Score: maybe 4", None),
        ("Not Score: 4", None),
        ("~~Score: 4~~ 3", None),
        ("Score: ~~4~~ 3", None),
        ("Score: 4 3", None),
        ("Score: 4; 3", None),
        ("Score: 4 | 3", None),
        ("Score: 4\u21923", None),
        ("Score: 4 -> 3", None),
        ("Score: 5 would be too high", None),
        ("If it were longer, Score: 5.", None),
        ("Score: 4 stars", None),
        ("Score: 4 of 6", None),
        ("Score: 4/5/5", None),
        ("Score: 40", None),
        ("Score: 5.01", None),
        ("Score: 4.\nActually, 3.", None),
        ("Score: 4\n\nOn second thought: 2", None),
        ("Score: 4\nScore: unsure", None),
        ("Score A: 4\nScore B: 2", None),
        ("Score: 4 for A, 2 for B", None),
        ("Score: 4\nCorrection: 3", None),
        ('{"score": 4, "total": 2}', None),
        ("Score: 4/\uff15\uff10", None),
        ("score: four (4)", None),
        ("Score: 2\n> Score: 5", None),
        ("Score: 4 (2 points off)", None),
        ("<score>4</score><score>2</score>", None),
        ('{"winner": "A", "score": {"A": 4}}', None),
        ("Score: null", None),
        ("Score: 4\nFinal: 2", None),
    ],
)
def test_forms_of_judges_of_today(text: str, score: float | None) -> None:
    assert parse_score(text) == score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Score: 3\n<|user|>\nReview this answer.\n<|assistant|>\nScore: 1", None),
        ("Score: 3\n<|im_start|>user\nAnother question.\n<|im_start|>assistant\nScore: 3", None),
        ("Score: 3\n\nHuman: And this one?\n\nAssistant: Score: 1", None),
        ("Score: 3\n[INST] And this one? [/INST]\nScore: 1", None),
        ("Score: 3\n\n### Instruction:\nAnd this one?\nScore: 1", None),
        ("Score: 3\n<start_of_turn>user\nAnd this one?", 3),
        ("User: asked for a poem.\nAssistant: wrote one.\nScore: 4", 4),
        ("Score: 2 at first. It is complete.\n\nScore: 4", 4),
    ],
)
def test_a_judge_that_goes_on_with_turns_of_its_own_is_not_read_by_a_score_in_them(
    text: str, score: float | None
) -> None:
    assert parse_score(text) == score
