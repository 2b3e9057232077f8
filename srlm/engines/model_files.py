"""The small files of a model's folder, looked at before any library opens them, because it believes what they say.

A configuration of a million layers is built layer by layer, one that names a kernel of the hub has its code fetched and
run, an index may name weights outside its folder, and a tokenizer of gigabytes is read whole.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from srlm.bounded import files, json_text
from srlm.bounded.quote import quoted
from srlm.engines.trial_child import ADDED
from srlm.errors import ModelError
from srlm.settings import ModelSettings
from srlm.text.counts import counted

INDEX = "model.safetensors.index.json"
SIZES: Mapping[str, int] = {
    "config.json": 4 * 2**20,
    "generation_config.json": 2**20,
    "adapter_config.json": 2**20,
    "special_tokens_map.json": 4 * 2**20,
    **dict.fromkeys(("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json"), 2**20),
    "tokenizer_config.json": 32 * 2**20,
    "added_tokens.json": 32 * 2**20,
    INDEX: 64 * 2**20,
}
"""Files that are one JSON object, and the bytes that they may have; the largest published ones have a tenth."""
KINDS: Mapping[str, str] = {
    "config.json": "model configuration",
    "generation_config.json": "generation configuration",
    "adapter_config.json": "adapter configuration",
    INDEX: "weight index",
}
VOCABULARY: Mapping[str, int] = {
    **dict.fromkeys(("tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model"), 256 * 2**20),
    "chat_template.jinja": files.TEMPLATE,
}
"""Other files that are read whole; the largest published tokenizer.json has 40 MB."""
COUNTS: Mapping[str, int] = {
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_nextn_predict_layers"), 2_000),
    **dict.fromkeys(("decoder_layers", "encoder_layers", "num_decoder_layers", "num_encoder_layers"), 2_000),
    **dict.fromkeys(("vocab_size", "hidden_size", "n_embd", "d_model"), 2**24),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "n_inner", "d_ff", "moe_intermediate_size"), 2**24),
    **dict.fromkeys(("num_attention_heads", "num_key_value_heads", "n_head", "num_heads", "head_dim"), 2**16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 2**16),
    "num_labels": 2**20,
}
"""Names of sizes in a configuration, and what no model has more of; the largest published ones have a tenth."""
ENTRIES = 10_000
"""Entries of one object or list in these files, but for the index of weights and the lists of added tokens: each label
takes transformers a millisecond."""
LISTS_OF_ADDED = ("added_tokens_decoder", "additional_special_tokens", "extra_special_tokens")
"""They may have as many as a tokenizer.json has added tokens."""
KERNELS = ("attn_implementation", "experts_implementation", "kernel_config")


def refuse_unusable_files(folder: Path, settings: ModelSettings) -> None:
    """Raises ModelError, with the file, for what no library should be given to open. Reads no weights."""
    for name, most in {**SIZES, **VOCABULARY}.items():
        if (folder / name).exists() or (folder / name).is_symlink():
            _hold_size(folder / name, most)
    found = {name: json_object(folder / name) for name in SIZES if (folder / name).exists()}
    for name, value in found.items():
        if name != INDEX:
            _hold_entries(f"{folder}: {name}", value)
    longest = found.get("tokenizer_config.json", {}).get("model_max_length")  # None: it has no bound
    if isinstance(longest, bool) or not isinstance(longest, int | float | None):
        raise ModelError(f"{folder}: tokenizer_config.json: model_max_length must be a number, found {quoted(longest)}")
    if "config.json" in found:
        refuse_unusable_config(f"{folder}: config.json", found["config.json"], settings.trust_remote_code)
    _hold_ends(f"{folder}: generation_config.json", found.get("generation_config.json", {}))
    if INDEX in found:
        weights_of_index(folder, found[INDEX])


def refuse_unusable_config(place: str, config: Mapping[str, Any], trust: bool) -> None:
    """Raises ModelError, with `place` in front, for a configuration from which no model should be built."""
    if not isinstance(kind := config.get("model_type", ""), str):
        raise ModelError(f"{place}: model_type must be text, found {quoted(kind)}")
    if not trust:
        _hold_no_code(place, config)
    for where, name, value in _named(config):
        _hold_count(f"{place}: {where}", name, value)
        if not trust:
            _hold_no_kernel(f"{place}: {where}", name, value)
    _hold_ends(place, config)


def weights_of_index(folder: Path, index: Mapping[str, Any]) -> list[str]:
    """The files that an index of weights names, each within the folder. Raises ModelError."""
    named = index.get("weight_map")
    if not isinstance(named, dict) or not all(isinstance(name, str) for name in named.values()):
        raise ModelError(f"{folder / INDEX}: not a valid weight index: `weight_map` must give each tensor a file name")
    wanted = sorted(set(named.values()))
    for name in wanted:
        if PurePosixPath(name).name != name or "\\" in name or not name.endswith(".safetensors"):
            raise ModelError(
                f"{folder / INDEX}: names {quoted(name)}, which is no .safetensors file of this folder; copy or "
                "download the model again"
            )
    return wanted


def refuse_other_weights(folder: Path, names: list[str], config: Any) -> None:
    """Raises ModelError where the heads of safetensors files show that the weights are of another model than `config`.

    Compared are the layers (no model has more of them than tensors), the vocabulary and the width: each is a dimension
    of some tensor. The shapes of the rest are the library's to compare, once it has read them.
    """
    from srlm.engines.sizes import shapes_in

    shapes = shapes_in(folder, names)
    text = config.get_text_config()
    if not shapes:
        return
    layers = getattr(text, "num_hidden_layers", None)
    if isinstance(layers, int) and layers > len(shapes):
        raise ModelError(
            f"{folder}: config.json has num_hidden_layers {layers}, but the weights hold "
            f"{counted(len(shapes), 'tensors')}; use "
            "the configuration and the weights of the same model"
        )
    sizes = {size for shape in shapes for size in shape}
    for name in ("vocab_size", "hidden_size"):
        size = getattr(text, name, None)
        if isinstance(size, int) and size not in sizes:
            raise ModelError(
                f"{folder}: config.json has {name} {size}, but no tensor of the weights has that size; use the "
                "configuration and the weights of the same model"
            )


def _hold_size(path: Path, most: int) -> None:
    try:
        with files.open_file(path):
            size = path.stat().st_size
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    if size > most:
        raise ModelError(
            f"{path}: {size / 2**20:,.1f} MiB, where no published model has over {most >> 20}; is it what it should be?"
        )


def json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model. Raises ModelError where it holds anything else."""
    try:
        found = json_text.decode(files.read_bytes(path))
        if isinstance(found, dict):
            return found
        what = f"a JSON {type(found).__name__}, where an object is expected"
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    except json_text.NotJson as error:
        what = str(error)
    kind = KINDS.get(path.name, "JSON object")
    raise ModelError(f"{path.parent}: {path.name} is not a valid {kind}: {what}; copy or download the model again")


def _hold_entries(place: str, value: Any, most: int = ENTRIES) -> None:
    if isinstance(value, dict | list):
        if len(value) > most:
            raise ModelError(
                f"{place}: {counted(len(value), 'entries')}, where models have some hundreds; copy or download "
                "the model again"
            )
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            within = ADDED if name in LISTS_OF_ADDED else ENTRIES
            _hold_entries(f"{place}: {name}" if place.count(":") < 3 else place, inner, within)


def _named(value: Any, where: str = "") -> Iterator[tuple[str, str, Any]]:
    """(place, name, value) of everything in a configuration and in those within it; json_text bounds the depth."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield f"{where}{name}", name, inner
        yield from _named(inner, f"{where}{name}.")


def _hold_count(place: str, name: str, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelError(f"{place} is {value}, which is no number")
    if isinstance(value, bool) or not isinstance(value, int):
        return
    most = COUNTS.get(name, 2**63)
    if abs(value) > most or (value < 0 and name in COUNTS):
        raise ModelError(f"{place} is {quoted(value)}, and can be 0 to {most:,}; copy or download the model again")


def _hold_no_code(place: str, config: Mapping[str, Any]) -> None:
    """A model of a kind that transformers does not know runs Python code that comes with it."""
    named = config.get("auto_map")
    code = named.get("AutoConfig") if isinstance(named, dict) else None
    if code is None:
        return
    from transformers import CONFIG_MAPPING

    if config.get("model_type") not in CONFIG_MAPPING:
        raise ModelError(
            f"{place}: names Python code that comes with the model ({quoted(code)}), which is not run; set "
            "trust_remote_code if you trust its author"
        )


def _hold_no_kernel(place: str, name: str, value: Any) -> None:
    """A kernel is native code, which transformers would fetch from the hub and run."""
    if not any(known in name for known in KERNELS):
        return
    if isinstance(value, dict) or (isinstance(value, str) and "/" in value):
        raise ModelError(
            f"{place} names code of the Hub ({quoted(value)}), which is never run; remove the entry, or set "
            "model.trust_remote_code if you trust its author"
        )


def _hold_ends(place: str, config: Mapping[str, Any]) -> None:
    """End tokens are token ids."""
    ends = config.get("eos_token_id")
    for end in ends if isinstance(ends, list) else [ends]:
        if end is not None and (isinstance(end, bool) or not isinstance(end, int) or not 0 <= end < 2**31):
            raise ModelError(f"{place}: eos_token_id must be token ids, found {quoted(end)}")
