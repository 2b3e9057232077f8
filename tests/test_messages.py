"""No message shows `{name}` where the value of `name` was meant: a string that lacks its `f`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)[^{}]*\}")
SLOTS_OF_A_CANARY = "{response} {prompt} {first} {second} {output_1} {output_2} {instruction}"
"""Means its braces: a trick that an answer tries on a judge's template."""


def names_in(function: ast.AST) -> set[str]:
    """Parameters and variables of a function, and of the functions in it."""
    variables = {
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return variables | {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}


def strings(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of plain strings, the plain parts of an f-string among them, without docstrings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.lineno, child.value
        else:
            yield from strings(child)


def without_f(text: str) -> list[str]:
    """`LINE: STRING` for every string in a function that names a variable of this function in braces."""
    found: dict[str, None] = {}
    for scope in ast.walk(ast.parse(text)):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        names = names_in(scope)
        for line, string in strings(scope):
            if any(name in names for name in PLACEHOLDER.findall(string)):
                found[f"{line}: {string}"] = None
    return list(found)


def test_no_string_lacks_its_f() -> None:
    found = {
        f"{path.relative_to(CHECKOUT)}:{line}"
        for folder in ("srlm", "eval", "benchmarks")
        for path in (CHECKOUT / folder).rglob("*.py")
        for line in without_f(path.read_text(encoding="utf-8"))
    }
    assert {line for line in found if not line.endswith(f": {SLOTS_OF_A_CANARY}")} == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('def f(path): raise OSError("{path}: broken")', ["1: {path}: broken"], id="parameter"),
        pytest.param('def f(path): raise OSError(f"{path}: broken")', [], id="with-its-f"),
        pytest.param('def f(a):\n    b = [a]\n    print("has {b[0]!r}")', ["3: has {b[0]!r}"], id="variable"),
        pytest.param('def f(a): print(f"{a}, " "not {a}")', ["1: , not {a}"], id="second-half"),
        pytest.param('def f(a): """Shows {a}."""', [], id="docstring"),
        pytest.param('def f(a): return frame(a, "{prompt}")', [], id="slot-of-a-template"),
        pytest.param('def f(a): return "model: {base: x}"', [], id="yaml"),
    ],
)
def test_the_search_finds_a_string_without_its_f(text: str, found: list[str]) -> None:
    assert without_f(text) == found
