"""The short form of `python -m tests.fuzz`: the same inputs every time, a few seconds in all."""

import importlib.util
import itertools
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.inputs import OTHERS, damaged, places
from tests.fuzz.targets import TARGETS, check

FEW = {"template": 8, "messages": 20, "recorded": 30, "yes_or_no": 10, "chances": 10, "choice": 8, "revision": 8}
"""Inputs of targets that take longer for each."""


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_is_read_or_refused(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]

    @settings(max_examples=FEW.get(name, 60), suppress_health_check=list(HealthCheck))
    @given(content=damaged(target.examples))
    def read(content: bytes) -> None:
        check(target, content, tmp_path)

    read()


def json_examples(name: str) -> list[bytes]:
    """Those whose last line is JSON."""
    found = []
    for example in TARGETS[name].examples[:3]:
        with suppress(ValueError):
            json.loads(example.strip().rpartition(b"\n")[2])
            found.append(example.strip())
    return found


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in FEW and json_examples(name)])
def test_the_last_row_of_an_example_with_another_value_in_each_place_is_read_or_refused(
    name: str, tmp_path: Path
) -> None:
    tried = 0
    for example in json_examples(name):
        *before, last = example.split(b"\n")
        for place, other in itertools.product(places(json.loads(last)), OTHERS):
            changed: Any = json.loads(last)
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = other
            check(TARGETS[name], b"\n".join([*before, json.dumps(changed).encode()]), tmp_path)
            tried += 1
    assert tried >= len(OTHERS) or name == "setting"


def test_the_examples_themselves_are_read(tmp_path: Path) -> None:
    for name in ("outputs", "annotations", "glm", "labels_json", "judgments", "arena_hard", "leaderboard", "study"):
        for example in TARGETS[name].examples:
            TARGETS[name].read(example, tmp_path)
    for name in ("principles", "propositions", "meta_template", "changed_template", "choice", "revision"):
        for example in TARGETS[name].examples[:2]:
            TARGETS[name].read(example, tmp_path)


@given(st.data())
@settings(max_examples=20)
def test_inputs_are_bytes(data: st.DataObject) -> None:
    assert isinstance(data.draw(damaged((b'{"a": [1]}\n',))), bytes)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris (pip install 'srlm[fuzz]')")
@pytest.mark.parametrize("name", ["score", "run_file"])
def test_a_target_is_tried_by_coverage(name: str, tmp_path: Path) -> None:
    """Judges' words are read by patterns of ours, run files by YAML's, with a place to begin at."""
    (tmp_path / "example").write_bytes(TARGETS[name].examples[0])
    command = [sys.executable, "-m", "tests.fuzz.by_coverage", name, str(tmp_path), "-runs=20", "-seed=1"]
    command.append(f"-artifact_prefix={tmp_path}/failed-")
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
