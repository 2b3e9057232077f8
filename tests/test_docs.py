"""README and docs name commands, options, files and make targets that are there; README is short."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

import eval.cli
import srlm.cli.main
from srlm.methods.base import METHODS, find_method
from srlm.settings import Settings, fields

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/pocket/README.md")]
PAGES += sorted((CHECKOUT / "docs").rglob("*.md"))
APPS = {"srlm": typer.main.get_group(srlm.cli.main.app), "srlm-eval": typer.main.get_group(eval.cli.app)}
PATH = re.compile(r"(?<![\w/.-])(?:configs|benchmarks|docs|srlm|eval|tests|reports)/[\w./-]*\w")


class Written(NamedTuple):
    """A command as a page has it."""

    page: str
    words: tuple[str, ...]


def commands() -> Iterator[Written]:
    for page in PAGES:
        text = re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))
        fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        blocks = "\n".join(block for kind, block in fenced if kind in ("", "sh"))
        found = [*blocks.splitlines(), *re.findall(r"`([^`\n]+)`", text)]
        for line in found:
            line = re.sub(r"^python -m eval\b", "srlm-eval", line.strip())
            if re.match(r"srlm(-eval)? [a-z]", line):
                yield Written(page.relative_to(CHECKOUT).as_posix(), tuple(shlex.split(line, comments=True)))


@pytest.mark.parametrize("one", sorted(set(commands())), ids=lambda one: f"{one.page}: {' '.join(one.words)}"[:100])
def test_every_command_and_option_is_one(one: Written) -> None:
    program, name, *rest = one.words
    known = APPS[program].commands
    assert name in known
    options = {option for parameter in known[name].params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} - {*options, "--help"} == set()


def test_commands_are_found_on_the_pages() -> None:
    found = set(commands())
    assert Written("README.md", ("srlm", "train", "--run", "example:pocket")) in found
    assert Written("docs/train.md", ("srlm", "train", "--run", "configs/smollm2.yaml", "--to", "M2")) in found
    assert (
        Written("docs/methods.md", ("srlm-eval", "methods", "configs/studies/pocket-methods.yaml", "--no-train"))
        in found
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_every_file_and_place_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:|#", link)]
    assert [link for link in links if not (page.parent / link).exists()] == []
    if page.name not in ("log.md", "extending.md"):  # what was once, and what a reader is to write
        assert [path for path in PATH.findall(text) if not _is_there(path)] == []
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", text, re.MULTILINE)
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def _is_there(path: str) -> bool:
    return (CHECKOUT / path).exists() or (CHECKOUT / f"{path}.py").exists()


def test_every_setting_that_a_page_sets_is_one() -> None:
    own = {name for method in METHODS for name, _ in fields(find_method(method).settings)}
    known = {*(name for name, _ in fields(Settings)), *(f"method.{name}" for name in own)}
    named = [
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"--set ([a-z_.]+)=", page.read_text(encoding="utf-8"))
    ]
    assert named
    assert [(page, name) for page, name in named if name not in known] == []


def test_readme_is_read_in_five_minutes() -> None:
    lines = (CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert sum(line.startswith("![") for line in lines) == 2
    assert {"make eval-all", "make test"} <= {line.partition("#")[0].strip() for line in lines}
