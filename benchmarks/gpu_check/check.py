"""Does srlm run on this machine's GPU? A few minutes, step by step, and a page for an issue.

    make gpu-check                                          # under 10 minutes on one H100 or smaller
    python benchmarks/gpu_check/check.py --only sft vllm    # some of the steps
    python benchmarks/gpu_check/check.py --device cpu       # the same steps without a GPU, to try this script itself

Each step (steps.py) is a process of its own with a time limit: a crash or a hang costs that step alone. After every
step two files are written anew, in runs/gpu-check unless --out names another folder: gpu-check.json, and gpu-check.md
with the same for people. Neither holds a key, the name of the host or of the user, nor a path with it.

Exit status: 0 where no step failed, 1 where one did, 2 where torch can use no GPU.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from facts import CHECKOUT, cleaned, memory_used, why_no_gpu
from page import page

from srlm.durable import write
from srlm.processes import die_with_parent
from srlm.version import VERSION, commit

SLOWER = 20
"""How many times as long a step may take without a GPU."""
LAST_WORDS = 40
"""Lines shown of what a process said that died."""


class Step(NamedTuple):
    """One thing to try."""

    name: str
    title: str
    seconds: float
    """Time limit, on a GPU."""


STEPS = (
    Step("device", "device, driver and versions", 90),
    Step("sft", "supervised fine-tuning: loss, float32 hand-over, memory", 120),
    Step("dpo", "DPO: loss, reference, float32 hand-over, memory", 120),
    Step("lora", "adapters: SFT and DPO, merged in float32", 150),
    Step("architectures", "architectures in bfloat16", 300),
    Step("vllm", "vLLM in process, before and after a training", 240),
    Step("loop", "a run: SFT, M1, M2 (SmolLM2)", 240),
    Step("processes", "trainings in two processes", 240),
    Step("throughput", "beside bare vLLM, TRL and transformers", 240),
)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: try the script without a GPU")
    words.add_argument("--only", nargs="+", choices=[step.name for step in STEPS], metavar="STEP", help="of all steps")
    words.add_argument("--size", choices=("small", "tiny"), help="of the models; tiny without a GPU")
    words.add_argument("--minutes", type=float, help="for all steps together: 10, and 180 without a GPU")
    words.add_argument("--out", type=Path, default=CHECKOUT / "runs/gpu-check", help="folder of the two files")
    asked = words.parse_args()
    cpu = asked.device == "cpu"
    chosen = [step for step in STEPS if asked.only is None or step.name in asked.only or step.name == "device"]
    seconds = 60 * (asked.minutes or (180 if cpu else 10))
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as scratch:
        own = [sys.executable, str(Path(__file__).with_name("steps.py")), "--device", asked.device]
        own += ["--size", asked.size or ("tiny" if cpu else "small")]

        def command(step: Step, place: Path, done: Sequence[str]) -> list[str]:
            return [*own, step.name, str(place), *(["--done", *done] if done else [])]

        limits = [step._replace(seconds=step.seconds * SLOWER) for step in chosen] if cpu else chosen
        if not cpu and (why := why_no_gpu()):
            print(f"gpu-check: {why}; to try the script itself: --device cpu", file=sys.stderr)
            sys.exit(2)
        known = {"device": asked.device, "size": asked.size or ("tiny" if cpu else "small")}
        results = check(limits, command, Path(scratch), asked.out, seconds, known, environment(cpu))
    failed = [one["name"] for one in results if one["state"] == "failed"]
    print(f"{shown(asked.out / 'gpu-check.json')} and {shown(asked.out / 'gpu-check.md')}")
    print(f"failed: {', '.join(failed)}" if failed else "no step failed")
    sys.exit(1 if failed else 0)


def environment(cpu: bool) -> dict[str, str]:
    """Of the steps: they see this checkout, ask the hub for nothing, and without a GPU see none."""
    own = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")])),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "VLLM_NO_USAGE_STATS": "1",
    }
    if cpu:
        own |= {"CUDA_VISIBLE_DEVICES": "", "VLLM_CPU_KVCACHE_SPACE": "1"}
    return own


def check(
    steps: Sequence[Step],
    command: Callable[[Step, Path, Sequence[str]], list[str]],
    scratch: Path,
    out: Path,
    seconds: float,
    known: Mapping[str, Any],
    environment: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Run the steps in turn and keep what came of them in `out` after each; all together take at most `seconds`.

    `command(step, folder, parts that are done)` is the process of a step. It writes `result.json` into the folder.
    """
    began = time.monotonic()
    results: list[dict[str, Any]] = []
    whole = {
        "format": 1,
        "srlm": VERSION,
        "commit": commit(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "limit_seconds": seconds,
        **known,
        "facts": {},
        "steps": results,
        "ended": False,
    }

    def keep(ended: bool = False) -> None:
        whole["seconds"], whole["ended"] = round(time.monotonic() - began, 1), ended
        text = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
        write(out / "gpu-check.json", text.encode())
        write(out / "gpu-check.md", page(whole).encode())

    for step in steps:
        left = seconds - (time.monotonic() - began)
        results.append({"name": step.name, "title": step.title, "state": "begun"})
        keep()
        if left <= 0:
            results[-1] |= {"state": "not run", "why": f"the {seconds / 60:g} minutes for all steps were over"}
        else:
            place = scratch / step.name
            place.mkdir()
            results[-1] |= run(step, command, place, min(step.seconds, left), environment)
            shutil.rmtree(place, ignore_errors=True)
        if step.name == "device":
            whole["facts"] = results[-1].pop("facts", {})
        keep()
        print(line(results[-1]), flush=True)
    keep(ended=True)
    return results


def run(
    step: Step,
    command: Callable[[Step, Path, Sequence[str]], list[str]],
    place: Path,
    seconds: float,
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """What came of one step. One in parts that dies within one of them is begun again with the parts that are left."""
    began, peak = time.monotonic(), None
    result: dict[str, Any] = {}
    while True:
        parts = result.get("parts", {})
        died, used = watched(
            command(step, place, list(parts)), place, seconds - (time.monotonic() - began), environment
        )
        peak = max((one for one in (peak, used) if one is not None), default=None)
        result = {**result, **read(place)}
        within = [name for name, part in result.get("parts", {}).items() if part["state"] == "begun"]
        over = died is not None and time.monotonic() - began >= seconds
        if died is None:
            break
        if not within or over:
            result |= {"state": "failed", "why": died}
            for name in within:
                result["parts"][name] |= {"state": "failed", "why": died}
            break
        for name in within:
            result["parts"][name] |= {"state": "failed", "why": died}
        write(place / "result.json", json.dumps(result).encode())
    wrong = [name for name, part in result.get("parts", {}).items() if part["state"] == "failed"]
    if wrong and result["state"] != "failed":
        result |= {"state": "failed", "why": f"failed: {', '.join(wrong)}"}
    if result["state"] == "failed" and died is None and (said := last_words(place)):
        result["said"] = said  # of processes that it started, perhaps, which know more
    result["seconds"] = round(time.monotonic() - began, 1)
    result["peak_device_mib"] = peak
    return tidy(result)


def watched(
    command: Sequence[str], place: Path, seconds: float, environment: Mapping[str, str]
) -> tuple[str | None, int | None]:
    """How a process died (None: it did not), and the most MiB that were in use on a GPU meanwhile (None: unknown)."""
    peak: int | None = None
    with (place / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=place,
            start_new_session=True,  # whatever it starts is ended with it
            preexec_fn=die_with_parent,
        )
    end = time.monotonic() + seconds
    try:
        while True:
            peak = max((one for one in (peak, memory_used()) if one is not None), default=None)
            try:
                status = process.wait(timeout=max(0.1, min(1.0, end - time.monotonic())))
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() >= end:
                    return f"it took more than {seconds:.0f} s, and was ended\n{last_words(place)}".strip(), peak
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # a process that waits for the driver does not even die
            process.wait(timeout=10)
    if status == 0:
        return None, peak
    how = f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return f"{how}\n{last_words(place)}".strip(), peak


def last_words(place: Path) -> str:
    lines = (place / "said.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LAST_WORDS:])


def read(place: Path) -> dict[str, Any]:
    """What a step has written so far."""
    try:
        found: dict[str, Any] = json.loads((place / "result.json").read_bytes())
    except (OSError, ValueError):
        return {"state": "failed", "why": "it wrote no result"}
    return found


def tidy(value: Any) -> Any:
    """The same without what is nobody's business."""
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, dict):
        return {cleaned(name): tidy(one) for name, one in value.items()}
    return [tidy(one) for one in value] if isinstance(value, list) else value


def line(result: Mapping[str, Any]) -> str:
    """One step, for the terminal."""
    why = f": {result['why'].splitlines()[0]}" if result.get("why") else ""
    took = f" ({result['seconds']:g} s)" if "seconds" in result else ""
    return f"{result['state']:8} {result['name']}{took}{why}"


def shown(path: Path) -> str:
    """As somebody in this folder would type it."""
    return os.path.relpath(path)


if __name__ == "__main__":
    main()
