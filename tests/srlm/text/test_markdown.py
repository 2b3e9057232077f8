"""Markdown of words that anybody may have written."""

import pytest

from srlm.text.markdown import markdown, markdown_table
from tests.hostile_words import NAMES, steering


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param("![x](https://evil.example/x.png)", r"\!\[x\](https\://evil.example/x.png)", id="picture"),
        pytest.param("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))", id="link"),
        pytest.param("see www.evil.example", r"see www\.evil.example", id="bare-address"),
        pytest.param("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>", id="html"),
        pytest.param("a | b", r"a \| b", id="cell"),
        pytest.param("a\n| b |\n\n# c", r"a \| b \| \# c", id="lines"),
        pytest.param("`code` **bold** _it_ ~~no~~", r"\`code\` \*\*bold\*\* \_it\_ \~\~no\~\~", id="marks"),
        pytest.param("$x$ @user &lt;", r"\$x\$ \@user \&lt;", id="formula-mention-entity"),
        pytest.param(":smile: M1: 3", r"\:smile: M1: 3", id="emoji-code"),
        pytest.param("- a", r"\- a", id="list"),
        pytest.param("1. a", r"1\. a", id="numbered-list"),
        pytest.param("---", r"\-\-\-", id="rule"),
        pytest.param("-1.5", "-1.5", id="number"),
        pytest.param("a\x1b[31m\u202e", r"a?\[31m?", id="control"),
    ],
)
def test_words(words: str, shown: str) -> None:
    assert markdown(words) == shown


def test_a_table_of_hostile_names_has_a_line_a_name() -> None:
    lines = markdown_table(["name", "n"], [[name, "1"] for name in NAMES])
    assert lines[:2] == ["| name | n |", "| --- | --- |"]
    assert len(lines) == 2 + len(NAMES)
    assert not steering("\n".join(lines))
    assert {line.replace("\\|", "").count("|") for line in lines} == {3}
