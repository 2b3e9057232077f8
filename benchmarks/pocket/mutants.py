"""Does the gate notice a broken trainer? Plant one fault at a time, train, measure, hold against the baseline.

    python benchmarks/pocket/mutants.py --jobs 2

Each fault is planted in a copy of the checkout. The faulty code makes every model from the first that the fault can
touch; what comes before is taken from a run of the code as it is, which is trained first, under runs/mutants. Beside
the gate the unit tests of the same code run. What caught what is printed as a Markdown table; status 0 where at least
nine in ten were caught.
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
from typing import NamedTuple

from running import CHECKOUT, changed, python, train

TESTS = (
    *("tests/srlm/judge", "tests/srlm/test_selection.py", "tests/srlm/train"),
    "tests/srlm/methods/test_self_rewarding.py",
    *("tests/srlm/engines/test_transformers.py", "--ignore=tests/srlm/train/test_launch.py"),
)
"""All that test what a fault can touch, but for the slow ones, which would notice it no better."""
STEPS = ("data", "M0", "SFT", "M1")


class Fault(NamedTuple):
    """Words of the code and what stands in their place."""

    name: str
    file: str
    right: str
    wrong: str
    first: str
    """The first step that the fault can touch; those before it are taken from the run of the code as it is."""


FAULTS = (
    Fault(
        "chosen and rejected are swapped",
        "srlm/selection.py",
        "        if settings.flip:\n",
        "        if not settings.flip:\n",
        "M2",
    ),
    Fault(
        "equal scores give a pair",
        "srlm/selection.py",
        '            if reward[best.id] > reward[worst.id]:\n',
        '            if reward[best.id] >= reward[worst.id]:\n',
        "M2",
    ),
    Fault(
        "DPO's reference is M0 instead of M_t",
        "srlm/train/job.py",
        " else weights().eval()\n",
        " else load_model(Path(job.base).parents[1] / 'M0/model', job.model, dtype=\"float32\").eval()\n",
        "M2",
    ),
    Fault(
        "log-probabilities are off by one token",
        "srlm/train/dpo.py",
        "            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)\n",
        "            inputs = {**inputs, 'completion_mask': inputs['completion_mask'].roll(-1, 1)}\n"
        "            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)\n",
        "M2",
    ),
    Fault(
        "supervised loss on the prompt too",
        "srlm/train/sft.py",
        "[IGNORED] * len(prompt) + answer",
        "prompt + answer",
        "SFT",
    ),
    Fault(
        "scores are read from the prompt and the judge's words together",
        "srlm/judge/pointwise.py",
        'draw, completion, finished.get((row, draw)))',
        'draw, completion.model_copy(update={"text": answer.response.text + completion.text}), None)',
        "M1",
    ),
    Fault(
        "a judgement without a score counts as 0",
        "srlm/judge/scores.py",
        """        if judgement.score is not None:
            scores.setdefault(judgement.response_id, []).append(judgement.score)
""",
        "        scores.setdefault(judgement.response_id, []).append(judgement.score or 0)\n",
        "M2",
    ),
    Fault(
        "the judge is drawn at temperature 0 only",
        "srlm/judge/pointwise.py",
        '        drawn = engine.generate(requests, sampling, seed_for(seed, "readings", index))',
        '        drawn = engine.generate(requests, Sampling(temperature=0, max_new_tokens=sampling.max_new_tokens), 0)',
        "M1",
    ),
    Fault(
        "candidates are cut in half",
        "srlm/methods/stages.py",
        "return draw_responses(engine, chunk, sampling, count, run.seed(name, stage, index))",
        "drawn = draw_responses(engine, chunk, sampling, count, run.seed(name, stage, index)); "
        'return [one.model_copy(update={"text": one.text[: len(one.text) // 2]}) for one in drawn]',
        "M2",
    ),
    Fault(
        "the EFT filter is off",
        "srlm/judge/eft.py",
        'if verdict == "kept" or (not settings.filter and len(scores) > 1):',
        "if len(scores) > 1:",
        "M1",
    ),
    Fault(
        "only the first judgement of an answer counts",
        "srlm/judge/scores.py",
        "    return {response: fmean(points) for response, points in scores.items()}",
        "    return {response: points[0] for response, points in scores.items()}",
        "M2",
    ),
    Fault(
        "answers are trained without their end token",
        "srlm/text/chat.py",
        '        return start, turn.head + disarm(turn.kept(answer, closing), self._armed) + (closing or "")',
        "        return start, turn.head + disarm(turn.kept(answer, closing), self._armed)",
        "SFT",
    ),
    Fault(
        "rows that go on remember another row",
        "srlm/engines/memory.py",
        '            self.cache.reorder_cache(rows)\n\n',
        '            self.cache.reorder_cache(rows.flip(0))\n\n',
        "M2",
    ),
)  # fmt: skip


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
    if not asked.tests_only:
        train(asked.run, settings)

    def caught(fault: Fault) -> bool:
        with tempfile.TemporaryDirectory() as place:
            checkout = planted(fault, Path(place) / "checkout")
            gate = "" if asked.tests_only else by_gate(fault, checkout, asked.run, settings, asked.against)
            test = by_tests(checkout)
        shown = "not run" if asked.tests_only else gate or "-"
        print(f"| {fault.name} | {shown} | {test or '-'} |", flush=True)
        return bool(gate or test)

    chosen = [fault for fault in FAULTS if asked.only in fault.name]
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


def by_tests(checkout: Path) -> str:
    """The first unit test that fails; empty where all pass."""
    done = python("pytest", "-x", "-q", "-p", "no:cacheprovider", *TESTS, cwd=checkout)
    found = re.search(r"^FAILED \S+::(\w+)", done.stdout, re.MULTILINE)
    return f"`{found[1]}`" if found else "" if done.returncode == 0 else last_line(done)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    return lines[-1].replace("|", "/")[:160] if lines else f"status {done.returncode}"


if __name__ == "__main__":
    main()
