"""A judge or writer that OpenAI has shut down: `train` and `h2h` end with status 2 before anything is sent.

The official address is given and a key is set; an audit hook ends the process with status 99 at the first attempt to
reach any machine, or to look up its name.
"""

import shutil
from pathlib import Path
from typing import Protocol

import pytest

from tests.forks.command import Ended, Forks

GUARDED = """
import os, sys

def hook(event, given):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        os.write(2, f"reached out: {event} {given}".encode())
        os._exit(99)

package, words = sys.argv[1], sys.argv[2:]
from importlib import import_module
main = import_module(package).main
sys.addaudithook(hook)
main(words)
"""


class Guarded(Protocol):
    def __call__(self, package: str, *words: object, cwd: Path) -> Ended:
        """A command line of `srlm.cli.main` or `eval.cli` that cannot reach anything."""
        ...


@pytest.fixture
def guarded(forks: Forks) -> Guarded:
    def run(package: str, *words: object, cwd: Path) -> Ended:
        return forks.run("-c", GUARDED, package, *map(str, words), cwd=cwd, environment={"OPENAI_API_KEY": "sk-key"})

    return run


def settings(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("--set", pair)]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(("judge.engine.kind=openai", "judge.engine.model=gpt-4-0613"), id="judge"),
        pytest.param(
            ("prompts.writer=fixed", "prompts.engine.kind=openai", "prompts.engine.model=gpt-4-0613"), id="prompts"
        ),
        pytest.param(
            ("reward.kind=judge", "judge.engine.kind=openai", "judge.engine.model=gpt-4-0613"), id="reward-by-judge"
        ),
    ],
)
def test_training_with_a_retired_model_sends_nothing_and_makes_nothing(
    guarded: Guarded, tmp_path: Path, tiny: Path, given: tuple[str, ...]
) -> None:
    said = guarded("srlm.cli.main", "train", "--run", tiny, *settings(*given), cwd=tmp_path)
    assert said.returncode == 2, said.stderr
    (line,) = said.stderr.strip().splitlines()
    assert line.startswith("srlm: gpt-4-0613: was shut down on 2026-10-23 (")
    assert "nothing was sent; use gpt-4.1 (until 2027-01-14)" in line and "base_url in a run file" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["h2h", "all"])
def test_a_head_to_head_with_a_retired_judge_sends_nothing_and_answers_nothing(
    guarded: Guarded, tmp_path: Path, trained: Path, tiny: Path, command: str
) -> None:
    work = shutil.copytree(trained, tmp_path / "work")
    said = guarded("eval.cli", command, "--run", tiny, *settings("evaluation.judge=openai:gpt-4-0613"), cwd=work)
    assert said.returncode == 2, said.stderr
    assert said.stderr.splitlines()[-1].startswith("srlm: gpt-4-0613: was shut down on 2026-10-23 (")
    # No checkpoint has written an answer for it.
    assert not list((work / "runs/tiny/evaluation").glob("*/responses.jsonl"))


def test_agreement_and_audit_with_a_retired_judge_send_nothing(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "q", "responses": ["a", "b"], "ranks": [0, 1]}\n')
    for command in ("agreement", "audit", "canaries"):
        rankings = [] if command == "canaries" else ["--rankings", "rows.jsonl"]
        given = (command, *rankings, "--judge", "openai:gpt-4-0613", "--out", "m.json")
        said = guarded("eval.cli", *given, cwd=tmp_path)
        assert said.returncode == 2, said.stderr
        assert "srlm: gpt-4-0613: was shut down on 2026-10-23 (" in said.stderr
        assert not (tmp_path / "m.json").exists()
