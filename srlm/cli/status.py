"""`srlm status`: which steps of a run are finished or in progress, with counts and times. Reads files only."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from srlm.methods.base import method_of, run_folder
from srlm.methods.suspicions import suspicions
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.terminal import Console, Table, say

LOOKS = 5
"""Looks at a run before a file that vanishes each time is an error."""


class Row(NamedTuple):
    """One step, as the table shows it."""

    name: str
    state: str
    seconds: tuple[str, ...]
    files: tuple[str, ...]


class Written(NamedTuple):
    """The file of a run that was written last."""

    name: str
    """Within the run's folder."""
    at: float
    """Seconds since 1970, by the clock of whoever keeps the folder."""


class View(NamedTuple):
    """A run at one moment."""

    name: str
    path: Path
    rows: tuple[Row, ...]
    """In the order in which the steps are made; none where the folder is not there."""
    shared: tuple[str, ...]
    counts: tuple[str, ...]
    """Lines with the counts of each finished step."""
    warnings: tuple[str, ...]
    reports: tuple[str, ...]
    written: Written | None
    """None: there is no file yet."""
    last: str | None
    """Where the last model is, once every step up to `iterations` is done."""


class LineCounts:
    """How many whole lines files have; what was read is not read again where a file only grew."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, int]] = {}

    def __call__(self, path: Path) -> int:
        with path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            before, read, lines = self._known.get(path, (inode, 0, 0))
            if before != inode or os.fstat(file.fileno()).st_size < read:
                read = lines = 0
            file.seek(read)
            while chunk := file.read(1 << 20):
                read, lines = read + len(chunk), lines + chunk.count(b"\n")
            self._known[path] = inode, read, lines
        return lines


def look(settings: Settings, lines: LineCounts) -> View:
    """A run as it is now. It may be at work: a look during which a file vanishes is taken again."""
    for _ in range(LOOKS - 1):
        try:
            return _look(settings, lines)
        except FileNotFoundError:
            continue
    return _look(settings, lines)


def show(settings: Settings) -> None:
    """Print a table of the run's steps, and the counts of each finished one."""
    print_view(look(settings, LineCounts()))


def print_view(view: View) -> None:
    """Print all that a look has found."""
    if not view.rows:
        say(not_there(view))
        return
    # Not the table's title, which would be wrapped: users copy the path.
    say(f"{view.name}: {view.path}")
    Console().print(table_of(view))
    say(*view.shared, *view.counts, *view.warnings, *view.reports)


def not_there(view: View) -> str:
    """What is said of a run without a folder."""
    return f"{view.name}: not started ({view.path} does not exist)"


def table_of(view: View) -> Table:
    """A row a step."""
    table = Table("step", "state", "seconds", "files")
    for row in view.rows:
        table.add_row(row.name, row.state, "\n".join(row.seconds), "\n".join(row.files))
    return table


def _look(settings: Settings, lines: LineCounts) -> View:
    folder = run_folder(settings)
    if not folder.path.is_dir():
        return View(settings.name, folder.path, (), (), (), (), (), None, None)
    steps = method_of(settings).steps(settings, max([settings.iterations, *(step.number for step in folder.steps())]))
    manifests = {step.name: folder.manifest(step.name) for step in steps}
    trained = {step.name: found for step in steps if step.role != "base" and (found := manifests[step.name])}
    wanted = [step.name for step in method_of(settings).steps(settings, settings.iterations)]
    last = manifests[wanted[-1]] if all(manifests[name] for name in wanted) else None
    return View(
        name=settings.name,
        path=folder.path,
        rows=tuple(
            Row(
                step.name,
                "done" if manifests[step.name] else _state(folder.step(step.name)),
                tuple(_seconds(folder.step(step.name))),
                tuple(_files(folder.step(step.name), lines)),
            )
            for step in steps
        ),
        shared=tuple(_shared(folder)),
        counts=tuple(
            line
            for name, manifest in trained.items()
            if manifest.counts
            for line in (f"{name}:", *(f"  {key}: {_plain(value)}" for key, value in manifest.counts.items()))
        ),
        warnings=tuple(
            f"warning: {name}: {one.said}" for name, manifest in trained.items() for one in suspicions(manifest)
        ),
        reports=tuple(f"report: {path}" for path in sorted(folder.path.glob("report.html"))),
        written=_written(folder.path),
        last=f"{last.checkpoint.name} is in {folder.model_path(last.checkpoint)}" if last and last.checkpoint else None,
    )


def _shared(folder: RunFolder) -> Iterator[str]:
    """Which steps were taken from other runs, and who made them where that is another one still."""
    taken = folder.taken()
    origins = dict.fromkeys((one.run, one.made_in) for one in taken.values())
    for run, made_in in origins:
        names = [name for name, one in taken.items() if (one.run, one.made_in) == (run, made_in)]
        yield f"taken from {run}: {', '.join(names)}{'' if made_in == run else f' (made in {made_in})'}"


def _state(step: Path) -> str:
    if not step.is_dir() or not any(step.iterdir()):
        return "-"
    found = (path.name.removeprefix("checkpoint-") for path in step.glob("training/checkpoint-*"))
    checkpoints = sorted(int(number) for number in found if number.isdecimal())
    if checkpoints:
        return f"training, checkpoint at step {checkpoints[-1]}"
    growing = sorted(path.name.removesuffix(".part") for path in step.glob("*.jsonl.part"))
    if growing:
        return f"writing {' and '.join(growing)}"
    return "started"


def _seconds(step: Path) -> Iterator[str]:
    for name, seconds in files.read_seconds(step / "timings.json").items():
        yield f"{seconds:.0f} {name}"


def _files(step: Path, lines: LineCounts) -> Iterator[str]:
    for path in sorted([*step.glob("*.jsonl"), *step.glob("*.jsonl.part")]):
        yield f"{lines(path)} {path.name}"


def _written(run: Path) -> Written | None:
    found = None
    for place, _, names in os.walk(run):
        for path in (Path(place, name) for name in names):
            try:
                at = path.stat().st_mtime
            except OSError:  # gone meanwhile
                continue
            if found is None or at > found.at:
                found = Written(str(path.relative_to(run)), at)
    return found


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {number}" for key, number in value.items())
    if isinstance(value, float):
        return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"
    return str(value)
