"""What a run vouches for: the SHA-256 of every file that it has made, sealed before the file takes its own name.

RUN/seals.json holds them by name within the run: the manifests, the inputs and the settings, all that steps which are
not finished have made, and the evaluation. A finished step's files are in its manifest. `srlm.store.files` seals what
it writes while this process holds the run, and confirms what it reads, whoever reads it.

    {"M2/prompts.jsonl": ["3f..."], "evaluation/metrics.json": ["77...", "09..."]}

Two digests: the file was being replaced when the process ended, and has one of the two contents.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from threading import RLock
from typing import Any

from srlm import durable
from srlm.bounded import files as bounded
from srlm.bounded import json_text
from srlm.contents import sha256_of
from srlm.errors import RecordError, StoreError
from srlm.store import disk

NAME = "seals.json"
MANIFEST = "manifest.json"
NOTE = ".from.json"
"""End of the name of a note beside a file: what it was made from."""
EVALUATION = "evaluation"
"""The part of a run in which its models' answers and figures are."""
SO_FAR = "so_far.json"
"""Where an older srlm kept what a step that is not finished had made, before there were seals."""
UNSEALED = (
    *(NAME, SO_FAR, "timings.json", "usage.json", ".digests.json", "job.json"),
    *("report.html", "report.md", "metrics.csv", "warnings.json"),
)
"""Files in which nothing is read that shapes anything, or that are made from all others at any time, or anew whenever
they are used."""
DEEP = 5
"""Folders above a file that may be its step's or its run's: RUN/evaluation/MODEL/PART/FILE."""

Sha256 = Callable[[Path], str]

_HELD: dict[Path, "Seals"] = {}
"""The runs that this process holds, by folder: only their holder seals."""
_USED: ContextVar[dict[Path, str] | None] = ContextVar("used", default=None)


class Seals:
    """The seals of one run. Raises StoreError where its file is broken."""

    def __init__(self, folder: Path, sha256: Sha256 = sha256_of) -> None:
        self._folder, self._sha256, self._lock = _absolute(folder), sha256, RLock()
        self._kept = _read(self._folder / NAME)
        self._now = dict(self._kept)
        self.late: list[str] = []
        """Files that were sealed when they were read, not when they were made."""

    def name_of(self, path: Path) -> str:
        """A file's name within the run."""
        return _absolute(path).relative_to(self._folder).as_posix()

    def of(self, path: Path) -> tuple[str, ...]:
        """What a file may hold; empty: it is not sealed."""
        return self._now.get(self.name_of(path), ())

    def within(self, part: str) -> dict[str, tuple[str, ...]]:
        """All seals of a step, or of the evaluation, by name within it."""
        return {
            name.removeprefix(f"{part}/"): found for name, found in self._now.items() if name.startswith(f"{part}/")
        }

    def parts(self) -> set[str]:
        """The steps that have seals, and the evaluation."""
        return {name.partition("/")[0] for name in self._now if "/" in name}

    @contextmanager
    def replacing(self, path: Path, sha256: str) -> Iterator[None]:
        """Seal what a file is going to hold; while it is written, what it held is as good."""
        name = self.name_of(path)
        with self._lock:
            before = self._now.get(name, ())
            old = () if not path.exists() else before or (self._sha256(path),)
            self._now[name] = tuple(dict.fromkeys((*old, sha256)))
            if self._now[name] != self._kept.get(name):
                self.keep()
        yield
        self._now[name] = (sha256,)

    def seal(self, paths: Iterable[Path]) -> list[str]:
        """Seal what these files hold now; returns their names."""
        fresh = {self.name_of(path): (self._sha256(path),) for path in paths}
        with self._lock:
            self._now.update(fresh)
            self.keep()
        return list(fresh)

    def drop(self, part: str, but: Iterable[str] = ()) -> None:
        """Forget the seals of a step: its manifest has them, or its folder was deleted."""
        for name in self.within(part):
            if name not in but:
                del self._now[f"{part}/{name}"]

    def forget(self, path: Path) -> None:
        """Vouch no more for a file that is going to be deleted."""
        with self._lock:
            if self._now.pop(self.name_of(path), None) is not None:
                self.keep()

    def settle(self) -> None:
        """Of a file that was being replaced when a process ended, find out which content it has."""
        for name, found in self._now.items():
            path = self._folder / name
            if len(found) > 1 and (held := self._sha256(path) if path.is_file() else found[-1]) in found:
                self._now[name] = (held,)

    def keep(self) -> None:
        """Write them down, where they are others than on the disk."""
        with self._lock:
            if self._now != self._kept:
                path = self._folder / NAME
                text = json.dumps(self._now, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
                with disk.writing(path):
                    durable.write(path, text.encode())
                self._kept = dict(self._now)


def of_run(folder: Path) -> Seals:
    """The seals of a run: those of this process where it holds the run, else as they lie on the disk."""
    return _HELD.get(_absolute(folder)) or Seals(folder)


@contextmanager
def held(folder: Path, sha256: Sha256) -> Iterator[Seals]:
    """From now on this process seals what it writes within a run, which it has locked."""
    seals = Seals(folder, sha256)
    seals.settle()
    _HELD[_absolute(folder)] = seals
    try:
        yield seals
    except BaseException:
        with suppress(StoreError):
            seals.keep()
        raise
    else:
        seals.keep()
    finally:
        del _HELD[_absolute(folder)]


@contextmanager
def naming(path: Path, sha256: str) -> Iterator[None]:
    """Within it a file takes its name and this content; sealed first, where this process holds its run."""
    if (holder := _sealer(path)) is not None:
        with holder.replacing(path, sha256):
            yield
    else:
        yield
    _note(path, sha256)


def seal(paths: Iterable[Path]) -> None:
    """Seal files that were not written by `srlm.store.files`, where this process holds their run."""
    by_run: dict[Seals, list[Path]] = {}
    for path in paths:
        if (holder := _holder(path)) is not None:
            by_run.setdefault(holder, []).append(path)
    for holder, own in by_run.items():
        holder.seal(own)


def forget(path: Path) -> None:
    """Vouch no more for a file that is going to be deleted, where this process holds its run."""
    if (holder := _sealer(path)) is not None:
        holder.forget(path)


def may_seal(path: Path) -> bool:
    """Whether this process seals what it writes at this place."""
    return _sealer(path) is not None


def seal_late(path: Path) -> None:
    """Seal a file that was read and that nothing vouches for: one of an older srlm."""
    if (holder := _sealer(path)) is not None:
        holder.late += holder.seal([path])


def expected(path: Path) -> tuple[str, ...]:
    """The SHA-256 that a file may have, as the manifest of its step or the seals of its run say; empty: neither."""
    path = _absolute(path)
    for folder in path.parents[:DEEP]:
        name = path.relative_to(folder).as_posix()
        if (found := _outputs(folder / MANIFEST).get(name)) is not None:
            return (found,)
        if (holder := _HELD.get(folder)) is not None:
            return holder.of(path)
        if (folder / NAME).is_file():
            return _read(folder / NAME).get(name, ())
    return ()


def confirm(path: Path, sha256: str) -> bool:
    """Whether a file that was read is vouched for. Raises RecordError where it is not what it was when it was made."""
    _note(path, sha256)
    wanted = expected(path)
    if wanted and sha256 not in wanted:
        raise RecordError(
            f"{path}: has changed since it was made, SHA-256 {wanted[-1][:12]} -> {sha256[:12]}; restore the file, or "
            "delete it and run the command that made it again (`srlm verify RUN` lists every change)"
        )
    return bool(wanted)


@contextmanager
def using() -> Iterator[dict[Path, str]]:
    """Gathers the files that are read or made within it, with the SHA-256 of each."""
    used: dict[Path, str] = {}
    before = _USED.set(used)
    try:
        yield used
    finally:
        _USED.reset(before)


def _note(path: Path, sha256: str) -> None:
    if (used := _USED.get()) is not None and not path.name.endswith(".part"):
        used[_absolute(path)] = sha256


def _holder(path: Path) -> Seals | None:
    return next((_HELD[folder] for folder in _absolute(path).parents if folder in _HELD), None) if _HELD else None


def _sealer(path: Path) -> Seals | None:
    """Who seals what is written at this place; None: nobody, or nobody in this process."""
    return None if path.name in UNSEALED or path.name.endswith(".part") else _holder(path)


def _absolute(path: Path) -> Path:
    """Without following links: a file's name is where it was asked for."""
    return Path(os.path.abspath(path))


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    if not path.exists():
        return {}
    if not path.is_file():
        raise StoreError(f"{path}: is not a file; delete it: the files are then recorded as they are now")
    try:
        found = json_text.decode(bounded.read_bytes(path))
    except json_text.NotJson:
        found = None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not isinstance(found, dict) or not all(_is_seal(one) for one in found.values()):
        raise StoreError(
            f"{path}: not a record of SHA-256 by file; restore the file, or delete it: the files are then recorded as "
            "they are now, and earlier changes to them cannot be detected"
        )
    return {name: tuple(one) for name, one in found.items()}


def _is_seal(value: Any) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= 2 and all(isinstance(one, str) for one in value)


def _outputs(path: Path) -> Mapping[str, str]:
    """SHA-256 by file, of a step's manifest; empty where there is none, or it is broken or no step's (who needs it
    says so)."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(bounded.read_bytes(path))
        return {str(name): str(fact["sha256"]) for name, fact in found["outputs"].items()}
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return {}


def sha256_of_bytes(content: bytes) -> str:
    """SHA-256 of what a file is going to hold."""
    return hashlib.sha256(content).hexdigest()
