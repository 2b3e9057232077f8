"""JSON that somebody else wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlm.bounded.json_text import DEPTH, NotJson, decode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


@given(VALUES)
def test_what_json_writes_is_read_as_it_was(value: object) -> None:
    assert decode(json.dumps(value)) == value
    assert decode(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.text() | st.binary())
def test_anything_else_is_read_as_the_library_reads_it_or_refused_in_one_line(text: str | bytes) -> None:
    try:
        value = decode(text)
    except NotJson as error:
        assert len(str(error)) < 300
        assert "\n" not in str(error)
    else:
        assert repr(value) == repr(json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "not JSON: Expecting value at column 1", id="nothing"),
        pytest.param('{"a": 1,\n "b": }', "not JSON: Expecting value at line 2, column 7", id="with-its-place"),
        pytest.param("[" * 10**5, "JSON nested too deep to read", id="a-hundred-thousand-brackets"),
        pytest.param("[" * (DEPTH + 1) + "]" * (DEPTH + 1), "JSON nested too deep to read", id="101-brackets"),
        pytest.param('{"a":' * 101 + "1" + "}" * 101, "JSON nested too deep to read", id="101-objects"),
        pytest.param("9" * 10**6, "not JSON: a whole number of thousands of digits", id="a-million-digits"),
        pytest.param(
            '{"a": 1, "b": {"c": 1, "c": 2}}', "the name 'c' stands twice in one object; keep one", id="twice"
        ),
        pytest.param('["\\ud800"]', "contains half a character (a lone \\ud8xx escape), which cannot be", id="half"),
        pytest.param(b"\xff\xfe[\x00]\x00", "not JSON: not UTF-8 text", id="utf-16"),
        pytest.param(b"[\x00]", "not JSON: Expecting value at column 2", id="a-nul"),
    ],
)
def test_what_is_refused(text: str | bytes, said: str) -> None:
    with pytest.raises(NotJson) as error:
        decode(text)
    assert str(error.value).startswith(said)


def test_a_hundred_brackets_and_a_byte_order_mark_are_read() -> None:
    value = decode(b"\xef\xbb\xbf" + b"[" * DEPTH + b"]" * DEPTH)
    for _ in range(DEPTH - 1):
        (value,) = value
    assert value == []


def test_a_long_list_is_not_deep() -> None:
    assert decode("[" + ",".join(["[1]"] * 1000) + "]") == [[1]] * 1000
