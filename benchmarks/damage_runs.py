"""What damage.py damages: a finished run, and what a kill at chosen moments leaves of one; and commands in processes.

Commands run in forked processes of one that has imported everything, so that one takes a second and not ten.
"""

import gc
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[1]

SMALL = (
    *("pretraining.max_steps=8", "pretraining.save_steps=2", "sft.max_steps=6", "sft.save_steps=2"),
    *("dpo.max_steps=8", "dpo.save_steps=2", "data.base_lines=100", "evaluation.bootstrap=50"),
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "contests": ("dpo.early_stop=pairwise", "data.validation_prompts=4"),
    "server": ("judge.engine.kind=openai", "judge.engine.model=judge", "judge.engine.base_url={server}"),
}
"""Settings of the runs. Contests: training pauses at each checkpoint. Server: the judge's calls are kept."""


class State(NamedTuple):
    """A run as a kill just before an event leaves it."""

    name: str
    variant: str
    event: str
    """`open` (to write), `os.mkdir`, `os.rename` (to)."""
    end: str
    """Of the event's path."""
    occurrence: int
    to: str
    """The last model that is made in resuming it; `` means that it is to be evaluated."""


IDLE = 60
"""Seconds without any of a processor's time: on a busy machine commands that end within seconds had none for 20."""
FINISHED = "finished"
STATES = (
    State("pretraining", "plain", "open", "M0/training/checkpoint-6/trainer_state.json", 1, "M1"),
    State("fine-tuning", "plain", "os.rename", "SFT/model", 1, "M1"),
    State("candidates", "plain", "open", "M2/responses.jsonl.part", 2, "M2"),
    State("judgements", "plain", "open", "M2/judgements.jsonl.part", 2, "M2"),
    State("before DPO", "plain", "os.mkdir", "M2/training", 1, "M2"),
    State("DPO", "plain", "open", "M2/training/checkpoint-6/trainer_state.json", 1, "M2"),
    State("trained", "plain", "os.rename", "M2/manifest.json", 1, "M2"),
    State("evaluation", "plain", "os.rename", "evaluation/verdicts/M2-vs-M1.jsonl", 1, ""),
    State("contest", "contests", "open", "M2/validation/validation-000002.jsonl.part", 1, "M2"),
    State("asking", "server", "open", "M2/judgements.jsonl.part", 2, "M2"),
)


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    """Negative: the signal that ended it."""
    out: str
    err: str


def command(words: Sequence[str], place: Path, seconds: int = 0, within: Callable[[], None] = lambda: None) -> Outcome:
    """`srlm ...` or `srlm-eval ...` in a process of its own in the folder `place`.

    It is ended by SIGXCPU after so many seconds of a processor's time, and by SIGALRM once it has waited for IDLE
    seconds without taking any: a busy machine makes nothing hang.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        _be_command(words, place, seconds, within)
    taken, since = -1, time.monotonic()
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        time.sleep(0.02)
        if (now := _ticks(child)) != taken:
            taken, since = now, time.monotonic()
        elif time.monotonic() - since > IDLE:
            os.kill(child, signal.SIGALRM)
    state = ended[1]
    out, err = ((place / name).read_text(errors="replace") for name in (".out", ".err"))
    return Outcome(os.waitstatus_to_exitcode(state), out, err)


def _ticks(process: int) -> int:
    """A processor's time that a process and its ended children have taken."""
    return sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]))


def _be_command(words: Sequence[str], place: Path, seconds: int, within: Callable[[], None]) -> None:
    status: Any = 1
    try:
        os.setsid()
        os.chdir(place)
        for number, name in ((1, ".out"), (2, ".err")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        if seconds:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        within()
        from eval.cli import main as evaluate
        from srlm.cli.main import main as train

        {"srlm": train, "srlm-eval": evaluate}[words[0]](words[1:])
    except SystemExit as left:
        status = left.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


def import_all() -> None:
    """Import what the commands import when they are called; starts no thread."""
    os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", COLUMNS="100", OPENAI_API_KEY="none")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    for name in ("srlm.methods.train", "srlm.training.launch", "eval.report.page", "eval.gate.command"):
        import_module(name)

    # Nobody's commit, made while thousands of commands run, is to be taken for a difference between them.
    from srlm.methods import run

    now = run.commit()
    run.commit = lambda: now

    torch.set_num_threads(1)
    # Modules are there to stay: no command looks through their objects again at each model that it closes.
    gc.collect()
    gc.freeze()


def settings(run: Path, variant: str, server: str, date: str) -> list[str]:
    """Words that name a variant of the run on a command line."""
    given = [f"model.date={date}", *SMALL, *VARIANTS[variant]]
    return ["--run", str(run), *(word for one in given for word in ("--set", one.format(server=server)))]


def make(place: Path, variant: str, words: Sequence[str]) -> None:
    """Make the finished run of a variant in PLACE/VARIANT and each of its states in PLACE/STATE."""
    states = [state for state in STATES if state.variant == variant]
    (place / variant).mkdir(parents=True)
    for program, first in (("srlm", "train"), *([("srlm-eval", "all")] if variant == "plain" else [])):
        ended = command([program, first, *words], place / variant, within=lambda: _keep(place, variant, states))
        if ended.status:
            raise RuntimeError(
                f"{program} {first} of the undisturbed run ended with {ended.status}: {ended.err[-3000:]}"
            )
    if missing := [state.name for state in states if not (place / state.name).exists()]:
        raise RuntimeError(f"these moments never came: {missing}")
    if variant == "plain":
        _wait_in_line(place / variant, place / "judgements")
        shutil.copytree(place / variant, place / FINISHED)


def _keep(place: Path, variant: str, states: Sequence[State]) -> None:
    """Copy the run away at the moment of each state: nothing that is not yet written is in the copy."""
    left = {state: state.occurrence for state in states}

    def audit(event: str, values: tuple[Any, ...]) -> None:
        if event == "open":
            path, flags = str(values[0]), values[2]
            if not flags & (os.O_WRONLY | os.O_RDWR):
                return
        elif event in ("os.rename", "os.mkdir"):
            path = str(values[1 if event == "os.rename" else 0])
        else:
            return
        for state in [one for one in left if one.event == event and path.endswith(one.end)]:
            left[state] -= 1
            if not left[state]:
                del left[state]
                shutil.copytree(place / variant, place / state.name)

    sys.addaudithook(audit)


def _wait_in_line(finished: Path, state: Path) -> None:
    """Add the block that a second thread has finished before its turn: with the first block on disk, the third."""
    name = "M2/judgements.jsonl"
    whole = next(finished.glob(f"runs/*/{name}")).read_bytes().splitlines(keepends=True)
    part = next(state.glob(f"runs/*/{name}.part"))
    block = part.read_bytes().count(b"\n")
    third = b"".join(whole[2 * block : 3 * block])
    part.with_name("judgements.jsonl.block-000002.part").write_bytes(third)
    if (listed := part.with_name(f"{part.name}.blocks")).exists():
        line = {"block": 2, "size": len(third), "sha256": hashlib.sha256(third).hexdigest()}
        listed.write_text(listed.read_text() + json.dumps(line) + "\n")


KINDS = {
    "checkpoint: optimizer": r"checkpoint-\d+/optimizer\.pt$",
    "checkpoint: scheduler": r"checkpoint-\d+/scheduler\.pt$",
    "checkpoint: random state": r"checkpoint-\d+/rng_state.*$",
    "checkpoint: trainer state": r"checkpoint-\d+/trainer_state\.json$",
    "checkpoint: mark": r"checkpoint-\d+/whole$",
    "checkpoint: weights": r"checkpoint-\d+/([^/]+/)?[^/]+\.safetensors$",
    "checkpoint: other": r"checkpoint-\d+/",
    "block waiting": r"\.block-\d+\.part$",
    "half-written model": r"model\.part/",
    "part": r"\.part$",
    "manifest": r"/manifest\.json$",
    "note of an evaluation": r"evaluation/.*\.from\.json$",
    "figures": r"evaluation/metrics\.json$",
    "evaluation's records": r"evaluation/.*\.jsonl$",
    "weights": r"model/[^/]+\.safetensors$",
    "tokenizer": r"model/(tokenizer|special|added|vocab|merges)[^/]*$",
    "chat template": r"model/[^/]+\.jinja$",
    "model's settings": r"model/[^/]+\.json$",
    "seed data": r"^data/[^/]+\.jsonl$",
    "step's records": r"[^/]+/[^/]*\.jsonl$",
    "loss history": r"/training\.json$",
    "step's counts": r"/(prompt_counts|so_far)\.json$",
    "settings.json": r"^settings\.json$",
    "inputs.json": r"^inputs\.json$",
    "calls": r"calls\.sqlite",
    "report": r"^(report\.(html|md)|metrics\.csv)$",
    "times, log, lock, digests": r"(timings\.json|usage\.json|log\.txt|\.lock|\.digests\.json)$",
}
"""What a file of a run is, by its path in the run's folder; the first that fits."""


def kind_of(name: str) -> str:
    """Which kind of file a name within the run's folder is; `other` where none is known."""
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, name)), "other")


def commands(state: str, kind: str, names: Sequence[str], pair: str) -> list[list[str]]:
    """What one may do with a run that would use a file of a kind; `names` are the words that name the run."""
    if state != FINISHED:
        to = next(one.to for one in STATES if one.name == state)
        resume = ["srlm", "train", *names, "--to", to] if to else ["srlm-eval", "all", *names]
        return [resume] * 5 + [["srlm", "status", *names]]
    train, following = ["srlm", "train", *names], ["srlm", "train", *names, "--next"]
    evaluate, report = ["srlm-eval", "all", *names], ["srlm-eval", "report", *names]
    by_folder = ["srlm-eval", "report", "runs/tiny"]
    look = [["srlm", "explain", pair, *names], ["srlm", "status", *names]]
    gate = ["srlm-eval", "regress", *names, "--against", "baseline.json"]
    if kind in ("evaluation's records", "note of an evaluation", "figures", "report"):
        return [evaluate, evaluate, report, by_folder, gate]
    if kind == "settings.json":
        return [train, by_folder, evaluate]
    return [train, following, following, evaluate, evaluate, report, by_folder, gate, *look]


def pick(draw: random.Random, of: Sequence[Any]) -> Any:
    """One of them, which may be lists."""
    return of[draw.randrange(len(of))]
