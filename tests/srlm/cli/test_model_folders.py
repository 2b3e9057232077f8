"""`srlm doctor` on model folders that cannot serve as they are: each is named, with what to do, without a traceback."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from srlm.cli.main import app
from srlm.engines.processor import quick_in_bfloat16

SMALL = "data: {kind: beads, base_lines: 200, ift: 8, eft_sets: 4, heldout_sets: 20, evaluation_prompts: 20}"


@pytest.fixture
def folder(tmp_path: Path, bead_model: Path) -> Path:
    return Path(shutil.copytree(bead_model, tmp_path / "model"))


@pytest.fixture
def doctor(tmp_path: Path, folder: Path) -> Callable[..., tuple[int, list[str]]]:
    """Exit status and lines of the doctor's report on a run from the folder, whose weights stay unread."""

    def ask(*settings: str) -> tuple[int, list[str]]:
        run = tmp_path / "run.yaml"
        run.write_text(
            f"name: disk\nruns: {tmp_path}/runs\nmodel: {{base: {folder}}}\n{SMALL}\nprompts: {{writer: world}}\n"
            "eft: {writer: reviews}\ncandidates: {sampling: {max_new_tokens: 16}}\n"
            "judge: {template: beads, sampling: {max_new_tokens: 8}}\n"
        )
        words = [word for setting in settings for word in ("--set", setting)]
        done = CliRunner().invoke(app, ["doctor", "--run", str(run), "--no-weights", *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout.splitlines()

    return ask


def test_bfloat16_on_a_processor_that_emulates_it_is_warned_of(
    doctor: Callable[..., tuple[int, list[str]]],
) -> None:
    status, lines = doctor("model.dtype=bfloat16")
    emulated = not torch.cuda.is_available() and not quick_in_bfloat16()
    assert status == 0
    assert any("which this processor emulates" in line and "model.dtype=float32" in line for line in lines) == emulated
    assert not any("emulates" in line for line in doctor("model.dtype=float32")[1])


def change(path: Path, **values: Any) -> None:
    known = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in (known | values).items() if value is not ...}))


def template(folder: Path, text: str) -> None:
    (folder / "chat_template.jinja").write_text(text)


def lora_adapter(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "some/base", "peft_type": "LORA"})
    )
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")


def pad_behind_the_embedding(folder: Path) -> None:
    # As Llama 2's with a pad token that was added later: the weights know nothing of it.
    add(folder, "[PAD]")
    change(folder / "tokenizer_config.json", pad_token="[PAD]")


def add(folder: Path, *tokens: str) -> None:
    from transformers import AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder)
    words.add_tokens(list(tokens))
    words.save_pretrained(folder)


def longer_tokenizer(folder: Path) -> None:
    words = json.loads((folder / "tokenizer.json").read_text())
    known = words["model"]["vocab"]
    known |= {f"more{number}": len(known) + number for number in range(40)}
    (folder / "tokenizer.json").write_text(json.dumps(words))


def missing_shard(folder: Path) -> None:
    index = {
        "metadata": {},
        "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")


def truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def pickles_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def gguf_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-q4.gguf")


def encoder_decoder(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "t5", "vocab_size": 100}))


def vision_only(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "vit"}))


def quantised(folder: Path) -> None:
    change(folder / "config.json", quantization_config={"quant_method": "gptq", "bits": 4, "group_size": 128})


def empty_tokenizer(folder: Path) -> None:
    words = json.loads((folder / "tokenizer.json").read_text())
    words["model"]["vocab"], words["added_tokens"] = {}, []
    (folder / "tokenizer.json").write_text(json.dumps(words))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))


def no_end_token(folder: Path) -> None:
    change(folder / "tokenizer_config.json", eos_token=None)


def no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def wants_a_system_turn(folder: Path) -> None:
    template(
        folder, "{% if messages[0].role != 'system' %}{{ raise_exception('a system turn comes first') }}{% endif %}"
    )


def drops_the_user(folder: Path) -> None:
    template(folder, "{% for m in messages %} <user> {% endfor %} <asst> ")


def drops_the_answer(folder: Path) -> None:
    template(folder, "{% for m in messages if m.role == 'user' %} <user> {{ m.content }}{% endfor %} <asst> ")


def opens_no_turn(folder: Path) -> None:
    template(
        folder,
        "{% for m in messages %}{{ ' <user> ' if m.role == 'user' else ' <asst> ' }}{{ m.content }} <eos>{% endfor %}",
    )


def a_million_layers(folder: Path) -> None:
    change(folder / "config.json", num_hidden_layers=10**6)


def a_kernel_of_the_hub(folder: Path) -> None:
    change(folder / "config.json", _attn_implementation="any/kernel")


def another_vocabulary(folder: Path) -> None:
    change(folder / "config.json", vocab_size=32_000)


def a_template_without_end(folder: Path) -> None:
    template(folder, "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")


def a_template_that_fills_memory(folder: Path) -> None:
    template(folder, "{{ messages[0].content * 10**9 }}")


def a_pattern_without_end(folder: Path) -> None:
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    change(folder / "tokenizer.json", pre_tokenizer=split)


PROBLEMS: list[tuple[Callable[[Path], None], str]] = [
    (lora_adapter, "contains LoRA adapters for some/base, not a model; merge them into the model (peft: "),
    (pad_behind_the_embedding, "the pad token '[PAD]' has the id 78, but the embedding has 78 rows; set pad_token in "),
    (longer_tokenizer, "the tokenizer has 40 tokens beyond the embedding's 78 rows ('more0', 'more1', 'more2', ...)"),
    (missing_shard, "1 of 2 weight files are missing (model-00002-of-00002.safetensors); copy or download"),
    (truncated, "model.safetensors is incomplete ("),
    (pickles_only, "only pytorch_model.bin, a pickle, which can run any code when it is loaded; save the model as"),
    (gguf_only, "only model-q4.gguf, a format for inference; save the model as .safetensors"),
    (encoder_decoder, "a t5 is an encoder-decoder model; use a decoder-only language model"),
    (vision_only, "a vit does not generate text; use a causal language model"),
    (quantised, "its weights are quantised (gptq) and cannot be trained; use the full model"),
    (empty_tokenizer, "tokenizer"),
    (no_end_token, "the tokenizer has no end token; set eos_token in tokenizer_config.json"),
    (no_template, "the tokenizer has no chat template; use an instruction-tuned model, or give model.chat_template"),
    (wants_a_system_turn, "cannot render a conversation of user: a system turn comes first; fix the template"),
    (drops_the_user, "the chat template drops the user's message; fix the template"),
    (drops_the_answer, "the chat template does not render assistant turns, so there is nothing to train on"),
    (a_million_layers, "config.json: num_hidden_layers is 1000000, and can be 0 to 2,000"),
    (a_kernel_of_the_hub, "config.json: _attn_implementation names code of the Hub ('any/kernel'), which is never run"),
    (another_vocabulary, "config.json has vocab_size 32000, but no tensor of the weights has that size"),
    (a_template_without_end, "the chat template takes more than 5 s to render a short conversation; fix the template"),
    (a_template_that_fills_memory, "the chat template needs more than 1 GiB of memory for a conversation of 1 turn"),
    (a_pattern_without_end, "the tokenizer fails on a text of 2,000 letters"),
    (opens_no_turn, "the chat template does not open the assistant turn (it ignores add_generation_prompt)"),
]  # fmt: skip


@pytest.mark.parametrize(("broken", "told"), [pytest.param(*case, id=case[0].__name__) for case in PROBLEMS])
def test_a_folder_that_cannot_serve_is_one_problem_that_says_what_to_do(
    doctor: Callable[..., tuple[int, list[str]]], folder: Path, broken: Callable[[Path], None], told: str
) -> None:
    broken(folder)
    status, lines = doctor()
    problems = [line.removeprefix(" problem  ") for line in lines if line.startswith(" problem  ")]
    assert status == 2
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"model: {folder}: ")
    assert told in problems[0]


def test_what_doctor_calls_a_problem_stops_a_run_before_it_begins(
    doctor: Callable[..., tuple[int, list[str]]], folder: Path, tmp_path: Path
) -> None:
    pad_behind_the_embedding(folder)
    doctor()
    done = CliRunner().invoke(app, ["train", "--run", str(tmp_path / "run.yaml")])
    assert "the pad token '[PAD]' has the id 78" in str(done.exception)
    assert not (tmp_path / "runs" / "disk" / "M0").exists()


def warned(lines: list[str]) -> list[str]:
    return [line.removeprefix(" warning  ") for line in lines if line.startswith(" warning  model: ")]


def test_a_contradictory_end_token_is_a_warning(doctor: Callable[..., tuple[int, list[str]]], folder: Path) -> None:
    change(folder / "tokenizer_config.json", eos_token="<unk>")
    text = (folder / "chat_template.jinja").read_text().replace("eos_token", "'<eos>'")
    template(folder, text)
    status, lines = doctor()
    assert status == 0
    (line,) = warned(lines)
    assert (
        "ends a turn with '<eos>', but tokenizer_config.json has '<unk>' as eos_token; training uses the template's"
        in line
    )
    assert any(
        line.startswith("      ok  chat template: ") and line.endswith("a turn ends with '<eos>'") for line in lines
    )


def test_a_template_without_an_end_is_a_warning(doctor: Callable[..., tuple[int, list[str]]], folder: Path) -> None:
    template(
        folder,
        "{% for m in messages %}{{ ' <user> ' if m.role == 'user' else ' <asst> ' }}{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %} <asst> {% endif %}",
    )
    status, lines = doctor()
    assert status == 0
    (line,) = warned(lines)
    assert (
        "puts no end token after an assistant turn; training and generation use the tokenizer's end token '<eos>'"
        in line
    )


def test_a_template_with_a_clock_is_told(doctor: Callable[..., tuple[int, list[str]]], folder: Path) -> None:
    template(folder, (folder / "chat_template.jinja").read_text() + "{# #}{% set now = strftime_now('%Y') %}{{ now }}")
    _, lines = doctor("model.date=2024-11-05")
    assert "      ok  chat template: gives the model the date, 2024-11-05 (model.date)" in lines


def test_a_thought_in_few_tokens_is_a_warning(doctor: Callable[..., tuple[int, list[str]]], folder: Path) -> None:
    template(
        folder,
        (folder / "chat_template.jinja").read_text().replace("%}{{ ' <asst> ' }}", "%}{{ ' <asst> <think>\\n' }}"),
    )
    _, lines = doctor()
    (line,) = [line for line in lines if "with a thought, and a thought" in line]
    assert line.startswith(" warning  model: the chat template starts each answer with a thought, and a thought that ")
    assert "candidates.sampling.max_new_tokens 16, judge.sampling.max_new_tokens 8" in line
    cut = " warning  model: the model thinks before it answers, but training leaves its thoughts out"
    assert any(line.startswith(cut) for line in lines)
    _, lines = doctor("model.thoughts=train")
    assert not any(line.startswith(cut) for line in lines)


def test_a_models_context_is_found_in_a_nested_configuration(tmp_path: Path) -> None:
    """Of a model that also sees, as gemma3: the part about text knows it."""
    from transformers import Gemma3Config, Gemma3TextConfig

    from srlm.engines.weights import check_weights, context_of
    from srlm.settings import ModelSettings

    text = Gemma3TextConfig(max_position_embeddings=1234, vocab_size=100, hidden_size=8, num_hidden_layers=1)
    assert context_of(Gemma3Config(text_config=text.to_dict())) == 1234
    assert context_of(text) == 1234
    Gemma3Config(text_config=text.to_dict()).save_pretrained(tmp_path)
    from safetensors.torch import save_file

    save_file({}, tmp_path / "model.safetensors")
    assert check_weights(tmp_path, ModelSettings(base="unused")) == 1234
