"""One run, two processes: the second is refused while the first works, and goes on once the first is dead."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.forks.command import Forks

DYING = Path(__file__).with_name("killed.py")
CHECKOUT = Path(__file__).resolve().parents[3]


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path, tiny: Path, srlm: Any) -> None:
    words = ["train", "--run", str(tiny), "--set", f"runs={tmp_path}"]
    place = [str(int(signal.SIGSTOP)), "rename", "data/manifest.json", "1"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen([sys.executable, str(DYING), *place, "srlm", *words], env=environment)
    try:
        _, state = os.waitpid(first.pid, os.WUNTRACED)  # until it has stopped itself
        assert os.WIFSTOPPED(state)
        second = srlm(*words)
        assert second.exit_code == 2
        assert second.stderr == (
            f"srlm: {tmp_path}/tiny: another process is working on this run (process {first.pid}); "
            "wait for it or stop it\n"
        )
        assert srlm("status", *words[1:]).exit_code == 0  # only looking is always allowed
    finally:
        first.kill()
        first.wait()
    assert srlm(*words, "--to", "M1").exit_code == 0


def test_a_half_written_line_is_written_again(
    tmp_path: Path, tiny: Path, trained: Path, forks: Forks, srlm: Callable[..., Any], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["train", "--run", str(tiny)]
    place = ["9", "open", "M2/responses.jsonl.part", "2"]
    done = forks.run(str(DYING), *place, "srlm", *words, cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL
    part = tmp_path / "runs/tiny/M2/responses.jsonl.part"
    whole = part.read_bytes()
    assert whole.count(b"\n") == 32  # a block is 16 prompts of two answers
    part.write_bytes(whole + whole[:100])  # as a machine that lost its power leaves it
    assert srlm(*words).exit_code == 0
    for name in ("responses.jsonl", "judgements.jsonl", "pairs.jsonl", "manifest.json"):
        assert (tmp_path / "runs/tiny/M2" / name).read_bytes() == (trained / "runs/tiny/M2" / name).read_bytes()
