"""`srlm verify`: which files of a run are not what they were, and what no longer follows from what."""

import json
from collections import Counter
from pathlib import Path

from srlm.errors import StoreError
from srlm.methods.base import run_folder
from srlm.methods.verify import FINE, Verified, verify
from srlm.store.folder import settings_at
from srlm.terminal import Console, Table, say, show
from srlm.text.counts import counted

LARGE = 280e9
"""Bytes of the float32 weights of a model of 70B parameters."""
TELLING = 20e6
"""Bytes from which on the time says how fast they are read."""


def print_state(place: Path, overrides: list[str], as_json: bool) -> bool:
    """Print a row a file that is not as it was (with `--json`: of every file); whether there is none."""
    settings = settings_at(place, overrides)
    folder = run_folder(settings)
    if not folder.path.is_dir():
        raise StoreError(f"{folder.path}: no such run; train it first: srlm train --run {place}")
    found = verify(folder)
    if as_json:
        rows = [row._asdict() for row in found.rows]
        told = {"run": str(folder.path), "sound": found.sound, "files": found.files, "bytes": found.bytes, "rows": rows}
        show(json.dumps(told, indent=1, ensure_ascii=True))
        return found.sound
    say(f"{settings.name}: {folder.path}")
    _print(found)
    return found.sound


def _print(found: Verified) -> None:
    table = Table("part", "ok", "not sealed", "other")
    for part in dict.fromkeys(row.part for row in found.rows):
        states = Counter(row.state for row in found.rows if row.part == part)
        others = sum(states.values()) - sum(states[fine] for fine in FINE)
        table.add_row(part, *(str(number) if number else "" for number in (states["ok"], states["not sealed"], others)))
    Console().print(table)
    for row in found.rows:
        if row.state not in FINE or (row.state == "ok" and row.why.startswith("scores")):
            state = row.state + (f": {row.why}" if row.why else "")
            say(f"{row.part}/{row.name}: {state}")
    read = f"{counted(found.files, 'files')}, {found.bytes / 1e6:.1f} MB read in {found.seconds:.1f} s"
    if found.bytes >= TELLING:
        read += f"; at that rate the weights of a 70B model ({LARGE / 1e9:g} GB) take "
        read += f"{LARGE * found.seconds / found.bytes:.0f} s"
    say(read)
    older = sum(row.state == "not sealed" for row in found.rows)
    unknown = f"; {counted(older, 'files are')} of an older srlm, which recorded no digest of them" if older else ""
    said = f"nothing has changed{unknown}" if found.sound else "restore these files, or delete them and run again"
    say(said)
