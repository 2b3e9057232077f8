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

from srlm.contents import model_files, weights_digest
from srlm.errors import RecordError, StoreError
from srlm.records import Checkpoint, Input, RunInputs, RunManifest
from srlm.settings import Settings, shaping
from srlm.store import files
from srlm.store.digests import Digests

SHAPED_BY = {
    "data": ("seed", "data."),
    "M0": ("seed", "threads", "model.", "data.", "pretraining"),
    "SFT": ("seed", "threads", "model.", "data.", "sft."),
    "M1": ("seed", "threads", "model.", "data.", "sft.", "arm", "engine.", "eft.", "judge."),
}
"""How the names of the settings begin that shape each step; M2 and later are shaped by all."""


INPUTS = "inputs.json"
SO_FAR = "so_far.json"
"""In the folder of a step that is not finished: SHA-256 of what it has made and will read again."""
READ_AGAIN = (
    *("prompts.jsonl", "prompt_attempts.jsonl", "responses.jsonl", "judgements.jsonl"),
    *("eft_readings.jsonl", "monitor.jsonl"),
)
"""Files that are made once in a step and read again by one that was stopped."""
TRAINED = "training.json"
"""Written when a model is saved: from then on its folder is read again, too."""


class RunFolder:
    """runs/NAME/ with `data/`, `M0/`, `SFT/`, `M1/`, ... (each done when its `manifest.json` is there), `evaluation/`,
    `report.html`, `settings.json`, `inputs.json` and `log.txt`."""

    def __init__(self, settings: Settings) -> None:
        self.given = settings
        """As the run file has them."""
        self.path = settings.folder
        self.settings = _as_begun(settings, self.inputs())
        """The same with what the run has fixed: its date, commits of the hub. What works for the run reads these."""
        self.sha256 = Digests(self.path)

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
        (self.step(manifest.step) / SO_FAR).unlink(missing_ok=True)

    def checkpoint(self, name: str) -> Checkpoint | None:
        """A finished checkpoint, or None."""
        manifest = self.manifest(name)
        return manifest.checkpoint if manifest else None

    def checkpoints(self) -> list[Checkpoint]:
        """All finished checkpoints: M0, SFT, M1, M2, ..."""
        return [found for name in self._steps() if (found := self.checkpoint(name)) is not None]

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
            self.check_settings()
            files.write_json(self.path / "settings.json", self.given.model_dump(mode="json"))
            self._fix_date()
            yield

    def inputs(self) -> RunInputs | None:
        """What the run was made from so far; None where it has not begun, or before such things were recorded."""
        path = self.path / INPUTS
        return files.read_one(path, RunInputs) if path.exists() else None

    def _fix_date(self) -> None:
        """The run's date is that of its first start, or `model.date`, which may be set until a model is begun."""
        inputs = self.inputs()
        if inputs is None or not self._is_fixed("model.date"):
            began = RunInputs(date=datetime.date.today()) if inputs is None else inputs
            inputs = self._record(began.model_copy(update={"date": self.given.model.date or began.date}))
        self.settings = _as_begun(self.given, inputs)

    def _record(self, inputs: RunInputs) -> RunInputs:
        if inputs != self.inputs():
            files.write_json(self.path / INPUTS, inputs.model_dump(mode="json"))
        return inputs

    def check_inputs(self, now: Mapping[str, Input]) -> None:
        """Raise StoreError where an input that has shaped what is there is another now; the others are recorded.

        `now`: what the inputs are, by setting; one that is not in it is not compared.
        """
        before = self.inputs() or RunInputs(date=self.given.model.date or datetime.date.today())
        if late := [setting for setting in now if setting not in before.inputs and self._is_fixed(setting)]:
            self.log(f"inputs: {', '.join(late)} recorded only now; what the steps so far were made from is not known")
        fixed = {setting: one for setting, one in before.inputs.items() if self._is_fixed(setting)}
        changed = [
            change
            for setting, old in fixed.items()
            if setting in now
            for change in _changes(setting, old, now[setting])
        ]
        if changed:
            raise StoreError(
                f"{self.path} was made from other inputs ({'; '.join(changed)}); put back what it was made from, "
                "choose a new name (--set name=OTHER) or delete the folder"
            )
        inputs = self._record(before.model_copy(update={"inputs": {**now, **fixed}}))
        self.settings = _as_begun(self.given, inputs)
        self.sha256.keep()

    def check_steps(self) -> None:
        """Raise StoreError where a finished step's files are not those that it made, or its parent is another model.

        Of a step that is not finished, what it will read again is compared with what it was when that was last checked.
        """
        changed: list[str] = []
        for step in self._steps():
            manifest = self.manifest(step)
            if manifest is not None:
                changed += self._changed_outputs(manifest)
                (self.step(step) / SO_FAR).unlink(missing_ok=True)
            elif self.step(step).is_dir():
                changed += self._changed_so_far(step)
        if changed:
            raise StoreError(
                f"{self.path}: {'; '.join(changed)}. Put the files back, or delete the folders of these steps and of "
                "all that were made from them: the same command makes them again"
            )
        self.sha256.keep()

    def _changed_outputs(self, manifest: RunManifest) -> Iterator[str]:
        step, checkpoint = self.step(manifest.step), manifest.checkpoint
        for name, fact in manifest.outputs.items():
            if not (step / name).exists():
                yield f"{manifest.step}/{name} is gone"
            elif self.sha256(step / name) != fact.sha256:
                yield f"{manifest.step}/{name} has changed since {manifest.step} was finished"
        if checkpoint is None:
            return
        folder = self.model_path(checkpoint)
        listed = any(name.endswith(".safetensors") for name in manifest.outputs)
        if not listed and folder.is_dir() and weights_digest(folder, self.sha256) != checkpoint.digest:
            yield f"the weights in {folder} have changed since {manifest.step} was finished"
        parent = None if checkpoint.parent is None else self.checkpoint(checkpoint.parent)
        made_from = manifest.inputs.get(f"{checkpoint.parent} weights")
        if parent is not None and made_from is not None and made_from.sha256 != parent.digest:
            yield f"{manifest.step} was made from another {parent.name} than is there"

    def _changed_so_far(self, step: str) -> Iterator[str]:
        """And records what there is by now."""
        folder, record = self.step(step), self.step(step) / SO_FAR
        there = [folder / name for name in READ_AGAIN]
        if (folder / TRAINED).exists():
            there += [path for _, path in model_files(folder / "model")]
        now = {path.relative_to(folder).as_posix(): self.sha256(path) for path in there if path.is_file()}
        before = files.read_json(record) if record.exists() else {}
        for name, found in now.items():
            if before.get(name, found) != found:
                yield f"{step}/{name} has changed since {step} was stopped"
                return
        if now != before:
            files.write_json(record, now)

    def _steps(self) -> list[str]:
        """data, M0, SFT, M1, M2, ..., whether or not they are there."""
        return [*SHAPED_BY, *(f"M{t}" for t in range(2, 1000) if self.step(f"M{t}").is_dir())]

    def check_settings(self) -> None:
        """Raise StoreError where what is there was made with other settings than these."""
        path, inputs = self.path / "settings.json", self.inputs()
        now = self.given.model_dump(mode="json")
        if path.exists():
            before = files.read_json(path)
            if not isinstance(before, dict):
                raise RecordError(
                    f"{path}: holds no settings; choose a new name (--set name=OTHER) or delete the folder"
                )
            before = _completed(before)
            if inputs is not None and isinstance(before.get("model"), dict):
                before["model"]["date"] = inputs.date.isoformat()
                now["model"]["date"] = now["model"]["date"] or inputs.date.isoformat()
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
        begun = [
            step
            for step in SHAPED_BY
            if any(path.name not in ("timings.json", SO_FAR) for path in self.step(step).glob("*"))
        ]
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
    model, prompts, data = settings.model, settings.prompts, settings.data
    model = model.model_copy(
        update={
            "date": model.date or inputs.date,
            "revision": inputs.commit("model.base", model.base) or model.revision,
        }
    )
    prompts = prompts.model_copy(update={"revision": inputs.commit("prompts.model", prompts.model) or prompts.revision})
    if data.kind != "beads":
        data = data.model_copy(update={"revision": inputs.commit("data.path", data.path) or data.revision})
    return settings.model_copy(update={"model": model, "prompts": prompts, "data": data})


def _changes(setting: str, old: Input, now: Input) -> Iterator[str]:
    """What is other, in words."""
    what = f"{setting} {now.name}"
    if old.commit != now.commit:
        yield f"{what}: commit {old.commit} -> {now.commit}"
    for file in sorted({*old.files, *now.files}):
        before, found = old.files.get(file), now.files.get(file)
        if before is None:
            yield f"{what}: {file} is new"
        elif found is None:
            yield f"{what}: {file} is gone"
        elif before != found:
            yield f"{what}: {file} has changed, SHA-256 {before[:12]} -> {found[:12]}"


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
