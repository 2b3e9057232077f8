"""No message says `1 prompts`: a count stands with its noun through `srlm.text.counts.counted`, and nowhere bare."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
BELOW = ("srlm/bounded/", "srlm/records.py")
"""Floors below `srlm.text`; what they count is told above a limit of many, or is a broken invariant."""
NOUN = re.compile(r" ((?:[a-z][a-z-]* ){0,2}?)([a-z]+s)\b(?!')")
LOGGED = re.compile(r"%d (?:[a-z-]+ )?[a-z]+s\b")
"""The same in what a logger formats."""
BETWEEN = re.compile(r"\b(?:of|over|on|without|in|by|from|than|with|as|at|or|and|to|for|per)\b")
"""Behind one of these, the word that ends in s is not what is counted."""
NO_NOUNS = re.compile(
    r"is|was|has|does|needs|its|this|minus|as|adds|answers|beats|changes|contains|contradicts|ends|exists|generates|gives|holds"
    r"|installs|lets|loses|loss|matches|names|parses|prefers|reasons|removes|runs|says|stands|starts|takes|tells|writes"
)
"""Words that end in s and are no plurals behind a value: verbs of whatever the value names."""
NAMING = ("baseline", "benchmark", "kind", "label", "level", "model", "name", "test", "title")
"""Variables and fields that are words, not counts."""
WORDS = ("counted", "join", "percent", "text_of")
"""Functions that give words."""


def bare_counts(text: str) -> Iterator[str]:
    """`LINE: {VALUE} NOUN` for every f-string with a value that may be 1 in front of a plural.

    A value in capitals is a constant, which is known to be many; one with a format of its own is no count.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"{node.lineno}: {found[0]}" for found in LOGGED.finditer(node.value))
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, words in zip(node.values, node.values[1:], strict=False):
            if isinstance(value, ast.FormattedValue) and isinstance(words, ast.Constant) and _may_be_one(value):
                found = NOUN.match(str(words.value))
                if found and not NO_NOUNS.fullmatch(found[2]) and not BETWEEN.search(found[1]):
                    yield f"{value.lineno}: {{{ast.unparse(value.value)}}}{found[0]}"


def _may_be_one(value: ast.FormattedValue) -> bool:
    expression = value.value
    if all(one.id.isupper() for one in ast.walk(expression) if isinstance(one, ast.Name)):
        return False
    if value.conversion != -1 or (value.format_spec is not None and ast.unparse(value.format_spec) != "f','"):
        return False
    if isinstance(expression, ast.Call):
        called = expression.func
        return (called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)) not in WORDS
    if isinstance(expression, ast.Subscript):
        expression = expression.slice
    if isinstance(expression, ast.Constant):
        return expression.value not in NAMING
    name = expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")
    return not name.isupper() and name not in NAMING


def test_every_count_agrees_with_its_noun() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{said}"
        for folder in ("srlm", "eval")
        for path in sorted((CHECKOUT / folder).rglob("*.py"))
        if not path.relative_to(CHECKOUT).as_posix().startswith(BELOW)
        for said in bare_counts(path.read_text(encoding="utf-8"))
    ]
    assert found == [], "write counted(NUMBER, 'things') (srlm.text.counts)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('f"{n} prompts"', ["1: {n} prompts"], id="plain"),
        pytest.param('f"{len(rows):,} judged rows of {name}"', ["1: {len(rows)} judged rows"], id="with-an-adjective"),
        pytest.param('f"{a} of {b} answers"', [], id="a-verb-or-a-noun"),
        pytest.param('f"a file of {n} " f"records"', ["1: {n} records"], id="over-two-strings"),
        pytest.param("f\"{counted(n, 'prompts')} were read\"", [], id="counted"),
        pytest.param('f"{share:.0%} prompts, {mean:.2f} points"', [], id="no-count"),
        pytest.param('f"{model} reads {path!r} records"', [], id="a-name"),
        pytest.param('f"the first {MOST} prompts"', [], id="a-constant"),
        pytest.param('log.warning("%d of %d answers", a, b)', ["1: %d answers"], id="logged"),
        pytest.param('f"{n} of the prompts"', [], id="a-part"),
    ],
)
def test_the_search_finds_a_bare_count(text: str, found: list[str]) -> None:
    assert list(bare_counts(text)) == found
