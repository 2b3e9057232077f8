"""Words are measured, broken and shortened so that they fit in every font the page may be read in."""

import pytest

from eval.figures.widths import broken, is_bounded, labels, shortened, width

LLAMA = "meta-llama/Meta-Llama-3.1-405B-Instruct-FP8"


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        pytest.param("", 0.0, id="empty"),
        pytest.param("M1", 10 * (0.863 + 0.636), id="letters"),
        pytest.param("\u00e9e", 10 * (0.615 + 0.615), id="an-accent-is-no-wider"),
        pytest.param("\u6a21\u578b", 20.0, id="chinese-is-square"),
        pytest.param("a\u0351\u200b", 6.13, id="marks-above-take-no-room"),
        pytest.param("\u0449", 9.4, id="cyrillic"),
        pytest.param("\U0001f468", 14.0, id="emoji"),
    ],
)
def test_a_line_takes_its_letters_widths(text: str, pixels: float) -> None:
    assert width(text, 10) == pytest.approx(pixels)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (LLAMA, True),
        ("\u6a21\u578b", True), ("\u041c\u043e\u0434\u0435\u043b\u044c", True), ("12\u2013\u22125%", True),
        ("\u0645\u0631\u062d\u0628\u0627", False), ("\U0001f468\u200d\U0001f469", False), ("\u0939\u093f", False),
    ],
)  # fmt: skip
def test_scripts_that_join_or_stack_have_no_known_width(text: str, known: bool) -> None:
    assert is_bounded(text) is known


def test_of_a_long_name_the_middle_is_left_out() -> None:
    assert shortened("abcdefghijklmnopqrstuvwxyz", 82, 10) == "abcdef\u2026vwxyz"
    assert width(shortened("W" * 3000, 100)) <= 100


def test_of_a_models_id_the_owner_goes_first_where_the_name_alone_is_too_long() -> None:
    assert shortened(LLAMA, 120).startswith("Meta-")
    assert shortened("a-run-with-a-very-long-name/M2", 120).endswith("/M2")


def test_a_name_is_broken_behind_its_owner_or_at_a_mark() -> None:
    assert broken("meta-llama/Llama-3.1-8B-Instruct", 160, 2) == ["meta-llama/", "Llama-3.1-8B-Instruct"]
    assert broken("category: reasoning and planning", 130, 2) == ["category: reasoning", "and planning"]
    assert broken("\u901a\u4e49\u5343\u95ee\u5927\u6a21\u578b", 50, 2) == [
        "\u901a\u4e49\u5343\u95ee",
        "\u5927\u6a21\u578b",
    ]


def test_no_two_names_are_called_the_same() -> None:
    names = ["W" * 3000, "W" * 2999 + "V" + "W", "W" * 3000, "a" * 99]
    called = labels(names, 80)
    assert len(called) == len(set(called.values())) == 3
    assert [label.endswith(" (2)") for label in called.values()] == [False, True, False]
    assert all(width(label) <= 80 for label in called.values())
