"""Files that somebody names, and what stands in their place."""

import io
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from srlm.bounded.files import TooLong, lines, read_bytes, read_text
from srlm.bounded.quote import cut, quoted


def a_fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def a_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
    return path


def a_loop(path: Path) -> Path:
    path.symlink_to(path)
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("put", "said"),
    [
        pytest.param(a_fifo, "it is a FIFO, not a file", id="fifo"),
        pytest.param(a_loop, "Too many levels of symbolic links", id="a-link-to-itself"),
        pytest.param(a_folder, "Is a directory", id="folder"),
        pytest.param(a_socket, "No such device or address", id="socket"),
        pytest.param(lambda _: Path("/dev/zero"), "it is a character device, not a file", id="a-device-without-end"),
        pytest.param(lambda path: path, "No such file or directory", id="nothing"),
        pytest.param(lambda _: Path("a\0b"), "not a usable path", id="a-nul-in-the-path"),
        pytest.param(lambda _: Path("a\ud800b"), "No such file|not a usable path", id="half-a-character-in-the-path"),
    ],
)
def test_what_is_no_file_is_an_os_error_and_nobody_waits(
    tmp_path: Path, put: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises(OSError, match=said):
        read_bytes(put(tmp_path / "x"))


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a\r\nb\rc")
    assert read_text(tmp_path / "x", 6) == "a\nb\nc"
    with pytest.raises(TooLong, match="it is over 0 KiB"):
        read_text(tmp_path / "x", 5)


def test_a_file_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(2**40)  # of which nothing takes room on the disk
    with pytest.raises(TooLong, match="it is over 64 MiB"):
        read_bytes(tmp_path / "x")


def test_a_line_is_read_up_to_its_bound() -> None:
    assert list(lines(io.StringIO("ab\n\ncd"), Path("x"), 3)) == ["ab\n", "\n", "cd"]
    with pytest.raises(TooLong, match="a line is over 0 KiB"):
        list(lines(io.StringIO("ab\nabcd\n"), Path("x"), 3))


def test_quotations_are_short_whatever_they_quote() -> None:
    deep: list[object] = []
    for _ in range(10**5):
        deep = [deep]
    for value in ("x" * 10**7, ["x" * 10**6] * 10**5, {n: deep for n in range(10**4)}, 10**4000, deep):
        assert len(quoted(value)) < 700
    assert quoted("a") == "'a'"


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    assert cut("short", 10) == "short"
    assert cut("a" * 500 + "b" * 500, 100) == "a" * 75 + " [... 900 characters ...] " + "b" * 25
