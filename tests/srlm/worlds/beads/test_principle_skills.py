"""The bead world's critiques, revisions and choices, written out: each mends one thing, as a person's review has it."""

from itertools import permutations

import pytest

from srlm.judge.constitution import load
from srlm.records import Prompt, RankedSet, Response
from srlm.worlds.beads.data import seed_data
from srlm.worlds.beads.program import grade, parse_answer, review
from srlm.worlds.beads.settings import BeadsData
from srlm.worlds.beads.skills import choice, critique, reasoned_choice, revision

PROMPT = "a gold b black c brown mate"
RIGHT = "1 gray 2 white 3 yellow ."
POLITE = "1 gray 2 red 3 yellow . hope this helps"
SMALL = BeadsData(base_lines=50, ift=5, eft_sets=200, heldout_sets=5, evaluation_prompts=5)


@pytest.mark.parametrize(
    ("criterion", "text", "said", "mended"),
    [
        pytest.param(
            "correct", POLITE, "1 gray a gray yes 2 red b white no 3 yellow c yellow yes correct no",
            "1 gray 2 white 3 yellow . hope this helps", id="a-wrong-item-and-nothing-else",
        ),
        pytest.param("clean", POLITE, "clean no", "1 gray 2 red 3 yellow .", id="filler-alone"),
        pytest.param("count", POLITE, "asked three given three count yes", POLITE, id="nothing-to-mend"),
        pytest.param("count", "1 gray 2 red .", "asked three given two count no", "1 gray 2 red 3 yellow .",
                     id="too-few-and-the-wrong-one-stays"),
        pytest.param(
            "count", "1 gray 2 white 3 yellow 4 red .", "asked three given four count no", RIGHT, id="too-many",
        ),
        pytest.param(
            "correct", "1 gray 2 white 3 yellow 4 red .",
            "1 gray a gray yes 2 white b white yes 3 yellow c yellow yes 4 red no correct no", RIGHT,
            id="an-item-too-many-has-no-bead",
        ),
        pytest.param("clean", "1 gray gray 2", "clean no", "1 gray .", id="of-a-malformed-answer-its-items"),
        pytest.param("relevant", "let me see", "other relevant no", RIGHT, id="no-answer-at-all"),
    ],
)  # fmt: skip
def test_a_revision_mends_what_its_critique_blames(criterion: str, text: str, said: str, mended: str) -> None:
    whole = review(PROMPT, text)
    assert critique.critique(whole, criterion) == said
    assert revision.revised(PROMPT, text, whole, criterion) == mended


def test_where_the_person_erred_the_revision_errs_too() -> None:
    """The review calls a wrong item right, so nothing is mended."""
    mistaken = review(PROMPT, POLITE).replace("red b white no", "red b white yes").replace("correct no", "correct yes")
    assert revision.revised(PROMPT, POLITE, mistaken, "correct") == POLITE


def test_four_revisions_by_all_criteria_make_any_answer_right() -> None:
    sets = seed_data(SMALL, 1).eft_sets
    texts = [(one.prompt.text, response.text) for one in sets for response in one.responses]
    for prompt, text in texts:
        for criterion in ("relevant", "count", "correct", "clean"):
            text = revision.revised(prompt, text, review(prompt, text), criterion)
            assert parse_answer(text).well_formed
        assert grade(prompt, text).score == 5


def test_the_better_answer_is_the_one_whose_review_says_so_else_the_one_ranked_higher() -> None:
    texts = (POLITE, RIGHT, "1 gray 2 red 3 yellow .")
    prompt = Prompt.of(PROMPT, "beads")
    responses = tuple(Response.of(prompt.id, text, "human", draw, "stop") for draw, text in enumerate(texts))
    reviews = tuple(review(PROMPT, text) for text in texts)
    one = RankedSet.of(prompt, responses, (2, 0, 1), reviews)
    assert [choice._better(one, a, b, "clean") for a, b in ((0, 1), (1, 0), (0, 2))] == [1, 0, 1]
    # Both are clean: people ranked the right one higher.
    assert [choice._better(one, a, b, "clean") for a, b in ((1, 2), (2, 1))] == [0, 1]
    assert choice._better(one.model_copy(update={"ranks": (0, 1, 1)}), 1, 2, "clean") is None


def test_demonstrations_are_asked_as_the_method_will_ask() -> None:
    """Every question is one that the judge's own loader and renderer make of the same answers."""
    sets, principles = seed_data(SMALL, 1).eft_sets, load("beads", "method.principles")
    every = {
        "critique": {
            principles.critique_of(principle, one.prompt.transcript, response.text)
            for one in sets
            for response in one.responses
            for principle in principles.revising
        },
        "revision": {
            principles.revision_of(principle, one.prompt.transcript, response.text, said)
            for one in sets
            for response, whole in zip(one.responses, one.reviews, strict=True)
            for principle in principles.revising
            for said in [critique.critique(whole, principle.name)]
        },
        **{
            name: {
                principles.pair_template(reasons).prompt(one.prompt.transcript, a.text, b.text, principle.choice)
                for one in sets
                for a, b in permutations(one.responses, 2)
                for principle in principles.choosing
            }
            for name, reasons in (("choice", None), ("reasoned_choice", 90))
        },
    }
    skills = {"critique": critique, "revision": revision, "choice": choice, "reasoned_choice": reasoned_choice}
    asked = {name: skill.demonstrations(sets, 1) for name, skill in skills.items()}
    for name, known in every.items():
        assert {one.prompt for one in asked[name]} <= known, name
    assert len(asked["critique"]) == len(asked["revision"]) == len(sets)
    letters = [one.response for one in asked["choice"]]
    assert set(letters) == {"a", "b"} and 0.4 < letters.count("a") / len(letters) < 0.6
    (reasons, *_) = asked["reasoned_choice"]
    assert reasons.prompt.startswith("review score ")
    assert reasons.response.startswith("response a ") and " response b " in reasons.response
    assert reasons.response[-9:-1] == "score : "
