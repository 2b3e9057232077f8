"""Finished steps of a run that another run, which differs in few settings, makes alike: taken over, not made again.

Which these are follows from the settings that the first run was made with, which its run file may no longer have, from
its inputs and from its date. A step's large files are linked where the disk can do that, and copied elsewhere: in both
cases the first run can be deleted later. Each file is compared with its manifest before it is taken, and again whenever
the run that has it now starts. `inputs.json` keeps where a step comes from.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from srlm import durable
from srlm.contents import sha256_of
from srlm.errors import StoreError
from srlm.methods.base import LAST, method_of, run_folder
from srlm.methods.inputs import inputs_of
from srlm.records import RunInputs, Step, Taken
from srlm.settings import Settings
from srlm.store import changes, seals
from srlm.store.folder import RunFolder, differences, recorded

LARGE = 1_000_000
"""Bytes from which on a file is linked: only large ones are worth sharing their bytes."""


class Fork(NamedTuple):
    """What a run takes from another one."""

    steps: tuple[str, ...]
    """Those that it shares, in the order in which they are made."""
    then: str | None
    """The first step that it makes itself; None: there is none left."""
    why: str
    """Why it makes that one itself, or why no more is known than what it has."""
    copied: int
    """Bytes of large files that were copied now because they could not be linked."""


class Limit(NamedTuple):
    """The steps that two runs share, and what ends them."""

    steps: list[Step]
    then: Step | None
    why: str


def shareable(given: Settings, other: Settings) -> list[Step]:
    """The steps that a run with the settings `other` makes exactly as one with `given`, by their settings alone."""
    changed = [key for key, _, _ in differences(given.model_dump(mode="json"), other.model_dump(mode="json"))]
    theirs = method_of(given).steps(given, given.iterations)
    shared: list[Step] = []
    for step in method_of(other).steps(other, other.iterations):
        parent = step.parent is None or any(one.name == step.parent for one in shared)
        if step in theirs and parent and not any(map(step.changes_with, changed)):
            shared.append(step)
    return shared


def fork(settings: Settings, source: str, last: int) -> Fork:
    """Let a run begin with the finished steps of another one on the way to M_last that its settings leave as they are.

    `source`: the folder of the other run, or FOLDER@STEP to share no more than what comes up to that step. Done again,
    it does what is left to do; once that is nothing, the other run may be gone. Raises StoreError where nothing can be
    shared, not all up to STEP, or a file of the other run is damaged.
    """
    place, up_to = _source(source)
    target = run_folder(settings)
    if not (place / "settings.json").is_file():
        before = tuple(name for name, one in target.taken().items() if Path(one.run).absolute() == place.absolute())
        if before and not place.exists():
            return Fork(before, None, f"taken before; {place} is gone", 0)
        what = "not the folder of a run (it has no settings.json)" if place.is_dir() else "no such folder"
        raise StoreError(f"{place}: {what}; --from takes the folder of a run, or FOLDER@STEP")
    if target.path.exists() and os.path.samefile(place, target.path):
        raise StoreError(f"{place}: a fork needs a folder of its own; give it another name (--set name=OTHER)")
    other = run_folder(recorded(place))
    limit = _limit(other, target, last)
    if up_to is not None:
        limit = _cut(limit, up_to, place, other)
    if not limit.steps:
        raise StoreError(f"{place}: nothing to share: {limit.why}; leave out --from to make every step")
    copied = _take(other, target, limit.steps, str(place))
    then = limit.then.name if limit.then is not None else None
    return Fork(tuple(step.name for step in limit.steps), then, limit.why, copied)


def take_over(given: Settings, other: Settings) -> list[str]:
    """Take the finished steps that two runs share into the folder of the other; returns the names of those it has.

    A step is there when it is whole, as after a kill in the midst of it. Raises StoreError where it cannot be written,
    or is damaged where it is.
    """
    if not (given.folder / "settings.json").exists():
        return []
    source, target = run_folder(recorded(given.folder)), run_folder(other)
    steps = _limit(source, target, other.iterations).steps
    if steps:
        _take(source, target, steps, str(given.folder))
    return [step.name for step in steps]


def _source(source: str) -> tuple[Path, str | None]:
    """The folder, and the step behind `@`."""
    if "@" not in source or Path(source).is_dir():
        return Path(source), None
    place, _, step = source.rpartition("@")
    return Path(place), step


def _limit(source: RunFolder, target: RunFolder, last: int) -> Limit:
    """The steps up to M_last that are finished in one run, and that another makes alike, or has in common with it."""
    known, changed = source.given, _changed(source, target)
    theirs = method_of(known).steps(known, LAST)
    found: list[Step] = []
    then, why = None, ""
    for step in method_of(target.given).steps(target.given, last):
        reason = _reason(step, source, target, theirs, found, changed)
        if reason is None:
            found.append(step)
        elif then is None:
            then, why = step, reason
    return Limit(found, then, why)


def _reason(
    step: Step,
    source: RunFolder,
    target: RunFolder,
    theirs: Sequence[Step],
    found: Sequence[Step],
    changed: Sequence[tuple[str, str]],
) -> str | None:
    """Why a step cannot be shared; None: it can."""
    if shaping := [text for setting, text in changed if step.changes_with(setting)]:
        more = f" and {len(shaping) - 3} more" if len(shaping) > 3 else ""
        return f"{'; '.join(shaping[:3])}{more} changes {step.name} first"
    if step not in theirs or (step.parent is not None and step.parent not in [one.name for one in found]):
        return f"{step.name} is another step there"
    if source.manifest(step.name) is None:
        return f"{step.name} is not finished there"
    own = target.manifest(step.name)
    if own is None and target.step(step.name).exists():
        return f"{step.name} has begun here"
    if own is not None and own.checkpoint is not None and own.checkpoint != source.checkpoint(step.name):
        return f"{step.name} was made here, and came out as another model"
    return None


def _changed(source: RunFolder, target: RunFolder) -> list[tuple[str, str]]:
    """Settings and inputs that differ between two runs, and the day on which they began: (setting, in words)."""
    theirs, ours = source.inputs(), target.inputs()
    before, now = source.given.model_dump(mode="json"), target.given.model_dump(mode="json")
    if theirs is not None:
        day = target.given.model.date or theirs.date if ours is None else ours.date
        before["model"]["date"], now["model"]["date"] = theirs.date.isoformat(), day.isoformat()
    found = [(key, f"{key}: {old!r} -> {new!r}") for key, old, new in differences(before, now)]
    if theirs is not None:
        found += _changed_inputs(theirs, ours, target)
    return found


def _changed_inputs(theirs: RunInputs, ours: RunInputs | None, target: RunFolder) -> list[tuple[str, str]]:
    """Inputs of a run that are others in one that has begun, or, where it has not, are others by now."""
    if ours is not None:
        now = ours.inputs
    else:
        read = inputs_of(target.given, theirs.inputs, target.sha256)
        now = {name: one for name, one in read.inputs.items() if name not in read.grown}
    return [
        (setting, text)
        for setting in theirs.inputs.keys() & now
        for text in changes.of_input(setting, theirs.inputs[setting], now[setting])
    ]


def _cut(limit: Limit, up_to: str, place: Path, source: RunFolder) -> Limit:
    """No more than what comes up to one step. Raises StoreError where not all of that can be shared."""
    names = [step.name for step in limit.steps]
    found = next((name for name in names if name.casefold() == up_to.casefold()), None)
    if found is None:
        finished = ", ".join(step.name for step in source.steps() if source.manifest(step.name) is not None)
        known = limit.then is not None and any(one.name.casefold() == up_to.casefold() for one in source.steps())
        why = limit.why if known else f"there is no such step on the way (finished: {finished or 'none'})"
        advice = f"share what is before it: --from {place}@{names[-1]}" if names else "leave out --from"
        raise StoreError(f"{place}@{up_to}: cannot be shared: {why}; {advice}")
    kept = limit.steps[: names.index(found) + 1]
    if len(kept) == len(names):
        return limit
    return Limit(kept, limit.steps[len(kept)], f"--from ends with {found}")


def _take(source: RunFolder, target: RunFolder, steps: Sequence[Step], run: str) -> int:
    """Take steps into a run's folder; returns the bytes of large files that had to be copied."""
    missing = [step for step in steps if target.manifest(step.name) is None]
    _refuse_damaged(source, missing, run)
    copied = 0
    with target.held(begun=_begun(source)):
        taken, theirs = target.taken(), source.taken()
        for step in steps:
            if step in missing:
                try:
                    copied += _put(source.step(step.name), target.step(step.name), target.path)
                except OSError as error:
                    raise StoreError(f"{target.path}: {step.name} of {run} cannot be taken over: {error}") from None
            manifest = sha256_of(target.step(step.name) / seals.MANIFEST)
            if step.name not in taken and manifest == sha256_of(source.step(step.name) / seals.MANIFEST):
                made_in = theirs[step.name].made_in if step.name in theirs else run
                target.record_taken({step.name: Taken(run=run, made_in=made_in, manifest=manifest)})
        if missing:
            target.log(f"shared with {run}: {', '.join(step.name for step in missing)}")
    return copied


def _begun(source: RunFolder) -> RunInputs | None:
    theirs = source.inputs()
    return theirs and theirs.model_copy(update={"taken": {}})


def _refuse_damaged(source: RunFolder, steps: Sequence[Step], run: str) -> None:
    """Raise StoreError where files that are to be taken are not those that their steps made."""
    for step in steps:
        manifest = source.manifest(step.name)
        assert manifest is not None, "only finished steps are shared"
        changed = list(changes.of_outputs(source.step(step.name), manifest, source.sha256))
        if manifest.checkpoint is not None:
            changed += changes.of_weights(source.model_path(manifest.checkpoint), manifest, source.sha256)
        if changed:
            raise StoreError(
                f"{run}: {'; '.join(changed)}: damaged files are not shared; restore them (`srlm verify {run}` lists "
                f"every change), or share only the steps before {step.name}"
            )


def _put(source: Path, place: Path, run: Path) -> int:
    """Put a finished step in its place under its own name at once; returns the bytes of what could not be linked."""
    part = run.with_name(f"{run.name}.{place.name}.part")
    if part.is_dir():  # a process was killed
        shutil.rmtree(part)
    copied = 0

    def taken(file: str, at: str) -> None:
        nonlocal copied
        copied += linked(file, at)

    shutil.copytree(source, part, copy_function=taken)
    with seals.naming(place / seals.MANIFEST, sha256_of(part / seals.MANIFEST)):
        durable.take_name(part, place)
    return copied


def linked(file: str | Path, at: str | Path) -> int:
    """Put a finished file, which is never written again, in a second place; returns the bytes of a large one that had
    to be copied. Raises OSError."""
    copied = 0
    if (size := os.path.getsize(file)) > LARGE:
        try:
            os.link(file, at)
            return 0
        except OSError:  # another disk, or one without links
            copied = size
    shutil.copy2(file, at)
    return copied


def lines(name: str, source: str, found: Fork) -> list[str]:
    """What a user is told of a fork."""
    place, _ = _source(source)
    shared = f"{name}: shares {', '.join(found.steps)} with {place}"
    if found.then is not None:
        shared += f"; makes {found.then} and what follows itself"
    shared += f" ({found.why})" if found.why else ""
    told = [shared]
    if found.copied:
        told.append(
            f"{name}: {found.copied / 1e6:.0f} MB were copied: they cannot be linked from {place} (another disk, or "
            "one without links)"
        )
    return told
