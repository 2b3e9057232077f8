"""What of a run is not what it was: its inputs, and the files that its steps have made. In words, for one message."""

from collections.abc import Callable, Iterator
from pathlib import Path

from srlm.contents import model_files, weights_digest
from srlm.records import Checkpoint, Input, RunManifest
from srlm.store import files

Sha256 = Callable[[Path], str]

SO_FAR = "so_far.json"
"""In the folder of a step that is not finished: SHA-256 of what it has made and will read again."""
READ_AGAIN = (
    *("prompts.jsonl", "prompt_attempts.jsonl", "responses.jsonl", "judgements.jsonl"),
    *("rewards.jsonl", "eft_judgements.jsonl", "monitor.jsonl"),
)
"""Files that are made once in a step and read again by one that was stopped."""
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


def of_outputs(step: Path, manifest: RunManifest, sha256: Sha256) -> Iterator[str]:
    """The files in a finished step's folder that are not those that its manifest lists."""
    for name, fact in manifest.outputs.items():
        if not (step / name).exists():
            yield f"{manifest.step}/{name} is gone"
        elif sha256(step / name) != fact.sha256:
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


def of_parent(manifest: RunManifest, parent: Checkpoint) -> Iterator[str]:
    """Whether a model's parent is another one than it was made from."""
    made_from = manifest.inputs.get(f"{parent.name} weights")
    if made_from is not None and made_from.sha256 != parent.digest:
        yield f"{manifest.step} was made from a different {parent.name} than the current one"


def so_far(step: Path, sha256: Sha256) -> dict[str, str]:
    """SHA-256, by name, of the files that a step which is not finished will read again."""
    there = [step / name for name in READ_AGAIN]
    if (step / TRAINED).exists():
        there += [path for _, path in model_files(step / "model")]
    return {path.relative_to(step).as_posix(): sha256(path) for path in there if path.is_file()}


def of_so_far(step: Path, sha256: Sha256) -> Iterator[str]:
    """The files of a step that is not finished that are others than when they were last recorded; one may be gone."""
    before = recorded(step / SO_FAR)
    for name, found in so_far(step, sha256).items():
        if before.get(name, found) != found:
            yield f"{step.name}/{name} has changed since {step.name} was interrupted"


def recorded(path: Path) -> dict[str, str]:
    """What was last kept of `so_far`."""
    found: dict[str, str] = files.read_json(path) if path.exists() else {}
    return found
