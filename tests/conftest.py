"""What tests in many folders need."""

import contextlib
import fcntl
import gc
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import pytest

from tests.chat_server import Serve, serving
from tests.forks.command import Forks, Start
from tests.hosts import Host, refusal, two_hosts

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Tests reach nothing outside this machine: the libraries would look for newer files, and count their uses, on the hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Nor does a key, an address or a permission of whoever runs them reach a test.
for _name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SRLM_ASK_RETIRED", "SRLM_BATCH_API", "SRLM_ALPACA_DIR"):
    os.environ.pop(_name, None)
# Read when ray is imported: with it all of Ray listens on 127.0.0.1 and nowhere else, on every system.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

# A busy machine fails no test: no example has a time limit. The same code is tried on the same examples every time.
hypothesis.settings.register_profile(
    "srlm", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("srlm")

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 120_000
"""Milliseconds that any wait in a browser may take, so that a busy machine fails no test."""
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def pytest_collection_finish() -> None:
    """Tests and modules are there to stay: no collection of garbage looks at those million objects again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked `gpu` is skipped where there is none."""
    if item.get_closest_marker("gpu") is not None:
        import torch  # slow, and most tests do without it

        if not torch.cuda.is_available():
            pytest.skip("needs a GPU that torch can use (CUDA); `make gpu-check` runs the same there")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that is not part of the repository: SRLM_SHARED, or `shared` beside the checkout."""
    folder = Path(os.environ.get("SRLM_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"needs the shared data; {folder} has no data folder, set SRLM_SHARED to the one that has")
    return folder


@pytest.fixture(scope="session")
def bead_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bead world's tokenizer and a Llama of width 32 with one layer and random weights."""
    import torch

    from srlm.engines.weights import save
    from srlm.settings import ScratchModel
    from srlm.training import scratch
    from srlm.worlds.beads import program

    torch.set_num_threads(1)  # several threads on a small machine are slower, and sum in another order
    words = scratch.tokenizer(program.vocabulary())
    shape = ScratchModel(width=32, layers=1, heads=2, feed_forward=64, max_positions=96)
    folder = tmp_path_factory.mktemp("bead model") / "model"
    save(scratch.random_model(shape, words, seed=1), words, folder)
    return folder


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(reply)` starts a chat server on this machine whose answers `reply(body, number)` writes."""
    with serving() as start:
        yield start


CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def tiny() -> Path:
    """The run file in which every stage happens within seconds."""
    return CHECKOUT / "tests" / "tiny.yaml"


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Starts `python -m MODULE ...` or a script within milliseconds, as forks of one process (tests/forks)."""
    found = Forks(tmp_path_factory.mktemp("forks"))
    yield found
    found.close()


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts with addresses of their own, on this machine (tests/hosts.py)."""
    if why := refusal():
        pytest.skip(why)
    with two_hosts() as found:
        yield found


@pytest.fixture(scope="session")
def start(forks: Forks) -> Start:
    """`start("srlm", "train", ...)` begins `python -m srlm train ...` as a user's shell would."""
    return lambda *words, **options: forks.start("-m", *words, **options)


class Said(NamedTuple):
    """What one command left behind."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def srlm() -> Callable[..., Said]:
    """`srlm("status", "--run", path)` is the command line within this process."""
    from srlm.cli.main import main

    def run(*words: object) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        code = left.value.code
        return Said(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Path]:
    """The folder in which `runs/tiny` was trained to M2 undisturbed; `stderr.txt` is what it said.

    Copy it before anything is changed: all processes of pytest-xdist share it.
    """
    base = tmp_path_factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, part = place / "trained", place / "trained.part"
    with (place / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(part, ignore_errors=True)  # another process's, that failed
            part.mkdir()
            # A start of its own: what libraries say when they are imported is in stderr.txt, too.
            command = [sys.executable, "-m", "srlm", "train", "--run", str(tiny)]
            environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, cwd=part, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert done.stdout == "tiny: M2 is in runs/tiny/M2/model\n"
            (part / "stderr.txt").write_text(done.stderr)
            part.rename(folder)
    yield folder
    # A copy taken while another process writes there holds half-written files.
    made = (folder / "stderr.txt").stat().st_mtime_ns
    assert [path for path in (folder / "runs").rglob("*") if path.stat().st_mtime_ns > made] == []


@pytest.fixture(scope="module")  # no longer: where it is open, Playwright's event loop runs, and asyncio.run refuses
def chromium() -> Iterator["Browser"]:
    """A real browser, without a window."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium); .ci/run installs it")
    from playwright.sync_api import expect, sync_playwright  # few tests need it

    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        browser.on("context", lambda context: context.set_default_timeout(PATIENCE))
        yield browser
        browser.close()
