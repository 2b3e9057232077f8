"""An exported model's weights in another number format: half the size, and no longer those that were trained."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from srlm.bounded import json_text
from srlm.bounded.files import read_bytes

INDEX = "model.safetensors.index.json"


def to_bfloat16(folder: Path) -> None:
    """Round every weight in a folder to bfloat16, one file after the other, and have config.json say so."""
    size = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: _cast(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118  (no mapping)
        size += sum(one.numel() * one.element_size() for one in tensors.values())
        save_file(tensors, path, metadata)
    config = folder / "config.json"
    _write(config, {"dtype": "bfloat16"} | _named(json_text.decode(read_bytes(config))))
    if (index := folder / INDEX).is_file():
        listed = json_text.decode(read_bytes(index))
        _write(index, listed | {"metadata": {**listed.get("metadata", {}), "total_size": size}})


def _cast(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor


def _named(config: Any) -> Any:
    """The configuration, those of its parts too, with the format that it names."""
    found = {name: _named(one) if isinstance(one, dict) else one for name, one in config.items()}
    named = [name for name in ("dtype", "torch_dtype") if name in found]
    return found | dict.fromkeys(named, "bfloat16")


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
