"""`srlm new`: one's own files and model become a run file that loads, trains, and explains itself."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.run_file import load
from tests import own_files

Srlm = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path, bead_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model folder and files of one's own."""
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path, bead_model)
    return tmp_path


FILES = ("--model", "model", "--ift", "a.jsonl", "--rankings", "b.jsonl", "--prompts", "c.jsonl", "--hardware", "cpu")


def test_what_was_found_is_shown_and_written_down(place: Path, srlm: Srlm) -> None:
    done = srlm("new", "mine.yaml", *FILES)
    assert done.exit_code == 0, done.stderr
    shown = done.stdout.splitlines()
    found = "IFT examples: a.jsonl: format alpaca, instruction from column question, output from column answer; "
    assert shown[0] == f"{found}found 30, usable 30"
    assert shown[2] == "ranked answers: b.jsonl: format own; found 12, usable 12, with reviews 12"
    assert shown[4] == "prompts: c.jsonl: format alpaca; usable 8"
    assert shown[-3:] == [
        "mine.yaml: written. Next:",
        "  srlm doctor --run mine.yaml",
        "  srlm train --run mine.yaml --to M1",
    ]
    settings = load(place / "mine.yaml")
    data = settings.data
    assert data.kind == "files"
    assert data.sources.ift is not None and data.sources.ift.columns == {"instruction": "question", "output": "answer"}
    assert data.sources.rankings is not None and data.sources.rankings.format == "own"
    # A tenth of 30 is set aside, a quarter of 12 is held out.
    sizes = (data.ift, data.eft_sets, data.heldout_sets, data.evaluation_prompts)
    assert sizes == (27, 9, 3, 3)
    assert (settings.prompts.writer, settings.prompts.count) == ("file", 4)
    for line in (place / "mine.yaml").read_text().splitlines():
        if not line.strip().startswith(("final_learning_rate", "kind: files", "model:")):
            assert "#" in line, line  # each choice has its reason


def test_a_run_file_is_not_overwritten(place: Path, srlm: Srlm) -> None:
    (place / "mine.yaml").write_text("mine")
    done = srlm("new", "mine.yaml", *FILES)
    assert (done.exit_code, done.stderr) == (2, "srlm: mine.yaml: exists; choose another name, or delete it\n")
    assert (place / "mine.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--ift", "a.jsonl"], "--model is missing, and nobody can be asked", id="no-model"),
        pytest.param(["--model", "model"], "--ift or --rankings is missing", id="no-data"),
        pytest.param(["--model", "model", "--ift", "a.jsonl"], "--hardware is missing", id="no-hardware"),
        pytest.param([*FILES[:-1], "2xh900"], "--hardware 2xh900: write cpu, or N x GPU", id="no-such-gpu"),
        pytest.param([*FILES, "--judge", "gpt"], "--judge gpt: write self, or openai:MODEL", id="no-judge"),
        pytest.param([*FILES, "--column", "ift=x"], "--column ift=x: write it as USE.COLUMN=NAME", id="no-column"),
        pytest.param(["--model", "./m", *FILES[2:]], "--model ./m: no such folder, and not a Hub id", id="no-folder"),
        pytest.param(["--ift", "b.jsonl", *FILES[:2], *FILES[-2:]], "these are ranked answers (own)", id="ranked"),
        pytest.param(["--ift", "no.jsonl", *FILES[:2], *FILES[-2:]], "no.jsonl: no such file", id="no-file"),
        pytest.param(["--model", "a.jsonl", *FILES[2:]], "--model a.jsonl: a file; give the folder", id="a-file"),
        pytest.param(["--model", "scratch", *FILES[2:]], "is for a model that exists", id="no-model-of-its-own"),
        pytest.param(
            [*FILES, "--base-url", "http://h/v1"], "--base-url needs --judge openai:MODEL", id="server-for-nobody"
        ),
        pytest.param(
            [*FILES, "--judge", "openai:m", "--base-url", "h:8000"], "write it as http://HOST:PORT/v1", id="no-address"
        ),
        pytest.param(
            [*FILES, "--column", "ift.outpt=answer"],
            "outpt is no column of ours; they are input, ins",
            id="no-column-of-ours",
        ),
        pytest.param(
            [*FILES, "--column", "evaluation-prompts.instruction=q"],
            "--evaluation-prompts is not given",
            id="no-such-use",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_written(
    place: Path, srlm: Srlm, words: list[str], said: str
) -> None:
    done = srlm("new", "mine.yaml", *words)
    assert done.exit_code == 2
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert not (place / "mine.yaml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--ift", "one.jsonl"], "none left for data.evaluation_prompts", id="one-row"),
        pytest.param(["--rankings", "three.jsonl"], "none left for data.heldout_sets", id="three-sets"),
        pytest.param(
            ["--ift", "a.jsonl", "--evaluation-prompts", "q.jsonl"], "is an evaluation prompt 30", id="all-measured"
        ),
    ],
)
def test_data_that_does_not_suffice_for_a_run_is_refused_before_anything_is_written(
    place: Path, srlm: Srlm, words: list[str], said: str
) -> None:
    own_files.save(place / "one.jsonl", [{"instruction": "Name a fruit.", "output": "An apple."}])
    pairs = [{"prompt": f"Say {n} in words.", "chosen": f"{n} is a number", "rejected": "no"} for n in (1, 20, 300)]
    own_files.save(place / "three.jsonl", pairs)
    rows = [json.loads(line) for line in (place / "a.jsonl").read_text().splitlines()]
    own_files.save(place / "q.jsonl", [{"instruction": row["question"]} for row in rows])
    done = srlm("new", "mine.yaml", "--model", "model", "--hardware", "cpu", *words)
    assert done.exit_code == 2
    assert said in done.stderr and done.stderr.endswith("use more data or smaller sets; nothing was written\n")
    assert not (place / "mine.yaml").exists()


def test_a_list_of_rows_within_an_object_is_named(place: Path, srlm: Srlm) -> None:
    (place / "all.json").write_text(json.dumps({"data": [{"instruction": "Hi", "output": "Hello."}]}))
    done = srlm("new", "mine.yaml", "--model", "model", "--ift", "all.json", "--hardware", "cpu")
    assert "`data` holds a list of objects: if these are the rows, save that list alone" in done.stderr


def test_columns_of_no_known_name_are_given(place: Path, srlm: Srlm) -> None:
    own_files.save(
        place / "odd.jsonl", [{"frage": "a red", "antwort": "red"}] * 2 + [{"frage": "b", "antwort": "blue"}]
    )
    words = ("--model", "model", "--ift", "odd.jsonl", "--hardware", "cpu")
    refused = srlm("new", "mine.yaml", *words)
    assert "odd.jsonl:1: columns of no known form (columns `frage`, `antwort`); say which with" in refused.stderr
    done = srlm("new", "mine.yaml", *words, "--column", "ift.instruction=frage", "--column", "ift.output=antwort")
    assert done.exit_code == 0, done.stderr
    settings = load(place / "mine.yaml")
    assert settings.eft.writer == "off"  # no ranked answers
    assert settings.data.ift == 1


@pytest.mark.parametrize("hardware", ["1xh100", "3xh100", "8xh200"])
@pytest.mark.parametrize("model", ["model", "OWNER/NAME"])
def test_every_hardware_gives_settings_that_load(place: Path, srlm: Srlm, hardware: str, model: str) -> None:
    judge = ("--judge", "openai:big", "--base-url", "http://127.0.0.1:8000/v1")
    done = srlm("new", "mine.yaml", "--model", model, *FILES[2:-1], hardware, *judge)
    assert done.exit_code == 0, done.stderr
    settings = load(place / "mine.yaml")
    gpus = int(hardware[0])
    assert settings.engine.kind == ("vllm" if gpus == 1 else "ray")
    assert settings.sft.batch_size % (settings.sft.micro_batch_size * gpus) == 0
    assert (settings.sft.lora is not None) == (gpus == 1 and model == "OWNER/NAME")  # it may be too large
    assert settings.judge.engine is not None and settings.judge.engine.model == "big"
    assert settings.evaluation.judge == "openai:big"


def test_a_terminal_is_asked_for_what_is_not_given(place: Path) -> None:
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "srlm", "new", "mine.yaml", "--model", "model", "--ift", "a.jsonl"]
    process = subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE, text=True, cwd=place)
    os.close(theirs)
    os.write(ours, b"b.jsonl\n\n\ngpt\n\n2xh900\ncpu\n")
    out, _ = process.communicate()
    os.close(ours)
    assert process.returncode == 0
    # A wrong answer is asked for again, and loses no other.
    wrong = [line for line in out.splitlines() if line.startswith("--")]
    assert wrong[0] == "--judge gpt: write self, or openai:MODEL"
    assert wrong[1].startswith("--hardware 2xh900: write cpu, or N x GPU") and len(wrong) == 2
    asked = [line for line in out.splitlines() if line.endswith(":")]
    assert [*asked[:4], asked[5]] == [
        "Ranked answers, to learn to judge: a file or hub:OWNER/NAME; empty: none:",
        "New prompts: a file or hub:OWNER/NAME; empty: a model writes them:",
        "Evaluation prompts: a file; empty: set some data aside:",
        "Judge: self, or openai:MODEL [self]:",
        "Hardware: cpu, 1xh100, 8xh100, ... [cpu]:",
    ]
    assert load(place / "mine.yaml").data.eft_sets == 9


def test_from_own_files_to_a_trained_model(place: Path, srlm: Srlm) -> None:
    assert srlm("new", "mine.yaml", *FILES).exit_code == 0
    settings = [word for one in own_files.SMALL for word in ("--set", one)]
    checked = srlm("doctor", "--run", "mine.yaml", "--no-weights", *settings)
    assert checked.exit_code == 0, checked.stdout
    lines = checked.stdout.splitlines()
    assert "      ok  data: ift file: found 30, usable 30" in lines[:20] or any(
        "ift file: found 30" in x for x in lines
    )
    assert any("expect: SFT baseline: " in line for line in lines)
    assert any("expect: M2: " in line and " of 4 prompts" in line for line in lines)
    assert any("expect: M2: DPO: at most 4 pairs, 2 steps" in line for line in lines)
    done = srlm("train", "--run", "mine.yaml", "--to", "M1", *settings)
    assert done.stdout == "mine: M1 is in runs/mine/M1/model\n", done.stderr
    counts = json.loads((place / "runs/mine/data/manifest.json").read_text())["counts"]
    assert counts["ift file: found"] == 30
    rows = (place / "a.jsonl").read_text().splitlines()
    (place / "a.jsonl").write_text("\n".join(rows[1:]) + "\n")
    again = srlm("train", "--run", "mine.yaml", *settings)
    assert again.exit_code == 2 and "data.sources.ift" in again.stderr
