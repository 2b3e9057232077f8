"""What chaos.py looks for is found when it is there. (The thing itself is `make chaos-short`, which CI runs.)"""

import importlib.util
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from srlm.engines.openai.calls import Answer, Call, CallStore
from tests.hosts import refusal

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def chaos() -> ModuleType:
    found = importlib.util.spec_from_file_location("chaos", CHECKOUT / "benchmarks/chaos.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs/tiny"
    (folder / "M1").mkdir(parents=True)
    (folder / "M1/manifest.json").write_text("{}\n")
    (folder / "M1/pairs.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    return folder


def test_calls_are_compared_by_what_was_asked_and_answered(tmp_path: Path, chaos: Any) -> None:
    call = Call(
        service="compatible", model="m", messages=({"role": "user", "content": "?"},), settings={}, template="t"
    )
    for name, said, seconds in (("a", "yes", 1.0), ("b", "yes", 2.0), ("c", "no", 1.0)):
        answer = Answer(
            choice={"message": {"content": said}}, prompt_tokens=1, completion_tokens=1, seconds=seconds, attempts=1
        )
        with CallStore(tmp_path / name) as store:
            store.put(call, answer)
    a, b, c = (chaos.calls_in(tmp_path / name) for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("text", ['{"a": 1}\n{"a":', '{"a": 1}\n{"a": 2}'])
def test_a_half_written_file_under_its_own_name_is_a_fault(text: str, run: Path, chaos: Any) -> None:
    chaos.whole(run.parents[1])
    (run / "M1/pairs.jsonl.part").write_text(text)
    (run / "M1/training").mkdir()
    (run / "M1/training/state.json").write_text('{"a":')
    chaos.whole(run.parents[1])  # known as half-done by their names
    (run / "M1/pairs.jsonl").write_text(text)
    with pytest.raises(chaos.Fault):
        chaos.whole(run.parents[1])


def test_files_that_hold_times_are_not_compared_and_all_others_are(run: Path, chaos: Any) -> None:
    (run / "log.txt").write_text("12:00")
    (run / "report.html").write_text("<dl><dt>Time</dt><dd>12 s</dd></dl>")
    before = chaos.contents(run.parents[1])
    assert sorted(before) == ["M1/manifest.json", "M1/pairs.jsonl", "report.html"]
    (run / "log.txt").write_text("13:00")
    (run / "report.html").write_text("<dl><dt>Time</dt><dd>13 s</dd></dl>")
    assert chaos.contents(run.parents[1]) == before
    (run / "M1/pairs.jsonl").write_text('{"a": 1}\n{"a": 3}\n')
    assert chaos.contents(run.parents[1]) != before


def test_a_process_that_was_left_is_found(chaos: Any, tmp_path: Path) -> None:
    mark = str(tmp_path)
    environment = {**os.environ, chaos.MARK: mark}
    process = subprocess.Popen(["cat"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    with process:
        try:
            process.stdin.write(b"here\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"here\n"  # it has begun in earnest
            assert chaos.orphans(mark) == ["cat "]
        finally:
            process.kill()
    assert chaos.orphans(mark) == []


def test_every_step_gets_its_share_of_the_kills_by_its_time(chaos: Any) -> None:
    steps = [chaos.Step(("srlm", "train"), name, seconds, 1) for name, seconds in (("data", 1), ("M0", 49), ("M1", 50))]
    assert chaos.shares(200, steps) == [2, 98, 100]
    assert chaos.shares(10, steps) == [0, 5, 5]


WRITES = """
from pathlib import Path
for step in ("M0", "M1"):
    Path("runs/r", step).mkdir(parents=True)
    for number in range(5):
        Path("runs/r", step, f"{number}.part").write_text("")
        Path("runs/r", step, f"{number}.part").replace(Path("runs/r", step, str(number)))
"""


def inside(place: Path, *words: str) -> int:
    """Status of a module of a folder that was run there by chaos_inside.py, which counts in the file `count`."""
    # -B: no byte code is written, which would count.
    command = [sys.executable, "-B", str(CHECKOUT / "benchmarks/chaos_inside.py"), "count", *words]
    return subprocess.run(command, cwd=place, env={**os.environ, "PYTHONPATH": str(place)}, check=False).returncode


@pytest.mark.parametrize(
    ("after", "write", "kept"),
    [
        pytest.param(".", 4, ["M0/0", "M0/1.part"], id="the-fourth-write"),
        pytest.param("runs/r/M0/4", 3, [*(f"M0/{n}" for n in range(5)), "M1/0"], id="the-third-after-a-file"),
        pytest.param("runs/r/M0/4", 0, [f"M{t}/{n}" for t in range(2) for n in range(5)], id="never"),
    ],
)
def test_a_program_is_killed_at_a_write_once_a_file_is_there(
    after: str, write: int, kept: list[str], tmp_path: Path
) -> None:
    (tmp_path / "writes.py").write_text(WRITES)
    status = inside(tmp_path, after, str(write), "0", "writes")
    run = tmp_path / "runs/r"
    assert sorted(path.relative_to(run).as_posix() for path in run.glob("*/*")) == kept
    assert status == (-9 if write else 0)
    if not write:
        assert json.loads((tmp_path / "count").read_text()) == {"M0": 10, "M1": 10}


def test_a_program_is_killed_after_a_time_that_begins_with_its_first_write(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text("open('begun', 'w')\nimport threading\nthreading.Event().wait()\n")
    assert inside(tmp_path, ".", "0", "0.1", "waits") == -14
    assert (tmp_path / "begun").exists() and not (tmp_path / "count").exists()


@pytest.mark.soak  # by default: one training whose process or host is lost (tests/srlm/training/test_launch_hosts.py)
def test_a_run_on_two_hosts_that_lost_processes_and_hosts_ends_as_one_left_in_peace() -> None:
    if why := refusal():
        pytest.skip(why)
    command = [sys.executable, str(CHECKOUT / "benchmarks/chaos_hosts.py"), "--kills", "5"]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.stdout.startswith("5 kills ("), done.stderr
    assert "files are the undisturbed run's" in done.stdout


def test_the_judge_answers_most_requests_and_always_alike(chaos: Any) -> None:
    statuses: Counter[object] = Counter()
    scores = set()
    with chaos.judge_server() as address:
        for _ in range(200):
            body = json.dumps({"messages": [{"role": "user", "content": "x"}], "n": 1}).encode()
            request = urllib.request.Request(f"{address}/chat/completions", body)
            try:
                with urllib.request.urlopen(request) as reply:
                    scores.add(json.loads(reply.read())["choices"][0]["message"]["content"])
                    statuses["whole"] += 1
            except urllib.error.HTTPError as error:
                statuses[error.code] += 1
                error.close()
            except OSError:
                statuses["hung up"] += 1
            except Exception as error:
                statuses[type(error).__name__] += 1
    assert len(scores) == 1
    assert statuses["whole"] > 150
    assert set(statuses) > {429, 500}
    assert sum(statuses.values()) == 200
