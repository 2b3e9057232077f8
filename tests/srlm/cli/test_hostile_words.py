"""Words that anybody may have written, in what every command of `srlm` prints: arguments, files, manifests, records."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from srlm.cli.main import main
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, RunManifest
from srlm.run_file import load
from tests.hostile_words import HARMLESS, NAMES, STEERING, Said, asking, steering
from tests.srlm.cli.test_explain import Told
from tests.srlm.test_terminal import on_a_terminal

POCKET = Path(__file__).parents[3] / "configs/pocket.yaml"


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """`srlm` in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    return asking(main, capfd)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("settings", "NAME"), id="settings"),
        pytest.param(("show-prompt", "--run", POCKET, "--what", "NAME"), id="show-prompt"),
        pytest.param(("train", "--run", POCKET, "--to", "NAME"), id="train"),
        pytest.param(("status", "--run", "NAME"), id="run-file"),
        pytest.param(("status", "--run", POCKET, "--set", "NAME=1"), id="setting"),
        pytest.param(("status", "--run", POCKET, "--set", "runs=NAME"), id="value"),
        pytest.param(("explain", "NAME", "--run", POCKET, "--set", "runs=."), id="explain"),
        pytest.param(("estimate", "--run", POCKET, "--hardware", "NAME"), id="estimate"),
        pytest.param(("export", POCKET, "NAME", "--to", "out", "--set", "runs=."), id="export"),
        pytest.param(("export", "NAME", "M3", "--to", "out"), id="exported-run"),
        pytest.param(("chat", POCKET, "NAME", "--set", "runs=."), id="chat"),
        pytest.param(("NAME",), id="command"),
        pytest.param(("status", "--NAME"), id="option"),
    ],
)
def test_arguments_that_are_refused_are_quoted_as_words(ask: Callable[..., Said], command: tuple[object, ...]) -> None:
    for name in NAMES:
        said = ask(*(str(word).replace("NAME", name) for word in command))
        assert said.status in (0, 1, 2) and "Traceback" not in said.err


def test_a_run_files_keys_and_values_are_quoted_as_words(ask: Callable[..., Said], tmp_path: Path) -> None:
    for name in (*STEERING, *HARMLESS):
        for content in (
            {name: 1},
            {"name": name},
            {"name": "r", "method": name},
            {"name": "r", "data": {"kind": name}},
            {"name": "r", "extends": name},
        ):
            (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
            said = ask("status", "--run", "run.yaml")
            assert said.status == 2 and "Traceback" not in said.err
        (tmp_path / "run.yaml").write_bytes(f"name: {name}\n".encode())
        assert ask("status", "--run", "run.yaml").status == 2


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A pocket run whose manifests, files and turn of the loop hold every one of NAMES."""
    folder = run_folder(load(POCKET, [f"runs={tmp_path}"]))
    folder.finish(
        RunManifest(
            step="M1", settings_digest="d", seed=1, versions={}, commit=None, inputs={}, outputs={},
            checkpoint=Checkpoint(name="M1", parent="M0", path="M1/model", digest="d"),
            counts={
                **dict.fromkeys(NAMES, 1),
                "by name": dict.fromkeys(NAMES, 1),
                **{f"{name}: warning": f"warned of {name}" for name in NAMES},
            },
        )
    )  # fmt: skip
    for name in NAMES:
        if "/" not in name and "\x00" not in name:
            (folder.step("M1") / f"{name}.jsonl").write_text("{}\n")
    return tmp_path


def test_status_of_a_hostile_run(ask: Callable[..., Said], runs: Path) -> None:
    said = ask("status", "--run", POCKET, "--set", f"runs={runs}")
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    assert "  [red]x[/red]: 1" in lines and "  :smile:: 1" in lines and "  a?[31mred?[0m: 1" in lines
    assert (
        "warning: M1: warned of mistral[/INST]v2" in lines
        and "warning: M1: warned of a?srlm: all checks passed" in lines
    )
    assert "srlm: all checks passed" not in lines


def test_status_and_explain_on_a_real_terminal(runs: Path) -> None:
    told = Told(runs, "\n".join(NAMES))
    for given in (["status"], ["explain", told.prompt.id]):
        said = on_a_terminal("-m", "srlm", *given, "--run", str(POCKET), "--set", f"runs={runs}")
        assert "Traceback" not in said and "mistral[/INST]v2" in said
        assert not steering(said, drawn=True)


def test_explain_shows_hostile_words_and_names(ask: Callable[..., Said], tmp_path: Path) -> None:
    told = Told(tmp_path, "\n".join(NAMES), author="M1 [/INST]\u001b[31m\nrule: mine\u202e")
    said = ask("explain", told.prompt.id, "--run", POCKET, "--set", f"runs={tmp_path}")
    assert said.status == 0, said.err
    assert "  mistral[/INST]v2" in said.out.splitlines() and "  a\\u001b[31mred\\u001b[0m" in said.out.splitlines()
    assert "by M1 [/INST]?[31m?rule: mine?" in said.out and not re.search(r"^rule: mine", said.out, re.MULTILINE)
    assert "  \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645" in said.out.splitlines()


def test_doctor_and_the_log_quote_files_as_words(ask: Callable[..., Said], tmp_path: Path) -> None:
    for name in NAMES[::6]:
        base = name.replace("\x00", "").replace("'", "")
        said = ask(
            "doctor", "--no-weights", "--run", POCKET, "--set", f"judge.template={base}", "--set", f"runs={tmp_path}"
        )
        assert said.status == 2 and "Traceback" not in said.err
    folder = run_folder(load(POCKET, [f"runs={tmp_path}"]))
    folder.path.mkdir(parents=True)
    for name in NAMES:
        folder.log(f"M2: warning: {name}")
    text = (folder.path / "log.txt").read_text()
    assert not steering(text) and len(text.splitlines()) == len(NAMES)
