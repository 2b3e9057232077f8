"""A run whose files changed while nobody worked on it: what is not what it was is refused by name, or made again."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.contents import sha256_of
from srlm.errors import SrlmError
from srlm.methods.run import Run
from srlm.methods.verify import verify
from srlm.run_file import load
from tests.file_damage import empty, halve, lines, turn_scores_round
from tests.forks.command import Forks

CHECKOUT = Path(__file__).resolve().parents[3]
KILLED = Path(__file__).with_name("killed.py")


def killed(forks: Forks, where: Path, *at: str) -> None:
    words = ["srlm", "train", "--run", str(CHECKOUT / "tests/tiny.yaml"), "--set", "model.date=2026-02-03"]
    assert forks.run(str(KILLED), "9", *at, *words, cwd=where).returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def halfway(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny run, killed while M1 judges its answers, and then before the pairs take their name."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("inside", "between"))
    killed(forks, first, "open", "M2/judgements.jsonl.part", "3")
    shutil.copytree(first, second, dirs_exist_ok=True)
    killed(forks, second, "rename", "M2/pairs.jsonl", "1")
    return {"inside": first, "between": second}


def copied(source: Path, target: Path) -> Run:
    shutil.copytree(source / "runs/tiny", target / "runs/tiny")
    return Run(load(CHECKOUT / "tests/tiny.yaml", [f"runs={target}/runs", "model.date=2026-02-03"]))


def refused(run: Run) -> str:
    with pytest.raises(SrlmError) as caught, Run(run.folder.given).held():
        pass
    return str(caught.value)


def other_weights(path: Path) -> None:
    shutil.copyfile(path.parents[2] / "SFT/model" / path.name, path)


def lines_lost(path: Path) -> None:
    path.write_bytes(b"".join(lines(path)[2:]))


CHANGES = [
    pytest.param("M1/model/model.safetensors", other_weights, id="weights-of-another-model"),
    pytest.param("M1/model/chat_template.jinja", empty, id="chat-template-emptied"),
    pytest.param("M1/eft.jsonl", empty, id="eft-emptied"),
    pytest.param("M1/eft_judgements.jsonl", turn_scores_round, id="scores-of-eft-turned-round"),
    pytest.param("M2/prompts.jsonl", lines_lost, id="prompts-lost"),
    pytest.param("M2/prompt_counts.json", lambda path: path.write_text('{"got": 7}'), id="counts-of-prompts"),
    pytest.param("M2/responses.jsonl", lines_lost, id="responses-lost"),
    pytest.param("M2/judgements.jsonl", halve, id="judgements-cut-at-a-line-end"),
    pytest.param("M2/judgements.jsonl", empty, id="judgements-emptied"),
    pytest.param("M2/judgements.jsonl", turn_scores_round, id="scores-turned-round"),
    pytest.param("SFT/manifest.json", lambda path: path.write_text(path.read_text() + " "), id="a-manifest"),
    pytest.param(
        "inputs.json", lambda path: path.write_text(path.read_text().replace("2026-02-03", "2026-02-13")), id="the-date"
    ),
]


@pytest.mark.parametrize(("file", "change"), CHANGES)
def test_a_run_stopped_between_two_stages_refuses_what_has_changed(
    halfway: dict[str, Path], tmp_path: Path, file: str, change: Callable[[Path], object]
) -> None:
    run = copied(halfway["between"], tmp_path)
    change(run.folder.path / file)
    assert file.removeprefix("M2/") in refused(run)
    assert not verify(run.folder).sound


@pytest.mark.parametrize(("file", "change"), CHANGES)
def test_a_finished_run_refuses_what_has_changed(
    trained: Path, tmp_path: Path, file: str, change: Callable[[Path], object]
) -> None:
    shutil.copytree(trained / "runs/tiny", tmp_path / "runs/tiny")
    run = Run(load(CHECKOUT / "tests/tiny.yaml", [f"runs={tmp_path}/runs"]))
    path = run.folder.path / file
    if file == "inputs.json":
        path.write_text(path.read_text().replace('"date": "2', '"date": "3'))
    else:
        change(path)
    assert file in refused(run)
    assert not verify(run.folder).sound


def test_every_file_that_an_unfinished_step_has_made_is_sealed(halfway: dict[str, Path], tmp_path: Path) -> None:
    run = copied(halfway["between"], tmp_path)
    sealed = json.loads((run.folder.path / "seals.json").read_text())
    there = {path.name for path in run.folder.step("M2").glob("*.json*") if path.suffix != ".part"} - {
        "timings.json",
        "usage.json",
    }
    assert {name for name in sealed if name.startswith("M2/")} == {f"M2/{name}" for name in [*there, "pairs.jsonl"]}
    assert all(len(found) == 1 for found in sealed.values())
    assert verify(run.folder).sound
    missing = [(row.name, row.state, row.why) for row in verify(run.folder).rows if row.state == "gone"]
    assert missing == []  # its part lies there, and nothing else


def contents(run: Path) -> dict[str, str]:
    return {
        path.relative_to(run).as_posix(): sha256_of(path)
        for path in sorted(run.rglob("*"))
        if path.is_file()
        and path.name not in ("timings.json", "usage.json", "log.txt", ".lock", ".digests.json", "inputs.json")
        and path.name not in ("settings.json", "seals.json", "manifest.json")  # the trained run has another date
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "change"),
    [
        pytest.param("M2/judgements.jsonl.part", turn_scores_round, id="scores-turned-round"),
        pytest.param("M2/judgements.jsonl.part.blocks", empty, id="list-of-blocks-emptied"),
        # The manifest tells these counts; without them it would tell others.
        pytest.param("M2/prompt_counts.json", Path.unlink, id="counts-of-prompts-deleted"),
    ],
)
def test_what_an_unfinished_step_holds_is_made_again_where_it_has_changed(
    halfway: dict[str, Path], trained: Path, tmp_path: Path, srlm: Any, file: str, change: Callable[[Path], object]
) -> None:
    run = copied(halfway["inside"], tmp_path)
    assert verify(run.folder).sound
    change(run.folder.path / file)
    words = ("train", "--run", CHECKOUT / "tests/tiny.yaml", "--set", f"runs={tmp_path}/runs")
    assert srlm(*words, "--set", "model.date=2026-02-03").exit_code == 0
    assert contents(run.folder.path) == contents(trained / "runs/tiny")
    assert verify(run.folder).sound


def test_what_was_made_from_a_file_that_came_out_otherwise_no_longer_follows(
    halfway: dict[str, Path], tmp_path: Path, srlm: Any
) -> None:
    run = copied(halfway["between"], tmp_path)
    path = run.path("M2", "responses.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    from srlm.records import Response
    from srlm.store import files

    with run.folder.held():  # made again, to other words
        files.write(path, [Response.of(row["prompt_id"], "other", row["author"], row["draw"]) for row in rows])
    words = ("train", "--run", CHECKOUT / "tests/tiny.yaml", "--set", f"runs={tmp_path}/runs")
    done = srlm(*words, "--set", "model.date=2026-02-03")
    assert done.exit_code == 2
    assert "judgements.jsonl:1: this Judgement does not follow from what the file is made from" in done.stderr
    found = [row for row in verify(run.folder).rows if row.state == "does not follow"]
    assert [(row.name, row.why) for row in found] == [
        ("judgements.jsonl", "96 of its records name none of responses.jsonl")  # 24 prompts x 2 answers x 2 draws
    ]
