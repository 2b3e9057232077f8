"""Words of any language."""

# ruff: noqa: RUF001 (letters that look like Latin ones are what this is about)

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer

from srlm.text.words import joined, length, starts_a_text, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Don't STOP, e.g. 3.5%!", ["don", "t", "stop", "e", "g", "3", "5"], id="english-as-rouge-has-it"),
        pytest.param("Напиши о Москве", ["напиши", "о", "москве"], id="russian"),
        pytest.param("मुझे हिन्दी में", ["मुझे", "हिन्दी", "में"], id="hindi-vowels-are-part-of-the-word"),
        pytest.param("写一首诗。", ["写", "一", "首", "诗"], id="chinese-by-characters"),
        pytest.param(
            "猫についてコンピューターで", ["猫", "につ", "つい", "いて", "コンピューター", "で"], id="japanese"
        ),
        pytest.param("ไวรัส", ["ไว", "วรั", "รัส"], id="thai-by-pairs-of-letters-with-marks"),
        pytest.param("Python で 2 行", ["python", "で", "2", "行"], id="latin-among-japanese"),
        pytest.param("하늘이 파란지", ["하늘이", "파란지"], id="korean-has-spaces"),
        pytest.param("STRASSE Straße", ["strasse", "strasse"], id="german-sharp-s"),
        pytest.param("İSTANBUL ISPANAK ıspanak", ["istanbul", "ispanak", "ispanak"], id="turkish-two-letters-i"),
        pytest.param("كَتَبَ كتـــب", ["كتب", "كتب"], id="arabic-points-and-stretching"),
        pytest.param("מָה מה", ["מה", "מה"], id="hebrew-points"),
        pytest.param("١٢٣ १२३ 123", ["123", "123", "123"], id="digits-of-any-script"),
        pytest.param("e\u0301cole \u00e9cole", ["\u00e9cole", "\u00e9cole"], id="composed-and-decomposed"),
        pytest.param("co\u00adope\u200brate \u200fא", ["cooperate", "א"], id="characters-nobody-sees"),
        pytest.param("\uff21\uff22 ｶﾅ", ["ab", "カナ"], id="full-and-half-width"),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_word_with_an_apostrophe_is_one_word_however_it_is_typed() -> None:
    assert {tuple(joined(f"об{sign}єкт don{sign}t")) for sign in "'\u2019\u02bc`"} == {("обєкт", "dont")}


@given(st.text(st.characters(max_codepoint=127)))
def test_words_of_ascii_are_rouges_own_tokens(text: str) -> None:
    assert words(text) == DefaultTokenizer(use_stemmer=False).tokenize(text)


@given(st.text())
def test_words_are_the_same_in_capitals_and_hold_no_space(text: str) -> None:
    assert all(word and word.split() == [word] for word in words(text))
    assert joined(text.upper().lower()) == joined(text.upper())


@pytest.mark.parametrize(
    ("text", "at_most", "about"),
    [
        pytest.param("Don't stop, e.g. now!", 4, 4, id="english-between-spaces"),
        pytest.param("Не говори - пиши", 4, 4, id="russian-a-dash-counts-as-in-english"),
        # 15 letters: as many as three words of English.
        pytest.param("Расскажи анекдот", 3, 2, id="russian-tell-a-joke"),
        pytest.param("Мне приятно", 2, 2, id="russian-my-pleasure"),
        pytest.param("Достопримечательности", 1, 1, id="russian-one-word-is-one-word"),
        # 4 characters: at most 4 words, 4 / 1.6 = 2.5 on average.
        pytest.param("讲个笑话", 4, 3, id="chinese"),
        pytest.param("谢谢", 2, 2, id="chinese-thanks"),
        # 4 letters with their marks: 4 / 2, 4 / 3.5.
        pytest.param("สวัสดี", 2, 2, id="thai-hello"),
        pytest.param("用 Python 写", 3, 3, id="mixed"),
        pytest.param("", 0, 0, id="nothing"),
    ],
)
def test_length(text: str, at_most: int, about: int) -> None:
    assert length(text) == (at_most, about)


@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "Zs", "S"])))
def test_where_words_are_written_apart_the_spaces_count_them(text: str) -> None:
    found = length(text)
    assert found.about == len(text.split()) <= found.at_most
    assert found.at_most == found.about or found.at_most <= len(text) // 5


@pytest.mark.parametrize("text", ["Écris", "3", "写", "мир", "«Мир»", "¿Qué?", "¡Ay!", "„Faust“", "「枕」", "١"])
def test_a_task_may_begin_with_any_letter_digit_or_opening_sign(text: str) -> None:
    assert starts_a_text(text)


@pytest.mark.parametrize("text", ["(b) x", ", and", "（b）", "，然后", "。", "👏", "\u0301", " a", ""])
def test_a_torn_off_piece_does_not_begin_a_task(text: str) -> None:
    assert not starts_a_text(text)
