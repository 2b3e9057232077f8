"""A model that was trained with LoRA as one adapter of M0: the difference of their weights, which has a low rank.

A run keeps merged weights: each model goes on from the one before, and so the difference from M0 is a sum of as many
adapters as there are trainings between them, B A of at most the sum of their ranks. It is computed by a singular value
decomposition, tensor by tensor, and compared with the weights that the run holds.
"""

from collections.abc import Set
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file

from srlm.engines.weights import WHEEL, safetensors, weight_files
from srlm.errors import SettingsError, StoreError
from srlm.export.facts import HUB_ID
from srlm.export.model import copy_files
from srlm.export.sources import RESTORE, Source, refuse_changed
from srlm.records import seed_for
from srlm.store import changes
from srlm.training.adapters import transposed_layers

WHOLE_MODEL = ("*.safetensors", "model.safetensors.index.json", "config.json", "generation_config.json")
"""Files of a merged model that an adapter's folder has not."""
NEAR = 1e-5
"""How far M0 with the adapter may be from the run's weights, as a share of the largest one of the tensor; merging in
float32 alone makes some 1e-7."""


class Adapter(NamedTuple):
    """What an adapter is to be."""

    base: str
    """What the base model is called where it is loaded from."""
    revision: str | None
    rank: int
    weights: Path | str
    """Where M0's weights lie."""


def adapter_of(source: Source, base_id: str | None) -> Adapter:
    """The adapter of a model. Raises SettingsError where it was trained without, or M0 has no name that others know."""
    settings, folder = source.folder.settings, source.folder
    ranks = [one.lora.rank for one in (settings.sft, settings.dpo, settings.online) if one.lora is not None]
    if not ranks:
        raise SettingsError(
            "--adapter: the run was trained without adapters (sft.lora, dpo.lora); leave --adapter out for its weights"
        )
    name, trainings, oldest = settings.model.base, 0, source.checkpoint
    while oldest.parent is not None and (parent := folder.checkpoint(oldest.parent)) is not None:
        oldest, trainings = parent, trainings + 1
    on_hub = not Path(name).is_dir() and not name.startswith(WHEEL) and name != "scratch" and HUB_ID.fullmatch(name)
    if base_id is None and not on_hub:
        raise SettingsError(
            "--adapter: an adapter names the model that it belongs to, and M0 is on this machine; say what it is "
            "called on the Hub: --base OWNER/NAME"
        )
    manifest = folder.manifest(oldest.name)
    place = folder.model_path(oldest)
    if place.is_dir() and manifest is not None:
        changed = list(changes.of_weights(place, manifest, folder.sha256))
        if any(one.startswith("model/") for one in manifest.outputs):
            changed += changes.of_outputs(folder.step(oldest.name), manifest, folder.sha256)
        if changed:
            raise StoreError(f"{folder.path}: {'; '.join(changed)}. {RESTORE}")
    inputs = folder.inputs()
    commit = None if inputs is None or base_id is not None else inputs.commit("model.base", name)
    return Adapter(base_id or name, commit, trainings * max(ranks), place if place.is_dir() else oldest.path)


def write_adapter(source: Source, adapter: Adapter, target: Path) -> str:
    """Write adapter_model.safetensors, adapter_config.json and the tokenizer; returns what to say of it.

    Raises StoreError where the weights differ from M0's by more than an adapter of that rank can hold.
    """
    from peft import LoraConfig

    refuse_changed(source)
    copy_files(source, target, WHOLE_MODEL)
    transposed = transposed_layers(source.path, source.folder.settings.model)
    tensors, modules, worst = _tensors(source, adapter, transposed)
    if not modules:
        raise StoreError(f"--adapter: {source.step.name} has the weights of M0; there is nothing to export")
    LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.rank,
        target_modules=modules,
        fan_in_fan_out=transposed.issuperset(modules),
        task_type="CAUSAL_LM",
        base_model_name_or_path=adapter.base,
        revision=adapter.revision,
        inference_mode=True,
    ).save_pretrained(target)
    save_file(tensors, target / "adapter_model.safetensors", metadata={"format": "pt"})
    return (
        f"a LoRA adapter of {adapter.base}: rank {adapter.rank}, at most {worst:.1e} of a tensor's largest weight off"
    )


def _tensors(source: Source, adapter: Adapter, transposed: Set[str]) -> tuple[dict[str, Any], list[str], float]:
    """The adapter's tensors, the layers that they belong to, and how far off the worst of them is."""
    settings = source.folder.settings.model
    before = {
        name: file
        for path in weight_files(adapter.weights, settings)
        for file in [safetensors(path)]
        for name in file.keys()  # noqa: SIM118  (no mapping)
    }
    tensors: dict[str, Any] = {}
    modules, worst = [], 0.0
    for path in weight_files(source.path, settings):
        after = safetensors(path)
        for name in sorted(after.keys()):
            if name not in before:
                raise StoreError(f"--adapter: M0 has no tensor {name}; leave --adapter out for the merged weights")
            new, old = after.get_tensor(name).float(), before[name].get_tensor(name).float()
            if new.shape == old.shape and torch.equal(new, old):
                continue
            module = name.removesuffix(".weight")
            if module in transposed:
                new, old = new.T, old.T
            off, found = (float("inf"), None) if new.shape != old.shape or new.ndim != 2 else _split(new, old, adapter)
            if found is None or off > NEAR or not name.endswith(".weight"):
                raise StoreError(
                    f"--adapter: {name} has changed by more than an adapter of rank {adapter.rank} holds; a training "
                    "on the way from M0 was without lora: leave --adapter out for the merged weights"
                )
            tensors[f"base_model.model.{module}.lora_A.weight"], tensors[f"base_model.model.{module}.lora_B.weight"] = (
                found
            )
            modules.append(module)
            worst = max(worst, off)
    return tensors, modules, worst


def _split(new: torch.Tensor, old: torch.Tensor, adapter: Adapter) -> tuple[float, tuple[torch.Tensor, torch.Tensor]]:
    """How far M0's weights with the adapter are from `new` (out, in), and A (rank, in) and B (out, rank)."""
    difference, rank = new - old, adapter.rank
    if min(difference.shape) <= 4 * rank:
        left, sizes, right = torch.linalg.svd(difference, full_matrices=False)
        right = right.T
    else:
        with torch.random.fork_rng([]):
            torch.manual_seed(seed_for(0, "adapter"))
            left, sizes, right = torch.svd_lowrank(difference, q=rank + 8, niter=4)
    roots = sizes[:rank].sqrt()
    first, second = (right[:, :rank] * roots).T, left[:, :rank] * roots
    missing = rank - len(roots)  # a layer narrower than the rank
    first = torch.nn.functional.pad(first, (0, 0, 0, missing)).contiguous()
    second = torch.nn.functional.pad(second, (0, missing)).contiguous()
    largest = max(float(new.abs().max()), torch.finfo(torch.float32).tiny)
    return float((old + second @ first - new).abs().max()) / largest, (first, second)
