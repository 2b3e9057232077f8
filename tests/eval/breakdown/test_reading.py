"""What a judge's words say of a prompt: read, or refused with a reason; never guessed."""

import pytest

from eval.benchmarks.breakdown.reading import read_categories, read_labels
from eval.records import Labels

NAMES = ("Coding", "Math / Logic", "Creative writing")


@pytest.mark.parametrize(
    ("text", "category", "complexity", "length"),
    [
        pytest.param("Category: Coding\nComplexity: 3\nLength: 1 paragraph", "Coding", 3, "1 paragraph", id="plain"),
        pytest.param(
            "Length: 1\u20133 sentences\nComplexity: 7/10\nCategory: math/logic.",
            "Math / Logic", 7, "1-3 sentences", id="case-dash-and-slash",
        ),
        pytest.param(
            "**Category:** Creative  Writing\n- **Complexity**: 10\n* `Length`: A few words",
            "Creative writing", 10, "a few words", id="markdown",
        ),
        pytest.param(
            '{\n  "category": "Coding",\n  "complexity": 1,\n  "length": "more than 1 page"\n}',
            "Coding", 1, "more than 1 page", id="json-lines",
        ),
        pytest.param(
            "Category\uff1aCoding\nComplexity\uff1a3\nLength\uff1a1 page", "Coding", 3, "1 page", id="wide-colons",
        ),
        pytest.param(
            "Category: Coding\nCategory: coding\nComplexity: 2\nComplexity: 2 out of 10\nLength: 1 page",
            "Coding", None, "1 page", id="the-same-twice-counts-but-not-in-other-words",
        ),
    ],
)  # fmt: skip
def test_labels_that_were_offered_are_read(
    text: str, category: str | None, complexity: int | None, length: str | None
) -> None:
    assert read_labels(text, NAMES).labels == Labels(category=category, complexity=complexity, length=length)


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        pytest.param("", ("no such line", "no such line", "no such line"), id="empty"),
        pytest.param(
            "Category: Programming\nComplexity: 3-5\nLength: two paragraphs",
            ("not in the list", "not on the scale", "not in the list"), id="near-is-not-in-the-list",
        ),
        pytest.param(
            "Category: Coding, Creative writing\nComplexity: 0\nLength: 1-3 sentences or 1 paragraph",
            ("not in the list", "not on the scale", "not in the list"), id="two-at-once",
        ),
        pytest.param(
            "Category: Coding\nComplexity: 3\nLength: 1 page\nCategory: Math/Logic\nComplexity: 4\nLength: 1 paragraph",
            ("several values", "several values", "several values"), id="a-change-of-mind",
        ),
        pytest.param(
            "Category: (one of the list)\nComplexity: 11\nLength: (one of the list)",
            ("not in the list", "not on the scale", "not in the list"), id="the-template-itself",
        ),
        pytest.param(
            "This is a Coding request of complexity 3; it needs 1 paragraph.",
            ("no such line", "no such line", "no such line"), id="a-sentence",
        ),
        pytest.param(
            "Category: Coding\nComplexity: 3.5\nLength: ",
            (None, "not on the scale", "not in the list"), id="half-a-point-and-nothing",
        ),
    ],
)  # fmt: skip
def test_a_label_that_cannot_be_read_is_none_and_says_why(text: str, unread: tuple[str | None, ...]) -> None:
    read = read_labels(text, NAMES)
    assert tuple(read.unread.get(name) for name in ("category", "complexity", "length")) == unread
    assert {name for name in Labels.model_fields if getattr(read.labels, name) is None} == set(read.unread)


def test_a_judge_that_was_not_asked_for_a_category_gives_none() -> None:
    read = read_labels("Category: Coding\nComplexity: 3\nLength: 1 page", None)
    assert read.labels == Labels(complexity=3, length="1 page")
    assert read.unread == {}


def test_a_list_of_categories_is_read_by_its_numbers_or_dashes() -> None:
    assert read_categories("Here they are:\n1. **Coding**\n2) Math / Logic\n(3) Creative  writing.\n", 3).names == NAMES
    assert read_categories("- Coding\n* Math / Logic\n\u2022 Creative writing", 20).names == NAMES
    assert read_categories("**1. Coding**\n**2. Math / Logic**\n**(3) Creative writing**", 3).names == NAMES
    described = "1. **Coding**: programs\n2. **Math / Logic:** sums\n3. __Creative writing__ \u2013 poems, tales"
    assert read_categories(described, 3).names == NAMES
    assert read_categories("1. **Full**-stack\n2. **Coding** and maths", 2).names == (
        "Full**-stack",
        "Coding** and maths",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("Coding, maths and writing", "it holds 0 list items", id="a-sentence"),
        pytest.param("1. Coding\n2. Coding", "'Coding' stands in it twice", id="a-loop"),
        pytest.param("1. Coding\n3. Maths", "its items are not numbered 1, 2, 3, ...", id="one-is-missing"),
        pytest.param("1. A\n2. B\n3. C\n4. D", "it lists 4 names, and 3 were wanted", id="too-many"),
        pytest.param("1. Coding\n2. " + "x" * 81, "a name has 81 letters, over 80", id="an-essay"),
        pytest.param("1. Coding\n2. **", "a name is empty", id="marks-alone"),
    ],
)
def test_a_list_that_is_not_one_is_refused(text: str, why: str) -> None:
    read = read_categories(text, 3)
    assert (read.names, read.unread) == ((), why)
