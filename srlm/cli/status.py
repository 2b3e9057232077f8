"""`srlm status`: which steps of a run are finished or in progress, with counts and times. Reads files only."""

from collections.abc import Iterator
from pathlib import Path

from srlm.methods.base import method_of, run_folder
from srlm.methods.suspicions import suspicions
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.terminal import Console, Table, say


def show(settings: Settings) -> None:
    """Print a table of the run's steps, and the counts of each finished one."""
    folder = run_folder(settings)
    if not folder.path.is_dir():
        say(f"{settings.name}: not started ({folder.path} does not exist)")
        return
    steps = method_of(settings).steps(settings, max([settings.iterations, *(step.number for step in folder.steps())]))
    # Not the table's title, which would be wrapped: users copy the path.
    say(f"{settings.name}: {folder.path}")
    table = Table("step", "state", "seconds", "files")
    for name in (step.name for step in steps):
        place = folder.step(name)
        table.add_row(name, _state(folder, name), _seconds(place), _files(place))
    Console().print(table)
    for line in _shared(folder):
        say(line)
    trained = [step.name for step in steps if step.role != "base"]
    for name in trained:
        manifest = folder.manifest(name)
        if manifest is not None and manifest.counts:
            say(f"{name}:")
            for key, value in manifest.counts.items():
                say(f"  {key}: {_plain(value)}")
    for name in trained:
        manifest = folder.manifest(name)
        for one in suspicions(manifest) if manifest else ():
            say(f"warning: {name}: {one.said}")
    for path in sorted(folder.path.glob("report.html")):
        say(f"report: {path}")


def _shared(folder: RunFolder) -> Iterator[str]:
    """Which steps were taken from other runs, and who made them where that is another one still."""
    taken = folder.taken()
    origins = dict.fromkeys((one.run, one.made_in) for one in taken.values())
    for run, made_in in origins:
        names = [name for name, one in taken.items() if (one.run, one.made_in) == (run, made_in)]
        yield f"taken from {run}: {', '.join(names)}{'' if made_in == run else f' (made in {made_in})'}"


def _state(folder: RunFolder, name: str) -> str:
    if folder.manifest(name):
        return "done"
    step = folder.step(name)
    if not step.is_dir() or not any(step.iterdir()):
        return "-"
    found = (path.name.removeprefix("checkpoint-") for path in step.glob("training/checkpoint-*"))
    checkpoints = sorted(int(number) for number in found if number.isdecimal())
    if checkpoints:
        return f"training, checkpoint at step {checkpoints[-1]}"
    parts = sorted(path for path in step.glob("*.part") if path.is_file())
    if parts:
        return f"writing {parts[-1].name.removesuffix('.part')}"
    return "started"


def _seconds(step: Path) -> str:
    timings = files.read_seconds(step / "timings.json")
    return "\n".join(f"{seconds:.0f} {name}" for name, seconds in timings.items())


def _files(step: Path) -> str:
    rows = []
    for path in sorted([*step.glob("*.jsonl"), *step.glob("*.jsonl.part")]):
        with path.open("rb") as lines:
            rows.append(f"{sum(1 for _ in lines)} {path.name}")
    return "\n".join(rows)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {number}" for key, number in value.items())
    if isinstance(value, float):
        return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"
    return str(value)
