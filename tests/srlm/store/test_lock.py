"""One process at a time writes to a folder, or a file: the second is refused, a killed one holds nobody up."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from srlm.errors import StoreError
from srlm.store.lock import hold_files, hold_folder

HOLD = """
import sys
from pathlib import Path
from srlm.store.lock import hold_files, hold_folder

with hold_folder(Path(sys.argv[1])), hold_files(Path(sys.argv[1] + ".json")):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holding(folder: Path) -> subprocess.Popen[str]:
    """A process that holds a folder and a file beside it; it has them when this returns."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    return other


def test_a_folder_and_a_file_that_another_process_holds_are_refused_until_it_ends(tmp_path: Path) -> None:
    folder, file = tmp_path / "m", tmp_path / "m.json"
    with holding(folder) as other:
        with pytest.raises(StoreError) as told, hold_folder(folder):
            pass
        assert str(told.value) == (
            f"{folder}: another process writes to this folder (process {other.pid}); wait for it or stop it"
        )
        for name in (file, tmp_path / "m" / ".." / "m.json"):
            with pytest.raises(StoreError, match=rf"writes this file \(process {other.pid}\)"), hold_files(name):
                pass
        with hold_files(tmp_path / "other.json"), hold_folder(folder / "inside"):
            pass  # others are free
        other.communicate("\n")
    with hold_folder(folder), hold_files(file):
        pass
    assert list(tmp_path.iterdir()) == []  # nothing was written, so nothing is left


def test_a_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    with holding(folder) as other:
        other.kill()
    assert (folder / ".lock").read_text() == f"{other.pid} {socket.gethostname()}"
    with hold_folder(folder), hold_files(tmp_path / "m.json"):
        assert (folder / ".lock").read_text() == f"{os.getpid()} {socket.gethostname()}"


def test_a_file_of_results_stays_when_its_lock_goes(tmp_path: Path) -> None:
    with hold_folder(tmp_path / "new" / "m"):
        (tmp_path / "new" / "m" / "figures").write_text("1")
    assert [path.name for path in (tmp_path / "new" / "m").iterdir()] == ["figures"]


def test_a_link_to_a_folder_is_that_folder(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "m")
    busy = pytest.raises(StoreError, match="another process writes")
    with hold_folder(tmp_path / "link"), busy, hold_folder(tmp_path / "m"):
        pass


def test_what_cannot_be_written_is_told_with_another_choice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(StoreError) as told, hold_folder(tmp_path / "file" / "m"):
        pass
    assert str(told.value) == (
        f"{tmp_path}/file/m: cannot create it: Not a directory; choose another folder (--out) or give this user write "
        "permission"
    )
    with pytest.raises(StoreError, match="cannot create it: File exists"), hold_folder(tmp_path / "file"):
        pass
    with pytest.raises(StoreError, match=r"/proc/none.*: cannot create it"), hold_files(Path("/proc/none/m.json")):
        pass
    with pytest.raises(StoreError, match="is a folder; name a file"), hold_files(tmp_path):
        pass
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with (
        pytest.raises(StoreError, match=r"circle/m.json: cannot create it"),
        hold_files(tmp_path / "circle" / "m.json"),
    ):
        pass
    assert (tmp_path / "file").read_text() == "kept"


def test_a_lock_that_is_a_link_a_pipe_or_words_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    for name in ("link", "pipe", "words"):
        (tmp_path / name).mkdir()
    (tmp_path / "link" / ".lock").symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / "pipe" / ".lock")
    with pytest.raises(StoreError, match="cannot write to it"), hold_folder(tmp_path / "link"):
        pass
    with pytest.raises(StoreError, match="is no file; remove it"), hold_folder(tmp_path / "pipe"):
        pass
    assert (tmp_path / "precious").read_text() == "kept"
    (tmp_path / "words" / ".lock").write_bytes(b"\xff\x1b[31m4321")
    with (tmp_path / "words" / ".lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match=r"\(process unknown\)"), hold_folder(tmp_path / "words"):
            pass
        (tmp_path / "words" / ".lock").write_bytes(b"4321 another.host")
        with pytest.raises(StoreError, match=r"\(process 4321 on another\.host\)"), hold_folder(tmp_path / "words"):
            pass


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a file system cannot be mounted here: the system's call is made to answer as one does."""

    def refuse(*_: object) -> None:
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError) as told, hold_folder(tmp_path / "m"):
        pass
    assert str(told.value) == (
        f"{tmp_path}/m: cannot be locked on this file system: {os.strerror(95)}; choose another folder (--out)"
    )
