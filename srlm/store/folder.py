"""The folder of one run: where everything is, who holds it, and whether its settings are the ones it was made with."""

import datetime
import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from srlm.errors import RecordError, StoreError
from srlm.records import Checkpoint, RunInputs, RunManifest
from srlm.settings import Settings, shaping
from srlm.store import files

SHAPED_BY = {
    "data": ("seed", "data."),
    "M0": ("seed", "threads", "model.", "data.", "pretraining"),
    "SFT": ("seed", "threads", "model.", "data.", "sft."),
    "M1": ("seed", "threads", "model.", "data.", "sft.", "arm", "engine.", "eft.", "judge."),
}
"""How the names of the settings begin that shape each step; M2 and later are shaped by all."""


INPUTS = "inputs.json"


class RunFolder:
    """runs/NAME/ with `data/`, `M0/`, `SFT/`, `M1/`, ... (each done when its `manifest.json` is there), `evaluation/`,
    `report.html`, `settings.json`, `inputs.json` and `log.txt`."""

    def __init__(self, settings: Settings) -> None:
        self.given = settings
        """As the run file has them."""
        self.path = settings.folder
        self.settings = _as_begun(settings, self._inputs())
        """The same with what the run's first start has fixed: the date. What works for the run reads these."""

    def step(self, name: str) -> Path:
        """Folder of one step: `data`, `M0`, `SFT`, `M1`, ..., `evaluation`."""
        return self.path / name

    def manifest(self, step: str) -> RunManifest | None:
        """What a finished step says of itself; None where it is not finished."""
        path = self.step(step) / "manifest.json"
        return files.read_one(path, RunManifest) if path.exists() else None

    def finish(self, manifest: RunManifest) -> None:
        """Declare a step done."""
        files.write_json(self.step(manifest.step) / "manifest.json", manifest.model_dump(mode="json"))

    def checkpoint(self, name: str) -> Checkpoint | None:
        """A finished checkpoint, or None."""
        manifest = self.manifest(name)
        return manifest.checkpoint if manifest else None

    def checkpoints(self) -> list[Checkpoint]:
        """All finished checkpoints: M0, SFT, M1, M2, ..."""
        names = ["M0", "SFT"]
        names += [f"M{t}" for t in range(1, 1000) if (self.path / f"M{t}").is_dir()]
        return [found for name in names if (found := self.checkpoint(name)) is not None]

    def model_path(self, checkpoint: Checkpoint) -> Path:
        """Folder of a checkpoint's weights."""
        return self.path / checkpoint.path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run for one process, with its settings checked. Raises StoreError where another process has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("a+")
        except OSError as error:
            done = "written in" if self.path.is_dir() else "made"
            raise StoreError(
                f"{self.path}: cannot be {done}: {error.strerror or error}; choose another folder (--set runs=DIR) or "
                "let this user write there"
            ) from None
        with lock:
            os.set_inheritable(lock.fileno(), True)  # processes that train for this one hold the run with it
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                raise StoreError(
                    f"{self.path}: another process works on this run (process {holder}); wait for it or stop it"
                ) from None
            except OSError as error:
                raise StoreError(f"{self.path}: cannot be locked on this file system: {error.strerror}") from None
            with files.writing(self.path / ".lock"):
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
            inputs = self._inputs()
            self.check_settings()
            files.write_json(self.path / "settings.json", self.given.model_dump(mode="json"))
            if inputs is None or not self._is_fixed("model.date"):
                began = inputs.date if inputs is not None else datetime.date.today()
                inputs = RunInputs(date=self.given.model.date or began)
                files.write_json(self.path / INPUTS, inputs.model_dump(mode="json"))
            self.settings = _as_begun(self.given, inputs)
            yield

    def _inputs(self) -> RunInputs | None:
        """What the run's first start has recorded; None where it has not begun."""
        path = self.path / INPUTS
        return files.read_one(path, RunInputs) if path.exists() else None

    def check_settings(self) -> None:
        """Raise StoreError where what is there was made with other settings than these."""
        path, inputs = self.path / "settings.json", self._inputs()
        now = _as_begun(self.given, inputs).model_dump(mode="json")
        if path.exists():
            before = files.read_json(path)
            if not isinstance(before, dict):
                raise RecordError(
                    f"{path}: holds no settings; choose a new name (--set name=OTHER) or delete the folder"
                )
            before = _completed(before)
            if inputs is not None and isinstance(before.get("model"), dict):
                before["model"]["date"] = inputs.date.isoformat()
            changed = [
                f"{key}: {old!r} -> {new!r}" for key, old, new in differences(before, now) if self._is_fixed(key)
            ]
            if changed:
                raise StoreError(
                    f"{self.path} was made with other settings ({'; '.join(changed)}); "
                    "choose a new name (--set name=OTHER) or delete the folder"
                )

    def _is_fixed(self, setting: str) -> bool:
        """Whether a setting has shaped what is there; all others may still be mended."""
        begun = [step for step in SHAPED_BY if any(path.name != "timings.json" for path in self.step(step).glob("*"))]
        later = any(path.is_dir() and path.name not in SHAPED_BY for path in self.path.glob("M*"))
        return later or setting.startswith(tuple(name for step in begun for name in SHAPED_BY[step]))

    def log(self, text: str) -> None:
        """A line with the time in the run's log.txt."""
        path = self.path / "log.txt"
        with files.writing(path), path.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n")


def _as_begun(settings: Settings, inputs: RunInputs | None) -> Settings:
    """The settings with what the run's first start has fixed; as they are where it has not begun."""
    if inputs is None:
        return settings
    model = settings.model.model_copy(update={"date": settings.model.date or inputs.date})
    return settings.model_copy(update={"model": model})


def _completed(before: dict[str, Any]) -> dict[str, Any]:
    """Settings as they lay on disk; one that did not exist then has its default: the run was made with that."""
    try:
        return Settings.model_validate(before).model_dump(mode="json")
    except ValidationError:  # something in it is no setting any more: all is compared as it stands
        return before


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Every setting that shapes a model and differs, as (dotted name, before, now); None: it was not there."""
    old, new = dict(shaping(before)), dict(shaping(now))
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield key, old.get(key), new.get(key)
