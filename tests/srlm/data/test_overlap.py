"""No training prompt may be an evaluation prompt."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlm.data.lines import instructions
from srlm.data.overlap import normalised, overlapping
from srlm.data.trees import read
from srlm.records import Message, Prompt

LONG = "Please write a short story about a lighthouse keeper who finds a letter in a bottle on the beach"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  What's   UP,\n doc?! ", "whats up doc", id="case-spaces-punctuation"),
        pytest.param("snake_case \uff21\uff22", "snake case ab", id="underscore-and-full-width"),
        pytest.param(" ?!  \U0001f600 ", "?! \U0001f600", id="symbols-alone-stay"),
    ],
)
def test_normalised(text: str, expected: str) -> None:
    assert normalised(text) == expected


@pytest.mark.parametrize(
    ("training", "evaluation", "found"),
    [
        pytest.param("How do I bake bread?", "how do I  bake BREAD", True, id="same-words"),
        # 19 words = 15 shingles each, one other word at the end: 14 common of 16.
        pytest.param(LONG, LONG.replace("beach", "shore"), True, id="last-word-differs"),
        # The 15 shingles of the one are all among the other's.
        pytest.param(f"I have an idea for you and for me today. {LONG}. " + "Rhyme it. " * 20, LONG, True, id="quoted"),
        # 5 common words of 7.
        pytest.param("How many days until christmas?", "How many days is it until Christmas?", True, id="few-words"),
        # 4 common words of 6.
        pytest.param("What is the airspeed velocity?", "What is the boiling velocity", False, id="few-words-too-far"),
        pytest.param("Write a poem about spring", LONG, False, id="another-task"),
        pytest.param("?!", "?", False, id="other-symbols"),
        pytest.param("?!", "?!", True, id="same-symbols"),
    ],
)
def test_overlap_is_found_both_ways(training: str, evaluation: str, found: bool) -> None:
    one, other = Prompt.of(training, "oasst"), Prompt.of(evaluation, "alpaca_eval")
    assert overlapping([one], [other]) == ({one.id: other.id} if found else {})
    assert overlapping([other], [one]) == ({other.id: one.id} if found else {})


def test_the_exact_one_is_named_before_a_near_one() -> None:
    near, exact = Prompt.of(LONG.replace("beach", "shore"), "alpaca_eval"), Prompt.of(LONG.upper(), "alpaca_eval")
    training = Prompt.of(LONG, "oasst")
    assert overlapping([training], [near, exact]) == {training.id: exact.id}


def test_nothing_overlaps_with_nothing() -> None:
    assert overlapping([Prompt.of("Hi", "oasst")], []) == {}
    assert overlapping([], [Prompt.of("Hi", "oasst")]) == {}


@given(st.text(min_size=1))
def test_every_text_overlaps_with_itself(text: str) -> None:
    prompt = Prompt.of(text, "oasst")
    assert overlapping([prompt], [prompt]) == {prompt.id: prompt.id}


def test_open_assistant_prompts_that_alpaca_eval_holds_are_found(shared: Path) -> None:
    evaluation = instructions(str(shared / "data/alpaca_eval/prompts.jsonl.gz"))
    trees = read(str(shared / "data/human_rankings/oasst_en_100/en_100_tree.jsonl.gz"), "en")
    training = [ranked.prompt for ranked in trees.sets]
    found = overlapping(training, evaluation)
    texts = {prompt.id: prompt.text for prompt in [*training, *evaluation]}
    assert {texts[one]: texts[other] for one, other in found.items()} == {
        "How many days until christmas?": "How many days is it until Christmas?",
        "what is the speed of an unladen swallow ?": "What is the airspeed velocity of an unladen swallow?",
    }


def talk(*turns: str) -> Prompt:
    """A conversation: the user's and the assistant's turns, the last one to be answered."""
    before = tuple(
        Message(role=("user", "assistant")[place % 2], content=text) for place, text in enumerate(turns[:-1])
    )
    return Prompt.of(turns[-1], "mine", before=before)


@pytest.mark.parametrize(
    ("training", "evaluation", "found"),
    [
        pytest.param(talk(LONG, "Once ...", "Go on."), talk(LONG), True, id="began-with-it"),
        pytest.param(talk("How do I bake bread?", "So.", "Rye?"), talk("how do I bake BREAD"), True, id="few-words"),
        pytest.param(talk("Hello!", "Hi.", LONG), talk(LONG), True, id="came-to-it"),
        pytest.param(talk("Go on."), talk(LONG, "Once ...", "Go on."), False, id="the-last-turn-alone-says-little"),
        pytest.param(talk(LONG), talk(LONG, "Once ...", "Go on."), True, id="its-beginning"),
        pytest.param(talk("Hello!", LONG, "Thanks."), talk(LONG), False, id="the-assistant-said-it"),
        pytest.param(
            talk(LONG, "Once ...", "Go on."), talk(LONG, "Twice ...", "go on"), True, id="other-answers-in-between"
        ),
    ],
)
def test_of_a_conversation_all_that_the_user_said_is_compared(
    training: Prompt, evaluation: Prompt, found: bool
) -> None:
    assert overlapping([training], [evaluation]) == ({training.id: evaluation.id} if found else {})
