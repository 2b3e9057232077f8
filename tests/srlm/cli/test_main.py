"""The command line as people meet it: help, usage errors, settings, exit statuses, Ctrl-C."""

import errno
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from srlm.cli.main import app, enter, quiet
from srlm.errors import DataError
from tests.forks.command import Start

ROOT = Path(__file__).parents[3]
POCKET = ROOT / "configs/pocket.yaml"
WIDE = {"COLUMNS": "400"}


def process(*words: str, module: str = "srlm") -> subprocess.CompletedProcess[str]:
    """A command line as a shell starts it."""
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **WIDE})


def test_what_the_libraries_hold_is_not_looked_through_at_every_engine_that_closes() -> None:
    gc.unfreeze()
    try:
        quiet(1)
        assert gc.get_freeze_count() > 100_000
        held = gc.get_freeze_count()
        quiet(1)  # a second time it freezes nothing that was made since
        assert gc.get_freeze_count() <= held  # some may have gone
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("command", [[], ["train"], ["status"], ["doctor"], ["explain"], ["settings"], ["methods"]])
def test_every_command_has_help(command: list[str]) -> None:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    assert "Usage: " in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--to", "M0"], "'M0' is not a model of the loop; use M1, M2, M3, ...", id="M0"),
        pytest.param(["--to", "banana"], "'banana' is not a model of the loop", id="a-word"),
        pytest.param(["--to", "M\u00b2"], "'M\u00b2' is not a model of the loop", id="a-superscript"),
        pytest.param(["--to", "M2", "--next"], "--to and --next cannot be used together", id="both"),
        pytest.param(["--until", "M2"], "No such option: --until", id="unknown-option"),
    ],
)
def test_a_wrong_target_is_refused_before_anything_is_made(tmp_path: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["train", "--run", str(POCKET), "--set", f"runs={tmp_path}/runs", *words], env=WIDE)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_command_without_run_file_says_what_is_missing() -> None:
    done = CliRunner().invoke(app, ["train"], env=WIDE)
    assert done.exit_code == 2
    assert "Missing option '--run'" in done.stderr


@pytest.mark.parametrize(
    ("module", "words", "status", "said"),
    [
        pytest.param("srlm", ["train", "--run", str(POCKET), "--to", "M0"], 2, "'M0' is not a model", id="usage"),
        pytest.param("srlm", ["status", "--run", "no.yaml"], 2, "srlm: no.yaml: no such run file", id="run-file"),
        pytest.param("srlm", ["--help"], 0, "", id="help"),
        pytest.param("eval", ["report", "--run", "no.yaml"], 2, "srlm: no.yaml: no such run file", id="eval"),
        pytest.param("eval", ["beads"], 2, "Missing option '--run'", id="eval-usage"),
    ],
)
def test_exit_statuses_of_the_processes(module: str, words: list[str], status: int, said: str) -> None:
    done = process(*words, module=module)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def one_command(what: BaseException | None) -> typer.Typer:
    """A command line of one command that ends so."""
    commands = typer.Typer(pretty_exceptions_enable=False)

    @commands.command()
    def end() -> None:
        if what is not None:
            raise what

    return commands


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        pytest.param(None, 0, "", id="well"),
        pytest.param(typer.Exit(2), 2, "", id="told-already"),
        pytest.param(DataError("a.jsonl:3: no"), 2, "srlm: a.jsonl:3: no\n", id="the-user-can-mend-it"),
        pytest.param(
            OSError(errno.ENAMETOOLONG, "File name too long", "x" * 3000),
            2,
            f"srlm: {'x' * 199}…{'x' * 100}: File name too long; give another path, or mend this one\n",
            id="a-path-too-long",
        ),
        pytest.param(
            KeyboardInterrupt(), 130, "srlm: interrupted; run the same command again to resume\n", id="ctrl-c"
        ),
    ],
)
def test_how_a_command_ends(
    capsys: pytest.CaptureFixture[str], what: BaseException | None, status: int, said: str
) -> None:
    with pytest.raises(SystemExit) as left:
        enter(one_command(what), [])
    assert left.value.code == status
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    "words",
    [
        "verify LONG",
        "export LONG M1 --to a",
        "new m.yaml --model LONG --ift LONG --hardware cpu",
        "train --run example:pocket --set runs=LONG",
        "train --run example:pocket --from LONG --set name=b",
    ],
)
def test_a_name_that_no_file_system_takes_is_one_line(srlm: Any, words: str) -> None:
    done = srlm(*(word.replace("LONG", "x" * 3000) for word in words.split()))
    assert done.exit_code == 2
    assert done.stderr.startswith("srlm: xxx") and done.stderr.count("\n") == 1
    assert "File name too long" in done.stderr
    assert len(done.stderr) < 500


def test_a_defect_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError, match="ours"):
        enter(one_command(ZeroDivisionError("ours")), [])


def test_ctrl_c_stops_a_training_with_one_message(start: Start, tmp_path: Path) -> None:
    words = ["train", "--run", str(POCKET), "--set", f"runs={tmp_path}/runs", "--set", "data.base_lines=1000"]
    with start("srlm", *words, cwd=ROOT) as training:
        before = [training.stderr.readline()]
        while before[-1] and not before[-1].startswith("M0: pretraining ..."):
            before.append(training.stderr.readline())
        training.send_signal(signal.SIGINT)
        rest = training.stderr.read()
        assert training.wait() == 130
    assert rest.splitlines()[-1] == "srlm: interrupted; run the same command again to resume"
    assert "Traceback" not in rest
    assert "Aborted" not in rest


def test_the_libraries_count_no_uses_of_ours() -> None:
    program = (
        "import os, srlm.cli.main as m\n"
        "try: m.main(['settings', 'dpo.beta'])\n"
        "except SystemExit: print(os.environ['HF_HUB_DISABLE_TELEMETRY'])"
    )
    left = {name: text for name, text in os.environ.items() if name != "HF_HUB_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=left, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "1"
