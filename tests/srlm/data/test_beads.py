"""The bead world: grades written out, reviews that agree with grades, data sets that share nothing they should not."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srlm.data import beads
from srlm.data.seed import SeedData
from srlm.judge import rubric
from srlm.records import RankedSet
from srlm.settings import BeadsData
from srlm.text.score import parse_score
from srlm.train import scratch

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
    assert beads.oracle_score(prompt, answer) == 5


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
    grade = beads.grade(prompt, answer)
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
    assert beads.parse_prompt(text) is None
    with pytest.raises(ValueError, match="not a bead prompt"):
        beads.grade(text, "1 gold .")
    with pytest.raises(ValueError, match="not a bead prompt"):
        beads.review(text, "1 gold .")


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
    assert beads.review(prompt, answer) == review


CRITERIA = ("relevant", "correct", "count", "clean")

row = st.builds(
    lambda colours, operation: beads.Row(tuple(map(beads.Bead, beads.LETTERS, colours)), operation),
    st.lists(st.sampled_from(beads.COLOURS), min_size=3, max_size=5),
    st.sampled_from(beads.OPERATIONS),
)
numbered = st.lists(st.sampled_from(beads.COLOURS), max_size=8).map(
    lambda items: [word for number, item in enumerate(items, 1) for word in (str(number), item)]
)
filler = st.lists(st.sampled_from(beads.FILLER), max_size=3)
well_formed = st.builds(lambda a, items, b: [*a, *items, ".", *b], filler, numbered, filler)
anything = st.lists(st.sampled_from([word for word in beads.vocabulary() if word != "\n"]), max_size=12)


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
    found = beads.criteria(text)
    assert (found if found is None else (found.relevant, found.correct, found.count, found.clean)) == said
    assert beads.form(text) == (None if said is None else said[2] + said[3])


def test_reviewers_who_err_turn_the_verdict_on_correct_and_rank_by_it() -> None:
    def sets(wrong: float) -> list[RankedSet]:
        return list(beads.beads(BeadsData(ift=1, eft_sets=200, heldout_sets=20, wrong_verdicts=wrong), 1).eft_sets)

    def share_wrong(wrong: float) -> float:
        errors = []
        for one in sets(wrong):
            for response, review in zip(one.responses, one.reviews, strict=True):
                said, truth = beads.criteria(review), beads.grade(one.prompt.text, response.text)
                assert said is not None
                if beads.parse_answer(response.text).well_formed:
                    errors.append(said.correct != truth.correct)
        return sum(errors) / len(errors)

    assert share_wrong(0.0) == 0
    assert share_wrong(1.0) == 1
    assert share_wrong(0.3) == pytest.approx(0.3, abs=0.05)
    for one in sets(0.3):  # people who err rank as they score
        scores = [parse_score(review) for review in one.reviews]
        ladder = sorted({score for score in scores if score is not None}, reverse=True)
        assert one.ranks == tuple(ladder.index(score) for score in scores if score is not None)


def test_models_are_measured_on_the_same_prompts_and_sets_whatever_the_seed() -> None:
    small = BeadsData(ift=5, eft_sets=5, heldout_sets=20, evaluation_prompts=20)
    first, second = beads.beads(small, 1), beads.beads(small, 2)
    assert first.evaluation_prompts == second.evaluation_prompts
    assert first.heldout_sets == second.heldout_sets
    assert first.ift != second.ift
    assert first.eft_sets != second.eft_sets


def test_a_fifth_of_the_ranked_answers_are_spoilt_and_malformed() -> None:
    data = beads.beads(BeadsData(ift=1, eft_sets=500, heldout_sets=1), 1)
    malformed = [not beads.parse_answer(r.text).well_formed for one in data.eft_sets for r in one.responses]
    # 10% stray, of which a sixth are well formed, and 20% of the others spoilt: .1 * 5/6 + .9 * .2 = .263.
    assert sum(malformed) / len(malformed) == pytest.approx(0.263, abs=0.03)


@settings(max_examples=400, deadline=None)
@given(row, well_formed | anything)
def test_a_review_says_what_the_grade_says(row: beads.Row, words: list[str]) -> None:
    prompt, answer = row.text(), " ".join(words)
    grade, review = beads.grade(prompt, answer), beads.review(prompt, answer)
    assert beads.parse_prompt(prompt) == row
    assert parse_score(review) == grade.score
    said = review.split()
    behind = len(said) - said[::-1].index("asked")  # an answer's own words may be quoted before
    quoted, summed_up = said[: behind - 1], said[behind:]
    verdicts = {name: summed_up[summed_up.index(name) + 1] == "yes" for name in CRITERIA}
    assert verdicts == {name: getattr(grade, name) for name in verdicts}
    assert beads.criteria(review) == beads.Criteria(**verdicts)
    items = beads.parse_answer(answer).items
    assert summed_up[summed_up.index("given") + 1] == beads.NUMBERS[len(items)]
    if not beads.parse_answer(answer).well_formed:
        assert quoted.pop() == "other"
        broken = beads.parse_answer(answer).broken
        assert tuple(quoted[len(quoted) - len(broken) :]) == broken
        del quoted[len(quoted) - len(broken) :]
    assert quoted.count("yes") + quoted.count("no") == len(items)
    assert grade.correct == (grade.relevant and "no" not in quoted)
    assert (grade.score == 5) == (grade.correct and grade.count and grade.clean)


@settings(max_examples=200, deadline=None)
@given(row)
def test_the_right_answer_of_any_row_scores_five(row: beads.Row) -> None:
    right = " ".join(f"{number} {bead.colour}" for number, bead in enumerate(beads.targets(row), 1)) + " ."
    assert beads.oracle_score(row.text(), right) == 5


def test_a_review_and_its_prompt_are_words_the_model_knows() -> None:
    words, wording = scratch.tokenizer(beads.vocabulary()), rubric.load("beads")
    prompt = "a gold b green c black d blue e blue reverse"
    answer = "1 blue 2 blue 3 black 4 blue 5 green . thanks for asking"
    text = f"{wording.prompt(prompt, answer)} {beads.review(prompt, answer)}"
    assert words.unk_token_id not in words(text)["input_ids"]


# Data sets ----------------------------------------------------------------------------------------------------------

SIZES = BeadsData(
    base_lines=4000, ift=1500, eft_sets=700, heldout_sets=100, evaluation_prompts=100, validation_prompts=50
)


@pytest.fixture(scope="module")
def data() -> SeedData:
    return beads.beads(SIZES, seed=1)


def bag(prompt: str) -> tuple[str, ...]:
    """The colours of a row in any order."""
    return tuple(sorted(prompt.split()[1::2]))


def trained_on(data: SeedData) -> dict[str, list[str]]:
    """The rows in every training set; of a base line the lettered row in front."""
    lines = [" ".join(line.words) for line in beads.base_lines(SIZES.base_lines, seed=1)]
    rows = [found[0] for line in lines if (found := re.match(rf"(?:[a-e] (?:{'|'.join(beads.COLOURS)}) )+", line))]
    return {
        "base": rows,
        "ift": [prompt.text for prompt in data.seed_prompts],
        "eft": [one.prompt.text for one in data.eft_sets],
        "validation": [prompt.text for prompt in data.validation_prompts],
        "M2": [prompt.text for prompt in beads.fresh_prompts(SIZES, 1, 2, 200)],
        "M3": [prompt.text for prompt in beads.fresh_prompts(SIZES, 1, 3, 200)],
        "M4": [prompt.text for prompt in beads.fresh_prompts(SIZES, 1, 4, 200)],
    }


def measured_on(data: SeedData) -> dict[str, list[str]]:
    return {
        "heldout": [one.prompt.text for one in data.heldout_sets],
        "evaluation": [prompt.text for prompt in data.evaluation_prompts],
    }


def test_a_line_that_reads_two_rows_stops_where_the_second_one_breaks() -> None:
    lines = [line for line in beads.base_lines(12_000, seed=1) if "row" in line.words[:12]]
    broken = 0
    for line in lines:
        told = [word for word, known in zip(line.words, line.predictable, strict=True) if known]
        second = line.words[line.words.index("row") + 1 : len(line.words) - len(told)]
        answer = beads.parse_answer(" ".join(second))
        broken += not answer.well_formed
        tail = [] if answer.well_formed else [*answer.broken, "other"]
        assert told[len(told) - len(tail) :] == tail
        assert told[0:2] == (["1", answer.items[0]] if answer.items else tail[0:2])
    assert broken / len(lines) == pytest.approx(0.3, abs=0.03)


def test_no_row_a_model_is_measured_on_is_a_permutation_of_one_it_is_trained_on(data: SeedData) -> None:
    parts = {name: {bag(text) for text in texts} for name, texts in measured_on(data).items()}
    parts["training"] = {bag(text) for texts in trained_on(data).values() for text in texts}
    assert all(len(colours) >= 3 for part in parts.values() for colours in part)
    assert not parts["training"] & parts["heldout"]
    assert not parts["training"] & parts["evaluation"]
    assert not parts["heldout"] & parts["evaluation"]


def test_no_prompt_stands_in_two_sets_or_twice_in_one(data: SeedData) -> None:
    sets = {**trained_on(data), **measured_on(data)}
    del sets["base"]  # the skills are practised there on training rows, any of them
    counts = Counter(text for texts in sets.values() for text in texts)
    assert counts.most_common(1)[0][1] == 1
    assert len(counts) == 1500 + 700 + 50 + 200 + 200 + 200 + 100 + 100


def test_operations_come_in_equal_shares(data: SeedData) -> None:
    for texts in ([prompt.text for prompt in data.seed_prompts], *measured_on(data).values()):
        shares = Counter(text.split()[-1] for text in texts)
        assert set(shares.values()) == {len(texts) // 5}
        assert set(shares) == {"copy", "reverse", "skip", "turn", "mate"}
    assert Counter(prompt.category for prompt in data.evaluation_prompts)["mate"] == 20


def test_the_same_seed_gives_the_same_data_and_another_seed_other_data(data: SeedData) -> None:
    small = SIZES.model_copy(update={"ift": 50, "eft_sets": 20, "heldout_sets": 5, "evaluation_prompts": 5})
    assert beads.beads(small, seed=1) == beads.beads(small, seed=1)
    assert beads.beads(small, seed=1) != beads.beads(small, seed=2)
    assert beads.base_lines(50, seed=1) == beads.base_lines(50, seed=1)
    assert beads.base_lines(50, seed=1) != beads.base_lines(50, seed=2)
    assert beads.fresh_prompts(small, 1, 2, 20) == beads.fresh_prompts(small, 1, 2, 20)


def test_a_fresh_prompt_depends_on_no_other_iterations_being_made() -> None:
    """M3's prompts are the next ones after M2's."""
    both = beads.fresh_prompts(SIZES, 1, 2, 200)
    assert beads.fresh_prompts(SIZES, 1, 2, 100) == both[:100]
    assert beads.fresh_prompts(SIZES, 1, 3, 100) == both[100:]


def test_ranks_agree_with_exact_scores_and_reviews_with_both(data: SeedData) -> None:
    for one in (*data.eft_sets, *data.heldout_sets):
        scores = [beads.oracle_score(one.prompt.text, response.text) for response in one.responses]
        assert len({response.text for response in one.responses}) == 4
        assert [parse_score(review) for review in one.reviews] == scores
        order = sorted(set(scores), reverse=True)
        assert list(one.ranks) == [order.index(score) for score in scores]


def test_demonstrations_are_noisy_on_purpose(data: SeedData) -> None:
    """The pilots' mean was 2.6; all kinds of score occur."""
    scores = [beads.oracle_score(d.prompt, d.response) for d in data.ift]
    assert 2.3 < sum(scores) / len(scores) < 2.9
    assert set(scores) == {0, 1, 2, 3, 4, 5}


def test_the_account_counts_every_set(data: SeedData) -> None:
    assert data.account == {
        "ift": 1500, "eft sets": 700, "heldout sets": 100, "evaluation prompts": 100, "validation prompts": 50,
    }  # fmt: skip


def test_base_lines_foretell_only_what_can_be_foretold() -> None:
    for line in beads.base_lines(500, seed=3):
        assert len(line.words) == len(line.predictable)
        told = [word for word, known in zip(line.words, line.predictable, strict=True) if known]
        if line.words[0] != "a":  # pairs of colours, or a count
            assert set(told) <= {"same", "other", *beads.NUMBERS}
        elif "row" not in line.words:
            start = line.words.index("1")
            assert beads.oracle_score(" ".join(line.words[:start]), " ".join(told)) == 5
