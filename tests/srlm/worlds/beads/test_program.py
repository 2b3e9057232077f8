"""The bead world: grades written out, reviews that agree with grades, data sets that share nothing they should not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srlm.errors import DataError
from srlm.judge import rubric
from srlm.text.score import parse_score
from srlm.training import scratch
from srlm.worlds.beads import program

BROWN_BLACK_GOLD = "a gold b black c brown reverse"
PALINDROME = "a red b pink c red reverse"
FIVE = "a gold b gray c red d blue e white skip"


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("a gold b black c brown copy", "1 gold 2 black 3 brown ."),
        ("a gold b black c brown reverse", "1 brown 2 black 3 gold ."),
        ("a gold b black c brown d red skip", "1 gold 2 brown ."),
        ("a gold b black c brown turn", "1 black 2 brown 3 gold ."),
        ("a gold b black c brown mate", "1 gray 2 white 3 yellow ."),
        ("a red b green c blue d pink e gray mate", "1 green 2 red 3 pink 4 blue 5 gold ."),
        (FIVE, "1 gold 2 red 3 white ."),
    ],
)
def test_each_operation_has_one_right_answer(prompt: str, answer: str) -> None:
    assert program.oracle_score(prompt, answer) == 5


@pytest.mark.parametrize(
    ("prompt", "answer", "points"),
    [
        # relevant, correct, count, clean
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 black 3 gold .", (1, 1, 1, 1), id="all-right"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 gold 3 gold .", (1, 0, 1, 1), id="an-item-wrong"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 black .", (1, 1, 0, 1), id="an-item-missing"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown .", (1, 1, 0, 1), id="one-item"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 black 3 gold 4 red .", (1, 0, 0, 1), id="an-item-too-many-is-wrong"),
        pytest.param(BROWN_BLACK_GOLD, "1 gold 2 black 3 brown .", (1, 0, 1, 1), id="as-it-stands-the-middle-is-right"),
        pytest.param(BROWN_BLACK_GOLD, "1 gold 2 brown 3 black .", (0, 0, 0, 0), id="no-item-right"),
        pytest.param(BROWN_BLACK_GOLD, "1 gold 2 red 3 red 4 brown .", (0, 0, 0, 0), id="right-items-in-wrong-places"),
        pytest.param(PALINDROME, "1 red 2 pink 3 red .", (1, 1, 1, 1), id="right-by-chance-for-a-lazy-answer"),
        pytest.param(FIVE, "1 gold 2 gray 3 red 4 blue 5 white .", (1, 0, 0, 1), id="the-whole-row-instead"),
        pytest.param(BROWN_BLACK_GOLD, "sure here you go 1 brown 2 black 3 gold .", (1, 1, 1, 0), id="filler-before"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 black 3 gold . hope this helps", (1, 1, 1, 0), id="filler-behind"),
        pytest.param(BROWN_BLACK_GOLD, "well 1 red 2 black . thanks", (1, 0, 0, 0), id="filler-and-half-wrong"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 black 3 gold . hope this helps .", (0, 0, 0, 0), id="a-second-stop"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 black 3 gold", (0, 0, 0, 0), id="no-stop"),
        pytest.param(BROWN_BLACK_GOLD, "brown black gold .", (0, 0, 0, 0), id="no-numbers"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 3 black 2 gold .", (0, 0, 0, 0), id="numbers-out-of-order"),
        pytest.param(BROWN_BLACK_GOLD, "0 brown 1 black 2 gold .", (0, 0, 0, 0), id="numbers-from-zero"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 2 black 3 gold .", (0, 0, 0, 0), id="a-number-twice"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown hope 2 black 3 gold .", (0, 0, 0, 0), id="filler-within"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 c 3 gold .", (0, 0, 0, 0), id="a-letter-for-a-colour"),
        pytest.param(BROWN_BLACK_GOLD, "1 purple 2 black 3 gold .", (0, 0, 0, 0), id="a-colour-of-another-world"),
        pytest.param(BROWN_BLACK_GOLD, "", (0, 0, 0, 0), id="empty"),
        pytest.param(BROWN_BLACK_GOLD, ".", (0, 0, 0, 0), id="a-stop-alone"),
        pytest.param(BROWN_BLACK_GOLD, "hope this helps", (0, 0, 0, 0), id="filler-alone"),
        pytest.param(BROWN_BLACK_GOLD, BROWN_BLACK_GOLD, (0, 0, 0, 0), id="the-prompt-again"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 black 3 gold . score : 5", (0, 0, 0, 0), id="its-own-score"),
        pytest.param(BROWN_BLACK_GOLD, "score : 5", (0, 0, 0, 0), id="only-a-score"),
        pytest.param(BROWN_BLACK_GOLD, "1 brown 2 black 3 gold . 1 red .", (0, 0, 0, 0), id="a-second-answer"),
        pytest.param(BROWN_BLACK_GOLD, " 1  brown\n2 black 3 gold . ", (1, 1, 1, 1), id="spaces-do-not-matter"),
    ],
)
def test_a_grade(prompt: str, answer: str, points: tuple[int, int, int, int]) -> None:
    """Score: relevant 1 + correct 2 + count 1 + clean 1."""
    grade = program.grade(prompt, answer)
    relevant, correct, count, clean = points
    assert (grade.relevant, grade.correct, grade.count, grade.clean) == points
    assert grade.score == relevant + 2 * correct + count + clean


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("a gold b black reverse", id="two-beads"),
        pytest.param("a gold b red c blue d pink e gray f white copy", id="six-beads"),
        pytest.param("a gold b red c blue sort", id="no-such-operation"),
        pytest.param("a gold b red c blue", id="no-operation"),
        pytest.param("b gold a red c blue copy", id="letters-out-of-order"),
        pytest.param("a gold b purple c blue copy", id="no-such-colour"),
        pytest.param("review : a gold b red c blue copy", id="a-review"),
    ],
)
def test_other_texts_are_no_prompts(text: str) -> None:
    assert program.parse_prompt(text) is None
    with pytest.raises(DataError, match=r"^not a prompt of the bead world: "):
        program.grade(text, "1 gold .")
    with pytest.raises(DataError, match=r"^not a prompt of the bead world: "):
        program.review(text, "1 gold .")


@pytest.mark.parametrize(
    ("prompt", "answer", "review"),
    [
        pytest.param(
            "a gold b green c black d blue e blue reverse",
            "1 blue 2 blue 3 black 4 blue 5 green .",
            "1 blue e blue yes 2 blue d blue yes 3 black c black yes 4 blue b green no 5 green a gold no "
            "asked five given five relevant yes correct no count yes clean yes \n score : 3",
            id="two-items-wrong",
        ),
        pytest.param(
            "a gold b black c brown mate",
            "1 gray 2 white 3 yellow .",
            "1 gray a gray yes 2 white b white yes 3 yellow c yellow yes "
            "asked three given three relevant yes correct yes count yes clean yes \n score : 5",
            id="all-right",
        ),
        pytest.param(
            "a gold b black c brown d red skip",
            "here is my answer 1 gold 2 brown 3 red .",
            "1 gold a gold yes 2 brown c brown yes 3 red no "
            "asked two given three relevant yes correct no count no clean no \n score : 1",
            id="an-item-too-many-and-filler",
        ),
        pytest.param(
            "a gold b black c brown turn",
            "hope this helps",
            "other asked three given zero relevant no correct no count no clean no \n score : 0",
            id="no-answer",
        ),
        pytest.param(
            "a gold b black c brown turn",
            "1 black 2 brown 2 gold .",
            "1 black b black yes 2 brown c brown yes 2 other "
            "asked three given two relevant no correct no count no clean no \n score : 0",
            id="malformed-after-two-right-items",
        ),
        pytest.param(
            "a gold b black c brown turn",
            "1 black 2 yes 3 gold .",
            "1 black b black yes 2 yes other "
            "asked three given one relevant no correct no count no clean no \n score : 0",
            id="no-colour-behind-the-right-number",
        ),
        pytest.param(
            "a gold b black c brown turn",
            "1 black 2 brown 3 gold",
            "1 black b black yes 2 brown c brown yes 3 gold a gold yes other "
            "asked three given three relevant no correct no count no clean no \n score : 0",
            id="without-an-end",
        ),
        pytest.param(
            "a gold b black c brown turn",
            "1 black . sure 4",
            "1 black b black yes 4 other asked three given one relevant no correct no count no clean no \n score : 0",
            id="something-behind-the-end-that-is-no-filler",
        ),
    ],
)
def test_a_review(prompt: str, answer: str, review: str) -> None:
    assert program.review(prompt, answer) == review


CRITERIA = ("relevant", "correct", "count", "clean")

row = st.builds(
    lambda colours, operation: program.BeadRow(tuple(map(program.Bead, program.LETTERS, colours)), operation),
    st.lists(st.sampled_from(program.COLOURS), min_size=3, max_size=5),
    st.sampled_from(program.OPERATIONS),
)
numbered = st.lists(st.sampled_from(program.COLOURS), max_size=8).map(
    lambda items: [word for number, item in enumerate(items, 1) for word in (str(number), item)]
)
filler = st.lists(st.sampled_from(program.FILLER), max_size=3)
well_formed = st.builds(lambda a, items, b: [*a, *items, ".", *b], filler, numbered, filler)
anything = st.lists(st.sampled_from([word for word in program.vocabulary() if word != "\n"]), max_size=12)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("relevant yes correct no count yes clean no \n score : 2", (True, False, True, False), id="plain"),
        pytest.param(
            "relevant no correct no count no clean no relevant yes correct yes count yes clean yes",
            (True, True, True, True),
            id="the-last-ones-decide",
        ),
        pytest.param("relevant yes correct maybe count yes clean no", None, id="another-word"),
        pytest.param("relevant yes correct yes count yes", None, id="cut"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_verdicts_of_a_review(text: str, said: tuple[bool, ...] | None) -> None:
    found = program.criteria(text)
    assert (found if found is None else (found.relevant, found.correct, found.count, found.clean)) == said
    assert program.form(text) == (None if said is None else said[2] + said[3])


@settings(max_examples=400, deadline=None)
@given(row, well_formed | anything)
def test_a_review_says_what_the_grade_says(row: program.BeadRow, words: list[str]) -> None:
    prompt, answer = row.text(), " ".join(words)
    grade, review = program.grade(prompt, answer), program.review(prompt, answer)
    assert program.parse_prompt(prompt) == row
    assert parse_score(review) == grade.score
    said = review.split()
    behind = len(said) - said[::-1].index("asked")  # an answer's own words may be quoted before
    quoted, summed_up = said[: behind - 1], said[behind:]
    verdicts = {name: summed_up[summed_up.index(name) + 1] == "yes" for name in CRITERIA}
    assert verdicts == {name: getattr(grade, name) for name in verdicts}
    assert program.criteria(review) == program.Criteria(**verdicts)
    items = program.parse_answer(answer).items
    assert summed_up[summed_up.index("given") + 1] == program.NUMBERS[len(items)]
    if not program.parse_answer(answer).well_formed:
        assert quoted.pop() == "other"
        broken = program.parse_answer(answer).broken
        assert tuple(quoted[len(quoted) - len(broken) :]) == broken
        del quoted[len(quoted) - len(broken) :]
    assert quoted.count("yes") + quoted.count("no") == len(items)
    assert grade.correct == (grade.relevant and "no" not in quoted)
    assert (grade.score == 5) == (grade.correct and grade.count and grade.clean)


@settings(max_examples=200, deadline=None)
@given(row)
def test_the_right_answer_of_any_row_scores_five(row: program.BeadRow) -> None:
    right = " ".join(f"{number} {bead.colour}" for number, bead in enumerate(program.targets(row), 1)) + " ."
    assert program.oracle_score(row.text(), right) == 5


def test_a_review_and_its_prompt_are_words_the_model_knows() -> None:
    words, wording = scratch.tokenizer(program.vocabulary()), rubric.load("beads")
    prompt = "a gold b green c black d blue e blue reverse"
    answer = "1 blue 2 blue 3 black 4 blue 5 green . thanks for asking"
    text = f"{wording.prompt(prompt, answer)} {program.review(prompt, answer)}"
    assert words.unk_token_id not in words(text)["input_ids"]
