"""Nothing inside a run's folder leads out of it, or waits for ever: it holds files and folders, and nothing else.

The run's own folder may be reached through a link (`runs -> /data/runs`), and M0 may be a folder elsewhere, which the
run file names. Whatever is below RUN is the run's.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from srlm.errors import RecordError, StoreError
from srlm.records import RunManifest, Step

KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)
FOLDERS = ("model", "model.part", "training", "validation", "sampled", "logs", "launch", "evaluation")
"""Names that only folders have, in a run and in its steps."""
FILES = (".json", ".jsonl", ".safetensors", ".sqlite", ".jinja", ".lock", ".html", ".csv", "log.txt")
"""Ends of names that only files have."""


def refuse_strays(run: Path, steps: Iterable[str] = ()) -> None:
    """Raise StoreError where something in a run's folder is a link, a pipe, a socket, a device, or a file where a
    folder belongs and the other way round; `steps` are the names of its steps' folders."""
    folders = {*FOLDERS, *steps}
    waiting = [run] if run.is_dir() else []
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:  # another process has just deleted or renamed it
            continue
        except OSError as error:
            raise StoreError(f"{place}: cannot be read: {error.strerror or error}") from None
        for entry in found:
            own = place == run or place.parent == run
            if (why := _stray(entry, own and entry.name in folders)) is not None:
                raise StoreError(f"{entry.path}: {why}")
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))


def _stray(entry: os.DirEntry[str], should_be_folder: bool) -> str | None:
    """What is wrong with an entry, and what to do."""
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except FileNotFoundError:  # another process has just deleted it
        return None
    what = next((name for is_kind, name in KINDS if is_kind(mode)), None)
    if what == "a link":
        return (
            f"a link to {os.readlink(entry.path)}, and a run's folder holds its own files only; put what it stands for "
            "in its place (to keep runs elsewhere, link the folder of the run or set `runs`)"
        )
    if what is not None:
        return f"{what} where a file or folder of the run belongs; delete it or restore the file"
    if stat.S_ISREG(mode) and should_be_folder:
        return "a file where a folder of the run belongs; restore the folder, or delete the file"
    if stat.S_ISDIR(mode) and not should_be_folder and entry.name.endswith(FILES):
        return "a folder where a file of the run belongs; restore the file, or delete the folder"
    return None


def refuse_ways_out(path: Path, manifest: RunManifest, step: Step | None, base: str) -> None:
    """Raise RecordError where a manifest names a file outside its step, or weights that are not the step's.

    `base`: the setting that names the model. M0, and a model that is measured as it is, may lie elsewhere, where the
    run did not make it.
    """
    for name in manifest.outputs:
        if not is_within(name):
            raise RecordError(f"{path}: outputs: {name!r} is no name of a file in the step's folder")
    if manifest.checkpoint is None:
        return
    found, own = manifest.checkpoint.path, f"{path.parent.name}/model"
    elsewhere = step is not None and step.role in ("base", "given") and (Path(found).is_absolute() or found == base)
    if found != own and not elsewhere:
        raise RecordError(f"{path}: checkpoint.path is {found!r}, and the weights of {path.parent.name} are in {own!r}")


def is_within(name: str) -> bool:
    """Whether a name with `/` between its parts stays in the folder that it is looked for in."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\0" not in name and "\\" not in name
