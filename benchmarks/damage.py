"""One file of a run damaged, and what a command then makes of it: thousands of times, by chance, from a seed.

    python benchmarks/damage.py                      # 2,000 damages, within the hour on two cores
    python benchmarks/damage.py --short              # 80, two minutes; CI runs it
    python benchmarks/damage.py --number 137 --keep  # one of them again, and what it left

The run is made once in peace (damage_runs.py), and so is what kills at ten moments leave of it: within stages, between
two, within trainings. Of each damage, a copy is made, one file of it damaged (damage_kinds.py), and a command run that
would use it. The same command on an undamaged copy says what must come of it:

    repaired    status 0, and every file is as it must be, the damaged one, too
    harmless    status 0, and every other file is, and all that was printed: the damaged one was not used
    refused     status 2 and one line that names the file or its folder
    unclear     status 2 and words that do not
    different   status 0 or 1, and other files or words: nobody would know
    traceback   a defect's, or "Aborted."
    hang        not done within --seconds of a processor's time, or waiting for what never comes
    crash       ended by a signal

Exit status 1 where anything is different, or a traceback, hang or crash; each of these is told with its number.
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from chaos import CALLS, HOLD_TIMES, TIMES, calls_in, judge_server
from damage_kinds import DAMAGES
from damage_runs import (
    CHECKOUT,
    FINISHED,
    STATES,
    Outcome,
    command,
    commands,
    import_all,
    kind_of,
    make,
    pick,
)
from damage_runs import settings as settings_of

GOOD = ("repaired", "harmless", "refused", "unclear")
FAULTS = ("different", "traceback", "crash", "hang")
PLACE = re.compile(rb"(?:/[\w.-]{1,100}){0,20}/(?:trial-\d+|references/[0-9a-f]+(?:-\d+)?)(?=/)")
"""Where a command ran: a report that is asked for by the run's folder tells it."""
ACTS = ("train", "--next", "status", "explain", "all", "report", "regress")
"""Words of a command line by which --only tells commands apart."""
SAID = re.compile(r"^srlm: ", re.MULTILINE)


class Trial(NamedTuple):
    """One damage and its outcome."""

    number: int
    state: str
    file: str
    damage: str
    words: list[str]
    outcome: str
    why: str

    @property
    def line(self) -> str:
        """As it is told."""
        return (
            f"{self.number}: {self.outcome}: {self.state}: {self.file}: {self.damage}: {short(self.words)}: {self.why}"
        )


class Bench(NamedTuple):
    """All that the trials share."""

    place: Path
    seed: int
    seconds: int
    keep: bool
    cells: Mapping[str, Mapping[str, list[tuple[str, str, list[str]]]]]
    """By kind of file and state: (file, damage, command), each that --only lets through."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=CHECKOUT / "tests/tiny.yaml")
    words.add_argument("--damages", type=int, default=2000)
    words.add_argument("--short", action="store_true", help="80 damages")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--number", type=int, action="append", help="only this one of the damages; repeatable")
    words.add_argument("--state", action="append", help="only these states of the run; repeatable")
    words.add_argument("--only", default="", help="regular expression: `STATE: FILE: DAMAGE: COMMAND`")
    words.add_argument("--jobs", type=int, default=2)
    words.add_argument("--seconds", type=int, default=60, help="of a processor's time, that a command may take")
    words.add_argument("--keep", action="store_true", help="keep what each damage left, in --folder")
    words.add_argument("--folder", type=Path, help="where the runs are made; without it a folder that is deleted")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as made, judge_server_apart() as server:
        place = (asked.folder or Path(made)).resolve()
        bench = prepare(asked, place, server)
        numbers = asked.number or range(80 if asked.short else asked.damages)
        trials = []
        with get_context("fork").Pool(asked.jobs, initializer=_take, initargs=(bench,)) as pool:
            for trial in pool.imap_unordered(_trial, numbers):
                trials.append(trial)
                if trial.outcome not in GOOD[:3]:
                    print(trial.line, file=sys.stderr, flush=True)
    print(table(trials))
    if faults := sorted(trial for trial in trials if trial.outcome in FAULTS):
        print(f"\n{len(faults)} of {len(trials)} damages; each again by --seed {asked.seed} --number N --keep:")
        print("\n".join(trial.line for trial in faults))
        sys.exit(1)


@contextmanager
def judge_server_apart() -> Iterator[str]:
    """Address of chaos.py's judge in a process of its own: this one forks, and may have no threads."""
    receiver, sender = get_context("fork").Pipe(duplex=False)
    process = get_context("fork").Process(target=_serve, args=(sender,), daemon=True)
    process.start()
    try:
        yield str(receiver.recv())
    finally:
        process.terminate()
        process.join()


def _serve(sender: Connection) -> None:
    with judge_server() as address:
        sender.send(address)
        signal.pause()


def prepare(asked: argparse.Namespace, place: Path, server: str) -> Bench:
    """Make the run and its states, and import what the commands need."""
    import_all()
    date, run = time.strftime("%Y-%m-%d"), asked.run.resolve()
    variants = {state.name: state.variant for state in STATES} | {FINISHED: "plain"}
    wanted = {state: variants[state] for state in asked.state or variants}
    by_variant = {one: settings_of(run, one, server, date) for one in {"plain", *wanted.values()}}
    if not (place / FINISHED).exists():
        with get_context("fork").Pool(asked.jobs) as pool:
            pool.starmap(make, [(place, variant, words) for variant, words in sorted(by_variant.items())])
            pool.close()
            pool.join()
    names = {state: by_variant[variant] for state, variant in wanted.items()}
    baseline = ["--against", "baseline.json", "--update-baseline", "--reason", "first", "--measure", "all"]
    ended = command(["srlm-eval", "regress", *by_variant["plain"], *baseline], place / FINISHED)
    if ended.status:
        sys.exit(f"damage: no baseline: {ended.err}")
    pair = (folder_of(place / FINISHED) / "M2/pairs.jsonl").read_text().split('"id":"')[1].split('"')[0]
    cells: dict[str, dict[str, list[tuple[str, str, list[str]]]]] = {}
    for state in names:
        run = folder_of(place / state)
        for name in sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()):
            kind = kind_of(name)
            found = [
                (name, damage, words)
                for damage in DAMAGES
                for words in commands(state, kind, names[state], pair)
                if re.search(asked.only, f"{state}: {name}: {damage}: {short(words)}")
            ]
            if found:
                cells.setdefault(kind, {}).setdefault(state, []).extend(found)
    return Bench(place, asked.seed, asked.seconds, asked.keep, cells)


def short(words: list[str]) -> str:
    """A command without what names the run."""
    return " ".join(word for word in words[1:] if word in ACTS)


def folder_of(place: Path) -> Path:
    """The one run under a place."""
    return next(path for path in (place / "runs").iterdir() if path.is_dir())


_bench: Bench


def _take(bench: Bench) -> None:
    global _bench
    _bench = bench


def _trial(number: int) -> Trial:
    return trial(_bench, number)


def trial(bench: Bench, number: int) -> Trial:
    """Damage number `number`, and what came of it."""
    draw = random.Random(f"{bench.seed} {number}")
    trials, outside = bench.place / f"trial-{number}", bench.place / f"outside-{number}"
    try:
        while True:
            # Every kind of file has its turn, the rare ones, too, in every state in which it is.
            kind = pick(draw, sorted(bench.cells))
            state = pick(draw, sorted(bench.cells[kind]))
            name, damage, words = pick(draw, bench.cells[kind][state])
            for folder in (trials, outside):
                shutil.rmtree(folder, ignore_errors=True)
            outside.mkdir()
            shutil.copytree(bench.place / state, trials, symlinks=True)
            if DAMAGES[damage](folder_of(trials) / name, draw, outside):
                break
        beyond = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
        ended = command(words, trials, bench.seconds)
        outcome, why = outcome_of(ended, name, contents(trials), reference(bench, state, words), words)
        if beyond != {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}:
            outcome, why = "different", "something outside the run was written"
        return Trial(number, state, name, damage, words, outcome, why)
    finally:
        if not bench.keep:
            for folder in (trials, outside):
                shutil.rmtree(folder, ignore_errors=True)


class Reference(NamedTuple):
    """What a command makes of an undamaged copy."""

    status: int
    out: str
    contents: dict[str, str]


def reference(bench: Bench, state: str, words: list[str]) -> Reference:
    """Worked out once."""
    place = bench.place / "references" / hashlib.sha256(repr((state, words)).encode()).hexdigest()[:16]
    if not place.exists():
        part = place.with_name(f"{place.name}-{os.getpid()}")
        shutil.copytree(bench.place / state, part)
        ended = command(words, part)
        if ended.status and words[1] != "regress":  # which says 2 of so few prompts that they show nothing
            raise RuntimeError(f"{state}, undamaged: {words[:2]} ended with {ended.status}: {ended.err[-2000:]}")
        (part / ".status").write_text(str(ended.status))
        try:
            part.rename(place)
        except OSError:  # another process was quicker
            shutil.rmtree(part)
    return Reference(int((place / ".status").read_text()), (place / ".out").read_text(), contents(place))


def outcome_of(
    ended: Outcome, name: str, found: dict[str, str], expected: Reference, words: list[str]
) -> tuple[str, str]:
    """(outcome, why) of a command on a run with a damaged file."""
    said = ended.err.strip().split("\n")[-1][:300]
    if ended.status < 0:
        return ("hang" if -ended.status in (signal.SIGALRM, signal.SIGXCPU) else "crash"), f"signal {-ended.status}"
    if "Traceback" in ended.err or "Aborted" in ended.err:
        return "traceback", said
    if ended.status == 2 and (begun := SAID.search(ended.err)):
        message = ended.err[begun.start() :].strip()
        named = any(part in message for part in (Path(name).name.split(".part")[0], str(Path(name).parent)))
        return ("refused" if named and "\n" not in message else "unclear"), message[:300]
    if ended.status != expected.status:
        return "different", f"status {ended.status}: {said} {ended.out[-200:]}"
    names = expected.contents.keys() | found.keys()
    different = sorted(one for one in names if expected.contents.get(one) != found.get(one))
    own = {name, name.removesuffix("-wal").removesuffix("-shm")}  # SQLite leaves out what it cannot read of the first
    if not set(different) <= own:
        return "different", f"other bytes: {sorted(set(different) - own)[:5]}"
    if without_place(ended.out) != without_place(expected.out) and words[1] != "status":  # which shows what lies there
        return "different", "other words"
    return ("harmless", "not used") if different or Path(name).name in HOLD_TIMES else ("repaired", "")


def without_place(out: str) -> bytes:
    """What a command printed, wherever it ran."""
    return PLACE.sub(b"", out.encode())


def contents(place: Path) -> dict[str, str]:
    """Digest of every file of the run but those that hold times."""
    run = folder_of(place)
    return {
        path.relative_to(run).as_posix(): _content(path)
        for path in sorted(run.rglob("*"))
        if path.name not in HOLD_TIMES and (path.is_symlink() or not path.is_dir())
    }


def _content(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "no file"
    try:
        content = calls_in(path) if path.name == CALLS else PLACE.sub(b"", TIMES.sub(b"", path.read_bytes()))
    except Exception as error:  # a damaged database
        return repr(error)
    return hashlib.sha256(content).hexdigest()


def table(trials: list[Trial]) -> str:
    """How many damages of each kind of file had each outcome."""
    outcomes = [*GOOD, *FAULTS]
    count = Counter((kind_of(trial.file), trial.outcome) for trial in trials)
    rows = [(kind, [count[kind, outcome] for outcome in outcomes]) for kind in sorted({kind for kind, _ in count})]
    rows.append(("all", [sum(column) for column in zip(*(row for _, row in rows), strict=True)]))
    width = max(len(kind) for kind, _ in rows)
    lines = [" " * width + "".join(f"{outcome:>11}" for outcome in outcomes)]
    return "\n".join(lines + [f"{kind:<{width}}" + "".join(f"{number:>11}" for number in row) for kind, row in rows])


if __name__ == "__main__":
    main()
