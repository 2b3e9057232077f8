"""The make targets, end to end, on the tiny run."""

import os
import subprocess
import sys
from pathlib import Path

from tests.forks.command import Forks

CHECKOUT = Path(__file__).resolve().parents[1]


def make(target: str, run: Path) -> list[str]:
    """What a target prints; the environment is the one these tests run in.

    Less what a `make test` around them sets: a make within a make says where it enters and leaves.
    """
    ready = ".venv/.ready"
    done = subprocess.run(
        ["make", f"--old-file={ready}", target, f"RUN={run}", f"BIN={Path(sys.executable).parent}", f"READY={ready}"],
        cwd=CHECKOUT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
            "PYTHONPATH": str(CHECKOUT),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_train_iter_makes_one_more_model_and_eval_all_makes_the_rest_and_the_report(
    forks: Forks, tmp_path: Path
) -> None:
    run = tmp_path / "tiny.yaml"
    run.write_text((CHECKOUT / "tests/tiny.yaml").read_text() + f"runs: {tmp_path}\n")
    made = tmp_path / "tiny"
    make("train-iter", run)
    assert [(made / step / "manifest.json").exists() for step in ("M0", "SFT", "M1", "M2")] == [True, True, True, False]
    assert make("eval-all", run)[-1] == str(made / "report.html")
    assert (made / "M2/manifest.json").exists()
    assert not (made / "M3").exists()
    page = (made / "report.html").read_bytes()
    (made / "report.html").unlink()
    assert forks.run("-m", "eval", "all", "--run", str(run), "--no-report", cwd=CHECKOUT).returncode == 0
    assert not (made / "report.html").exists()
    make("report", run)
    assert len((made / "report.html").read_bytes()) == len(page)
    make("train-iter", run)
    assert (made / "M3/manifest.json").exists()
