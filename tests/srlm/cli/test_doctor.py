"""`srlm doctor`: a sound run passes, and each thing that would fail later is said before anything runs."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def said(result: Any, state: str) -> list[str]:
    """What the doctor's lines of one state say."""
    lines = [line.strip().split("  ", 1) for line in result.stdout.splitlines()]
    return [what for kind, what in (line for line in lines if len(line) == 2) if kind == state]


def test_the_doctor_finds_nothing_in_the_way_of_a_sound_run(people: Path, srlm: Any) -> None:
    before = sorted(people.rglob("*"))
    result = srlm("doctor", "--run", "people.yaml")
    assert result.stdout.splitlines()[-1] == "nothing in the way"
    assert result.exit_code == 0
    assert said(result, "problem") == []
    found = "\n".join(said(result, "ok"))
    for words in (
        "run people: settings read, digest ",
        "judge template rubric.txt: both slots there, digest ",
        "ift: got 12",
        "no training prompt is an evaluation prompt, exactly or nearly",
        "prompts.path: 8 prompts, 8 needed up to M2",
        "tokenizer: 78 words, end '<eos>', pad '<pad>'",
        "IFT: 0 of 12 examples are longer than sft.max_length 2048",
        "prompts: 0 of 24 leave no room for 6 new tokens in a context of 96",
        "model: loads and generates",
        "of 4 readings by M0 hold a score line",
    ):
        assert words in found
    assert sorted(people.rglob("*")) == before


def test_a_sound_run_does_train(people: Path, srlm: Any) -> None:
    assert srlm("train", "--run", "people.yaml").stdout == "people: M2 is in runs/people/M2/model\n"
    manifest = json.loads((people / "runs/people/M0/manifest.json").read_text())
    assert manifest["checkpoint"]["path"] == str(people / "model")
    assert srlm("doctor", "--run", "people.yaml").exit_code == 0


def test_the_doctor_passes_a_run_of_the_bead_world(tiny: Path, tmp_path: Path, srlm: Any) -> None:
    result = srlm("doctor", "--run", tiny, "--set", f"runs={tmp_path}/runs")
    assert result.exit_code == 0
    assert said(result, "warning") == ["data: only 14 prompts to measure on; intervals will be wide"]
    assert list(tmp_path.iterdir()) == []


def test_without_weights_the_model_is_not_loaded(people: Path, srlm: Any) -> None:
    (people / "model" / "model.safetensors").write_bytes(b"no weights")
    assert srlm("doctor", "--run", "people.yaml", "--no-weights").exit_code == 0
    result = srlm("doctor", "--run", "people.yaml")
    assert result.exit_code == 2
    assert said(result, "problem")[0].startswith("model: model: no model can be loaded: ")


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


Break = Callable[[Path], object]
BROKEN: dict[str, tuple[Break, str]] = {
    "no-data-file": (lambda here: (here / "trees.jsonl").unlink(), "data: trees.jsonl: no such file; is the path"),
    "broken-data": (lambda here: (here / "trees.jsonl").write_text("{\n"), "data: trees.jsonl:1: not JSON: "),
    "no-rubric": (
        lambda here: (here / "rubric.txt").unlink(),
        "judge.template: rubric.txt is neither a readable file nor one of additive, beads: ",
    ),
    "rubric-without-slot": (
        lambda here: (here / "rubric.txt").write_text("Judge {response}"),
        "judge.template rubric.txt: the template has no slot {prompt}",
    ),
    "no-prompts-file": (lambda here: (here / "prompts.jsonl").unlink(), "prompts.path: prompts.jsonl: no such file"),
    "no-model-folder": (lambda here: shutil.rmtree(here / "model"), "model: model: no tokenizer can be loaded: "),
    "no-tokenizer": (
        lambda here: (here / "model/tokenizer.json").unlink(),
        "model: model: no tokenizer can be loaded: Couldn't instantiate the backend tokenizer from one of (the folder "
        "has no tokenizer.json)",
    ),
    "no-chat-template": (
        lambda here: (here / "model/chat_template.jinja").unlink(),
        "model: model: the tokenizer has no chat template; use an instruction-tuned model, or give model.chat_template",
    ),
    "broken-config": (lambda here: (here / "model/config.json").write_text("{"), "model: model: no tokenizer can be"),
    "unknown-kind-of-model": (
        lambda here: change(here / "model/config.json", model_type="abacus"),
        "model: model: config.json cannot be read as a model's: ",
    ),
    "no-weights": (
        lambda here: (here / "model/model.safetensors").unlink(),
        "model: model: no weights; save the model as .safetensors",
    ),
    "only-pickled-weights": (
        lambda here: (here / "model/model.safetensors").rename(here / "model/pytorch_model.bin"),
        "model: model: only pytorch_model.bin, a pickle, which can run any code when it is read; save the model as",
    ),
    "runs-is-a-file": (lambda here: (here / "runs").write_text(""), "runs: not writable; choose another place with"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_the_doctor_names_what_is_broken(people: Path, srlm: Any, fault: str) -> None:
    breaks, words = BROKEN[fault]
    breaks(people)
    result = srlm("doctor", "--run", "people.yaml")
    assert result.exit_code == 2
    (problem,) = said(result, "problem")
    assert problem.startswith(words)
    assert result.stdout.splitlines()[-1] == "mend the problems above first"


@pytest.mark.parametrize(
    ("override", "state", "words"),
    [
        ("sft.max_length=8", "problem", "IFT: 12 of 12 examples are longer than sft.max_length 8 and left out"),
        ("sft.max_length=11", "ok", "IFT: 0 of 12 examples are longer than sft.max_length 11 and left out"),
        ("candidates.sampling.max_new_tokens=95", "problem", "prompts: 24 of 24 leave no room for 95 new tokens"),
        ("judge.sampling.max_new_tokens=95", "problem", "judge prompts: 18 of 18 leave no room for 95 new tokens"),
        ("judge.complete=false", "warning", "judge: 0 of 4 readings by M0 hold a score line; the EFT stage may keep"),
        ("prompts.count=9", "warning", "prompts.path: 8 prompts, 9 needed up to M2"),
    ],
)
def test_the_doctor_measures_what_is_too_long_or_too_little(
    people: Path, srlm: Any, override: str, state: str, words: str
) -> None:
    result = srlm("doctor", "--run", "people.yaml", "--set", override)
    assert [what for what in said(result, state) if what.startswith(words)]
    assert result.exit_code == (2 if state == "problem" else 0)


def test_one_fault_does_not_hide_another(people: Path, srlm: Any) -> None:
    (people / "trees.jsonl").unlink()
    (people / "rubric.txt").unlink()
    (people / "prompts.jsonl").unlink()
    shutil.rmtree(people / "model")
    assert len(said(srlm("doctor", "--run", "people.yaml"), "problem")) == 4


def test_measured_prompts_are_not_trained_on_even_if_too_little_is_left(people: Path, srlm: Any) -> None:
    asked = [json.loads(line)["prompt"]["text"] for line in (people / "trees.jsonl").read_text().splitlines()]
    (people / "measured.jsonl").write_text("".join(json.dumps({"instruction": text}) + "\n" for text in asked[:34]))
    result = srlm("doctor", "--run", "people.yaml", "--set", "data.prompts_path=measured.jsonl")
    assert result.exit_code == 2
    assert "too few usable conversations" in said(result, "problem")[0]


def test_a_run_made_with_other_settings_is_a_problem(people: Path, srlm: Any) -> None:
    assert srlm("train", "--run", "people.yaml", "--to", "M1").exit_code == 0
    result = srlm("doctor", "--run", "people.yaml", "--set", "sft.max_steps=3", "--no-weights")
    assert result.exit_code == 2
    assert said(result, "problem")[0].startswith("runs/people was made with other settings (sft.max_steps: 2 -> 3)")


def test_a_server_that_is_down_is_a_problem(people: Path, srlm: Any) -> None:
    server = "{kind: openai, model: judge, base_url: 'http://127.0.0.1:9/v1', retries: 0, timeout: 2}"
    environment = dict(os.environ)
    os.environ["OPENAI_API_KEY"] = "none"
    try:
        result = srlm("doctor", "--run", "people.yaml", "--set", f"judge.engine={server}", "--no-weights")
    finally:
        os.environ.clear()
        os.environ.update(environment)
    assert result.exit_code == 2
    assert said(result, "problem")[0].startswith("server: ")
    assert "127.0.0.1:9" in said(result, "problem")[0]
