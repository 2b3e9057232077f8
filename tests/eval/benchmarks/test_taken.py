"""A fork asks nothing again that the run it comes from has asked of the same models, or of a judge about them."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from eval.cli import main
from srlm.methods import sharing
from tests.chat_server import Reply, Serve, words

FORK = ("--set", "name=mine-b", "--set", "dpo.beta=0.2")
"""Another beta, which shapes M2 and nothing before it."""


@pytest.fixture
def mine(trained: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run file of `runs/mine`, which was trained to M2, in the working directory."""
    shutil.copytree(trained / "runs" / "tiny", tmp_path / "runs" / "mine")
    shutil.rmtree(tmp_path / "runs/mine/evaluation", ignore_errors=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    (tmp_path / "mine.yaml").write_text(tiny.read_text().replace("name: tiny", "name: mine"))
    return Path("mine.yaml")


def evaluated(*given: object) -> None:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in given])
    assert not left.value.code


def test_a_fork_takes_answers_and_verdicts_of_shared_models_where_they_are_made_from_the_same(
    mine: Path, srlm: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def reply(body: dict[str, Any], number: int) -> Reply:
        asked.append(json.dumps(body, sort_keys=True))
        return words("[[A]]")

    judge = ("--set", "evaluation.judge=openai:judge", "--set", f"evaluation.base_url={serve(reply).url}")
    evaluated("h2h", "--run", mine, *judge)
    first = len(asked)
    assert srlm("train", "--run", mine, *FORK, "--from", "runs/mine").exit_code == 0
    monkeypatch.setattr(sharing, "LARGE", 1000)  # bytes; files of a tiny run are small
    evaluated("h2h", "--run", mine, *FORK, *judge)

    def same(name: str) -> tuple[bool, bool]:
        paths = [Path("runs", run, "evaluation", name) for run in ("mine", "mine-b")]
        return paths[0].read_bytes() == paths[1].read_bytes(), os.path.samefile(*paths)

    assert same("SFT/responses.jsonl") == same("M1/responses.jsonl") == (True, True)
    assert same("verdicts/M1-vs-SFT.jsonl") == (True, True)
    assert same("M2/responses.jsonl") == (False, False)
    taken = [line for line in Path("runs/mine-b/log.txt").read_text().splitlines() if "taken from" in line]
    assert [line.partition(" evaluation/")[2] for line in taken] == [
        "SFT/responses.jsonl: taken from runs/mine",
        "M1/responses.jsonl: taken from runs/mine",
        "verdicts/M1-vs-SFT.jsonl: taken from runs/mine",
    ]
    # 8 prompts in both orders: M1 against SFT, M2 against SFT and M1; and M2's again.
    assert (first, len(asked) - first) == (3 * 16, 2 * 16)
    assert srlm("verify", "runs/mine-b").exit_code == 0
    # Another sampling is another question: it is asked, and the first run's answers stay as they are.
    before = Path("runs/mine/evaluation/M1/responses.jsonl").read_bytes()
    assert srlm("train", "--run", mine, "--set", "name=c", "--from", "runs/mine@M1", "--to", "M1").exit_code == 0
    evaluated("h2h", "--run", mine, "--set", "name=c", "--set", "evaluation.sampling.temperature=0.3", *judge)
    assert "taken from" not in Path("runs/c/log.txt").read_text()
    assert Path("runs/mine/evaluation/M1/responses.jsonl").read_bytes() == before


def test_without_the_first_run_a_fork_asks_itself_and_comes_to_the_same_bytes(mine: Path, srlm: Any) -> None:
    evaluated("h2h", "--run", mine)
    assert srlm("train", "--run", mine, *FORK, "--from", "runs/mine").exit_code == 0
    shutil.move("runs/mine", "elsewhere")
    evaluated("h2h", "--run", mine, *FORK)
    assert "taken from" not in Path("runs/mine-b/log.txt").read_text()
    for name in ("SFT/responses.jsonl", "M1/responses.jsonl", "verdicts/M1-vs-SFT.jsonl"):
        assert Path("elsewhere/evaluation", name).read_bytes() == Path("runs/mine-b/evaluation", name).read_bytes()
