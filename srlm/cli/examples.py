"""`srlm examples`: the run files that come with srlm, and a copy of them."""

import shutil
from pathlib import Path

from srlm import examples
from srlm.errors import SettingsError, StoreError
from srlm.terminal import say
from srlm.text.counts import counted


def listed() -> None:
    """Print each run file's name, and the first sentence of what it says of itself."""
    for name in examples.names():
        lines = (examples.FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        about = " ".join(line.removeprefix("#").strip() for line in lines[: _comments(lines)])
        say(f"{examples.PREFIX}{name}  {about.partition('. ')[0].removesuffix('.')}")


def _comments(lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))


def copy(to: Path) -> None:
    """Write every file that comes with srlm into a folder. Raises SettingsError before anything is written where one
    would replace another file."""
    every = [path for path in sorted(examples.FOLDER.rglob("*")) if path.is_file()]
    targets = {path: to / path.relative_to(examples.FOLDER) for path in every}
    try:
        other = [str(new) for old, new in targets.items() if new.exists() and new.read_bytes() != old.read_bytes()]
        if other:
            few = ", ".join(other[:3]) + (", ..." if len(other) > 3 else "")
            raise SettingsError(f"{few}: there already, and with another content; choose another folder")
        for old, new in targets.items():
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(old, new)
            shutil.copymode(old, new)  # one is a script
    except OSError as error:
        raise StoreError(f"{error.filename or to}: cannot be written: {error.strerror or error}") from None
    say(f"{to}: {counted(len(targets), 'files')}")
