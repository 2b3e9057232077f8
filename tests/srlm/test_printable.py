"""What is shown of words that anybody may have written."""

import pytest

from srlm.errors import DataError, SettingsError
from srlm.printable import MOST_MARKS, block, escaped, one_line
from tests import hostile_words


@pytest.mark.parametrize("words", hostile_words.STEERING, ids=ascii)
def test_what_steers_hides_or_misleads_is_shown_as_question_marks(words: str) -> None:
    shown = one_line(words)
    assert shown != words and "?" in shown
    assert len(shown) == len(words)
    assert "\n" not in shown and not hostile_words.steering(shown)
    assert one_line(shown) == shown


@pytest.mark.parametrize("words", hostile_words.HARMLESS, ids=ascii)
def test_other_scripts_emoji_and_markup_are_shown_as_they_are(words: str) -> None:
    assert one_line(words) == block(words) == escaped(words) == words


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param("a\x1b[31m\nb", "a?[31m?b", id="control"),
        pytest.param("a\u200db", "a?b", id="a-joiner-between-latin-letters"),
        pytest.param("\u0645\u06cc\u200c", "\u0645\u06cc?", id="a-joiner-that-joins-nothing"),
        pytest.param("\u200d\u200d", "??", id="joiners-alone"),
        pytest.param("\u0d9a\u0dca\u200d", "\u0d9a\u0dca\u200d", id="behind-a-virama-at-the-end"),
        pytest.param("\u2764\ufe0f\ufe0f", "\u2764\ufe0f?", id="one-variation-selector-only"),
        pytest.param("a\ufe0f", "a?", id="a-letter-has-no-variants"),
        pytest.param("a\U000e0100", "a?", id="nor-an-ideographs"),
        pytest.param("\U0001f3f4\U000e0067\U000e007f", "\U0001f3f4??", id="tags-hide-words-so-their-flags-go-too"),
        pytest.param("\u1820\u180b", "\u1820\u180b", id="mongolian-variant"),
        pytest.param("\ud83d\ude00", "??", id="halves-of-a-pair"),
        pytest.param("e" + "\u0301" * 3, "e" + "\u0301" * 3, id="a-few-marks"),
        pytest.param("e" + "\u0301" * 20, "e" + "\u0301" * MOST_MARKS + "?" * 12, id="a-pile-of-marks"),
        pytest.param("a\u00a0b\u3000c", "a\u00a0b\u3000c", id="blanks-of-other-widths"),
    ],
)
def test_a_line(words: str, shown: str) -> None:
    assert one_line(words) == shown


def test_a_block_keeps_its_lines_and_shows_tabs_as_spaces() -> None:
    assert block("a\tb\n\u202ec\r\n") == "a       b\n?c?\n"


def test_words_to_be_read_as_they_are_show_what_is_hidden_in_them() -> None:
    assert escaped("a\x1b\u202e\U000e0041\n\tb") == "a\\u001b\\u202e\\U000e0041\n\\u0009b"


def test_errors_show_what_they_quote_through_the_same_exit() -> None:
    assert str(SettingsError("a\u200bb\x1b\nc")) == "a?b?\nc"
    assert str(DataError("a\u200bb\nc")) == "a?b?c"
