"""What another run has asked already of the models that a run took from it, or a judge about them.

A fork has steps of another run (docs/fork.md), as the runs of a study have. Where the folder of that run is still
there, its answers, verdicts and grades are taken and nobody is asked again: each file whose note says that it was made
from the same, down to the weights, and which is as it was when it was made.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from srlm.contents import sha256_of
from srlm.errors import SrlmError
from srlm.methods.sharing import linked
from srlm.store import disk, files, seals
from srlm.store.folder import RunFolder, differences, recorded

SHAPES_ANSWERS = frozenset({"data", "engine", "model", "seed"})
"""Settings, by section, that shape what is asked and answered and stand in no note."""


def take(folder: RunFolder, path: Path, is_same: Callable[[Mapping[str, Any]], bool]) -> None:
    """Take a finished file of the evaluation and the note beside it from a run that this one has steps of.

    `is_same`: whether it would be made here from the same as its note says of it. Nothing happens where the file has
    begun here, or no such run has one that was made from the same. Raises StoreError where it cannot be written.
    """
    if path.exists() or disk.part_of(path).exists():
        return
    for place in _origins(folder):
        found = place / path.relative_to(folder.path)
        note = _note(found)
        if not found.is_file() or not note.is_file():
            continue
        try:
            noted, sha256 = files.read_object(note), sha256_of(found)
            if not is_same(noted) or sha256 not in seals.expected(found):
                continue
        except (SrlmError, OSError):  # damaged there: asked again here
            continue
        # In this order: answers without a note are refused, and a note without answers is written again.
        files.write_json(_note(path), noted)
        part = folder.path.with_name(f"{folder.path.name}.{path.name}.part")
        with files.writing(path), seals.naming(path, sha256):
            part.unlink(missing_ok=True)  # a process was killed
            linked(found, part)
            os.replace(part, path)
        folder.log(f"{path.relative_to(folder.path)}: taken from {place}")
        return


def _note(path: Path) -> Path:
    return path.with_name(path.name + seals.NOTE)


def _origins(folder: RunFolder) -> Iterator[Path]:
    """The runs that this one has steps of, and that ask models as this one does."""
    given = folder.given.model_dump(mode="json")
    for run in dict.fromkeys(place for one in folder.taken().values() for place in (one.run, one.made_in)):
        try:
            theirs = recorded(Path(run)).model_dump(mode="json")
        except SrlmError:  # it is gone, or is another by now
            continue
        if not SHAPES_ANSWERS & {key.partition(".")[0] for key, _, _ in differences(theirs, given)}:
            yield Path(run)
