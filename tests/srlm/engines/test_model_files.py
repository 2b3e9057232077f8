"""What a model's folder may hold that no library should open: refused in one line, in bounded time and memory."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file

from srlm.engines.fit import refuse_misfits
from srlm.engines.weights import check_weights, load_chat, load_model
from srlm.errors import ModelError
from srlm.settings import ModelSettings

INDEX = "model.safetensors.index.json"
Damage = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path, bead_model: Path) -> Path:
    return Path(shutil.copytree(bead_model, tmp_path / "model"))


def changed(name: str, **values: Any) -> Damage:
    """A JSON object of the folder with other values in it."""

    def damage(folder: Path) -> None:
        known = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(known | values))

    return damage


def replaced(name: str, content: str | bytes) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return damage


def config(**values: Any) -> Damage:
    return changed("config.json", **values)


def pattern(regex: str) -> Damage:
    split = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    return changed("tokenizer.json", pre_tokenizer=split)


def many_added_tokens(folder: Path) -> None:
    known = json.loads((folder / "tokenizer.json").read_text())
    one = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    known["added_tokens"] += [{"id": 1000 + number, "content": f"<{number}>", **one} for number in range(100_001)]
    (folder / "tokenizer.json").write_text(json.dumps(known))


def fifo(folder: Path) -> None:
    (folder / "tokenizer_config.json").unlink()
    os.mkfifo(folder / "tokenizer_config.json")


def loop(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("config.json")


def index(*names: object) -> Damage:
    return replaced(INDEX, json.dumps({"weight_map": {f"t{number}": name for number, name in enumerate(names)}}))


LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
DOUBLED = "{% set ns = namespace(s='aa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"
HEADER = '{"a": {"dtype": "F32", "shape": [2], "data_offsets": [%d, %d]}}'

DAMAGES: list[tuple[str, Damage, str]] = [
    ("a-million-layers", config(num_hidden_layers=10**6), "num_hidden_layers is 1000000, and can be 0 to 2,000"),
    ("more-layers-than-tensors", config(num_hidden_layers=90), "num_hidden_layers 90, but the weights hold 11 tensors"),
    ("a-negative-width", config(hidden_size=-5), "hidden_size is -5, and can be 0 to"),
    ("a-width-of-400-digits", config(hidden_size=10**400), "hidden_size is 1000000000"),
    ("another-vocabulary", config(vocab_size=32_000), "vocab_size 32000, but no tensor of the weights has that size"),
    ("another-width", config(hidden_size=48), "hidden_size 48, but no tensor of the weights has that size"),
    ("a-number-that-is-none", config(rms_norm_eps=float("nan")), "rms_norm_eps is nan, which is no number"),
    ("a-number-as-text", config(hidden_size="32"), "hidden_size"),
    ("a-type-that-is-a-number", config(model_type=5), "model_type must be text, found 5"),
    ("labels-without-end", config(id2label={str(n): "x" for n in range(10_001)}), "id2label: 10,001 entries"),
    ("a-kernel-of-the-hub", config(_attn_implementation="any/kernel"), "names code of the Hub ('any/kernel')"),
    ("kernels-by-part", config(attn_implementation={"": "a/b"}), "names code of the Hub"),
    ("code-of-the-model", config(auto_map={"AutoConfig": "own.Config"}, model_type="own"), "set trust_remote_code"),
    ("no-object", replaced("config.json", "[]"), "config.json is not a valid model configuration: a JSON list"),
    ("too-deep", replaced("config.json", "[" * 10**5), "config.json is not a valid model configuration: JSON nested"),
    ("a-name-twice", replaced("config.json", '{"a": 1, "a": 2}'), "the name 'a' stands twice in one object"),
    ("no-utf-8", replaced("config.json", b"\xff\xfe{}"), "config.json is not a valid model configuration: not JSON"),
    ("an-end-token-of-30-digits", changed("generation_config.json", eos_token_id=10**30), "must be token ids, found 1"),
    ("an-end-token-of-words", changed("generation_config.json", eos_token_id=["x"]), "must be token ids, found 'x'"),
    ("a-length-as-text", changed("tokenizer_config.json", model_max_length="x"), "must be a number, found 'x'"),
    ("a-link-to-itself", loop, "config.json: cannot be read: Too many levels of symbolic links"),
    ("a-fifo", fifo, "tokenizer_config.json: cannot be read: it is a FIFO, not a file"),
    ("many-added-tokens", many_added_tokens, "has 100,007 added tokens"),
    ("a-pattern-that-backtracks", pattern("(a+)+$"), "the tokenizer fails on a text of 2,000 letters"),
    ("weights-of-another-folder", index("../../x.safetensors"), "names '../../x.safetensors', which is"),
    ("weights-by-path", index("/etc/passwd"), "names '/etc/passwd', which is no .safetensors file of this folder"),
    ("weights-that-are-a-pickle", index("x.bin"), "names 'x.bin', which is no .safetensors file of this folder"),
    ("weights-without-name", index(3), "not a valid weight index"),
    ("a-header-of-2**63", replaced("model.safetensors", (2**63).to_bytes(8, "little") + b"{}"), "header too large"),
    (
        "offsets-outside",
        replaced("model.safetensors", len(HEADER % (0, 800)).to_bytes(8, "little") + (HEADER % (0, 800)).encode()),
        "model.safetensors is incomplete",
    ),
    ("a-template-without-end", replaced("chat_template.jinja", LOOP), "the chat template takes more than 5 s"),
    ("a-template-that-doubles", replaced("chat_template.jinja", DOUBLED), "needs more than 1 GiB of memory"),
    ("a-template-that-multiplies", replaced("chat_template.jinja", "{{ 'a' * 10**11 }}"), "needs more than 1 GiB"),
    ("a-template-of-text", replaced("chat_template.jinja", "{{ 'a' * 9999999 }}"), "makes 9,999,999 characters of a"),
    ("a-template-of-2-mb", replaced("chat_template.jinja", "x" * 2**21), "2.0 MiB, where no published model has over"),
    (
        "a-template-that-calls-itself",
        replaced("chat_template.jinja", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"),
        "maximum recursion depth",
    ),
    (
        "a-template-that-looks-inside",
        replaced("chat_template.jinja", "{{ messages[0].content }}{{ ''.__class__.__mro__[1].__subclasses__() }}"),
        "access to attribute '__class__' of 'str' object is unsafe",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "said"), [pytest.param(*case[1:], id=case[0]) for case in DAMAGES])
def test_a_folder_that_no_library_should_open_is_refused_in_one_line(folder: Path, damage: Damage, said: str) -> None:
    damage(folder)
    settings = ModelSettings(base=str(folder))
    with pytest.raises(ModelError) as error:
        refuse_misfits(folder, settings, load_chat(folder, settings))
    told = str(error.value)
    assert said in told
    assert told.startswith(str(folder))
    assert "\n" not in told
    assert len(told) < 600


def test_a_tokenizer_may_say_that_it_has_no_longest_text(folder: Path) -> None:
    changed("tokenizer_config.json", model_max_length=None)(folder)
    assert load_chat(folder, ModelSettings(base=str(folder))).tokenizer.model_max_length > 2**31


def test_code_and_pickles_of_a_model_are_never_run(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
    for name in ("configuration_own.py", "modeling_own.py", "tokenization_own.py", "sitecustomize.py", "__init__.py"):
        (folder / name).write_text(code)
    pickled = f"cos\nmkdir\n(S{str(mark)!r}\ntR.".encode()  # makes the folder when it is loaded
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (folder / name).write_bytes(pickled)
    own = {"AutoConfig": "configuration_own.C", "AutoModelForCausalLM": "modeling_own.M"}
    changed("config.json", auto_map=own)(folder)
    changed("tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization_own.T", None]})(folder)
    settings = ModelSettings(base=str(folder))
    refuse_misfits(folder, settings, load_chat(folder, settings))
    load_model(folder, settings)
    assert not mark.exists()


def test_weights_that_lack_tensors_are_refused_and_not_filled_with_random_numbers(folder: Path) -> None:
    import numpy as np

    save_file({"model.embed_tokens.weight": np.zeros((78, 32), np.float32)}, folder / "model.safetensors")
    with pytest.raises(
        ModelError, match=r": the weights lack 10 tensors that config\.json asks for \(model\.layers\.0"
    ):
        load_model(folder, ModelSettings(base="unused"))


def test_a_kernel_may_be_named_where_the_models_code_is_trusted(folder: Path) -> None:
    config(_attn_implementation="any/kernel")(folder)
    with pytest.raises(ModelError, match="names code of the Hub"):
        check_weights(folder, ModelSettings(base="unused"))
    assert check_weights(folder, ModelSettings(base="unused", trust_remote_code=True)) == 96
