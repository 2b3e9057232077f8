"""What a run shares with another one that differs in few settings: finished steps (`srlm.methods.sharing`), and what a
shared model answered and judged when the other run was measured, where this run would ask it the same.
"""

import os
import shutil
from pathlib import Path

from srlm.contents import sha256_of
from srlm.errors import StoreError
from srlm.methods import sharing
from srlm.methods.base import run_folder
from srlm.settings import Settings
from srlm.store import seals
from srlm.store.folder import RunFolder, differences, recorded

from ..metrics import evaluation_digest

SHAPES_ANSWERS = frozenset({"data", "engine", "judge", "model", "seed"})
"""Settings, by section, that shape what a given model answers and judges when it is measured, beside `evaluation`."""


def take_over(given: Settings, other: Settings) -> list[str]:
    """Take the finished steps that two runs share into the folder of the other, and what their models answered; returns
    the names of those it has.

    A step is there when it is whole, as after a kill in the midst of it. Raises StoreError where it cannot be written.
    """
    found = sharing.take_over(given, other)
    source, target = run_folder(given), run_folder(other)
    if found and _asked_alike(recorded(source.path), target.given):
        try:
            for name in found:
                _answers(source, target, name)
        except OSError as error:
            raise StoreError(f"{target.path}: answers of {source.path} cannot be taken over: {error}") from None
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
    """Put a file in its place under its own name at once."""
    part = target.path.with_name(f"{target.path.name}.{place.name}.part")
    shutil.copy2(source, part)
    os.rename(part, place)
