"""The first hour as docs/start.md has it: its commands run, and docs/run_files.md names what they write."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from srlm.records import PreferencePair
from srlm.store import files
from tests.forks.command import Forks

CHECKOUT = Path(__file__).resolve().parents[1]


def text(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def commands(page: str, kind: str) -> list[list[str]]:
    """Those of both programs in the blocks of a page."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [words for words in lines if words and words[0] in ("srlm", "srlm-eval")]


def names(page: str) -> list[str]:
    """The files that the tables of a page are about."""
    first = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    return [name for cell in first for name in re.findall(r"`([^`]+)`", cell)]


def pattern(name: str) -> re.Pattern[str]:
    """What a name of docs/run_files.md stands for."""
    parts = re.split(r"(STEP|MODEL|/\*$|\*)", name)
    stands = {"STEP": "[^/]+", "MODEL": "[^/]+", "/*": "/.+", "*": "[^/]*"}
    return re.compile("".join(stands.get(part, re.escape(part)) for part in parts))


def test_the_first_steps_run_as_they_are_written_and_every_file_of_the_run_is_explained(
    forks: Forks, tmp_path: Path
) -> None:
    (tmp_path / "pocket.yaml").write_text(text("tests/tiny.yaml").replace("name: tiny", "name: pocket"))
    written = commands("docs/start.md", "sh")
    of_readme = commands("README.md", "")
    assert of_readme and [words for words in of_readme if words not in written] == []
    assert [words[:2] for words in written][:4] == [
        ["srlm", "examples"],
        ["srlm", "train"],
        ["srlm", "status"],
        ["srlm-eval", "all"],
    ]
    for program, *words in written:
        if words[0] == "explain":
            words[1] = files.read(tmp_path / "runs/pocket/M2/pairs.jsonl", PreferencePair)[0].id
        # The tiny run in the pocket run's place; it has one model less.
        words = [{"example:pocket": "pocket.yaml", "M3": "M2"}.get(word, word) for word in words]
        module = {"srlm": "srlm", "srlm-eval": "eval"}[program]
        ended = forks.run("-m", module, *words, cwd=tmp_path)
        assert ended.returncode == 0, f"{program} {' '.join(words)}: {ended.stdout}{ended.stderr}"
    run = tmp_path / "runs/pocket"
    known = [pattern(name) for name in names(text("docs/run_files.md"))]
    there = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
    assert "M2/pairs.jsonl" in there
    assert [name for name in there if not any(one.fullmatch(name) for one in known)] == []
    assert (tmp_path / "my-model/model.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "stands_for", "not_for"),
    [
        ("MODEL/model/*", "M2/model/a/b.json", "M2/models/a.json"),
        ("evaluation/*.from.json", "evaluation/metrics.json.from.json", "evaluation/M2/a.from.json"),
        ("STEP/manifest.json", "data/manifest.json", "manifest.json"),
        ("MODEL/fit_*.jsonl", "M2/fit_grades.jsonl", "M2/fit_grades.json"),
    ],
)
def test_a_name_stands_for_files_at_its_place_alone(name: str, stands_for: str, not_for: str) -> None:
    assert pattern(name).fullmatch(stands_for)
    assert not pattern(name).fullmatch(not_for)


NAME = re.compile(r"\w[\w.]*\.(?:jsonl|json|sqlite)")
ELSEWHERE = {"question.jsonl", "trainer_state.json", "job.json", "so_far.json"}
"""A file of others; those in folders that the page explains as a whole; one of an older srlm."""


def test_every_file_that_the_trainer_names_is_explained() -> None:
    """Also those of methods and settings that the tiny run has not."""
    known = [pattern(name) for name in names(text("docs/run_files.md"))]
    found: set[str] = set()
    for folder in ("methods", "judge", "rewards", "store", "training"):
        for path in sorted((CHECKOUT / "srlm" / folder).glob("*.py")):
            constants = (
                node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)
            )
            found |= {one for one in (str(node.value) for node in constants) if NAME.fullmatch(one)}
    assert {"pairs.jsonl", "ratings.jsonl", "calls.sqlite"} <= found
    places = ("", "M1/", "data/", "evaluation/")
    unknown = {name for name in found if not any(one.fullmatch(place + name) for one in known for place in places)}
    assert unknown - ELSEWHERE == set()
