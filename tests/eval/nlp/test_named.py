"""`srlm-eval nlp --model`: a real tiny model behind a server on this machine, measured without a run."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from typer.testing import CliRunner, Result

from eval.cli import app, main
from eval.metrics import read
from srlm.engines.weights import load_chat, save
from srlm.settings import ModelSettings, ScratchModel
from srlm.training import scratch
from tests.chat_server import Reply, Serve, Server, refusal
from tests.eval.nlp import tiny_run
from tests.served_model import ServedModel
from tests.tiny_tokenizers import byte_level

pytest.importorskip("lm_eval", reason="needs lm-eval (pip install 'srlm[nlp]')")


class Served(NamedTuple):
    """A model's folder, its server, and the command's first words."""

    folder: Path
    server: Server
    words: list[str]
    out: Path

    def asked(self, *more: str) -> Result:
        """The command, typed."""
        return CliRunner().invoke(app, [*self.words, *more], catch_exceptions=False)


@pytest.fixture
def served(tmp_path: Path, serve: Serve) -> Served:
    return started(tmp_path, serve, lambda model: model)


def started(tmp_path: Path, serve: Serve, wrapped: Callable[[ServedModel], Any]) -> Served:
    """A served model with data for ARC and GSM8K; `wrapped` may answer in its stead."""
    torch.set_num_threads(1)
    words = byte_level(["<|user|>", "<|assistant|>", "<|system|>", "<|end|>"], "<|end|>")
    words.chat_template = tiny_run.TEMPLATE
    size = ScratchModel(width=32, layers=1, heads=2, feed_forward=32, max_positions=1024)
    folder = tmp_path / "tiny"
    save(scratch.random_model(size, words, seed=1), words, folder)
    tiny_run.arc(6)(tmp_path / "data")
    tiny_run.gsm8k(tmp_path / "data", number=3)
    place = ModelSettings(base=str(folder), dtype="float32")
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    server = serve(wrapped(ServedModel(loaded, load_chat(folder, place).tokenizer)))
    server.models = [{"id": "tiny", "root": "weights-1"}]
    out = tmp_path / "out"
    words_typed = ["nlp", "--data", str(tmp_path / "data"), "--out", str(out)]
    return Served(folder, server, [*words_typed, "--model", "openai:tiny", "--base-url", server.url], out)


def values(out: Path) -> dict[str, Any]:
    """Every value of the figures in a folder."""
    return {one.metric: one.value for one in read(out / "metrics.json")}


def by_document(out: Path, task: str) -> list[dict[str, Any]]:
    (file,) = out.glob(f"*/nlp/{task}.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_served_model_has_the_figures_of_the_same_weights_here(served: Served, tmp_path: Path) -> None:
    said = served.asked("--task", "arc_easy")
    assert said.exit_code == 0, said.output
    assert [line.split()[:2] for line in said.stdout.splitlines() if line.startswith(("task", "arc"))] == [
        ["task", "model"],
        ["arc_easy.acc_norm", "tiny"],
    ]
    here = tmp_path / "here"
    words = [*served.words[:3], "--out", str(here), "--model", f"hf:{served.folder}", "--task", "arc_easy"]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    assert values(served.out) == values(here)
    assert values(served.out).keys() == {"arc_easy.acc", "arc_easy.acc_norm"}
    for there, own in zip(by_document(served.out, "arc_easy"), by_document(here, "arc_easy"), strict=True):
        assert there["log_likelihoods"] == pytest.approx(own["log_likelihoods"], abs=1e-3)
        assert there["values"] == own["values"]


def test_what_a_served_model_writes_is_what_it_writes_here(served: Served, tmp_path: Path) -> None:
    here = tmp_path / "here"
    more = ["--task", "gsm8k", "--limit", "2"]
    assert served.asked(*more).exit_code == 0
    words = [*served.words[:3], "--out", str(here), "--model", f"hf:{served.folder}", *more]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    written, expected = ([one["written"] for one in by_document(out, "gsm8k")] for out in (served.out, here))
    assert written == expected
    assert served.server.paths == ["/v1/completions"] * 2
    assert all(body["stop"] == ["Question:", "</s>", "<|im_end|>"] for body in served.server.asked)


def test_conversations_go_to_chat_completions(served: Served) -> None:
    assert served.asked("--task", "gsm8k", "--limit", "1", "--chat").exit_code == 0
    assert served.server.paths == ["/v1/chat/completions"]
    assert [one["role"] for one in served.server.asked[0]["messages"]] == ["user", "assistant"] * 5 + ["user"]


def test_a_second_start_asks_nothing_again_and_more_documents_only_for_those(served: Served) -> None:
    assert served.asked("--task", "arc_easy", "--limit", "2").exit_code == 0
    asked = len(served.server.asked)
    before = (served.out / "metrics.json").read_bytes()
    assert served.asked("--task", "arc_easy", "--limit", "2").exit_code == 0
    assert (len(served.server.asked), (served.out / "metrics.json").read_bytes()) == (asked, before)
    assert served.asked("--task", "arc_easy", "--limit", "3").exit_code == 0
    assert len(served.server.asked) == asked + 4  # the choices of one question
    served.server.models = [{"id": "tiny", "root": "weights-2"}]
    assert served.asked("--task", "arc_easy", "--limit", "3").exit_code == 0
    assert len(served.server.asked) == asked + 4 + 12  # another model under the same name


def test_other_models_measured_into_the_same_folder_keep_their_figures(served: Served) -> None:
    assert served.asked("--task", "arc_easy", "--limit", "2").exit_code == 0
    other = served.folder.rename(served.folder.with_name("other"))
    words = [*served.words[:5], "--model", f"hf:{other}", "--task", "arc_easy", "--limit", "2"]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    assert {one.model for one in read(served.out / "metrics.json")} == {"tiny", "other"}


def test_a_dry_run_counts_and_sends_and_writes_nothing(served: Served) -> None:
    said = served.asked("--task", "arc_easy", "--task", "gsm8k", "--dry-run", "--price", "1", "1")
    assert said.exit_code == 0
    # 6 questions of 4 choices, and 3 that are written.
    assert "tiny: 27 requests, 0 of them already answered; about $0." in said.stdout
    assert "nothing was sent" in said.stdout
    assert (served.server.asked, served.out.exists()) == ([], False)
    assert served.asked("--task", "arc_easy", "--limit", "2").exit_code == 0
    asked = len(served.server.asked)
    again = served.asked("--task", "arc_easy", "--dry-run")
    assert "tiny: 24 requests, 8 of them already answered; cost unknown" in again.stdout
    assert len(served.server.asked) == asked


def test_a_cost_limit_stops_before_it_is_passed_and_a_higher_one_resumes(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*served.words, "--task", "arc_easy", "--price", "1", "1", "--concurrency", "1"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--max-cost", "0.0001"])
    assert ended.value.code == 2
    assert "stopped before the cost exceeds 0.0001 US dollars" in capsys.readouterr().err
    assert 0 < len(served.server.asked) < 24
    with pytest.raises(SystemExit) as ended:
        main([*served.words, "--task", "arc_easy", "--max-cost", "1"])
    assert "--max-cost needs a price" in capsys.readouterr().err


def test_a_server_without_log_probabilities_still_writes(
    tmp_path: Path, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def mute(model: ServedModel) -> Callable[[dict[str, Any], int], Reply]:
        def reply(body: dict[str, Any], number: int) -> Reply:
            return refusal(400, "Only no echo is supported") if "echo" in body else model(body, number)

        return reply

    served = started(tmp_path, serve, mute)
    with pytest.raises(SystemExit) as ended:
        main([*served.words, "--task", "arc_easy"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "Only no echo is supported" in said
    assert "tasks that only write, such as gsm8k, nq_open and ifeval, can be asked of it" in said
    assert served.asked("--task", "gsm8k", "--limit", "1").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "tiny"], "--model tiny: not openai:MODEL or hf:DIR_OR_ID"),
        (["--model", "openai:"], "--model openai:: not openai:MODEL or hf:DIR_OR_ID"),
        (["--model", "openai:tiny", "--set", "seed=2"], "--set needs --run"),
        (["--model", "openai:tiny", "--run", "run.yaml"], "nlp needs either --run FILE, or --model MODEL"),
        ([], "nlp needs either --run FILE, or --model MODEL"),
        (
            ["--run", "run.yaml"],
            "--dry-run, --resamples, --confidence, --seed need --model; a run has its own settings",
        ),
        (
            ["--model", "hf:nowhere", "--base-url", "http://127.0.0.1:1/v1"],
            "--timeout, --price, --max-cost need --model openai:",
        ),
        (["--model", "hf:nowhere", "--dry-run"], "--dry-run needs --model openai:MODEL"),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nlp", "--out", str(tmp_path / "out"), *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_second_process_is_refused_the_folder(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    from srlm.store.lock import hold_folder

    with hold_folder(served.out), pytest.raises(SystemExit):
        main([*served.words, "--task", "arc_easy"])
    assert "another process writes to this folder" in capsys.readouterr().err
    assert served.server.asked == []


def test_a_killed_command_asks_nothing_twice_that_it_had_written_down(tmp_path: Path, serve: Serve) -> None:
    """Killed at the 70th of 96 requests: the first block of 64 is on disk."""
    child: list[subprocess.Popen[bytes]] = []

    def lethal(model: ServedModel) -> Callable[[dict[str, Any], int], Reply]:
        def reply(body: dict[str, Any], number: int) -> Reply:
            if number == 69:
                os.kill(child[0].pid, signal.SIGKILL)
            return model(body, number)

        return reply

    served = started(tmp_path, serve, lethal)
    tiny_run.arc(24)(tmp_path / "data")
    words = [*served.words, "--task", "arc_easy", "--concurrency", "4"]
    child.append(subprocess.Popen([sys.executable, "-m", "eval", *words]))
    assert child[0].wait() == -signal.SIGKILL
    before = [body["prompt"] for body in served.server.asked]
    said = CliRunner().invoke(app, words, catch_exceptions=False)
    assert said.exit_code == 0
    again = [body["prompt"] for body in served.server.asked[len(before) :]]
    assert len(again) == 96 - 64
    assert not set(again) & set(before[:64])
    (figure,) = [one for one in read(served.out / "metrics.json") if one.metric == "arc_easy.acc"]
    assert (figure.n, figure.unscored) == (24, 0)


def test_options_of_a_named_model_are_not_ignored_for_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nlp", "--run", "run.yaml", "--confidence", "0.95"])
    assert ended.value.code == 2
    assert "--confidence, --seed need --model; a run has its own settings" in capsys.readouterr().err
