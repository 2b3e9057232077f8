"""Files of principles and of propositions: what is read, and what is refused with which words."""

from pathlib import Path

import pytest

from srlm.errors import SettingsError
from srlm.judge import constitution, grades
from srlm.text.principles import Constitution, read_constitution
from srlm.text.propositions import read_propositions

FRAMES = """
critique: "{prompt} {response} {request}"
revision: "{prompt} {response} {critique} {request}"
choice: "{prompt} {first} {second} {principle}"
reasoned_choice: "{prompt} {first} {second} {principle}"
"""
KIND = "principles: [{name: kind, critique: c, revision: r, choice: w}]\n"


def test_a_principle_is_for_revisions_for_choices_or_for_both() -> None:
    found = read_constitution(
        FRAMES + "principles: [{name: kind, critique: c, revision: r, choice: w}, {name: short, choice: s}, "
        "{name: honest, critique: t, revision: u}]",
        "file",
    )
    assert [one.name for one in found.revising] == ["kind", "honest"]
    assert [one.name for one in found.choosing] == ["kind", "short"]
    assert found.critique_of(found.principles[0], "P", "R {request}") == "P R {request} c"
    assert found.revision_of(found.principles[0], "P", "R", "C") == "P R C r"
    assert found.digest == read_constitution(FRAMES + found_again(found), "other name").digest


def found_again(found: Constitution) -> str:
    rows = [one.model_dump(exclude_none=True) for one in found.principles]
    return f"principles: {rows}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[]", "a constitution is a mapping", id="no-mapping"),
        pytest.param("critique: [", "not YAML", id="no-yaml"),
        pytest.param(FRAMES, "principles: Field required", id="no-principles"),
        pytest.param(FRAMES + "principles: []", "principles: Tuple should have at least 1 item", id="none"),
        pytest.param(FRAMES + KIND + "colour: red", "unknown key colour; there are critique", id="unknown-key"),
        pytest.param(FRAMES + "principles: [{name: x}]", "needs critique and revision, or choice", id="empty"),
        pytest.param(FRAMES + "principles: [{name: x, critique: c}]", "both critique and revision", id="half"),
        pytest.param(FRAMES + KIND + "labels: [A]", "labels.1: Field required", id="one-label"),
        pytest.param(FRAMES + KIND + "labels: [A, A]", "labels: must be two different letters", id="labels-alike"),
        pytest.param(FRAMES + KIND + "labels: [yes, no]", "two different letters, as A and B, found yes and no",
                     id="labels-of-several-letters"),
        pytest.param(FRAMES + "principles: [{name: 3, choice: c}]", "principles.0.name: Input should", id="number"),
        pytest.param(
            FRAMES + "principles: [{name: x, choice: c}, {name: x, choice: d}]", "two principles are called 'x'",
            id="twice",
        ),
        pytest.param(
            FRAMES.replace("{critique}", "") + KIND, "revision: the template has no slot {critique}", id="no-slot"
        ),
    ],
)  # fmt: skip
def test_a_constitution_that_cannot_be_used_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_constitution(text, "method.principles FILE")
    assert str(error.value).startswith("method.principles FILE") and said in str(error.value)
    assert "\n" not in str(error.value)


ASKED = 'question: "{prompt} {response} {question}"\n'
SORRY = "propositions: [{name: sorry, question: q}, {name: rude, question: q}]\n"


def test_an_answer_is_of_the_first_class_whose_conditions_it_meets() -> None:
    found = read_propositions(
        ASKED + SORRY + "types: [{name: refuse, classes: [{name: best, all: [sorry], none: [rude]}, "
        "{name: fair, any: [sorry, rude]}]}]",
        "file",
    )
    (kind,) = found.types
    ranks = [
        kind.rank({"sorry": a, "rude": b}) for a, b in ((True, False), (True, True), (False, True), (False, False))
    ]
    assert ranks == [0, 1, 1, None]
    assert found.features(kind) == ["sorry", "rude"]
    assert found.asked(found.propositions[0], "P {question}", "R") == "P {question} R q"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("- a", "is a mapping", id="no-mapping"),
        pytest.param(SORRY, "give `question` or `reasons`", id="no-frame"),
        pytest.param(ASKED + 'reasons: "{prompt} {response}"\n' + SORRY, "and not both", id="two-frames"),
        pytest.param('question: "{prompt} {question}"\n' + SORRY, "no slot {response}", id="no-slot"),
        pytest.param(ASKED + "propositions: [{name: x}]", "'x' has no question", id="no-question"),
        pytest.param(
            'reasons: "{prompt} {response}"\npropositions: [{name: x, question: q}]', "'x' has no lead", id="no-lead"
        ),
        pytest.param(ASKED + SORRY.replace("rude", "sorry"), "two propositions are called 'sorry'", id="twice"),
        pytest.param(ASKED + SORRY + "answers: [so, so]", "two different words", id="answers"),
        pytest.param(ASKED + SORRY + "answers: [yes, Yes]", "two different words", id="answers-of-one-spelling"),
        pytest.param(ASKED + SORRY + "answers: [+, no]", "two different words", id="an-answer-that-is-no-word"),
        pytest.param(
            ASKED + SORRY + "types: [{name: a, propositions: [rude, rude]}]",
            "names the proposition 'rude' twice",
            id="weighed-twice",
        ),
        pytest.param(ASKED + SORRY + "answers: [yes, no]\ntypes: [{name: a}, {name: b}]", "several types", id="types"),
        pytest.param(
            ASKED + SORRY + "types: [{name: a, propositions: [kind]}]", "there is no proposition 'kind'", id="stranger"
        ),
    ],
)
def test_propositions_that_cannot_be_used_are_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_propositions(text, "method.propositions FILE")
    assert str(error.value).startswith("method.propositions FILE") and said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", constitution.SHIPPED)
def test_what_ships_can_be_used(name: str) -> None:
    assert constitution.load(name, "method.principles").revising
    assert constitution.load(name, "method.principles").choosing
    assert grades.load(name, "method.propositions").names


def test_a_file_that_is_not_there_is_named_with_what_ships(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"method\.principles: .*gone\.yaml is neither a readable"):
        constitution.load(str(tmp_path / "gone.yaml"), "method.principles")
    with pytest.raises(SettingsError, match=r"method\.propositions: .*gone\.yaml is neither a readable file"):
        grades.load(str(tmp_path / "gone.yaml"), "method.propositions")
