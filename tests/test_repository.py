"""What a repository has beside its code: it names versions, extras and targets that are there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from srlm.version import VERSION

CHECKOUT = Path(__file__).resolve().parents[1]


def text(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def test_the_version_is_the_same_everywhere() -> None:
    assert yaml.safe_load(text("CITATION.cff"))["version"] == VERSION
    assert re.findall(r"^## (\d+\.\d+\.\d+)", text("CHANGELOG.md"), re.MULTILINE)[0] == VERSION
    assert {
        found for page in ("README.md", "docs/gate.md") for found in re.findall(r"srlm-([\d.]+)-py3", text(page))
    } == {VERSION}


def test_the_workflow_runs_targets_that_are_there_on_every_python_that_is_promised() -> None:
    jobs = yaml.safe_load(text(".github/workflows/check.yml"))["jobs"]
    run = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    targets = [found for one in run for found in re.findall(r"^make ([\w-]+)", one)]
    assert {"setup", "check", "test", "regress"} <= set(targets)
    assert [one for one in targets if not re.search(rf"^{one}:", text("Makefile"), re.MULTILINE)] == []
    promised = re.findall(r"Python :: (3\.\d+)", text("pyproject.toml"))
    assert jobs["wheel"]["strategy"]["matrix"]["python"] == promised


def test_the_dockerfile_installs_extras_that_are_there_and_copies_what_the_wheel_is_built_from() -> None:
    extras = tomllib.loads(text("pyproject.toml"))["project"]["optional-dependencies"]
    asked = {one for found in re.findall(r"\.whl\)\[([\w,]+)\]", text("Dockerfile")) for one in found.split(",")}
    assert asked
    assert asked <= set(extras)
    let_in = [line.removeprefix("!") for line in text(".dockerignore").splitlines() if line.startswith("!")]
    assert {"configs", "eval", "srlm", "setup.py", "pyproject.toml", "README.md", "LICENSE"} == set(let_in)
    assert [name for name in let_in if not (CHECKOUT / name).exists()] == []


@pytest.mark.parametrize(("gpu", "torch"), [("", "torch==2.13.0"), ("GPU 0: NVIDIA H100", "torch")])
def test_setup_takes_a_torch_for_the_machine(gpu: str, torch: str) -> None:
    command = ["make", "--dry-run", "--always-make", "setup", f"GPU={gpu}"]
    lines = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.splitlines()
    [first] = [line.split() for line in lines if " pip install --quiet " in line and " -e " not in line]
    assert first[-1] == torch
    assert any("torch.cuda.is_available()" in line for line in lines) == bool(gpu)


def test_the_versions_that_were_tried_do_not_hold_back_the_torch_that_was_chosen() -> None:
    pinned = [line.partition("==")[0] for line in text("constraints-cpu.txt").splitlines() if "==" in line]
    assert "transformers" in pinned
    assert "torch" not in pinned
