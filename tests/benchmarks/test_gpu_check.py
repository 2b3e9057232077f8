"""gpu-check, with and without a GPU: what it finds, what a crash or a hang costs, and what it keeps to itself.

The tests marked `gpu` are its steps, on a GPU. Without one the cheap steps run here on the CPU, and all of them as a
soak.
"""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "benchmarks/gpu_check"
NAMES = ("facts", "page", "check", "steps")
STEPS = ("device", "sft", "dpo", "lora", "architectures", "vllm", "loop", "processes", "throughput")


@pytest.fixture(scope="module")
def gpu_check() -> Iterator[Any]:
    """The scripts, which find each other as they do when one is started."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    finally:
        sys.path.remove(str(FOLDER))
        for name in (*NAMES, "throughput"):
            sys.modules.pop(name, None)


@pytest.fixture
def bench(gpu_check: Any, tmp_path: Path) -> Any:
    """Where a step works in this process."""
    import torch

    torch.set_num_threads(1)
    return gpu_check.steps.Bench("cuda" if torch.cuda.is_available() else "cpu", "tiny", tmp_path)


# Without a GPU -------------------------------------------------------------------------------------------------------


def test_a_machine_without_a_gpu_gets_one_line_and_status_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "check.py"), "--out", str(tmp_path / "out")],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (said,) = done.stderr.splitlines()
    assert said.startswith("gpu-check: no GPU that torch can use: nvidia-smi lists ")
    assert said.endswith("; to try the script itself: --device cpu")
    assert not (tmp_path / "out").exists()


def test_the_device_multiplies_and_its_versions_are_told(gpu_check: Any, bench: Any) -> None:
    found = gpu_check.steps.trial("device", bench)
    assert found["state"] == "passed", found
    assert found["figures"]["float32: relative error of a product"] < 1e-4
    assert {"python", "torch", "transformers", "trl"} <= found["facts"]["versions"].keys()


def test_a_supervised_training_is_looked_at_from_its_loss_to_its_float32_weights(gpu_check: Any, bench: Any) -> None:
    found = gpu_check.steps.trial("sft", bench)
    assert found["state"] == "passed", found
    assert found["figures"]["M1: last loss"] < found["figures"]["M1: first loss"]
    assert found["figures"]["M1: share of weights moved"] > 0.5
    assert json.loads((bench.folder / "result.json").read_text()) == found


def test_architectures_are_parts_of_their_own(gpu_check: Any, bench: Any) -> None:
    """One that was tried before is not tried again; another has weights that are no numbers, and costs itself alone."""
    bench.result["parts"] = {"gpt2": {"state": "failed", "why": "ended by SIGABRT"}}
    found = gpu_check.steps.trial("architectures", bench, names=["gpt2", "no such one", "mamba"])
    assert {name: part["state"] for name, part in found["parts"].items()} == {
        "gpt2": "failed", "no such one": "failed", "mamba": "passed",
    }  # fmt: skip
    assert found["parts"]["no such one"]["why"].startswith("KeyError: 'no such one'")
    assert found["parts"]["mamba"]["figures"]["rows"] == "even"
    assert found["parts"]["mamba"]["figures"]["score off, nats"] < 0.3


def test_a_training_that_learns_nothing_is_wrong(gpu_check: Any, bench: Any) -> None:
    steps = gpu_check.steps
    work = steps.task(bench)
    own = steps.settings(work.base, sft=steps.training(bench, 12, 1e-12))
    with pytest.raises(steps.Wrong, match=r"^M1: the loss has not fallen: 4\.\d+, then 4\.\d+$"):
        steps.trained(bench, "sft", work, own, "M1", bench.figure)


def test_weights_that_were_rounded_when_they_were_saved_are_wrong(gpu_check: Any, bench: Any) -> None:
    work = gpu_check.steps.task(bench)
    with pytest.raises(gpu_check.steps.Wrong, match=r"^M1: saved as torch\.bfloat16, and trained in float32$"):
        gpu_check.steps.handed_on(work.base, work.base, "M1", bench.figure)


def test_without_vllm_its_step_is_not_run(gpu_check: Any, bench: Any) -> None:
    if importlib.util.find_spec("vllm") is not None:
        pytest.skip("vllm is installed here; the step itself is among the tests marked gpu and soak")
    found = gpu_check.steps.trial("vllm", bench)
    assert (found["state"], found["why"]) == ("not run", "vllm is not installed")


# Processes that die, hang and tell -----------------------------------------------------------------------------------

GOES = """
import json, sys
whole = json.load(open(sys.argv[2]))
seen = [(one["name"], one["state"]) for one in whole["steps"]]
json.dump({"state": "passed", "figures": {"seen": str(seen)}, "peak_allocated_mib": 2048}, open("result.json", "w"))
"""
ABORTS = "import os; print('`the last word`', flush=True); os.abort()"
TELLS = """
import json
print("why it failed")
json.dump({"state": "failed", "why": "another process has died"}, open("result.json", "w"))
"""
HANGS = "import signal; print('waiting', flush=True); signal.pause()"
IN_PARTS = """
import json, os, sys
done = sys.argv[3:]
parts = json.load(open("result.json"))["parts"] if done else {}
for name in ("a", "b", "c"):
    if name not in done:
        parts[name] = {"state": "begun"}
        json.dump({"state": "begun", "parts": parts}, open("result.json", "w"))
        if name == "b":
            os.abort()
        parts[name]["state"] = "passed"
json.dump({"state": "passed", "parts": parts}, open("result.json", "w"))
"""


def checked(
    gpu_check: Any, scripts: dict[str, tuple[str, float]], folder: Path, seconds: float = 600
) -> dict[str, Any]:
    """gpu-check.json of steps that are these scripts, each with its time limit."""
    out = folder / "out"
    steps = [gpu_check.check.Step(name, f"step {name}", limit) for name, (_, limit) in scripts.items()]

    def command(step: Any, place: Path, done: Sequence[str]) -> list[str]:
        return [sys.executable, "-c", scripts[step.name][0], step.name, str(out / "gpu-check.json"), *done]

    scratch = folder / "scratch"
    scratch.mkdir()
    known = {"device": "cpu", "size": "tiny"}
    gpu_check.check.check(steps, command, scratch, out, seconds, known, dict(os.environ))
    found: dict[str, Any] = json.loads((out / "gpu-check.json").read_text())
    return found


def test_a_crash_and_a_hang_cost_their_own_step(gpu_check: Any, tmp_path: Path) -> None:
    scripts = {"first": (GOES, 60.0), "aborts": (ABORTS, 60.0), "hangs": (HANGS, 2.0), "last": (GOES, 60.0)}
    found = checked(gpu_check, scripts, tmp_path)
    assert [(one["name"], one["state"]) for one in found["steps"]] == [
        ("first", "passed"), ("aborts", "failed"), ("hangs", "failed"), ("last", "passed"),
    ]  # fmt: skip
    first, aborts, hangs, last = found["steps"]
    assert aborts["why"] == "ended by SIGABRT\n`the last word`"
    assert hangs["why"] == "it took more than 2 s, and was ended\nwaiting"
    # Each step found the file as it was left by the one before.
    assert first["figures"]["seen"] == "[('first', 'begun')]"
    assert last["figures"]["seen"] == str(
        [("first", "passed"), ("aborts", "failed"), ("hangs", "failed"), ("last", "begun")]
    )
    assert found["ended"]
    page = (tmp_path / "out/gpu-check.md").read_text()
    assert page.startswith("# srlm without a GPU, to try the check itself: 2 passed, 2 failed\n")
    assert "| step last | passed |" in page
    assert "2.00" in page  # GiB
    assert "\n```\nended by SIGABRT\n`the last word`\n```\n" in page


def test_a_failed_step_is_told_with_what_was_printed_last(gpu_check: Any, tmp_path: Path) -> None:
    (step,) = checked(gpu_check, {"tells": (TELLS, 60.0)}, tmp_path)["steps"]
    assert (step["state"], step["why"], step["said"]) == ("failed", "another process has died", "why it failed")
    page = (tmp_path / "out/gpu-check.md").read_text()
    assert "\n```\nanother process has died\n```\n\nThe last that it printed:\n\n```\nwhy it failed\n```\n" in page


def test_a_step_that_dies_within_a_part_goes_on_behind_it(gpu_check: Any, tmp_path: Path) -> None:
    (step,) = checked(gpu_check, {"parts": (IN_PARTS, 60.0)}, tmp_path)["steps"]
    assert {name: part["state"] for name, part in step["parts"].items()} == {
        "a": "passed", "b": "failed", "c": "passed",
    }  # fmt: skip
    assert (step["state"], step["why"]) == ("failed", "failed: b")
    assert step["parts"]["b"]["why"] == "ended by SIGABRT"


def test_steps_for_which_no_time_is_left_are_not_run(gpu_check: Any, tmp_path: Path) -> None:
    found = checked(gpu_check, {"hangs": (HANGS, 60.0), "late": (GOES, 60.0)}, tmp_path, seconds=2)
    assert [one["state"] for one in found["steps"]] == ["failed", "not run"]
    assert found["steps"][1]["why"] == "the 0.0333333 minutes for all steps were over"


def test_nothing_tells_whose_machine_it_was(gpu_check: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/jane.doe")
    monkeypatch.setenv("LOGNAME", "jane.doe")
    monkeypatch.setenv("HF_TOKEN", "hf_AbCdEfGhIjKlMnOpQrStUvWxYz")
    monkeypatch.setattr("socket.gethostname", lambda: "gpu-17.lab.example")
    said = (
        f"{FOLDER}/steps.py on gpu-17.lab.example (gpu-17): jane.doe has /home/jane.doe/runs, /home/other/x and "
        f"hf_AbCdEfGhIjKlMnOpQrStUvWxYz in {os.path.dirname(pytest.__file__)}"
    )
    assert gpu_check.facts.cleaned(said) == (
        "CHECKOUT/benchmarks/gpu_check/steps.py on HOST (HOST): USER has HOME/runs, /home/USER/x and *** in SITE/pytest"
    )


def test_a_page_is_closed_by_nothing_that_failed(gpu_check: Any) -> None:
    why = "````\n<script>\x1b[31m\n# heading"
    step = {"name": "x", "title": "x | y", "state": "failed", "why": why, "seconds": 1.0, "peak_allocated_mib": None}
    whole = {
        "steps": [step], "device": "cuda", "size": "small", "ended": True, "seconds": 1.0, "srlm": "0", "commit": None,
        "when": "2026-11-27T12:00:00+00:00",
        "facts": {"gpus": [{"name": "A<b>", "memory_gib": 79.6, "capability": "9.0", "bfloat16": True}]},
    }  # fmt: skip
    page = gpu_check.page.page(whole)
    assert page.startswith("# srlm on a GPU: 1 failed\n")
    assert "- GPU 0: A\\<b\\>, 79.6 GiB, compute capability 9.0, bfloat16 yes\n" in page
    assert "\n`````\n````\n<script>?[31m\n# heading\n`````\n" in page
    assert "| x \\| y | failed | 1 |" in page


# The steps themselves ------------------------------------------------------------------------------------------------


def step_in_a_process(gpu_check: Any, name: str, device: str, size: str, folder: Path) -> dict[str, Any]:
    """What check.py makes of a step on a device."""
    (step,) = [one for one in gpu_check.check.STEPS if one.name == name]
    found: dict[str, Any] = gpu_check.check.run(
        step,
        lambda step, place, done: [
            *(sys.executable, str(FOLDER / "steps.py"), "--device", device, "--size", size, step.name, str(place)),
            *(("--done", *done) if done else ()),
        ],
        folder,
        step.seconds * (1 if device == "cuda" else gpu_check.check.SLOWER),
        gpu_check.check.environment(device == "cpu"),
    )
    return found


def test_all_steps_are_tried(gpu_check: Any) -> None:
    assert tuple(step.name for step in gpu_check.check.STEPS) == STEPS == tuple(gpu_check.steps.STEPS)


@pytest.mark.parametrize(
    ("device", "size"),
    [
        pytest.param("cuda", "small", marks=pytest.mark.gpu, id="on-a-gpu"),
        pytest.param("cpu", "tiny", marks=pytest.mark.soak, id="on-a-cpu"),
    ],
)
@pytest.mark.parametrize("name", STEPS)
def test_a_step(gpu_check: Any, name: str, device: str, size: str, tmp_path: Path) -> None:
    found = step_in_a_process(gpu_check, name, device, size, tmp_path)
    if found["state"] == "not run":
        pytest.skip(found["why"])
    assert found["state"] == "passed", json.dumps(found, indent=1)
