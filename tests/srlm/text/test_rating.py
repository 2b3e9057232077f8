"""FastChat's two rules of reading a judge: a rating in brackets, and the better of two answers."""

import pytest

from srlm.text.rating import Rating, Winner, read_rating, read_winner


@pytest.mark.parametrize(
    ("words", "rating"),
    [
        pytest.param("Rating: [[7]]", Rating(7.0), id="plain"),
        pytest.param("Rating: [[8.5]]", Rating(8.5), id="a half point"),
        pytest.param("Rating: [[9.]]", Rating(9.0), id="a point and no digit"),
        pytest.param("[[3]] at first, but [[6]]", Rating(3.0), id="the first of several counts"),
        pytest.param("See [2]. Rating: [[6]]", Rating(6.0), id="double brackets before single ones"),
        pytest.param("Rating: [6]", Rating(6.0), id="single brackets where there are no double ones"),
        pytest.param("Rating: [[10]", Rating(10.0), id="one bracket short"),
        pytest.param("a[0] is 1; b[5]", Rating(None, "not on the scale"), id="the first counts, an index too"),
        pytest.param("Rating: [[0]]", Rating(None, "not on the scale"), id="below the scale"),
        pytest.param("Rating: [[85]]", Rating(None, "not on the scale"), id="above the scale"),
        pytest.param(f"Rating: [[{'9' * 400}]]", Rating(None, "not on the scale"), id="more than a float holds"),
        pytest.param("Rating: [[8/10]]", Rating(None, "no score"), id="a fraction"),
        pytest.param("Rating: [[-3]]", Rating(None, "no score"), id="a negative number"),
        pytest.param("Rating: [[\N{ARABIC-INDIC DIGIT SEVEN}]]", Rating(None, "no score"), id="other digits"),
        pytest.param("I would say seven of ten.", Rating(None, "no score"), id="words"),
        pytest.param("", Rating(None, "no score"), id="nothing"),
    ],
)
def test_read_rating(words: str, rating: Rating) -> None:
    assert read_rating(words) == rating


@pytest.mark.parametrize(
    ("words", "winner"),
    [
        ("So [[A]].", Winner(1.0)),
        ("So [[B]].", Winner(0.0)),
        ("So [[C]].", Winner(0.5)),
        ("Not [[C]], not [[B]] but [[A]]", Winner(1.0)),
        ("[[C]] or [[B]]", Winner(0.0)),
        ("[A]", Winner(None, "no verdict")),
        ("[[a]]", Winner(None, "no verdict")),
    ],
)
def test_read_winner_looks_for_a_then_b_then_c(words: str, winner: Winner) -> None:
    assert read_winner(words) == winner


def test_a_million_digits_are_read_in_one_pass() -> None:
    assert read_rating("[[" + "1" * 1_000_000) == Rating(None, "no score")
