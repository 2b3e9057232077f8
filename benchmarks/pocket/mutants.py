"""Does the gate notice a broken trainer, and do the tests? Plant one fault at a time and see.

    python benchmarks/pocket/mutants.py --jobs 2
    python benchmarks/pocket/mutants.py --tests-only --only cream --jobs 1

Each fault (`faults.py`, `method_faults.py`) is planted in a copy of the checkout. Its unit tests run; the first that
fails must pass again in the same copy once the fault is taken out. The faulty code also makes every model of the gate's
run from the first that the fault can touch; what comes before is taken from a run of the code as it is, which is
trained first, under runs/mutants. What caught what is printed as a Markdown table; status 0 where at least nine in ten
were caught.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faults import FAULTS, Fault
from method_faults import METHOD_FAULTS
from running import CHECKOUT, changed, python, train

QUIET = ("-q", "-p", "no:cacheprovider")
EVERY = (*FAULTS, *METHOD_FAULTS)
STEPS = ("data", "M0", "SFT", "M1")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=Path("configs/pocket.yaml"))
    words.add_argument("--last", type=int, default=2, help="how far each run goes: M2")
    words.add_argument("--against", type=Path, default=Path("benchmarks/pocket/baseline.json"))
    words.add_argument("--only", default="", help="faults whose name holds these words")
    words.add_argument("--jobs", type=int, default=2, help="faults at once, one thread each")
    words.add_argument(
        "--tests-only", action="store_true", help="run the unit tests alone, not the gate: minutes, not an hour"
    )
    asked = words.parse_args()
    settings = ("name=mutants", "threads=1", f"iterations={asked.last}")
    chosen = [fault for fault in EVERY if asked.only in fault.name]
    if not chosen:
        words.error(f"--only {asked.only}: no fault has these words in its name")
    gated = {fault for fault in chosen if fault.first and not asked.tests_only}
    if gated:
        train(asked.run, settings)

    def caught(fault: Fault) -> bool:
        with tempfile.TemporaryDirectory() as place:
            checkout = planted(fault, Path(place) / "checkout")
            gate = by_gate(fault, checkout, asked.run, settings, asked.against) if fault in gated else ""
            test = by_tests(fault, checkout)
        shown = gate or "-" if fault in gated else "not run"
        print(f"| {fault.name} | {shown} | {test or '-'} |", flush=True)
        return bool(gate or test)

    print("| fault | gate | unit tests |\n| --- | --- | --- |", flush=True)
    with ThreadPoolExecutor(asked.jobs) as pool:
        found = sum(pool.map(caught, chosen))
    print(f"\ncaught: {found} of {len(chosen)}")
    sys.exit(found < 0.9 * len(chosen))


def planted(fault: Fault, checkout: Path) -> Path:
    """A copy of the checkout with the fault in it; stops where the words it replaces are not there exactly once."""
    files = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    for name in files.splitlines():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, checkout / name)
    path = checkout / fault.file
    text = path.read_text(encoding="utf-8")
    if text.count(fault.right) != 1:
        sys.exit(
            f"{fault.name}: {fault.file} holds these words {text.count(fault.right)} times, not once:\n{fault.right}"
        )
    path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    return checkout


def by_gate(fault: Fault, checkout: Path, run: Path, settings: Sequence[str], against: Path) -> str:
    """What the gate said of the faulty code; empty where it passed."""
    for step in STEPS[: STEPS.index(fault.first) if fault.first in STEPS else len(STEPS)]:
        shutil.copytree(CHECKOUT / "runs/mutants" / step, checkout / "runs/mutants" / step)
    asked = ("--run", str(run), *changed(settings))
    for words in (("srlm", "train"), ("eval", "all")):
        done = python(*words, *asked, cwd=checkout)
        if done.returncode:
            return f"`{' '.join(words)}` stops: {last_line(done)}"
    done = python("eval", "regress", *asked, "--against", str(CHECKOUT / against), cwd=checkout)
    return last_line(done) if done.returncode else ""


def by_tests(fault: Fault, checkout: Path) -> str:
    """The first unit test that fails with the fault and passes without it; empty where all pass."""
    done = python("pytest", "-x", *QUIET, *fault.tests, cwd=checkout)
    if done.returncode == 0:
        return ""
    found = re.search(r"^(?:FAILED|ERROR) (\S+?::(\w+)\S*)", done.stdout, re.MULTILINE)
    if found is None:
        sys.exit(f"{fault.name}: pytest {' '.join(fault.tests)} stops before a test fails: {last_line(done)}")
    shutil.copy(CHECKOUT / fault.file, checkout / fault.file)
    done = python("pytest", *QUIET, found[1], cwd=checkout)
    if done.returncode:
        sys.exit(f"{fault.name}: {found[1]} fails without it, too: {last_line(done)}")
    return f"`{found[2]}`"


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    return lines[-1].replace("|", "/")[:160] if lines else f"status {done.returncode}"


if __name__ == "__main__":
    main()
