"""Every script of benchmarks starts from anywhere, with nothing but the installed checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(
    path.relative_to(CHECKOUT).as_posix()
    for path in (CHECKOUT / "benchmarks").rglob("*.py")
    if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
    # Started by chaos.py alone: its words are a program's command line.
    and path.name != "chaos_inside.py"
)
EACH_IN_A_CHILD = """
import json, os, runpy, sys, traceback
# Here once, and not in every script: it takes seconds.
import scipy.stats, sklearn.linear_model, srlm.engines.transformers, srlm.training.dpo, srlm.training.sft

def status_of(script):
    sys.argv, sys.path[0] = [script, "--help"], os.path.dirname(script)
    try:
        runpy.run_path(script, run_name="__main__")
        print("it took no notice of --help")
    except SystemExit as left:
        return left.code or 0
    except Exception:
        traceback.print_exc()
    return 1

answers = {}
for script in sys.argv[1:]:
    output, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.close(output)
        status = status_of(script)
        sys.stdout.flush()
        os._exit(status)  # the libraries' own goodbyes take seconds, too
    os.close(writing)
    with os.fdopen(output) as said:
        text = said.read()
    answers[script] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit status of `python SCRIPT --help` and what it said, by script; run in a folder that is not the checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", EACH_IN_A_CHILD, *(str(CHECKOUT / script) for script in SCRIPTS)],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return {script: tuple(found[str(CHECKOUT / script)]) for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_how_it_is_used(script: str, answers: dict[str, tuple[int, str]]) -> None:
    status, said = answers[script]
    assert status == 0, said
    assert said.startswith(f"usage: {Path(script).name}"), said


def test_there_are_scripts_in_every_folder_of_benchmarks() -> None:
    assert {Path(script).parent.name for script in SCRIPTS} == {
        "benchmarks", "gpu_check", "pocket", "speed", "statistics", "weights",
    }  # fmt: skip
