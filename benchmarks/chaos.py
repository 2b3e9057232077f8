"""A whole run, trained and measured, killed again and again at random, against one that was left in peace.

    python benchmarks/chaos.py --kills 200                                   # the pocket run; an hour or two
    python benchmarks/chaos.py --run tests/tiny.yaml --kills 12 --server     # the short form, minutes; CI runs it

The run is made once in peace. Then the same commands are started again and again, each ended outright: half of the
times at a random moment, half at a random write (a file being opened or given its name). Every step (data, M0, ..., M3,
the evaluation) gets its share of the kills by its time; where it comes to its end before, it is begun anew. After every
kill no process of the run may be left, and every file under its own name must be whole; at the end all files must be
the same, byte for byte, but for those that hold times.

--server: the judge is a server on this machine, which answers one request in ten by 429, 500, half a body or by hanging
up, so that its client is killed, too.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from srlm.engines.openai.calls import CallStore

CHECKOUT = Path(__file__).resolve().parents[1]
PROGRAMS = (("srlm", "train"), ("eval", "all"))
CALLS = "calls.sqlite"
HOLD_TIMES = (
    "timings.json",
    "usage.json",
    "log.txt",
    ".lock",
    ".digests.json",
    *(f"{CALLS}{end}" for end in ("-wal", "-shm", ".lock")),
)
TIMES = re.compile(rb"<dt>Time</dt><dd>.*?</dd>")
"""What the report says of how long it took."""
MARK = "SRLM_CHAOS"
"""In the environment of every process that is started here."""


class Ended(NamedTuple):
    """How one start of a program ended."""

    killed: bool
    seconds: float
    writes: dict[str, int]
    """By step; none where it was killed."""


class Step(NamedTuple):
    """A part of the run, as it was in peace."""

    program: tuple[str, str]
    name: str
    seconds: float
    writes: int


class Fault(Exception):
    """What must not happen."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=CHECKOUT / "configs/pocket.yaml")
    words.add_argument("--kills", type=int, default=200)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument(
        "--span",
        type=float,
        default=30,
        help="a start is killed within so many seconds of its first write: enough to come to a checkpoint",
    )
    words.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the run")
    words.add_argument("--server", action="store_true", help="the judge is a server that fails now and then")
    words.add_argument("--folder", type=Path, help="where the two runs are made; without it a folder that is deleted")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as made, judge_server() if asked.server else nullcontext() as address:
        place = (asked.folder or Path(made)).resolve()
        if (place / "peace").exists():
            sys.exit(f"chaos: {place} holds the runs of an earlier one; name an empty folder")
        try:
            # One day for both runs: midnight passes between them.
            given = [f"model.date={time.strftime('%Y-%m-%d')}", *asked.set]
            settings = [word for setting in given for word in ("--set", setting)]
            settings += [] if address is None else server_settings(address)
            print(chaos(asked.run.resolve(), place, asked.kills, asked.seed, asked.span, settings))
        except Fault as fault:
            sys.exit(f"chaos, seed {asked.seed}: {fault}")


def chaos(run: Path, place: Path, kills: int, seed: int, span: float, settings: list[str]) -> str:
    """What happened, in words. Raises Fault."""
    draw = random.Random(seed)
    steps = peace(run, place / "peace", settings)
    expected = contents(place / "peace")
    folder = place / "chaos/runs" / next((place / "peace/runs").iterdir()).name
    after, done, fell = place, 0, Counter[str]()
    for number, (step, share) in enumerate(zip(steps, shares(kills, steps), strict=True)):
        longest = min(span, step.seconds)
        writes = max(1, round(step.writes * longest / step.seconds))
        until, over = done + share, False
        while done < until:
            if over:  # there must be something to kill; a user never would
                for later in steps[number:]:
                    shutil.rmtree(folder / later.name, ignore_errors=True)
            # At a write, or where none comes for long, at the end of the span.
            moment = (draw.randint(1, writes), longest) if done % 2 == 0 else (0, draw.uniform(0, longest))
            ended = start(run, place / "chaos", step.program, settings, after, *moment)
            if ended.killed:
                done += 1
                stage = stage_of(folder, steps)
                fell[stage] += 1
                print(f"{done} of {kills}: killed after {ended.seconds:.1f} s, {stage}", file=sys.stderr, flush=True)
                whole(place / "chaos")
            over = not ended.killed or (folder / step.name / "manifest.json").exists()
        if all(later.program != step.program for later in steps[number + 1 :]):
            start(run, place / "chaos", step.program, settings)
        after = folder / step.name / "manifest.json"
    whole(place / "chaos")
    found = contents(place / "chaos")
    if different := sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)):
        raise Fault(f"{len(different)} of {len(expected)} files differ from the undisturbed run's: {different[:5]}")
    where = ", ".join(f"{step.name} {fell[step.name]}" for step in steps)
    return (
        f"{done} kills ({where}): all {len(found)} files are the undisturbed run's, none was half-written, no process "
        f"was left; undisturbed {sum(step.seconds for step in steps):.0f} s"
    )


def peace(run: Path, place: Path, settings: list[str]) -> list[Step]:
    """Make the run undisturbed: its steps, in their order. Raises Fault."""
    steps = []
    for program in PROGRAMS:
        before = time.time()
        ended = start(run, place, program, settings)
        made = sorted((path.stat().st_mtime, path.parent.name) for path in place.glob("runs/*/*/manifest.json"))
        if program == PROGRAMS[-1]:
            made = [(time.time(), "evaluation")]
        for moment, name in made:
            steps.append(Step(program, name, moment - before, ended.writes.get(name, 0)))
            before = moment
    return steps


def shares(kills: int, steps: list[Step]) -> list[int]:
    """How many of the kills each step gets: by its time."""
    ends = list(accumulate(step.seconds for step in steps))
    return [now - before for before, now in pairwise([0, *(round(kills * end / ends[-1]) for end in ends)])]


def start(
    run: Path,
    place: Path,
    program: tuple[str, str],
    settings: list[str],
    after: Path = Path("/"),
    write: int = 0,
    seconds: float = 0.0,
) -> Ended:
    """One start of a program, left in peace or, once the file `after` is there, killed at its n-th write or after so
    many seconds. Raises Fault."""
    place.mkdir(parents=True, exist_ok=True)
    count = place / ".writes"
    count.unlink(missing_ok=True)
    inside = [str(CHECKOUT / "benchmarks/chaos_inside.py"), str(count), str(after), str(write), str(seconds)]
    environment = {
        **os.environ, MARK: str(place), "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "OPENAI_API_KEY": "none"
    }  # fmt: skip
    began = time.monotonic()
    with (place / ".said").open("w+") as said:
        words = [sys.executable, *inside, *program, "--run", str(run), *settings]
        ended = subprocess.run(words, cwd=place, env=environment, stdout=said, stderr=said, check=False)
        if ended.returncode not in (0, -signal.SIGKILL, -signal.SIGALRM):
            said.seek(0)
            raise Fault(f"{' '.join(program)} ended with status {ended.returncode}: {said.read()[-1000:]}")
    took = time.monotonic() - began
    if left := orphans(str(place)):
        raise Fault(f"processes were left: {left}")
    return Ended(ended.returncode != 0, took, json.loads(count.read_text()) if count.exists() else {})


def orphans(mark: str) -> list[str]:
    """Command lines of processes that were started by one that is gone."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}\0".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # ended meanwhile, or another user's
    return [words for words in found if words]  # one without words is dead, and waits for its parent to notice


def folder_of(place: Path) -> Path | None:
    """The one run under a place; None before it was made."""
    return next((place / "runs").iterdir(), None) if (place / "runs").is_dir() else None


def stage_of(folder: Path, steps: list[Step]) -> str:
    """The first step that is not done."""
    return next(step.name for step in steps if not (folder / step.name / "manifest.json").exists())


def whole(place: Path) -> None:
    """Raises Fault where a file under its own name is not whole."""
    run = folder_of(place)
    for path in sorted(run.rglob("*")) if run is not None else ():
        if "training" in path.parts or any(part.endswith(".part") for part in path.parts):
            continue  # half-done on purpose, and known by its name
        if path.suffix == ".json":
            _decoded(path, path.read_text())
        elif path.suffix == ".jsonl":
            text = path.read_text()
            if text and not text.endswith("\n"):
                raise Fault(f"{path}: its last line is cut")
            for line in text.splitlines():
                _decoded(path, line)


def _decoded(path: Path, text: str) -> None:
    try:
        json.loads(text)
    except ValueError as error:
        raise Fault(f"{path}: half-written: {error}") from None


def contents(place: Path) -> dict[str, str]:
    """Digest of every file of the run but those that hold times; of a judge's calls, of what was asked and answered."""
    run = folder_of(place)
    assert run is not None
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(
            calls_in(path) if path.name == CALLS else TIMES.sub(b"", path.read_bytes())
        ).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in HOLD_TIMES
    }


def calls_in(path: Path) -> bytes:
    """A judge's calls and its words, without the times and the numbers of attempts."""
    with CallStore(path) as store, closing(sqlite3.connect(path)) as opened:
        rows = opened.execute("SELECT key, request FROM calls ORDER BY key").fetchall()
        answers = store.answers(key for key, _ in rows)
    said = [
        [key, request, [answers[key].choice, *answers[key].more] if key in answers else None] for key, request in rows
    ]
    return json.dumps(said, sort_keys=True).encode()


# A judge that fails now and then ---------------------------------------------------------------------------------


def server_settings(address: str) -> list[str]:
    """The judge of the loop is the server."""
    changes = ("kind=openai", "model=judge", f"base_url={address}", "retries=20")
    return [word for change in changes for word in ("--set", f"judge.engine.{change}")]


class _Judge(BaseHTTPRequestHandler):
    """Scores by the request's digest, so that the same answer always gets the same score."""

    protocol_version = "HTTP/1.1"
    draw = random.Random(1)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = json.dumps(body["messages"]).encode()
        luck = self.draw.random()
        if luck < 0.05:
            return self._reply(429 if luck < 0.025 else 500, {"error": {"message": "later"}})
        score = hashlib.sha256(asked).digest()[0] % 6
        content = {"role": "assistant", "content": f"Score: {score}"}
        many = [{"index": n, "message": content, "finish_reason": "stop"} for n in range(body.get("n") or 1)]
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "judge", "choices": many}
        self._reply(200, reply, whole=luck >= 0.1, empty=0.05 <= luck < 0.075)

    def _reply(self, status: int, value: dict[str, Any], whole: bool = True, empty: bool = False) -> None:
        self.close_connection = not whole
        if empty:
            return
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(text if whole else text[: len(text) // 2])

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class judge_server:
    """Address of a judge on loopback, for as long as the block lasts."""

    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Judge)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


if __name__ == "__main__":
    main()
