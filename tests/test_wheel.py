"""The wheel: what a user installs holds both packages whole, under names of their own, and needs no checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from srlm.version import VERSION
from tests import own_files
from tests.test_first_hour import commands

CHECKOUT = Path(__file__).resolve().parents[1]
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
WATCH = """\
import os, sys

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path.startswith({checkout!r}) and not path.startswith({libraries!r}):
            with os.fdopen(os.open({seen!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "w") as file:
                file.write(path + chr(10))

sys.addaudithook(watch)
"""
"""Notes every file of the checkout that a process opens, a module that it imports among them."""


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def configs() -> list[str]:
    return [name for name in tracked() if name.startswith("configs/")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no build folder stays in the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    for name in tracked():
        copy = place / "copy" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, copy)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", place)
    subprocess.run([sys.executable, *PIP, "wheel", *options, place / "copy"], check=True)
    (found,) = place.glob("*.whl")
    return found


class Installed:
    """The wheel in an environment of its own, which has all other packages from the one of these tests."""

    def __init__(self, place: Path, wheel: Path) -> None:
        # A repository of somebody else's around it, as users have: its commit is none of ours.
        git = ("git", "-c", "user.name=a", "-c", "user.email=b@c")
        subprocess.run([*git, "init", "--quiet", place], check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=theirs"], cwd=place, check=True)
        self.bin = place / "environment/bin"
        self.work = place / "elsewhere"
        self.work.mkdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "environment"], check=True)
        options = ("--python", self.bin / "python", "install", "--no-deps", "--no-index")
        subprocess.run([sys.executable, *PIP, *options, wheel], check=True)
        (packages,) = (place / "environment/lib").glob("python*/site-packages")
        libraries, self._seen = sysconfig.get_path("purelib"), place / "seen.txt"
        (packages / "beneath.pth").write_text(f"{libraries}\nimport watch_the_checkout\n")
        said = WATCH.format(checkout=f"{CHECKOUT}/", libraries=f"{os.path.realpath(sys.prefix)}/", seen=str(self._seen))
        (packages / "watch_the_checkout.py").write_text(said)

    def run(self, command: str, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [self.bin / command, *map(str, words)],
            cwd=self.work, env={**environment, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **more},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def said(self, command: str, *words: object, **more: str) -> list[str]:
        """The lines that a command prints which succeeds."""
        done = self.run(command, *words, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    def of_the_checkout(self) -> list[str]:
        """The files of the checkout that the commands have opened."""
        return self._seen.read_text().splitlines() if self._seen.exists() else []


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Whatever the tests make of it, it has not looked into the checkout."""
    found = Installed(tmp_path_factory.mktemp("installed"), wheel)
    yield found
    assert found.of_the_checkout() == []


def test_the_wheel_holds_every_file_of_both_packages_the_run_files_and_the_licence(wheel: Path) -> None:
    folders = {"srlm/": "srlm/", "eval/": "srlm_eval/", "configs/": "srlm/configs/", "docs/": "srlm/docs/"}
    expected = {
        new + name.removeprefix(old)
        for old, new in folders.items()
        for name in tracked()
        if name[: len(old)] == old and (old != "docs/" or name.endswith(".md"))
    }
    with zipfile.ZipFile(wheel) as archive:
        found = set(archive.namelist())
        licence = archive.read(f"srlm-{VERSION}.dist-info/licenses/LICENSE")
        points = archive.read(f"srlm-{VERSION}.dist-info/entry_points.txt").decode()
    assert {name for name in found if not name.startswith("srlm-")} == expected
    assert {"srlm/py.typed", "srlm_eval/py.typed", "srlm/configs/pocket.yaml"} <= found
    assert licence == (CHECKOUT / "LICENSE").read_bytes()
    assert "srlm = srlm.cli.main:main\nsrlm-eval = srlm_eval.cli:main\n" in points
    assert wheel.stat().st_size < 5_000_000


def test_both_commands_say_their_version_and_complete_words(installed: Installed) -> None:
    assert installed.said("srlm", "--version") == [f"srlm {VERSION}"]
    assert installed.said("srlm-eval", "--version") == [f"srlm-eval {VERSION}"]
    asked = {"COMP_WORDS": "srlm tr", "COMP_CWORD": "1", "_SRLM_COMPLETE": "complete_bash"}
    assert installed.said("srlm", **asked) == ["train"]
    asked = {"COMP_WORDS": "srlm-eval lead", "COMP_CWORD": "1", "_SRLM_EVAL_COMPLETE": "complete_bash"}
    assert installed.said("srlm-eval", **asked) == ["leaderboard"]


def test_the_run_files_are_read_from_the_wheel_and_can_be_written_out(installed: Installed) -> None:
    assert "example:pocket  The default run: a 0.34 M parameter Llama from random weights in the bead world" in str(
        installed.said("srlm", "examples")
    )
    assert installed.said("srlm", "status", "--run", "example:methods/spin") == [
        "spin: not started (runs/spin does not exist)"
    ]
    missing = installed.run("srlm", "status", "--run", "configs/methods/autorater.yaml")
    assert (missing.returncode, missing.stderr) == (
        2,
        "srlm: configs/methods/autorater.yaml: no such run file; it comes with srlm, and `srlm examples --to configs` "
        "writes it here\n",
    )
    # A file that an example names by its path is found without that.
    wanted = ("--run", "example:methods/autorater", "--set", "model.base=none-there")
    assert "neither a readable file" not in installed.run("srlm", "doctor", *wanted, "--no-weights").stdout
    assert installed.said("srlm", "examples", "--to", "configs") == [f"configs: {len(configs())} files"]
    assert (installed.work / "configs/methods/autorater.yaml").is_file()
    assert os.access(installed.work / "configs/slurm/node.sh", os.X_OK)


def test_the_pages_that_messages_name_are_printed_from_the_wheel(installed: Installed) -> None:
    assert "rankings  Ranked answers" in str(installed.said("srlm", "docs"))
    page = (CHECKOUT / "docs/rankings.md").read_text(encoding="utf-8")
    assert installed.said("srlm", "docs", "docs/rankings.md") == page.splitlines()
    unknown = installed.run("srlm", "docs", "rank")
    assert (unknown.returncode, unknown.stderr) == (2, "srlm: rank: no such page; did you mean rankings?\n")


def test_own_files_become_a_report_by_the_commands_of_the_first_page(installed: Installed, bead_model: Path) -> None:
    own_files.write(installed.work, bead_model)
    less = [word for one in own_files.SMALL for word in ("--set", one)]
    written = commands("docs/start.md", "bash")
    assert [words[:2] for words in written] == [
        ["srlm", "new"],
        ["srlm", "doctor"],
        ["srlm", "train"],
        ["srlm-eval", "all"],
    ]
    said = {words[1]: installed.said(*words, *([] if words[1] == "new" else less)) for words in written}
    assert said["train"] == ["mine: M1 is in runs/mine/M1/model"]
    assert said["all"][-1] == "runs/mine/report.html"
    manifest = json.loads((installed.work / "runs/mine/M1/manifest.json").read_text())
    assert (manifest["versions"]["srlm"], manifest["commit"]) == (VERSION, None)
    program = (
        "import srlm, srlm_eval; print([one.name for one in srlm.models_of('runs/mine')]);"
        "print(len(srlm.records_of('runs/mine', 'data', 'ift').to_pandas()));"
        "print(sorted({one.model for one in srlm_eval.figures_of('runs/mine') if one.metric == 'win_minus_lose'}))"
    )
    assert installed.said("python", "-c", program) == ["['M0', 'SFT', 'M1']", "26", "['M1', 'SFT']"]
