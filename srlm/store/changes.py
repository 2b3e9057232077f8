"""What of a run is not what it was: its inputs, and the files that its steps have made. In words, for one message."""

from collections.abc import Iterator
from pathlib import Path

from srlm.contents import model_files, weights_digest
from srlm.records import Checkpoint, Input, RunManifest
from srlm.store import files
from srlm.store.digests import Digests
from srlm.store.seals import MANIFEST, SO_FAR, UNSEALED, Seals, Sha256

TRAINED = "training.json"
"""Written when a model is saved: from then on its folder is read again, too."""


def of_input(setting: str, before: Input, now: Input) -> Iterator[str]:
    """The files of an input that are new, gone or other, or another commit of the hub."""
    what = f"{setting} {now.name}"
    if before.commit != now.commit:
        yield f"{what}: commit {before.commit} -> {now.commit}"
    for file in sorted({*before.files, *now.files}):
        old, new = before.files.get(file), now.files.get(file)
        if old is None:
            yield f"{what}: {file} is new"
        elif new is None:
            yield f"{what}: {file} is gone"
        elif old != new:
            yield f"{what}: {file} has changed, SHA-256 {old[:12]} -> {new[:12]}"


def files_of(step: Path) -> dict[str, Path]:
    """All that a step has made, by name within its folder: its records, and the files of its model."""
    not_its = (*UNSEALED, MANIFEST)
    found = [path for path in step.glob("*.json*") if path.suffix in (".json", ".jsonl") and path.name not in not_its]
    found += [path for _, path in model_files(step / "model")]
    return {path.relative_to(step).as_posix(): path for path in sorted(found) if path.is_file()}


def of_outputs(step: Path, manifest: RunManifest, digests: Digests) -> Iterator[str]:
    """The files in a finished step's folder that are not those that its manifest lists."""
    for name, fact in manifest.outputs.items():
        if not (step / name).is_file():
            yield f"{manifest.step}/{name} is gone" + (" (no file is in its place)" if (step / name).exists() else "")
        elif not digests.same(step / name, [fact.sha256]):
            yield f"{manifest.step}/{name} has changed since {manifest.step} was finished"
    listed = {name for name in manifest.outputs if name.startswith("model/")}
    for name, _ in model_files(step / "model"):
        if listed and f"model/{name}" not in listed:
            yield f"{manifest.step}/model/{name} is new since {manifest.step} was finished"


def of_weights(model: Path, manifest: RunManifest, sha256: Sha256) -> Iterator[str]:
    """Whether weights that a manifest lists by one digest alone are others: M0 elsewhere, and all of older runs."""
    listed = any(name.endswith(".safetensors") for name in manifest.outputs)
    if manifest.checkpoint is None or listed or not model.is_dir():
        return
    if weights_digest(model, sha256) != manifest.checkpoint.digest:
        yield f"the weights in {model} have changed since {manifest.step} was finished"


def of_model(manifest: RunManifest, model: Checkpoint) -> Iterator[str]:
    """Whether a step was made from another model of this name (its parent, or one that answered or judged)."""
    made_from = manifest.inputs.get(f"{model.name} weights")
    if made_from is not None and made_from.sha256 != model.digest:
        yield f"{manifest.step} was made from a different {model.name} than the current one"


def of_unfinished(step: Path, seals: Seals, digests: Digests) -> Iterator[str]:
    """The files of a step that is not finished that are others than when they were made; one may be gone."""
    before = {name: (found,) for name, found in so_far(step).items()} | seals.within(step.name)
    trained = (step / TRAINED).exists()
    for name, wanted in before.items():
        if name.startswith("model/") and not trained:
            continue  # it is saved again
        if (step / name).is_file() and not digests.same(step / name, wanted):
            yield f"{step.name}/{name} has changed since {step.name} was interrupted"


def so_far(step: Path) -> dict[str, str]:
    """What an older srlm had recorded of a step that is not finished."""
    return files.read_object(step / SO_FAR) if (step / SO_FAR).exists() else {}
