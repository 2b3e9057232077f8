"""YAML that somebody else wrote."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from srlm.bounded.yaml_text import NotYaml, decode

LAUGHS = "\n".join(
    [
        "l0: &l0 [x, x, x, x, x, x, x, x, x, x]",
        *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)),
    ]
)
MERGED = "\n".join(
    ["m0: &m0 {a: 1, b: 2}", *(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 9))]
)


@given(
    st.dictionaries(
        st.text("abcdef", min_size=1), st.integers() | st.booleans() | st.none() | st.text("abc \n\"':#-"), max_size=5
    )
)
def test_what_yaml_writes_is_read_as_it_was(value: dict[str, object]) -> None:
    assert decode(yaml.safe_dump(value)) == value


@given(st.text("{}[]&*!|>-:#?,'\"\\%@` \n\tab01~.<=_\0\ud800"))
def test_any_text_is_read_or_refused_in_a_few_words(text: str) -> None:
    try:
        decode(text)
    except NotYaml as error:
        assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param("a: [1\nb: 2\n", 2, "not YAML", id="broken"),
        pytest.param("a: 1\nb: 2\na: 3\n", 3, "not YAML: duplicate key a", id="a-key-twice"),
        pytest.param("a: !!python/object:os.system x\n", 1, "not YAML without tags", id="a-python-object"),
        pytest.param("a: !!int ''\n", 1, "not YAML without tags", id="a-tag-that-does-not-fit"),
        pytest.param("a: 1\n? [b]\n: 2\n", 2, "not YAML: found unhashable key", id="a-list-as-a-key"),
        pytest.param("a: &x [*x]\n", 1, "the alias *x stands within what it repeats", id="an-alias-of-itself"),
        pytest.param("a: *x\n", 1, "not YAML: found undefined alias", id="an-alias-of-nothing"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "not YAML", id="two-documents"),
        pytest.param('a: "\\0"\n', 1, "a NUL, or half a character", id="a-nul"),
        pytest.param('a: "\\ud800"\n', 1, "a NUL, or half a character", id="half-a-character"),
        pytest.param("a: " + "9" * 10**5, None, "not YAML: a whole number of thousands of digits", id="many-digits"),
        pytest.param("[" * 10**5, 1, "lists and mappings more than 50 deep", id="a-hundred-thousand-brackets"),
        pytest.param(LAUGHS, 5, "more than 20,000 values", id="a-billion-laughs"),
        pytest.param(MERGED, 5, "more than 20,000 values", id="a-billion-merges"),
    ],
)
def test_what_is_refused_with_its_line(text: str, line: int | None, said: str) -> None:
    with pytest.raises(NotYaml) as error:
        decode(text)
    assert str(error.value).startswith(said)
    assert error.value.line == line
    assert len(str(error.value)) < 200


def test_a_few_aliases_and_merges_are_read() -> None:
    text = "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\nd: [*a, *a]\n"
    assert decode(text) == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}, "d": [{"x": 1}, {"x": 1}]}
