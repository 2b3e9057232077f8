"""CSV that people open in a spreadsheet: no cell is a formula, and names come back as they were."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlm.text.spreadsheet import cell, csv_text, words
from tests.hostile_words import NAMES


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("=1+1", "'=1+1", id="formula"),
        pytest.param("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0", id="dde"),
        pytest.param("-2+3", "'-2+3", id="minus"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="at"),
        pytest.param("\t=1", "'\t=1", id="tab"),
        pytest.param("\r=1", "'\r=1", id="carriage-return"),
        pytest.param("\n=1", "'\n=1", id="line-end"),
        pytest.param("  =1", "'  =1", id="behind-blanks"),
        pytest.param("\uff1d1", "'\uff1d1", id="wide-sign"),
        pytest.param("'=1", "''=1", id="an-apostrophe-of-its-own"),
        pytest.param("-1.5", "-1.5", id="negative-number"),
        pytest.param("+1e-5", "+1e-5", id="positive-number"),
        pytest.param("'s", "'s", id="apostrophe"),
        pytest.param("a=b", "a=b", id="a-sign-inside"),
        pytest.param(-1.5, "-1.5", id="float"),
        pytest.param(0.1 + 0.2, "0.30000000000000004", id="all-digits"),
        pytest.param(-3, "-3", id="int"),
        pytest.param(None, "", id="none"),
        pytest.param("-", "'-", id="minus-alone"),
    ],
)
def test_a_cell(value: object, text: str) -> None:
    assert cell(value) == text
    if isinstance(value, str):
        assert words(text) == value


@given(st.text(st.sampled_from("'=+-@\t\r\n 1.e\uff1dx\",")))
def test_every_name_comes_back(name: str) -> None:
    assert words(cell(name)) == name
    rows = list(csv.reader(io.StringIO(csv_text(["a", "b"], [[name, 1.5]]), newline="")))
    assert rows == [["a", "b"], [cell(name), "1.5"]]


def test_a_file_of_hostile_names_has_a_row_a_name() -> None:
    rows = list(csv.reader(io.StringIO(csv_text(["name"], [[name] for name in NAMES]), newline="")))
    assert [words(row[0]) for row in rows[1:]] == list(NAMES)
