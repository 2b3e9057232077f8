"""A run whose trainings are on two hosts: a process or a whole host lost again and again, against one left in peace.

    python benchmarks/chaos_hosts.py --kills 50        # tests/tiny.yaml; as root, on Linux

The hosts are network namespaces of this machine (tests/hosts.py). `srlm train` runs on the first and trains in one
process on each. The run is made once in peace. Then the same command is started again and again, and at a random moment
one process of the run, on either host, is killed outright, or one host is: it falls silent, and all that runs there is
killed. After every kill all processes of the run must have ended by themselves within a minute on both hosts, the files
under their own names must be whole, and a run that lives on the first host must have ended with one line or be done. At
the end all files must be those of the undisturbed run, byte for byte, but for those that hold times.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "benchmarks")]

from chaos import Fault, contents, whole  # noqa: E402

from tests.forks.command import Forks  # noqa: E402
from tests.hosts import Host, refusal, two_hosts  # noqa: E402

LOST_AFTER = 5
"""Seconds of silence after which the trainings' processes give each other up."""
LONGEST = 60.0
"""Seconds in which all that is left of a run must have ended after a kill."""


class Ended(NamedTuple):
    """How one start of the run ended."""

    seconds: float
    killed: str | None
    """What was; None: the run came to its end before."""
    status: int
    said: str


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=CHECKOUT / "tests/tiny.yaml")
    words.add_argument("--kills", type=int, default=50)
    words.add_argument("--seconds", type=float, default=float("inf"), help="no kill after so many seconds")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--folder", type=Path, help="where the two runs are made; without it a folder that is deleted")
    asked = words.parse_args()
    if why := refusal():
        sys.exit(f"chaos: {why}")
    with tempfile.TemporaryDirectory() as made, two_hosts() as hosts:
        forks = Forks(Path(made))
        try:
            place = (asked.folder or Path(made)).resolve()
            print(chaos(Trial(asked.run.resolve(), forks, hosts), place, asked.kills, asked.seconds, asked.seed))
        except Fault as fault:
            sys.exit(f"chaos, seed {asked.seed}: {fault}")
        finally:
            forks.close()


class Trial:
    """One run file on two hosts."""

    def __init__(self, run: Path, forks: Forks, hosts: tuple[Host, Host]) -> None:
        self._run, self._forks, self.hosts = run, forks, hosts
        # One day for both runs: midnight passes between them.
        self._settings = [f"model.date={time.strftime('%Y-%m-%d')}", f"launch.lost_after={LOST_AFTER}"]
        self._settings += [f"launch.command=[{', '.join(forks.launcher(*hosts))}]"]

    def start(self, place: Path, after: float | None = None, kill: Callable[[], str | None] | None = None) -> Ended:
        """Start the run on the first host; after so many seconds something is killed. Raises Fault."""
        place.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        words = ["-m", "srlm", "train", "--run", str(self._run)]
        words += [word for setting in self._settings for word in ("--set", setting)]
        killed = None
        with self._forks.start(*words, cwd=place, host=self.hosts[0]) as command, ThreadPoolExecutor(1) as pool:
            ended = pool.submit(command.communicate)
            if kill is not None:
                try:
                    ended.result(timeout=after)
                except TimeoutError:
                    killed = kill()
            try:
                said = ended.result(timeout=3 * LOST_AFTER if killed else None)
            except TimeoutError:
                # What was killed was not needed just then: the host is back before it is, and the run goes on.
                self._restore()
                said = ended.result()
            self._wait_for_the_end(killed)
        self._restore()
        return Ended(time.monotonic() - began, killed, command.wait(), said[1])

    def _restore(self) -> None:
        for host in self.hosts:
            host.restore()

    def _wait_for_the_end(self, killed: str | None) -> None:
        until = time.monotonic() + LONGEST
        while left := [process for host in self.hosts for process in host.processes()]:
            if time.monotonic() > until:
                raise Fault(
                    f"{killed}: after {LONGEST:g} s processes are left: {[_words(process) for process in left]}"
                )
            time.sleep(0.1)


def _words(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "ended"


def chaos(trial: Trial, place: Path, kills: int, seconds: float, seed: int) -> str:
    """What happened, in words. Raises Fault."""
    draw = random.Random(seed)
    peace = trial.start(place / "peace")
    if peace.status:
        raise Fault(f"the undisturbed run failed: {peace.said[-1000:]}")
    expected = contents(place / "peace")
    run = next((place / "peace/runs").iterdir())
    steps = [path.parent.name for path in sorted(run.glob("*/manifest.json"), key=lambda path: path.stat().st_mtime)]
    folder = place / "chaos/runs" / run.name
    fell: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    done = 0
    began = time.monotonic()
    while done < kills and time.monotonic() - began < seconds:
        kinds = [lambda: lose_host(trial.hosts, draw), lambda: kill_process(trial.hosts, draw)]
        ended = trial.start(place / "chaos", draw.uniform(0.3, peace.seconds / 2), draw.choice(kinds))
        whole(place / "chaos")
        if ended.killed is not None:
            done += 1
            fell[ended.killed] += 1
            if ended.status not in (0, 2, -signal.SIGKILL):
                raise Fault(f"{ended.killed}: the run ended with status {ended.status}: {ended.said[-1000:]}")
            if "Traceback" in ended.said:
                raise Fault(f"{ended.killed}: the run ended with a traceback: {ended.said[-2000:]}")
            lines[{0: "done", 2: "one line"}.get(ended.status, "killed")] += 1
            print(f"{done} of {kills}: {ended.killed}, status {ended.status}", file=sys.stderr, flush=True)
            if ended.status == 2:
                print(f"  {ended.said.strip().splitlines()[-1][-300:]}", file=sys.stderr, flush=True)
        if (not ended.status and ended.killed is None) or (folder / steps[-1] / "manifest.json").exists():
            # There must be something to kill: the run is taken back to one of its steps.
            for step in steps[draw.randrange(1, len(steps)) :]:
                shutil.rmtree(folder / step, ignore_errors=True)
    last = trial.start(place / "chaos")
    if last.status:
        raise Fault(f"the last start failed: {last.said[-1000:]}")
    found = contents(place / "chaos")
    if different := sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)):
        raise Fault(f"{len(different)} of {len(expected)} files differ from the undisturbed run's: {different[:5]}")
    where = ", ".join(f"{what} {number}" for what, number in sorted(fell.items()))
    how = ", ".join(f"{what} {number}" for what, number in sorted(lines.items()))
    return (
        f"{done} kills ({where}; the run: {how}): all {len(found)} files are the undisturbed run's, none was "
        f"half-written, no process was left on either host; undisturbed {peace.seconds:.0f} s"
    )


def lose_host(hosts: tuple[Host, Host], draw: random.Random) -> str:
    """One host falls silent, and then ends."""
    number = draw.randrange(2)
    hosts[number].lose()
    return ("the first host", "the second host")[number]


def kill_process(hosts: tuple[Host, Host], draw: random.Random) -> str | None:
    """One process of the run ends, on either host; None where there was none any more."""
    found = [
        (process, name) for host, name in zip(hosts, ("first", "second"), strict=True) for process in host.processes()
    ]
    if not found:
        return None
    process, name = draw.choice(found)
    role = "launcher" if "launcher.py" in _words(process) else "process"
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return f"a {role} of the {name} host"


if __name__ == "__main__":
    main()
