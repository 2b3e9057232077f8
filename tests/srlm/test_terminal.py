"""The one exit: what reaches a pipe, and what reaches a real terminal."""

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from srlm.errors import SrlmError
from srlm.terminal import Console, Table, cut, guarded, logger, note, say, width_of
from tests import hostile_words

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def printed() -> Iterator[io.StringIO]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        yield out


def on_a_terminal(*command: str, **environment: str) -> str:
    """All that a command writes to a real terminal of 100 columns, byte for byte."""
    ours, its = pty.openpty()
    mode = termios.tcgetattr(its)
    mode[1] &= ~termios.OPOST  # line ends as they were written
    termios.tcsetattr(its, termios.TCSANOW, mode)
    termios.tcsetwinsize(its, (40, 100))
    chosen = {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment}
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen([sys.executable, *command], stdin=its, stdout=its, stderr=its, env=kept | chosen)
    os.close(its)
    found = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while part := os.read(ours, 1 << 16):
            found += part
    process.wait()
    os.close(ours)
    return found.decode("utf-8", "surrogateescape")


def test_a_line_that_is_said_is_one_line_whatever_is_in_it() -> None:
    with printed() as out:
        say(*hostile_words.NAMES)
    assert len(out.getvalue().splitlines()) == len(hostile_words.NAMES)
    assert not hostile_words.steering(out.getvalue())
    assert set(hostile_words.HARMLESS) <= set(out.getvalue().split("\n"))


def test_lines_after_a_messages_first_are_indented_and_endless_ones_cut() -> None:
    with printed() as out:
        note("srlm: bad\nsrlm: all checks passed\x1b")
        note("x" * 4000 + "y" * 1000)
        note(f"srlm: {SrlmError('x' * 9000 + '; remove it')}")
    assert out.getvalue().splitlines() == [
        "srlm: bad",
        "  srlm: all checks passed?",
        "x" * 3000 + " [... 1,000 characters ...] " + "y" * 1000,
        "srlm: " + "x" * 2925 + " [... 5,111 characters ...] " + "x" * 964 + "; remove it",
    ]


def test_a_cell_of_a_table_is_no_markup_and_no_emoji_code() -> None:
    table = Table("name\x1b")
    for name in hostile_words.NAMES:
        table.add_row(name)
    with printed() as out:
        Console(width=200).print(table)
        Console().print("[/INST] [red]x :smile: \x1b[31m")
    assert not hostile_words.steering(out.getvalue())
    rows = [line.strip("│ ") for line in out.getvalue().splitlines()]
    assert {name.strip() for name in hostile_words.HARMLESS} - {"| a | b |"} <= {*rows}
    assert rows[-1] == "[/INST] [red]x :smile: ?[31m"


def test_while_a_command_runs_what_libraries_print_is_guarded_too() -> None:
    with printed() as out, guarded():
        print("a\x1b[31mred\x1b[0m\x1b]0;title\x07\u202e")
        print("10%\r20%\r\n", file=sys.stderr, end="")
        sys.stdout.flush()
        assert not sys.stdout.isatty()
    assert out.getvalue() == "ared?]0;title??\n10%\n20%\n"


def test_a_log_message_is_one_line_whoever_handles_it(caplog: pytest.LogCaptureFixture) -> None:
    logger("tests.terminal").warning("%s: refused", "judge\x1b[31m\nsrlm: ok\u202e")
    logger("tests.terminal").warning("100% of \x07")
    assert [record.getMessage() for record in caplog.records] == ["judge?[31m?srlm: ok?: refused", "100% of ?"]


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        pytest.param("abcdef", 6, "abcdef", id="it-fits"),
        pytest.param("abcdefg", 6, "abc\u2026fg", id="it-does-not"),
        pytest.param("\u6a21\u578b\u6a21\u578b", 6, "\u6a21\u2026\u578b", id="wide-characters-take-two"),
        pytest.param("\x1b" * 10_000, 4, "??\u2026?", id="control"),
        pytest.param("e" + "\u0301" * 10_000, 4, "e" + "\u0301" * 8 + "?\u2026?", id="marks-take-none"),
    ],
)
def test_a_text_is_cut_by_the_cells_it_takes(text: str, cells: int, shown: str) -> None:
    assert cut(text, cells) == shown
    assert width_of(shown) <= cells


def test_a_terminal_of_another_encoding_shows_codes_and_no_traceback() -> None:
    program = "from srlm.terminal import *\nwith guarded(): say('caf\\xe9 \\u6a21'); show('\\ud800')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "caf\\xe9 \\u6a21\n?\n"


PROGRAM = """
import logging, sys, warnings
from srlm.cli.main import enter
from srlm.store.progress import Reporter
from srlm.terminal import Console, Table, logger, note, say, show
from tests.hostile_words import NAMES

def command(words):
    table = Table("name", *NAMES)
    for name in NAMES:
        table.add_row(name)
    Console(width=90).print(table)
    for name in NAMES:
        say(name); show(name); note(name)
        print(name)
        logger("mine").warning("%s", name)
        logging.getLogger("theirs").warning("%s", name)
        warnings.warn(name)
    with Reporter(" ".join(NAMES[:1] + NAMES[60:70]), lambda line: None) as report:
        report(0, 2)
        print("\\x1b]0;while a bar is shown\\x07 \\x1b[31m[bold]")
        report(2, 2)
    raise ValueError("a defect that quotes " + "".join(NAMES))

enter(command)
"""


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1", "GITHUB_ACTIONS": "1"}, {"TERM": "dumb"}], ids=str)
def test_on_a_real_terminal_nothing_but_rich_moves_the_cursor(environment: dict[str, str]) -> None:
    said = on_a_terminal("-c", PROGRAM, **environment)
    assert not hostile_words.steering(said, drawn=True)
    assert "\x1b[31m" not in said and "\x1b[8m" not in said
    assert "while a bar is shown" in said and "[bold]" in said
    assert "Traceback (most recent call last):" in said and "ValueError: a defect that quotes a?[31mred" in said


LIBRARIES = """
import sys
from srlm.cli.main import enter

def command(words):
    import warnings
    import tqdm
    import huggingface_hub
    import tqdm.auto
    import datasets, transformers
    from srlm.terminal import say
    for bar in (tqdm.tqdm, tqdm.auto.tqdm, datasets.utils.tqdm):
        list(bar(range(3), desc="a bar"))
    for name in ("huggingface_hub", "datasets", "transformers"):
        log = sys.modules[name].utils.logging.get_logger(f"{name}.somewhere")
        log.warning("advice of " + name)
        log.error("error of " + name)
    transformers.utils.logging.get_logger("transformers.x").warning_advice("advice")
    warnings.warn("will change its default", FutureWarning)
    say("our own line")

enter(command)
"""
"""What libraries write by themselves: bars, advice and errors."""


def words_of(text: str) -> list[str]:
    return [line.split(":")[-1].strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]


def test_of_libraries_only_errors_reach_the_terminal_or_a_pipe() -> None:
    shown = ["error of huggingface_hub", "error of datasets", "[transformers] error of transformers", "our own line"]
    assert sorted(words_of(on_a_terminal("-c", LIBRARIES))) == sorted(shown)
    piped = subprocess.run(
        [sys.executable, "-c", LIBRARIES],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert sorted(words_of(piped.stdout)) == sorted(shown)


def test_what_a_user_has_asked_of_a_library_stays() -> None:
    said = on_a_terminal("-c", LIBRARIES, HF_HUB_VERBOSITY="warning")
    assert "advice of huggingface_hub" in said and "advice of datasets" not in said


BAR = """
from srlm.store.progress import Reporter

with Reporter("M2: judgements", lambda line: None, "answers") as report:
    report(0, 10)
    report.say("280 of 300 without a score (200 cut, 80 no score), and more words than a terminal has room for")
    report(4, 10)
"""


def test_what_a_stage_has_seen_stands_on_the_bar_s_own_line_and_is_cut_where_the_terminal_ends() -> None:
    said = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", on_a_terminal("-c", BAR))
    drawn = [line for line in said.replace("\r", "\n").splitlines() if "4/10" in line]
    assert drawn and all("280 of 300 without" in line and len(line) <= 100 for line in drawn)


TWO_BARS = """
from srlm.store.progress import Reporter

with Reporter("M2: candidates", lambda line: None) as first:
    first(3, 10)
    second = Reporter("M2: judgements", lambda line: None, "answers")
    with second:
        second(2, 20)
        first(10, 10)
    first(9, 10)
print("after them")
"""


def test_two_stages_at_once_have_a_bar_each_one_below_the_other() -> None:
    said = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", on_a_terminal("-c", TWO_BARS)).replace("\r", "\n")
    drawn = [line.rstrip() for line in said.splitlines() if line.strip()]
    both = next(at for at, line in enumerate(drawn) if line.startswith("M2: judgements ") and "/20" in line)
    assert drawn[both - 1].startswith("M2: candidates ")
    assert any("9/10" in line for line in drawn) and drawn[-1] == "after them"
    assert [line for line in drawn if ": done in " in line] == [
        line for line in drawn if line.startswith(("M2: judgements: done", "M2: candidates: done"))
    ]
