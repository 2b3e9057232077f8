"""The finished model of a run that is to be exported or talked to."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from srlm.contents import model_files, weights_digest
from srlm.errors import StoreError
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, RunManifest, Step
from srlm.run_file import load
from srlm.store import changes
from srlm.store.folder import RunFolder, recorded


class Source(NamedTuple):
    """A finished step, and the model that it made."""

    folder: RunFolder
    step: Step
    manifest: RunManifest
    checkpoint: Checkpoint

    @property
    def path(self) -> Path:
        """Folder of the weights."""
        return self.folder.model_path(self.checkpoint)


def open_run(place: Path, overrides: list[str]) -> RunFolder:
    """The run of a run file, or of a run's own folder. Raises StoreError where there is none."""
    folder = run_folder(recorded(place) if place.is_dir() else load(place, overrides))
    if not folder.path.is_dir():
        raise StoreError(f"{folder.path}: no such run; train it first: srlm train --run {place}")
    return folder


def find(folder: RunFolder, name: str) -> Source:
    """The model of this name, in any case. Raises StoreError where it is not finished, or the run did not make it."""
    found = next((step for step in folder.steps() if step.name.casefold() == name.casefold()), None)
    manifest = folder.manifest(found.name) if found is not None else None
    checkpoint = manifest.checkpoint if manifest is not None else None
    if found is None or manifest is None or checkpoint is None:
        finished = ", ".join(one.name for one in folder.all_checkpoints()) or "none"
        begun = found is not None and manifest is None
        raise StoreError(
            f"{folder.path}: {name} is not finished; run `srlm train` to its end (finished: {finished})"
            if begun
            else f"{folder.path}: no model {name!r} (finished: {finished})"
        )
    if checkpoint.path != f"{found.name}/model":
        raise StoreError(
            f"{folder.path}: {found.name} is the base model itself, which the run did not change; take it from where "
            "the run file has it"
        )
    return Source(folder, found, manifest, checkpoint)


def refuse_changed(source: Source) -> None:
    """Raise StoreError where the files of a finished model are not those that its step made.

    A file that has not changed since its SHA-256 was last taken is not read again.
    """
    sha256, step = source.folder.sha256, source.folder.step(source.step.name)
    changed = list(changes.of_outputs(step, _model_alone(source.manifest), sha256))
    changed += changes.of_weights(source.path, source.manifest, sha256)
    if changed:
        raise StoreError(f"{source.folder.path}: {'; '.join(changed)}. {RESTORE}")


RESTORE = "Restore the files; `srlm verify RUN` lists every change"


def files_of_model(source: Source) -> Iterator[tuple[str, Path, str | None]]:
    """(name, path, SHA-256) of every file of a model. None: an older srlm, which recorded one digest of all weights.

    Raises StoreError where these are others, or a file is gone.
    """
    listed = _model_alone(source.manifest).outputs
    if not listed:
        if weights_digest(source.path) != source.checkpoint.digest:
            raise StoreError(f"{source.path}: the weights have changed since {source.step.name} was made. {RESTORE}")
        yield from ((name, path, None) for name, path in model_files(source.path))
    for name, fact in listed.items():
        path = source.folder.step(source.step.name) / name
        if not path.is_file():
            raise StoreError(f"{path}: is gone. {RESTORE}")
        yield name.removeprefix("model/"), path, fact.sha256


def _model_alone(manifest: RunManifest) -> RunManifest:
    return manifest.model_copy(
        update={"outputs": {name: fact for name, fact in manifest.outputs.items() if name.startswith("model/")}}
    )
