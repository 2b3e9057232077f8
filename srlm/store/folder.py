"""The folder of one run: where everything is, who holds it, and whether its settings are the ones it was made with."""

import datetime
import os
import shlex
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from srlm.contents import has_chat_template
from srlm.errors import RecordError, SettingsError, StoreError
from srlm.printable import one_line
from srlm.records import Checkpoint, Input, RunInputs, RunManifest, Step, Taken, digest
from srlm.run_file import load, overridden, upgrade
from srlm.secrets import withheld
from srlm.settings import LATER, FilesData, Settings, Source, shaping
from srlm.store import changes, files, lock, seals
from srlm.store.digests import Digests
from srlm.store.paths import refuse_strays, refuse_ways_out
from srlm.store.seals import MANIFEST
from srlm.text.counts import counted
from srlm.worlds.table import WorldData

INPUTS = "inputs.json"


CHAT_TEMPLATE = "chat template"
"""The count of a manifest that says whose chat template a model is asked with that nobody trained here."""
OWN_TEMPLATE = "its own"
"""Its value where the model's tokenizer has one."""
PLAIN_TEXT = "none: it continues plain text"
"""Its value of a model that is measured without any."""
OTHERWISE = "choose a new name (--set name=OTHER) or delete the folder"
"""What to do with a run that cannot go on."""
OTHER_PLACE = "choose another folder (--out OTHER) or delete this one"
"""The same of models that are measured without a run file."""


def recorded(place: Path) -> Settings:
    """The settings that the run in a folder was last worked on with. Raises SettingsError where it is no run's."""
    refuse_strays(place)
    if not (place / "settings.json").exists():
        what = "not the folder of a run (it has no settings.json)" if place.is_dir() else "no such folder"
        raise SettingsError(f"{place}: {what}; give a run's folder, or its YAML file")
    try:
        found = Settings.model_validate(upgrade(files.read_json(place / "settings.json")))
    except ValidationError as error:
        raise SettingsError(
            f"{place}: settings.json does not belong to a run: {error.errors()[0]['msg']}; give the run's YAML file"
        ) from None
    # The folder may have been moved since: where it lies now is what counts.
    return found.model_copy(update={"name": place.resolve().name, "runs": str(place.resolve().parent)})


def settings_at(place: Path, overrides: Sequence[str]) -> Settings:
    """A run's settings, from its run file or its folder. Raises SettingsError if `place` is neither."""
    if not place.is_dir():
        return load(place, overrides)
    return overridden(recorded(place), overrides) if overrides else recorded(place)


class RunFolder:
    """runs/NAME/ with a folder for each step (done when its `manifest.json` is there), `evaluation/`, `report.html`,
    `settings.json`, `inputs.json` and `log.txt`."""

    def __init__(self, settings: Settings, steps: Sequence[Step]) -> None:
        """`steps`: all that the run's method can make, in the order in which it makes them, whether or not there."""
        self.given = settings
        """As the run file has them."""
        self._all_steps = steps
        self.path = settings.folder
        self.check_paths()
        self.settings = _as_begun(settings, self.inputs())
        """The same with what the run has fixed: its date, commits of the hub. What works for the run reads these."""
        self.sha256 = Digests(self.path)
        self.passed_over: frozenset[str] = frozenset()
        """Finished checkpoints that are not to be measured, as if they were on the way to another."""

    def check_paths(self) -> None:
        """Raise StoreError where something in the folder leads out of it, or is neither a file nor a folder."""
        refuse_strays(self.path, (step.name for step in self._all_steps))

    def step(self, name: str) -> Path:
        """Folder of one step, or of the `evaluation`."""
        return self.path / name

    def steps(self) -> list[Step]:
        """Those that have a folder, in the order in which they are made."""
        try:
            with os.scandir(self.path) as entries:  # a method may have a thousand steps: one look, not one each
                there = {entry.name for entry in entries if entry.is_dir()}
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [step for step in self._all_steps if step.name in there]

    def holding(self, name: str) -> list[Path]:
        """The files of this name in the run's steps, in the order in which they are made."""
        return [path for step in self.steps() if (path := self.step(step.name) / name).exists()]

    def manifest(self, step: str) -> RunManifest | None:
        """What a finished step says of itself; None where it is not finished."""
        path = self.step(step) / "manifest.json"
        if not path.exists():
            return None
        try:
            found = files.read_one(path, RunManifest)
            known = next((one for one in self._all_steps if one.name == step), None)
            refuse_ways_out(path, found, known, self._elsewhere(step))
            return found
        except RecordError as error:
            raise RecordError(
                f"{error}; restore the file, or delete the folder of {step} and of every step made from it, and run "
                "the same command again"
            ) from None

    def _elsewhere(self, step: str) -> str:
        """The Hub id or server's model that a step's model may be instead of a folder of the run."""
        models = self.given.method.own.get("models")
        one = models.get(step) if isinstance(models, dict) else None
        if not isinstance(one, dict):
            return self.given.model.base
        name = str(one.get("model", ""))
        return name if name.startswith("openai:") else name.removeprefix("hf:").partition("@")[0]

    def finish(self, manifest: RunManifest) -> None:
        """Declare a step done; its manifest now vouches for what it has made."""
        files.write_json(self.step(manifest.step) / MANIFEST, manifest.model_dump(mode="json"))
        (self.step(manifest.step) / seals.SO_FAR).unlink(missing_ok=True)
        self.seals.drop(manifest.step, but=(MANIFEST,))

    @property
    def _otherwise(self) -> str:
        return OTHER_PLACE if any(step.role == "given" for step in self._all_steps) else OTHERWISE

    @property
    def seals(self) -> seals.Seals:
        """What the run vouches for, beside the manifests."""
        return seals.of_run(self.path)

    def checkpoint(self, name: str) -> Checkpoint | None:
        """A finished checkpoint, or None."""
        manifest = self.manifest(name)
        return manifest.checkpoint if manifest else None

    def all_checkpoints(self) -> list[Checkpoint]:
        """All finished checkpoints, in the order in which they are made, those on the way to another among them."""
        return [found for step in self.steps() if (found := self.checkpoint(step.name)) is not None]

    def checkpoints(self) -> list[Checkpoint]:
        """All finished checkpoints but those on the way to another, in the order in which they are made."""
        between = {step.name for step in self.steps() if step.role == "intermediate"} | self.passed_over
        return [checkpoint for checkpoint in self.all_checkpoints() if checkpoint.name not in between]

    def measured(self) -> list[Checkpoint]:
        """The same but a base that cannot answer."""
        left_out = self.not_measured()
        return [checkpoint for checkpoint in self.checkpoints() if checkpoint.name not in left_out]

    def not_measured(self) -> dict[str, str]:
        """Why a finished base is not asked what the others are, by name: it is no model that answers people.

        A tokenizer with a chat template of its own is what tells an instruct model. `model.chat_template` gives a base
        model one to train with, and teaches it nothing.
        """
        found = {}
        for step in self.steps():
            if step.role != "base" or (checkpoint := self.checkpoint(step.name)) is None:
                continue
            if self.settings.model.base == "scratch":
                found[step.name] = "trained from random weights on text alone"
            elif not self._has_own_template(step.name, self.model_path(checkpoint)):
                found[step.name] = "its tokenizer has no chat template of its own"
        return found

    def continues_text(self) -> set[str]:
        """Names of the finished models that know of no chat: they are asked with the words of a prompt alone."""
        noted = {step.name: self.manifest(step.name) for step in self.steps() if step.role == "given"}
        plain = {name for name, one in noted.items() if one and one.counts.get(CHAT_TEMPLATE) == PLAIN_TEXT}
        return plain | self.not_measured().keys()

    def _has_own_template(self, step: str, model: Path) -> bool:
        manifest = self.manifest(step)
        noted = manifest.counts.get(CHAT_TEMPLATE) if manifest is not None else None
        return has_chat_template(model) if noted is None else noted == OWN_TEMPLATE  # older runs noted nothing

    def model_path(self, checkpoint: Checkpoint) -> Path:
        """Folder of a checkpoint's weights."""
        return self.path / checkpoint.path

    def model_facts(self, checkpoint: Checkpoint) -> dict[str, str]:
        """What tells a checkpoint from all others: its weights and, where they are recorded, all files that make it."""
        manifest, inputs = self.manifest(checkpoint.name), self.inputs()
        found = {name: fact.sha256 for name, fact in manifest.outputs.items() if "/" in name} if manifest else {}
        if inputs is not None and Path(checkpoint.path).is_absolute():  # a model where it was before the run
            given = f"method.models.{checkpoint.name}"
            named = [(f"{given}.model", f"{given}.chat_template"), ("model.base", "model.chat_template")]
            own = next((pair for pair in named if pair[0] in inputs.inputs), ())
            used = [inputs.inputs.get(setting) for setting in own]
            found = {name: sha256 for one in used if one is not None for name, sha256 in one.files.items()}
        return {"weights": checkpoint.digest} | ({"model files": digest(found)} if found else {})

    @contextmanager
    def held(self, begun: RunInputs | None = None) -> Iterator[None]:
        """Hold the run for one process, with its settings checked. Raises StoreError where another process has it.

        `begun`: what a run that has not begun is to begin with, as the one from which it takes steps did.
        """
        # Processes that train for this one hold the run with it.
        with (
            lock.hold(
                self.path / lock.LOCK,
                self.path,
                "is working on this run",
                "choose another folder (--set runs=DIR)",
                leave=True,
            ),
            seals.held(self.path, self.sha256) as own,
        ):
            self.check_settings()
            files.write_json(self.path / "settings.json", self.given.model_dump(mode="json"))
            self._fix_date(begun)
            yield
            if own.late:
                few = ", ".join(own.late[:3]) + (", ..." if len(own.late) > 3 else "")
                self.log(
                    f"seals: {counted(len(own.late), 'files')} ({few}) sealed only now; earlier changes are unknown"
                )

    def inputs(self) -> RunInputs | None:
        """What the run was made from so far; None where it has not begun, or before such things were recorded."""
        path = self.path / INPUTS
        if not path.exists():
            return None
        try:
            return files.read_one(path, RunInputs)
        except RecordError as error:
            raise RecordError(
                f"{error}; restore the file, or delete it: the inputs are then recorded as they are now, and earlier "
                "changes cannot be detected"
            ) from None

    def _fix_date(self, begun: RunInputs | None) -> None:
        """The run's date is that of its first start, or `model.date`, which may be set until a model is begun."""
        inputs = self.inputs()
        if inputs is None or not self._is_fixed("model.date"):
            began = inputs or begun or RunInputs(date=datetime.date.today())
            inputs = self._record(began.model_copy(update={"date": self.given.model.date or began.date}))
        self.settings = _as_begun(self.given, inputs)

    def _record(self, inputs: RunInputs) -> RunInputs:
        if inputs != self.inputs():
            files.write_json(self.path / INPUTS, inputs.model_dump(mode="json"))
        return inputs

    def taken(self) -> dict[str, Taken]:
        """The finished steps that were taken from another run, and from which."""
        inputs = self.inputs()
        known = inputs.taken if inputs is not None else {}
        return {
            step.name: one
            for step in self.steps()
            if (one := known.get(step.name)) is not None
            and (path := self.step(step.name) / MANIFEST).is_file()
            and self.sha256(path) == one.manifest
        }

    def record_taken(self, steps: Mapping[str, Taken]) -> None:
        """Keep where steps come from that are there now."""
        inputs = self.inputs()
        assert inputs is not None, "the run is held"
        self._record(inputs.model_copy(update={"taken": {**self.taken(), **steps}}))

    def check_inputs(self, now: Mapping[str, Input]) -> None:
        """Raise StoreError where an input that has shaped what is there is another now.

        `now`: what the inputs are, by setting; one that is not in it is not compared.
        """
        before = {} if (inputs := self.inputs()) is None else inputs.inputs
        fixed = [setting for setting in before if setting in now and self._is_fixed(setting)]
        told = {setting: list(changes.of_input(setting, before[setting], now[setting])) for setting in fixed}
        if changed := [setting for setting in fixed if told[setting]]:
            listed = "; ".join(change for setting in changed for change in told[setting])
            advice = self._fork(changed, "restore the original inputs, ")
            raise StoreError(f"{self.path} was made from other inputs ({listed}); {advice}")

    def record_inputs(self, now: Mapping[str, Input], grown: Collection[str] = ()) -> None:
        """Keep what the inputs are; those that have shaped what is there stay as they were, but for those that grew."""
        before = self.inputs() or RunInputs(date=self.given.model.date or datetime.date.today())
        if late := [setting for setting in now if setting not in before.inputs and self._is_fixed(setting)]:
            self.log(f"inputs: {', '.join(late)} recorded only now; the inputs of earlier steps are unknown")
        fixed = {name: one for name, one in before.inputs.items() if self._is_fixed(name) and name not in grown}
        inputs = self._record(before.model_copy(update={"inputs": {**now, **fixed}}))
        self.settings = _as_begun(self.given, inputs)

    def check_steps(self) -> None:
        """Raise StoreError where a step's files are not those that it made, or its parent is another model.

        Of a step that is not finished, each file may be gone: it is made again.
        """
        self.check_paths()
        changed: list[str] = []
        models = self.all_checkpoints()
        for step in (one.name for one in self.steps()):
            if (manifest := self.manifest(step)) is None:
                changed += changes.of_unfinished(self.step(step), self.seals, self.sha256)
                continue
            changed += changes.of_outputs(self.step(step), manifest, self.sha256)
            if (checkpoint := manifest.checkpoint) is not None:
                changed += changes.of_weights(self.model_path(checkpoint), manifest, self.sha256)
            for model in models:
                changed += changes.of_model(manifest, model)
        if changed:
            raise StoreError(
                f"{self.path}: {'; '.join(changed)}. Restore the files, or delete the folders of these steps and of "
                "every step made from them, and run the same command again"
            )

    def refuse_gone(self) -> None:
        """Raise StoreError where records or figures that the run vouches for are no longer there: what is made from all
        of them (a report) would be another, in silence. Deleted weights are no records."""
        steps = [manifest for step in self.steps() if (manifest := self.manifest(step.name)) is not None]
        made = [(one.step, name) for one in steps for name in one.outputs if not name.startswith("model/")]
        measured = [(seals.EVALUATION, name) for name in self.seals.within(seals.EVALUATION)]
        if gone := [f"{part}/{name}" for part, name in (*made, *measured) if not (self.step(part) / name).is_file()]:
            few = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
            measuring = all(name.startswith(f"{seals.EVALUATION}/") for name in gone)
            again = "measure again (srlm-eval all, or the benchmark's own command)"
            what = again if measuring else "train again, into another folder"
            raise StoreError(f"{self.path}: {few} {'is' if len(gone) == 1 else 'are'} gone; restore, or {what}")

    def forget_gone(self, used: Collection[str]) -> None:
        """After all was measured, vouch no more for what was deleted and not made again, but for what figures were
        computed from: `used`, names within the run."""
        place, own = self.step(seals.EVALUATION), self.seals.within(seals.EVALUATION)
        kept = [name for name in own if (place / name).is_file() or f"{seals.EVALUATION}/{name}" in used]
        self.seals.drop(seals.EVALUATION, but=kept)

    def record_steps(self, refuse_faults: Callable[[Path], None]) -> None:
        """Bring the seals of steps up to date: a finished one's are in its manifest, and what is there and was not
        sealed when it was made (by an older srlm, by another program) is sealed as it is now.

        `refuse_faults` is given each of these, and raises where one contradicts itself.
        """
        begun = {step.name for step in self.steps()}
        for gone in self.seals.parts() & {step.name for step in self._all_steps} - begun:
            self.seals.drop(gone)
        for step in sorted(begun):
            place = self.step(step)
            if self.manifest(step) is not None:
                self.seals.drop(step, but=(MANIFEST,))
            else:
                there = changes.files_of(place)
                if changes.TRAINED not in there:  # a model that is still being saved
                    there = {name: path for name, path in there.items() if "/" not in name}
                late = [path for path in there.values() if not self.seals.of(path)]
                before = changes.so_far(place)
                for path in late:
                    if path.relative_to(place).as_posix() not in before:
                        refuse_faults(path)
                self.seals.seal(late)
            (place / seals.SO_FAR).unlink(missing_ok=True)

    def check_settings(self) -> None:
        """Raise StoreError where what is there was made with other settings than these."""
        path, inputs = self.path / "settings.json", self.inputs()
        now = self.given.model_dump(mode="json")
        if path.exists():
            try:
                before = files.read_json(path)
            except RecordError as error:
                raise RecordError(f"{error}; restore the file, {self._otherwise}") from None
            if not isinstance(before, dict):
                raise RecordError(f"{path}: has no settings; {self._otherwise}")
            before = _completed(upgrade(before))
            if inputs is not None and isinstance(before.get("model"), dict):
                before["model"]["date"] = inputs.date.isoformat()
                now["model"]["date"] = now["model"]["date"] or inputs.date.isoformat()
            changed = {key: (old, new) for key, old, new in differences(before, now) if self._is_fixed(key)}
            if changed:
                listed = "; ".join(f"{key}: {old!r} -> {new!r}" for key, (old, new) in changed.items())
                raise StoreError(f"{self.path} was made with other settings ({listed}); {self._fork(changed)}")

    def _fork(self, changed: Collection[str], instead: str = "") -> str:
        """Which step these settings change first, and the command that keeps what is before it; what else to do."""
        kept: list[str] = []
        for step in self.steps():
            if setting := next((key for key in changed if step.changes_with(key)), None):
                first = f"{setting} changes {step.name} first; "
                break
            kept += [step.name] if self.manifest(step.name) is not None else []
        else:
            first = ""
        if not kept or self._otherwise != OTHERWISE:
            return f"{first}{instead}{self._otherwise}"
        options = self.given.options or ("--run", "FILE")
        words = shlex.join(("srlm", "train", *options, "--set", f"name={self._free_name()}", "--from", str(self.path)))
        return f"{first}{instead}fork the run to keep {', '.join(kept)} ({words}), {self._otherwise}"

    def _free_name(self) -> str:
        """A name that no run beside this one has."""
        number = 2
        while os.path.lexists(self.path.with_name(f"{self.path.name}-{number}")):
            number += 1
        return f"{self.path.name}-{number}"

    def _is_fixed(self, setting: str) -> bool:
        """Whether a setting has shaped what is there; all others may still be mended."""
        return any(setting.startswith(step.shaped_by) and self._has_begun(step.name) for step in self.steps())

    def _has_begun(self, step: str) -> bool:
        """Whether anything is made; a stage that failed at once leaves its time and its tokens, and no more."""
        return any(path.name not in ("timings.json", "usage.json", seals.SO_FAR) for path in self.step(step).glob("*"))

    def log(self, text: str) -> None:
        """A line with the time in the run's log.txt, without keys."""
        path = self.path / "log.txt"
        with files.writing(path), path.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {one_line(withheld(text))}\n")


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
    if (source := prompts.source) is not None:
        prompts = prompts.model_copy(update={"source": _source_as_begun("prompts.source", source, inputs)})
    if isinstance(data, FilesData):
        begun = {
            use: source and _source_as_begun(f"data.sources.{use}", source, inputs) for use, source in data.sources
        }
        data = data.model_copy(update={"sources": data.sources.model_copy(update=begun)})
    elif not isinstance(data, WorldData):
        data = data.model_copy(update={"revision": inputs.commit("data.path", data.path) or data.revision})
    reward = settings.reward
    if reward.kind == "model":
        reward = reward.model_copy(update={"revision": inputs.commit("reward.path", reward.path) or reward.revision})
    return settings.model_copy(update={"model": model, "prompts": prompts, "data": data, "reward": reward})


def _source_as_begun(setting: str, source: Source, inputs: RunInputs) -> Source:
    """At the commit that was the newest when the run began."""
    return source.model_copy(update={"revision": inputs.commit(setting, source.path) or source.revision})


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
            yield key, old.get(key, LATER.get(key)), new.get(key, LATER.get(key))
