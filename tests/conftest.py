"""What tests in many folders need."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

# Tests reach nothing outside this machine: the libraries would look for newer files, and count their uses, on the hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that is not part of the repository: SRLM_SHARED, or `shared` beside the checkout."""
    folder = Path(os.environ.get("SRLM_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the shared data; {folder} has no data folder, set SRLM_SHARED to the one that has")
    return folder


@pytest.fixture(scope="session")
def bead_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bead world's tokenizer and a Llama of width 32 with one layer and random weights."""
    import torch

    from srlm.data import beads
    from srlm.engines.weights import save
    from srlm.settings import ScratchModel
    from srlm.train import scratch

    torch.set_num_threads(1)  # several threads on a small machine are slower, and sum in another order
    words = scratch.tokenizer(beads.vocabulary())
    shape = ScratchModel(width=32, layers=1, heads=2, feed_forward=64, max_positions=96)
    folder = tmp_path_factory.mktemp("bead model") / "model"
    save(scratch.random_model(shape, words, seed=1), words, folder)
    return folder


CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def tiny() -> Path:
    """The run file in which every stage happens within seconds."""
    return CHECKOUT / "tests" / "tiny.yaml"


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    """`start("srlm", "train", ...)` begins `python -m srlm train ...` as a user's shell would."""

    def begin(*words: str, **options: Any) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return begin


@pytest.fixture
def srlm() -> Callable[..., Any]:
    """`srlm("status", "--run", path)` is the command line within this process: `exit_code`, `stdout`, `stderr`."""
    from srlm.cli.main import app

    def run(*words: object) -> Any:
        result = CliRunner().invoke(app, [str(word) for word in words])
        # What a user would see as a traceback is one here too.
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny: Path, start: Callable[..., subprocess.Popen[str]]) -> Path:
    """The folder in which `runs/tiny` was trained to M2 undisturbed; `stderr.txt` is what it said. Copy it before anything is changed."""
    folder = tmp_path_factory.mktemp("trained")
    work = start("srlm", "train", "--run", str(tiny), cwd=folder)
    said, logged = work.communicate()
    assert work.returncode == 0, logged
    assert said == "tiny: M2 is in runs/tiny/M2/model\n"
    (folder / "stderr.txt").write_text(logged)
    return folder


ANIMALS = ("otter", "heron", "lynx", "newt", "wren", "mole", "stoat", "hare", "carp", "toad", "ibex", "moth")
PEOPLE = """\
name: people
iterations: 2
threads: 1
model: {base: model}
data: {kind: oasst, path: trees.jsonl, ift: 12, eft_sets: 6, heldout_sets: 6, evaluation_prompts: 12}
engine: {batch_size: 16}
sft: {max_steps: 2, batch_size: 4, micro_batch_size: 4}
eft: {writer: sft, filter: false}
prompts: {writer: file, path: prompts.jsonl, count: 8}
candidates: {count: 2, sampling: {max_new_tokens: 6}}
judge: {template: rubric.txt, draws: 2, sampling: {max_new_tokens: 6}, complete: true, on_collapse: continue}
dpo: {max_steps: 2, batch_size: 4, micro_batch_size: 4}
"""


@pytest.fixture
def people(bead_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a run file `people.yaml` and what people bring: trees, prompts, a rubric, a model."""
    trees = []
    for n in range(3):
        for animal in ANIMALS:
            replies = [
                {"text": f"{how} {animal}s", "role": "assistant", "lang": "en", "rank": rank}
                for rank, how in enumerate(("all", "some", "no"))
            ]
            prompt = {
                "text": f"Are {animal}{n} and {animal}s{n} alike?",
                "role": "prompter",
                "lang": "en",
                "replies": replies,
            }
            trees.append({"message_tree_id": f"{animal}{n}", "tree_state": "ready_for_export", "prompt": prompt})
    (tmp_path / "trees.jsonl").write_text("".join(json.dumps(tree) + "\n" for tree in trees))
    prompts = [
        {"instruction": f"a {colour} b gold c pink {what}"}
        for colour in ("red", "blue")
        for what in ["copy", "turn", "mate", "skip"]
    ]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts))
    (tmp_path / "rubric.txt").write_text("review {prompt} response {response}\n")
    (tmp_path / "people.yaml").write_text(PEOPLE)
    shutil.copytree(bead_model, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path
