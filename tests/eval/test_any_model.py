"""`srlm-eval run --model`: any models measured as a run's are, without training. Real tiny models of both families."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from eval.benchmarks.paired import contests_of, steps_of
from eval.cli import main
from eval.metrics import read
from eval.records import MetricValue
from srlm.engines.weights import save
from srlm.methods.base import run_folder
from srlm.records import Response
from srlm.settings import ScratchModel
from srlm.store import files
from srlm.store.folder import recorded
from srlm.training import scratch
from tests.chat_server import Serve, refusal, words
from tests.eval.alpaca import place as alpaca
from tests.eval.mt_bench import place as mt_bench
from tests.eval.nlp import tiny_run
from tests.forks.command import Forks
from tests.srlm.methods import test_kill as kills
from tests.tiny_tokenizers import byte_level

PROMPTS = ("Name a colour.", "Why does ice float?", "Write one line about rain.")
RANKED = [
    {"prompt": "Name a fish.", "responses": ["A trout.", "No idea, sorry."], "ranks": [0, 1]},
    {"prompt": "Name a bird.", "responses": ["Hm.", "An owl."], "ranks": [1, 0]},
]


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two Llamas of one vocabulary (`two` in bfloat16), a GPT-2, and a Llama whose tokenizer has no chat template."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("models")
    tokens = byte_level(["<|user|>", "<|assistant|>", "<|system|>", "<|end|>"], "<|end|>")
    shape = ScratchModel(width=32, layers=1, heads=2, feed_forward=32, max_positions=2048)
    save(scratch.random_model(shape, tokens, seed=3), tokens, place / "base")
    tokens.chat_template = tiny_run.TEMPLATE
    save(scratch.random_model(shape, tokens, seed=1), tokens, place / "one")
    save(scratch.random_model(shape, tokens, seed=2).to(torch.bfloat16), tokens, place / "two")
    torch.manual_seed(4)
    size = {"n_positions": 2048, "n_embd": 32, "n_layer": 1, "n_head": 2}
    gpt2 = GPT2Config(vocab_size=len(tokens), eos_token_id=tokens.eos_token_id, bos_token_id=None, **size)
    save(GPT2LMHeadModel(gpt2), tokens, place / "gpt2")
    return place


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`command("--model", ...)` is `srlm-eval run ... --out evals/mine` in a folder with prompts and rankings."""
    monkeypatch.chdir(tmp_path)
    tiny_run.lines(Path("prompts.jsonl"), [{"instruction": text} for text in PROMPTS])
    tiny_run.lines(Path("rankings.jsonl"), RANKED)

    def run(*words: object) -> Said:
        short = ["--max-new-tokens", "8", "--judge-tokens", "8", "--judge-draws", "1", "--set", "threads=1"]
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(["run", *map(str, words), *short, "--out", "evals/mine"])
        said = capsys.readouterr()
        return Said(left.value.code if isinstance(left.value.code, int) else 0, said.out, said.err)

    return run


def figures() -> dict[tuple[str, str, str | None], MetricValue]:
    return {(m.metric, m.model, m.baseline): m for m in read(Path("evals/mine/evaluation/metrics.json"))}


def answers(name: str) -> list[Response]:
    return files.read(Path(f"evals/mine/evaluation/{name}/responses.jsonl"), Response)


H2H = ("--prompts", "prompts.jsonl", "--judge", "length")


def test_two_models_and_their_reference_are_paired_in_every_table_and_on_the_page(
    models: Path, command: Command
) -> None:
    named = ("--model", models / "one", "--model", f"bf16={models / 'two'}", "--model", models / "gpt2")
    said = command(*named, *H2H, "--rankings", "rankings.jsonl", "--judge", "checkpoint:one", "--reference", "bf16")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1] == "evals/mine/report.html"
    found = figures()
    assert {(m, b) for name, m, b in found if name == "win_minus_lose"} == {("one", "bf16"), ("gpt2", "bf16")}
    assert {(m, b) for name, m, b in found if name == "pairwise_accuracy" and b} == {("one", "bf16"), ("gpt2", "bf16")}
    assert {m for name, m, b in found if name == "characters"} == {"one", "bf16", "gpt2"}
    assert found["win", "one", "bf16"].note.startswith(("judge one", "no verdict could be read (judge one"))
    page = Path("evals/mine/report.html").read_text(encoding="utf-8")
    assert "each is compared with <strong>bf16</strong>" in page
    assert page.count("one : bf16") and page.count("gpt2 : bf16") and "gpt2 : one" not in page
    assert "self-rewarding run" not in page and "not Llama-2-70B" not in page and 'id="training"' not in page
    notes = [json.loads(path.read_text()) for path in Path("evals/mine").glob("*/manifest.json")]
    assert {one["step"]: one["counts"].get("chat template") for one in notes if one["step"] != "data"} == {
        "one": "its own",
        "bf16": "its own",
        "gpt2": "its own",
    }
    assert len({one["checkpoint"]["digest"] for one in notes if one["checkpoint"]}) == 3


def test_the_same_command_again_asks_no_model_and_report_writes_the_same_page(models: Path, command: Command) -> None:
    given = ("--model", models / "one", "--model", models / "two", *H2H)
    assert command(*given).code == 0
    kept = [path for path in Path("evals/mine/evaluation").rglob("*.json*")]
    before = {path: path.read_bytes() for path in kept}
    page = Path("evals/mine/report.html").read_text(encoding="utf-8")
    written = {
        name: Path(f"evals/mine/evaluation/{name}/responses.jsonl").stat().st_mtime_ns for name in ("one", "two")
    }
    assert command(*given).code == 0
    assert {path: path.read_bytes() for path in kept} == before
    for name, when in written.items():
        assert Path(f"evals/mine/evaluation/{name}/responses.jsonl").stat().st_mtime_ns == when
    with pytest.raises(SystemExit) as left:
        main(["report", "evals/mine"])
    assert left.value.code in (None, 0)

    def figures_of(text: str) -> list[str]:
        return [line for line in text.splitlines() if "<data" in line]

    assert figures_of(Path("evals/mine/report.html").read_text(encoding="utf-8")) == figures_of(page)


def test_a_model_may_be_added_and_none_left_out(models: Path, command: Command) -> None:
    assert command("--model", models / "one", "--model", models / "two", *H2H).code == 0
    first = Path("evals/mine/evaluation/one/responses.jsonl").read_bytes()
    more = command("--model", models / "one", "--model", models / "two", "--model", models / "gpt2", *H2H)
    assert more.code == 0, more.err
    assert {m for name, m, _ in figures() if name == "characters"} == {"one", "two", "gpt2"}
    assert Path("evals/mine/evaluation/one/responses.jsonl").read_bytes() == first
    fewer = command("--model", models / "one", "--model", models / "two", *H2H)
    assert fewer.code == 2
    assert "evals/mine has also measured gpt2" in fewer.err and "name these models, too (--model gpt2=hf:" in fewer.err


def test_another_model_setting_or_prompt_in_the_same_folder_is_refused_with_what_changed(
    models: Path, tmp_path: Path, command: Command
) -> None:
    own = shutil.copytree(models / "one", tmp_path / "own")
    given = ("--model", own, "--model", models / "two")
    assert command(*given, *H2H).code == 0
    longer = command(*given, *H2H, "--set", "evaluation.sampling.max_new_tokens=9")
    assert longer.code == 2
    assert "own/responses.jsonl was made with other inputs (sampling.max_new_tokens: 8 -> 9)" in longer.err
    other = command(*given, *H2H, "--dtype", "bfloat16")
    assert other.code == 2
    assert "method.models.own.dtype: 'auto' -> 'bfloat16'" in other.err
    assert "choose another folder (--out OTHER) or delete this one" in other.err
    tiny_run.lines(Path("prompts.jsonl"), [{"instruction": "Another one?"}])
    asked = command(*given, *H2H)
    assert asked.code == 2
    assert "data.prompts_path" in asked.err and "prompts.jsonl has changed, SHA-256" in asked.err
    tiny_run.lines(Path("prompts.jsonl"), [{"instruction": text} for text in PROMPTS])
    shutil.copy(models / "two" / "model.safetensors", own / "model.safetensors")
    weights = command(*given, *H2H)
    assert weights.code == 2
    assert "method.models.own.model" in weights.err and "model.safetensors has changed, SHA-256" in weights.err


def test_a_base_model_continues_plain_text_and_the_page_says_so(models: Path, command: Command) -> None:
    said = command("--model", models / "one", "--model", models / "base", *H2H)
    assert said.code == 0, said.err
    assert "base has no chat template: it is asked with the words of the prompt alone" in said.err
    assert "--chat-template base=FILE gives it one" in said.err
    page = Path("evals/mine/report.html").read_text(encoding="utf-8")
    assert "base has no chat template: it was asked with the words of each prompt alone" in page
    assert len(answers("base")) == len(PROMPTS)


def test_a_base_model_takes_a_chat_template_that_is_given(models: Path, command: Command) -> None:
    Path("chat.jinja").write_text(tiny_run.TEMPLATE)
    given = ("--model", models / "one", "--model", models / "base", "--chat-template", "base=chat.jinja")
    said = command(*given, *H2H)
    assert said.code == 0, said.err
    assert "no chat template" not in said.err
    manifest = json.loads(Path("evals/mine/base/manifest.json").read_text())
    assert manifest["counts"]["chat template"].endswith("chat.jinja")


def test_a_served_model_is_stopped_goes_on_where_it_was_and_leaves_no_key(
    models: Path, command: Command, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key-that-no-file-may-hold")
    is_broken = True
    answered: list[str] = []

    def reply(body: dict[str, Any], number: int) -> Any:
        text = body["messages"][-1]["content"]
        if is_broken and text == PROMPTS[2]:
            return refusal(401, "this key has expired")
        answered.append(text)
        return words(f"About that: {text}")

    server = serve(reply)
    server.models = [{"id": "big", "root": "weights-1"}]
    given = ("--model", models / "one", "--model", "openai:big", "--base-url", server.url)
    stopped = command(*given, *H2H)
    assert stopped.code == 2 and "this key has expired" in stopped.err
    is_broken = False
    whole = command(*given, *H2H)
    assert whole.code == 0, whole.err
    assert sorted(answered) == sorted(PROMPTS)
    assert [one.text for one in answers("big")] == [f"About that: {text}" for text in PROMPTS]
    assert figures()["win", "big", "one"].n == len(PROMPTS)
    everything = b"".join(path.read_bytes() for path in Path("evals").rglob("*") if path.is_file())
    assert b"sk-a-key" not in everything
    server.models = [{"id": "big", "root": "weights-2"}]
    (Path("evals/mine/evaluation/big/responses.jsonl")).unlink()
    (Path("evals/mine/evaluation/big/responses.jsonl.from.json")).unlink()
    changed = command(*given, *H2H)
    assert changed.code == 2
    assert "tells other things of big than when big was first asked" in changed.err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(["--model", "./none"], "--model ./none: no such folder", id="no-folder"),
        pytest.param(["--model", "empty"], "the folder has no config.json, so it is no model's", id="no-config"),
        pytest.param(["--model", "run"], "did you mean run/M2/model?", id="a-run"),
        pytest.param(["--model", "gguf:x"], "--model gguf:x: not a folder, hf:DIR_OR_ID", id="no-such-kind"),
        pytest.param(["--model", "ONE", "--model", "other/one"], "two models have the name one", id="one-name"),
        pytest.param(["--model", "data=ONE"], "the name data is taken", id="taken-name"),
        pytest.param(["--model", "ONE", "--benchmarks", "h2h"], "head_to_head needs prompts: --prompts", id="prompts"),
        pytest.param(
            ["--model", "ONE", "--benchmarks", "h2h", "--prompts", "prompts.jsonl"],
            "needs a judge: --judge",
            id="judge",
        ),
        pytest.param(
            ["--model", "ONE", "--benchmarks", "agreement"], "needs human rankings: --rankings", id="rankings"
        ),
        pytest.param(["--model", "ONE", "--benchmarks", "drift"], "drift: is about a training", id="training"),
        pytest.param(["--model", "ONE", "--benchmarks", "mmlu"], "mmlu: no such benchmark", id="no-benchmark"),
        pytest.param(["--model", "ONE"], "nothing to measure: h2h needs prompts", id="nothing"),
        pytest.param(["--model", "ONE", "--reference", "two"], "--reference two: no such model", id="reference"),
        pytest.param(["--model", "ONE", *H2H, "--prompts", "nothing.jsonl"], "contains no prompts", id="empty-prompts"),
        pytest.param(
            ["--model", "ONE", *H2H, "--base-url", "http://x/v1"], "none of the models takes it", id="no-server"
        ),
        pytest.param(["--model", "ONE", *H2H, "--judge", "checkpoint:big"], "no such model", id="no-such-judge"),
        pytest.param([], "run needs either --run FILE, or --model MODEL", id="neither"),
        pytest.param(
            ["--model", "ONE", *H2H, "--prompts", "blank.jsonl"], "`instruction`; found ' '", id="empty-prompt"
        ),
    ],
)
def test_bad_input_gives_one_line_that_says_what_to_do(
    models: Path, command: Command, given: list[str], message: str
) -> None:
    Path("nothing.jsonl").touch()
    tiny_run.lines(Path("blank.jsonl"), [{"instruction": " "}])
    Path("empty").mkdir()
    Path("run/M2/model").mkdir(parents=True)
    Path("run/M2/model/config.json").write_text("{}")
    shutil.copytree(models / "one", "other/one")
    said = command(*[word.replace("ONE", str(models / "one")) for word in given])
    assert said.code == 2
    assert message in said.err and "Traceback" not in said.err
    assert len([line for line in said.err.splitlines() if line.startswith("srlm: ")]) == 1
    assert not Path("evals/mine/evaluation").exists()


def test_a_file_is_no_folder_of_a_measurement(models: Path, command: Command) -> None:
    Path("evals").mkdir()
    Path("evals/mine").write_text("mine")
    said = command("--model", models / "one", *H2H)
    assert (said.code, said.err) == (2, "srlm: --out evals/mine: a file; give a folder, which may be new\n")
    assert Path("evals/mine").read_text() == "mine"


def test_which_models_are_compared_with_which() -> None:
    names = ["M0", "SFT", "M1"]
    assert steps_of(names, None) == [("SFT", "M0"), ("M1", "SFT")]
    assert steps_of(names, "SFT") == contests_of(names, "SFT") == [("M0", "SFT"), ("M1", "SFT")]
    assert contests_of(names, None) == [("SFT", "M0"), ("M1", "M0"), ("M1", "SFT")]
    assert steps_of(names, "M9") == []


@pytest.mark.parametrize("own", [True, False])
def test_m0_is_measured_where_its_tokenizer_has_a_chat_template_of_its_own(tmp_path: Path, own: bool) -> None:
    folder = tiny_run.made(tiny_run.settings(tmp_path), ("M0", "SFT"))
    if not own:
        os.remove(folder.step("M0") / "model" / "chat_template.jinja")
    (folder.step("M0") / "manifest.json").write_text(
        (folder.step("M0") / "manifest.json").read_text().replace('"model.chat_template"', "null")
    )
    folder = run_folder(recorded(folder.path))
    assert [one.name for one in folder.measured()] == (["M0", "SFT"] if own else ["SFT"])
    assert folder.not_measured() == ({} if own else {"M0": "its tokenizer has no chat template of its own"})


# The other benchmarks, each as somebody would give it -----------------------------------------------------------------


def test_nlp_tasks_of_two_models_by_local_data(models: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_run.arc(6)(Path("nlp"))
    given = ("--model", models / "one", "--model", models / "two", "--benchmarks", "nlp", "--nlp-data", "nlp")
    said = command(*given, "--task", "arc_easy", "--nlp-limit", "4")
    assert said.code == 0, said.err
    found = figures()
    assert {(model, base) for name, model, base in found if name == "arc_easy.acc_norm"} == {
        ("one", None), ("two", None), ("two", "one"),
    }  # fmt: skip
    assert found["arc_easy.acc_norm", "two", "one"].n == 4
    assert "ARC-E" in Path("evals/mine/report.html").read_text(encoding="utf-8")


def test_mt_bench_and_its_pairs_by_a_judge_behind_a_server(
    models: Path, command: Command, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    files_of_fastchat = mt_bench.fastchat(Path("fastchat"), mt_bench.QUESTIONS[:8])

    def judge(body: dict[str, Any], number: int) -> Any:
        return words("[[B]]" if "[[A]]" in mt_bench.asked_of(body) else "Fine. Rating: [[7]]")

    server = serve(judge)
    given = ("--model", models / "one", "--model", models / "two", "--benchmarks", "mt_bench,mt_bench_pairs")
    at = ("--judge", "openai:grader", "--judge-base-url", server.url, "--mt-bench-files", files_of_fastchat)
    said = command(*given, *at, "--set", "evaluation.mt_bench.answer_tokens=8")
    assert said.code == 0, said.err
    found = figures()
    assert [found["overall", name, None].value for name in ("one", "two")] == [7, 7]
    assert (found["tie", "two", "one"].value, found["tie", "two", "one"].n) == (1, 16)  # each order prefers its second
    assert 'id="mt-bench"' in Path("evals/mine/report.html").read_text(encoding="utf-8")
    asked = len(server.asked)
    assert command(*given, *at, "--set", "evaluation.mt_bench.answer_tokens=8").code == 0
    assert len(server.asked) == asked


def test_alpaca_eval_by_a_judge_behind_a_server(
    models: Path, command: Command, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    folder = alpaca.Place(tmp_path)
    folder.add_length_control()
    server = serve(alpaca.verdict)
    given = (
        "--model",
        models / "one",
        "--model",
        models / "two",
        "--benchmarks",
        "alpaca",
        "--alpaca-dir",
        folder.data,
    )
    said = command(*given, "--judge", "openai:judge", "--judge-base-url", server.url)
    assert said.code == 0, said.err
    found = figures()
    assert {model for name, model, _ in found if name == "win_rate"} == {"one", "two"}
    assert found["win_rate", "one", None].n == alpaca.NUMBER
    assert "AlpacaEval" in Path("evals/mine/report.html").read_text(encoding="utf-8")
    results = sorted(path.parent.parent.name for path in Path("evals/mine").rglob("annotations.json"))
    assert results == ["one", "two"]


# Killed ---------------------------------------------------------------------------------------------------------------

KILLED = Path(__file__).parents[1] / "srlm/methods/killed.py"
KILLS = [
    ("rename", "mine/data/evaluation_prompts.jsonl", 1),
    ("rename", "mine/one/manifest.json", 1),
    ("open", "evaluation/one/responses.jsonl.part", 1),
    ("rename", "evaluation/two/responses.jsonl", 1),
    ("open", "verdicts/two-vs-one.jsonl.part", 1),
    ("rename", "evaluation/two/judgements.jsonl", 1),
    ("rename", "evaluation/metrics.json", 1),
    ("rename", "report.html", 1),
]
"""Places from the first file to the last; each is met in the measurement that goes on from the one before."""


def killed(forks: Forks, models: Path, at: tuple[str, str, int], *words: str) -> int:
    """Exit status of a measurement in the working directory, which ends at a place or at its own end."""
    event, end, occurrence = at
    given = ["run", "--model", str(models / "one"), "--model", str(models / "two"), "--out", "evals/mine", *H2H, *words]
    given += ["--max-new-tokens", "8", "--judge-tokens", "8", "--set", "threads=1"]
    return forks.run(str(KILLED), "9", event, end, str(occurrence), "eval", *given, cwd=Path.cwd()).returncode


def undisturbed(forks: Forks, models: Path, *words: str) -> dict[str, str]:
    """What a measurement comes to that nobody disturbs; it is gone then."""
    assert killed(forks, models, ("", "", 0), *words) == 0
    found = kills.contents(Path("evals/mine"))
    shutil.rmtree("evals")
    return found


@pytest.mark.usefixtures("command")
def test_a_measurement_that_was_killed_ends_with_the_same_bytes(models: Path, forks: Forks) -> None:
    expected = undisturbed(forks, models)
    assert "evaluation/metrics.json" in expected and "report.html" in expected
    assert killed(forks, models, ("open", "evaluation/two/responses.jsonl.part", 1)) == -signal.SIGKILL
    assert killed(forks, models, ("", "", 0)) == 0
    assert kills.contents(Path("evals/mine")) == expected


@pytest.mark.soak  # by default: one place, above
@pytest.mark.usefixtures("command")
def test_a_measurement_killed_everywhere_ends_with_the_same_bytes(models: Path, forks: Forks) -> None:
    more = ("--rankings", "rankings.jsonl", "--benchmarks", "h2h,agreement")
    expected = undisturbed(forks, models, *more)
    for place in KILLS:
        assert killed(forks, models, place, *more) == -signal.SIGKILL, place
    assert killed(forks, models, ("", "", 0), *more) == 0
    assert kills.contents(Path("evals/mine")) == expected
