"""A folder that leaves a run: it appears under its name only when whole, and says what it was made from.

It is written beside its place as `.NAME.srlm-export.part`. Killed, the command leaves that and nothing else; given
again, it begins anew. What has the name already is replaced only if it is an earlier export of the same model in which
nobody has changed anything since.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from srlm.contents import sha256_of
from srlm.durable import take_name
from srlm.errors import RecordError, StoreError
from srlm.export.clean import Own, refuse_leaks
from srlm.records import Record
from srlm.store import files, lock

NAME = "srlm_export.json"
"""In every exported folder: what it is an export of, and the SHA-256 of each other file."""


class Origin(Record):
    """What an exported folder was made from."""

    kind: Literal["model", "adapter", "data"]
    run: str
    """Name of the run."""
    model: str
    """`M3`."""
    weights: str
    """Digest of its weights, as the run records it."""
    settings: str
    """Digest of the settings that shaped it."""
    srlm: str | None
    """Version of srlm that made the model."""
    commit: str | None
    """And its git commit."""
    dtype: Literal["bfloat16"] | None = None
    """Number format to which the weights were rounded. None: they are those that were trained."""


class Exported(Record):
    """An exported folder."""

    origin: Origin
    files: dict[str, str]
    """SHA-256 by name."""


def put(target: Path, origin: Origin, own: Own, write: Callable[[Path], None]) -> Exported:
    """Fill a folder by `write(folder)` and give it its name. Raises StoreError where something else has that name."""
    target = Path(os.path.realpath(target))
    if target.is_relative_to(own.run) or own.run.is_relative_to(target):
        raise StoreError(f"{target}: lies in the run's own folder, or the run in it; choose another folder (--to)")
    with lock.hold(_beside(target, "lock"), target, "exports to this folder", "choose another folder (--to)"):
        _refuse_others(target, origin)
        part = _beside(target, "part")
        _remove(part)
        try:
            with files.saving(target):
                part.mkdir(parents=True)
                write(part)
                refuse_leaks(part, own)
                made = Exported(origin=origin, files=_files(part))
                files.write_json(part / NAME, made.model_dump(mode="json"))
                take_name(part, target)
        finally:
            _remove(part)
    return made


def read(folder: Path) -> Exported | None:
    """What an exported folder says of itself; None where it is none."""
    try:
        return files.read_one(folder / NAME, Exported) if (folder / NAME).is_file() else None
    except RecordError:
        return None


def same(one: Origin, other: Origin) -> bool:
    """Whether both are exports of one model, in one form."""
    return all(getattr(one, name) == getattr(other, name) for name in ("kind", "run", "model", "weights", "dtype"))


def _refuse_others(target: Path, origin: Origin) -> None:
    if not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir())):
        return
    found = read(target) if target.is_dir() else None
    if found is None:
        raise StoreError(f"{target}: exists and is no export of srlm; choose another folder (--to), or remove it")
    if not same(found.origin, origin):
        what = found.origin
        raise StoreError(
            f"{target}: holds another export ({what.kind}: {what.model} of {what.run}, weights {what.weights[:12]}"
            f"{'' if what.dtype is None else f' in {what.dtype}'}); "
            "choose another folder (--to), or remove it"
        )
    if changed := _changed(target, found):
        few = ", ".join(changed[:3]) + (", ..." if len(changed) > 3 else "")
        raise StoreError(
            f"{target}: was changed since it was exported ({few}); choose another folder (--to), or remove it"
        )


def _changed(folder: Path, made: Exported) -> list[str]:
    """Names of what is not as it was exported: other, new, gone, or no file that can be read."""
    there = _paths(folder)

    def is_as_made(name: str) -> bool:
        try:
            return name in there and sha256_of(there[name]) == made.files.get(name)
        except OSError:  # a link to nothing or to a folder, a FIFO
            return False

    return [name for name in sorted({*there, *made.files}) if not is_as_made(name)]


def _files(folder: Path) -> dict[str, str]:
    return {name: sha256_of(path) for name, path in _paths(folder).items()}


def _paths(folder: Path) -> dict[str, Path]:
    """All that is no folder, by name, except what says what it all is."""
    found = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix(): path for path in found if path != folder / NAME}


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.srlm-export.{what}")


def _remove(part: Path) -> None:
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)
