"""A training's checkpoints: each is what its mark vouches for, or is not used.

    checkpoint-200/   weights, optimizer, schedule, random states; one file or a part for each process
      whole           the mark: size and SHA-256 of every other file, written once all of them are on the disk
      paused          the same while the checkpoint waits for a contest (`launch.optimise`)
    damaged-400/      one that was no longer what its mark says; deleted with the others when the training ends

A checkpoint without a mark was cut short by a stop, and is deleted. One with an empty mark is of an earlier version,
which wrote no digests: it was complete once, and is used unverified.

SHA-256 takes about a second for 1 GB on one core, and as many files as there are cores, at most EIGHT, are read at
once. The checkpoint of a model of 70B is 840 GB (weights and two moments in float32): in many files, as DeepSpeed and
FSDP's sharded state have it, that is about two minutes after each save, and before a resume. Where the optimizer is one
file of 560 GB (FSDP's full state), it is nine.
"""

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_ISREG

from pydantic import ValidationError

from srlm.contents import sha256_of
from srlm.durable import sync, write
from srlm.records import Record
from srlm.terminal import logger

log = logger(__name__)

WHOLE, PAUSED = "whole", "paused"
MARKS = (WHOLE, PAUSED)
EIGHT = 8
"""More threads than that read no faster from most disks."""


class Content(Record):
    """What a file holds."""

    size: int
    """Bytes."""
    sha256: str


class Mark(Record):
    """What is vouched for."""

    step: int
    seed: int
    """Of the training, which no other step of a run has."""
    files: dict[str, Content]
    """By name within the checkpoint."""


def step_of(folder: Path) -> int:
    """Optimiser steps that were made before a checkpoint."""
    return int(folder.name.partition("-")[2])


def marked(work: Path, *marks: str) -> list[Path]:
    """The checkpoints with any of these marks, in the order of their steps."""
    return [path for path in _all(work) if any(os.path.lexists(path / mark) for mark in marks)]


def _all(work: Path) -> list[Path]:
    found = (path for path in work.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", path.name))
    return sorted(found, key=step_of)


def vouch(folder: Path, seed: int, mark: str = WHOLE) -> None:
    """Have a checkpoint on the disk, and then mark it."""
    sync(folder)
    names = sorted(_names(folder))
    with ThreadPoolExecutor(min(EIGHT, os.cpu_count() or 1)) as pool:
        found = pool.map(
            lambda name: Content(size=(folder / name).stat().st_size, sha256=sha256_of(folder / name)), names
        )
        contents = dict(zip(names, found, strict=True))
    write(folder / mark, Mark(step=step_of(folder), seed=seed, files=contents).model_dump_json().encode())


def newest(work: Path, seed: int) -> Path | None:
    """The last checkpoint that is what its mark says; None where there is none. What comes after it is set aside.

    What a stop has cut short, and bears no mark, is deleted.
    """
    for folder in set(_all(work)) - set(marked(work, *MARKS)):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink()
    broken: list[str] = []
    chosen = None
    for folder in reversed(marked(work, *MARKS)):
        if (why := fault(folder, seed)) is None:
            chosen = folder
            break
        broken.append(f"{folder}: {why}; set aside as {set_aside(folder).name}")
    for line in broken:
        log.warning("%s; training %s", line, f"resumes at {chosen.name}" if chosen else "begins anew")
    return chosen


def fault(folder: Path, seed: int) -> str | None:
    """What of a checkpoint is not as its mark says; None where all is."""
    mark = next(folder / name for name in MARKS if os.path.lexists(folder / name))
    if not _regular(mark):
        return f"{mark.name} is no file"
    if not mark.stat().st_size:
        log.warning("%s: saved by an earlier version, without digests: it is used unverified", folder)
        return None
    try:
        said = Mark.model_validate_json(mark.read_bytes())
    except (ValidationError, OSError):
        return f"{mark.name}, which vouches for its files, cannot be read"
    if said.step != step_of(folder) or said.seed != seed:
        return "it belongs to another step or another training"
    if names := sorted(set(_names(folder)) ^ said.files.keys()):
        return f"{names[0]} is {'gone' if names[0] in said.files else 'new'}"
    odd = (name for name, content in said.files.items() if not _holds(folder / name, content.size))
    changed = next(odd, None)
    if changed is None:
        with ThreadPoolExecutor(min(EIGHT, os.cpu_count() or 1)) as pool:
            found = dict(zip(said.files, pool.map(_digest, (folder / name for name in said.files)), strict=True))
        changed = next((name for name, content in said.files.items() if found[name] != content.sha256), None)
    return None if changed is None else f"{changed} is not what it was when it was saved"


def set_aside(folder: Path) -> Path:
    """Rename a checkpoint so that nothing takes it for one; returns where it is then."""
    aside = folder.with_name(f"damaged-{step_of(folder)}")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    return aside


def _names(folder: Path) -> Iterator[str]:
    """All that is in a checkpoint but its marks, in its folders, too."""
    marks = {f"{mark}{end}" for mark in MARKS for end in ("", ".part")}
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in (*names, *links):
            found = Path(place, name).relative_to(folder).as_posix()
            if found not in marks:
                yield found


def _regular(path: Path) -> bool:
    return S_ISREG(path.lstat().st_mode)


def _holds(path: Path, size: int) -> bool:
    return _regular(path) and path.stat().st_size == size


def _digest(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None
