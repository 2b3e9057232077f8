"""What the exact program of the errands says of answers, with each point written out."""

import random

import pytest

from srlm.worlds.errands import data
from srlm.worlds.errands.kinds import KINDS, TRAINED_WORDINGS, Errand, parse
from srlm.worlds.errands.program import criteria, form, grade, oracle_score, parse_answer, review
from srlm.worlds.errands.settings import ErrandsData
from srlm.worlds.errands.words import HELDOUT, TRAINING

REVERSE = "Reverse this list: lamp, bread, soap."


@pytest.mark.parametrize(
    ("prompt", "right"),
    [
        ("Repeat these words: lamp, bread.", "lamp, bread"),
        (REVERSE, "soap, bread, lamp"),
        ("Sort from A to Z: lamp, bread, soap.", "bread, lamp, soap"),
        ("Sort these words from shortest to longest: window, cat, lamp.", "cat, lamp, window"),
        ("Write every second word, beginning with the first: cat, dog, hen, pig, cow.", "cat, hen, cow"),
        ("Leave out dog: cat, dog, hen.", "cat, hen"),
        ("Replace dog with cow: cat, dog, hen.", "cat, cow, hen"),
        ("Write the first and the last word: cat, dog, hen.", "cat, hen"),
        ("Write cat, dog in capitals.", "CAT, DOG"),
        ("Which of these words is the longest: cat, window, lamp?", "window"),
        ("Which of these words is the shortest: lamp, cat, window?", "cat"),
        ("Which word comes last: cat, dog, hen?", "hen"),
        ("Write the second word: cat, dog, hen.", "dog"),
        ("Write the last two words: cat, dog, hen.", "dog, hen"),
        ("Write just the initials: cat, dog, hen.", "c, d, h"),
        ("How many words are these: cat, dog, hen?", "3"),
        ("Find the biggest number: 9, 12, 3.", "12"),
        ("Find the lowest number: 9, 12, 3.", "3"),
        ("Put these numbers in rising order: 9, 12, 3.", "3, 9, 12"),
        ("What is the sum of 9, 12, 3?", "24"),
    ],
)
def test_each_kind_has_one_right_answer(prompt: str, right: str) -> None:
    assert oracle_score(prompt, right) == 5
    assert oracle_score(prompt, f"{right}.") == 5
    assert oracle_score(prompt, f"Sure, here it is: {right}") == 4
    assert grade(prompt, "I am not sure what you mean.").score == 0


@pytest.mark.parametrize(
    ("answer", "relevant", "complete", "correct", "clean", "score"),
    [
        ("soap, bread, lamp", True, True, True, True, 5),
        ("soap\nbread\nlamp", True, True, True, True, 5),
        ("1. soap\n2. bread\n3. lamp", True, True, True, True, 5),
        ('"soap", "bread", and "lamp".', True, True, True, True, 5),
        ("soap, bread, lamp. I hope this helps.", True, True, True, False, 4),
        ("Here are the words in reverse order: soap, bread, lamp", True, True, True, False, 4),
        ("soap, lamp, bread", True, True, False, True, 3),
        ("soap, bread", True, False, False, True, 2),
        ("soap, bread, lamp, lamp", True, False, False, True, 2),
        ("Sure: soap, bread", True, False, False, False, 1),
        ("lamp, soap", False, False, False, False, 0),
        ("Soap, bread, lamp", True, True, False, True, 3),  # as it is written, or it is another word
        ("soap bread lamp", False, False, False, False, 0),  # no list
        ("The last word is soap.", False, False, False, False, 0),
        ("", False, False, False, False, 0),
        ("soap, bread, lamp\n" * 40, True, False, False, True, 2),
    ],
)
def test_points_of_an_answer(
    answer: str, relevant: bool, complete: bool, correct: bool, clean: bool, score: int
) -> None:
    found = grade(REVERSE, answer)
    assert (found.relevant, found.complete, found.correct, found.clean, found.score) == (
        relevant, complete, correct, clean, score,
    )  # fmt: skip


def test_a_review_puts_each_item_beside_the_one_it_should_be() -> None:
    assert review(REVERSE, "soap, lamp") == (
        "soap: soap, yes. bread: lamp, no. lamp: nothing, no.\n"
        "On topic: yes. Complete: no. Right: no. Nothing else: yes.\nScore: 2"
    )
    assert review(REVERSE, "soap, bread, lamp, cat").startswith(
        "soap: soap, yes. bread: bread, yes. lamp: lamp, yes. nothing: cat, no."
    )
    assert review(REVERSE, "What?") == (
        "soap: nothing, no. bread: nothing, no. lamp: nothing, no.\n"
        "On topic: no. Complete: no. Right: no. Nothing else: no.\nScore: 0"
    )


def test_a_mistaken_reviewer_errs_about_what_is_right_and_gives_the_points_of_the_error() -> None:
    right, wrong = "soap, bread, lamp", "soap, lamp, bread"
    assert review(REVERSE, wrong, random.Random(1)).endswith("Right: yes. Nothing else: yes.\nScore: 5")
    said = review(REVERSE, right, random.Random(1))
    assert said.endswith("Right: no. Nothing else: yes.\nScore: 3")
    assert said.count(", no.") == 1


def test_verdicts_are_read_from_the_last_line_that_gives_all_four() -> None:
    said = review(REVERSE, "soap, lamp")
    assert form(said) == 1
    found = criteria(said + "\n" + said.replace("Complete: no", "Complete: yes"))
    assert found is not None and found.complete
    assert criteria("On topic: yes. Complete: maybe.") is None


@pytest.mark.parametrize("heldout", [False, True])
def test_every_errand_is_read_back_as_it_was_written(heldout: bool) -> None:
    drawn = data.FreshErrands(3, "x", list(KINDS), 5, heldout)
    for _ in range(20 * len(KINDS)):
        errand = drawn.draw()
        assert parse(errand.text()) == errand


@pytest.mark.parametrize("name", list(KINDS))
def test_every_wording_is_of_one_kind_and_has_ten_for_training(name: str) -> None:
    kind = KINDS[name]
    assert TRAINED_WORDINGS == 10
    assert len(set(kind.wordings)) == len(kind.wordings) == 12
    items = ("3", "11", "7") if kind.of == "numbers" else ("cat", "lamp", "window")
    named = {"nothing": (), "a word of the list": items[:1], "a word and another": (items[0], "dog")}[kind.names]
    for number in range(12):
        errand = Errand(name, number, items, named)
        assert parse(errand.text()) == errand


def test_models_are_measured_on_words_and_wordings_and_kinds_that_no_training_has() -> None:
    assert not set(TRAINING) & set(HELDOUT)
    assert len(TRAINING) > 120
    assert len(HELDOUT) > 60
    settings = ErrandsData(ift=60, eft_sets=30, heldout_sets=30, evaluation_prompts=60)
    found = data.seed_data(settings, 1)
    shown = [parse(one.text) for one in (*found.seed_prompts, *(one.prompt for one in found.eft_sets))]
    shown += [parse(one.text) for one in data.fresh_prompts(settings, 1, 0, 40)]
    asked = [parse(one.text) for one in (*found.evaluation_prompts, *(one.prompt for one in found.heldout_sets))]
    assert all(one is not None and one.wording < 10 and not set(one.items) & set(HELDOUT) for one in shown)
    assert all(one is not None and one.wording >= 10 and not set(one.items) & set(TRAINING) for one in asked)
    trained = {one.category for one in found.seed_prompts}
    assert trained == set(settings.kinds)
    others = [one.category for one in found.evaluation_prompts if one.category not in trained]
    assert len(others) == 12  # a fifth
    assert set(others) == {"last_two", "shortest", "smallest"}
    assert data.seed_data(settings, 2).evaluation_prompts == found.evaluation_prompts


def test_no_list_is_longer_than_the_settings_say() -> None:
    settings = ErrandsData(ift=120, eft_sets=1, heldout_sets=1, evaluation_prompts=60, most_items=3)
    found = data.seed_data(settings, 1)
    sizes = [
        len(errand.items) for one in (*found.seed_prompts, *found.evaluation_prompts) if (errand := parse(one.text))
    ]
    assert max(sizes) == 3
    assert len(sizes) == 180


def test_no_answer_takes_long_to_read() -> None:
    for text in ("a, " * 20_000, "1. a\n" * 20_000, ": " * 20_000, "a. " * 20_000, "a and " * 20_000, '"' * 60_000):
        assert parse_answer(text).clean in (True, False)
