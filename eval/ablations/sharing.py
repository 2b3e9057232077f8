"""Steps of a run that another run, which differs in few settings, would make alike: taken over, not made again.

Which these are, says `shareable`, of the settings that the run was made with, which its run file may no longer have.
The files of a step are linked where the disk can do that (models are large) and copied elsewhere. Each file is checked
against the manifest when the run that has it starts, like its own.

What a shared model answered and judged when the other run was measured comes along where this run would ask it the
same.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from srlm.contents import sha256_of
from srlm.errors import StoreError
from srlm.methods.base import run_folder
from srlm.records import Step
from srlm.settings import Settings
from srlm.store import seals
from srlm.store.folder import INPUTS, RunFolder, differences, recorded

from ..benchmarks.ablations.shared import shareable
from ..metrics import evaluation_digest

SHAPES_ANSWERS = frozenset({"data", "engine", "judge", "model", "seed"})
"""Settings, by section, that shape what a given model answers and judges when it is measured, beside `evaluation`."""


def take_over(given: Settings, other: Settings) -> list[str]:
    """Take the finished steps that two runs share into the folder of the other; returns the names of those it has.

    A step is there when it is whole, as after a kill in the midst of it. Raises StoreError where it cannot be written.
    """
    source, target = run_folder(given), run_folder(other)
    if not (source.path / "settings.json").exists():
        return []
    theirs = recorded(source.path)
    found = _alike(source, target, shareable(theirs, target.given))
    try:
        if found and not (target.path / INPUTS).exists() and (source.path / INPUTS).exists():
            target.path.mkdir(parents=True, exist_ok=True)
            _whole(source.path / INPUTS, target.path / INPUTS, target)
        for name in found:
            if not target.step(name).exists():
                _whole(source.step(name), target.step(name), target)
        if _asked_alike(theirs, target.given):
            for name in found:
                _answers(source, target, name)
    except OSError as error:
        raise StoreError(f"{target.path}: steps of {source.path} cannot be taken over: {error}") from None
    return [name for name in found if target.manifest(name) is not None]


def _alike(source: RunFolder, target: RunFolder, steps: Sequence[Step]) -> list[str]:
    """The finished ones of these steps that fit what the other run has begun: settings do not name the day on which it
    began and what its inputs were then, and its own models may have been made on another machine."""
    ours, theirs = target.inputs(), source.inputs()
    changed = []
    if ours is not None and theirs is not None:
        changed = [name for name in ours.inputs.keys() & theirs.inputs if ours.inputs[name] != theirs.inputs[name]]
        changed += ["model.date"] if ours.date != theirs.date else []
    found: list[str] = []
    for step in steps:
        own = target.checkpoint(step.name)
        if (
            source.manifest(step.name) is not None
            and (step.parent is None or step.parent in found)
            and not any(name.startswith(step.shaped_by) for name in changed)
            and (own is None or own == source.checkpoint(step.name))
        ):
            found.append(step.name)
    return found


def _asked_alike(given: Settings, other: Settings) -> bool:
    """Whether two runs ask a model that they share the same for their evaluations."""
    changed = differences(given.model_dump(mode="json"), other.model_dump(mode="json"))
    sections = {key.partition(".")[0] for key, _, _ in changed}
    return not sections & SHAPES_ANSWERS and evaluation_digest(given) == evaluation_digest(other)


def _answers(source: RunFolder, target: RunFolder, name: str) -> None:
    """Take what a model was asked for the evaluation: each finished file with its note, which says what it was made
    from. Raises RecordError where a file is not what it was when it was made."""
    for note in sorted(source.step(seals.EVALUATION).joinpath(name).glob(f"*.jsonl{seals.NOTE}")):
        answers = note.with_name(note.name.removesuffix(seals.NOTE))
        place = target.step(seals.EVALUATION) / name / answers.name
        if place.exists() or not answers.exists() or not seals.confirm(answers, sha256_of(answers)):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        # In this order: answers without a note are refused, and a note without answers is written again.
        _whole(note, place.with_name(note.name), target)
        _whole(answers, place, target)


def _whole(source: Path, place: Path, target: RunFolder) -> None:
    """Put a file or a folder in its place under its own name at once."""
    part = target.path.with_name(f"{target.path.name}.{place.name}.part")
    if part.is_dir():
        shutil.rmtree(part)
    if source.is_dir():
        shutil.copytree(source, part, copy_function=_linked)
    else:
        shutil.copy2(source, part)
    os.rename(part, place)


def _linked(source: str, place: str) -> None:
    # Files of a finished step are never written again. Small ones are copied: only large ones share their bytes.
    if os.path.getsize(source) > 1_000_000:
        try:
            os.link(source, place)
            return
        except OSError:  # another disk, or one without links
            pass
    shutil.copy2(source, place)
