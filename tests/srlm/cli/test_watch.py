"""`srlm status --watch`: a run that others make, seen from outside by its files alone."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from srlm.cli.status import LineCounts, View, Written
from srlm.cli.watch import last_written
from srlm.store import lock
from tests.forks.command import Command, Start

CHECKOUT = Path(__file__).resolve().parents[3]
TINY = str(CHECKOUT / "tests/tiny.yaml")
WATCH = ("status", "--run", TINY, "--watch", "--every", "0.1")


@pytest.fixture
def watching(start: Start, tmp_path: Path) -> Iterator[Callable[[], Command]]:
    """Begins `srlm status --watch` beside `runs/tiny`, not on a terminal; it is gone when the test ends."""
    begun: list[Command] = []

    def begin() -> Command:
        begun.append(start("srlm", *WATCH, cwd=tmp_path))
        return begun[-1]

    yield begin
    for command in begun:
        command.kill()


def until(command: Command, line: str) -> list[str]:
    """What it prints up to a line. Fails where it ends before."""
    found = []
    for said in command.stdout:
        found.append(said.removesuffix("\n"))
        if found[-1] == line:
            return found
    raise AssertionError(f"{line!r} is not in {found}; {command.stderr.read()}")


def put(place: Path, name: str, trained: Path) -> None:
    """A folder or file of the trained run takes its place in another run at once."""
    source, part = trained / "runs/tiny" / name, place / f"{name}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, part) if source.is_dir() else shutil.copy(source, part)
    part.rename(place / name)


def test_each_change_is_a_line_until_the_last_model_is_there(
    watching: Callable[[], Command], trained: Path, tmp_path: Path
) -> None:
    place = tmp_path / "runs/tiny"
    command = watching()
    assert until(command, "tiny: not started (runs/tiny does not exist)") == [
        "tiny: not started (runs/tiny does not exist)"
    ]
    (place / "M2").mkdir(parents=True)
    (place / "M2/responses.jsonl.part").write_text('{"id": 1}\n{"id"')
    assert until(command, "M2: writing responses.jsonl; 1 responses.jsonl.part") == [
        "M2: writing responses.jsonl; 1 responses.jsonl.part"
    ]
    with (place / "M2/responses.jsonl.part").open("a") as part:
        part.write(": 2}\n")
    until(command, "M2: writing responses.jsonl; 2 responses.jsonl.part")
    shutil.rmtree(place)
    until(command, "tiny: not started (runs/tiny does not exist)")
    for name in ("data", "M0", "SFT", "M1", "M2"):
        put(place, name, trained)
    found = until(command, "tiny: complete; M2 is in runs/tiny/M2/model")
    assert [line.split(";")[0] for line in found if line.startswith("M2")] == ["M2: done"]
    assert command.communicate() == ("", "")
    assert command.wait() == 0


def test_what_cannot_be_read_is_said_once_and_tried_again(
    watching: Callable[[], Command], trained: Path, tmp_path: Path
) -> None:
    place = tmp_path / "runs/tiny"
    put(place, "data", trained)
    whole = (place / "data/manifest.json").read_bytes()
    (place / "data/manifest.json").write_bytes(whole[:100])
    command = watching()
    said = command.stdout.readline()
    assert said.startswith("tiny: cannot be read: runs/tiny/data/manifest.json: not a RunManifest: ")
    (place / "data/manifest.json").write_bytes(whole)
    assert command.stdout.readline().startswith("data: done; ")


def test_ctrl_c_ends_it_with_130_and_no_word(watching: Callable[[], Command]) -> None:
    command = watching()
    command.stdout.readline()
    command.send_signal(signal.SIGINT)
    assert command.communicate() == ("", "")
    assert command.wait() == 130


def test_a_run_in_which_nothing_was_written_for_long_says_so(
    watching: Callable[[], Command], trained: Path, tmp_path: Path
) -> None:
    place = tmp_path / "runs/tiny"
    put(place, "data", trained)
    for path in place.rglob("*"):
        os.utime(path, (0, 0))
    (place / "log.txt").touch()
    os.utime(place / "log.txt", (86_400, 86_400))
    days = round((time.time() - 86_400) / 86_400)
    until(watching(), f"tiny: last written {days} days ago (log.txt)")


@pytest.mark.parametrize(
    ("age", "said"),
    [(-3.0, "0 s"), (59.0, "59 s"), (240.0, "4 min"), (7_300.0, "2 h"), (90_000.0, "25 h"), (259_200.0, "3 days")],
)
def test_an_age_is_told_in_the_unit_that_people_use(age: float, said: str) -> None:
    view = View("tiny", Path(), (), (), (), (), (), Written("log.txt", 1_000_000.0), None)
    assert last_written(view, 1_000_000.0 + age) == f"last written {said} ago (log.txt)"


def test_it_writes_nothing_and_needs_no_lock(watching: Callable[[], Command], trained: Path, tmp_path: Path) -> None:
    place = tmp_path / "runs/tiny"
    shutil.copytree(trained / "runs/tiny", place)
    (place / "M2/manifest.json").rename(tmp_path / "manifest.json")
    before = sorted(place.rglob("*"))
    with lock.hold(place / lock.LOCK, place, "works", "", leave=True):
        command = watching()
        while not command.stdout.readline().startswith("M2: "):
            pass
        assert sorted(place.rglob("*")) == before
        (tmp_path / "manifest.json").rename(place / "M2/manifest.json")
        until(command, "tiny: complete; M2 is in runs/tiny/M2/model")


def test_on_a_terminal_the_table_is_drawn_in_place(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs/tiny", place := tmp_path / "runs/tiny")
    (place / "M2/manifest.json").rename(tmp_path / "manifest.json")
    ours, its = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TERM": "xterm", "COLUMNS": "100", "LINES": "60"}
    words = [sys.executable, "-m", "srlm", *WATCH]
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdin=its, stdout=its, stderr=its) as command:
        os.close(its)
        seen = b""
        while seen.count(b"last written ") < 2:
            seen += os.read(ours, 4096)
        assert b"\x1b[1A" in seen  # the second drawing goes back up to where the first began
        (tmp_path / "manifest.json").rename(place / "M2/manifest.json")
        while b"complete; M2 is in runs/tiny/M2/model" not in seen:
            seen += os.read(ours, 4096)
        assert command.wait() == 0
    os.close(ours)


def test_a_folder_is_as_good_as_its_run_file(start: Start, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs/tiny", tmp_path / "elsewhere")
    with start("srlm", "status", "--run", "elsewhere", "--watch", cwd=tmp_path) as command:
        said, _ = command.communicate()
    assert said.splitlines()[-1] == f"elsewhere: complete; M2 is in {tmp_path}/elsewhere/M2/model"


def test_lines_of_a_file_that_grew_shrank_or_was_replaced_are_counted_anew(tmp_path: Path) -> None:
    lines, path = LineCounts(), tmp_path / "a.jsonl"
    path.write_text("1\n2\n3")
    assert lines(path) == 2
    with path.open("a") as file:
        file.write("\n4\n")
    assert lines(path) == 4
    path.write_text("1\n")
    assert lines(path) == 1
    (tmp_path / "b.jsonl").write_text("1\n2\n3\n")
    (tmp_path / "b.jsonl").rename(path)
    assert lines(path) == 3
