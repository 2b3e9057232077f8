"""A Ray cluster over two hosts: the records of one process, also where a host falls silent half-way."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from srlm.engines.open import open_folder
from tests.hosts import Host
from tests.srlm.engines.test_ray import answers, settings

PORT = 6379
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"},
    # Each program shows the cluster's token: a head asks for one where its user has one (~/.ray/auth_token).
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "ab" * 32,
    "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
}
"""Without the variable by which all of Ray would listen on loopback (tests/conftest.py)."""
PROGRAM = """
import sys
from pathlib import Path
from srlm.engines.open import open_folder
from tests.hosts import Host
from tests.srlm.engines.test_ray import answers, settings

model, to, address, *lost = sys.argv[1:]
engine = open_folder(settings(Path(model), address=address), model, "M1")

def half_way(done, total):
    if done * 2 == total:
        import ray
        print(*sorted(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]), flush=True)
        for name in lost:
            Host(name, "").lose()

answers(engine, Path(to), half_way)
import ray
print(*sorted(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]), flush=True)
engine.close()
"""


@contextlib.contextmanager
def cluster(hosts: tuple[Host, Host]) -> Iterator[str]:
    """A head on the first host and a node on the second, with room for a worker each; the head's address."""
    first, second = hosts
    # A silent node counts as lost after some 20 s; Ray's own patience is over a minute.
    brief = {
        "RAY_health_check_period_ms": "2000",
        "RAY_health_check_timeout_ms": "2000",
        "RAY_health_check_failure_threshold": "5",
    }
    environment = {**ENVIRONMENT, **brief}
    place = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # a socket's path is short
    address = f"{first.address}:{PORT}"
    common = ["--num-cpus=1", "--object-store-memory=100000000"]
    own = [
        [
            "--head",
            f"--port={PORT}",
            f"--node-ip-address={first.address}",
            "--include-dashboard=false",
            f"--temp-dir={place}",
        ],
        [f"--address={address}", f"--node-ip-address={second.address}"],
    ]
    try:
        for host, words in zip(hosts, own, strict=True):
            command = host.on(sys.executable, "-m", "ray.scripts.scripts", "start", *words, *common)
            started = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert started.returncode == 0, started.stdout + started.stderr
        yield address
    finally:
        for host in hosts:
            host.lose()
        shutil.rmtree(place)


@pytest.mark.soak  # by default: nodes of one host, one of them lost (test_ray.py)
@pytest.mark.parametrize("lost", [False, True], ids=["undisturbed", "a-host-falls-silent"])
def test_a_worker_on_each_of_two_hosts_writes_what_one_process_writes(
    lost: bool, hosts: tuple[Host, Host], bead_model: Path, tmp_path: Path
) -> None:
    engine = open_folder(settings(bead_model), str(bead_model), "M1")
    answers(engine, tmp_path / "alone.jsonl")
    engine.close()
    with cluster(hosts) as address:
        words = [str(bead_model), str(tmp_path / "two.jsonl"), address, *([hosts[1].name] if lost else [])]
        done = subprocess.run(
            hosts[0].on(sys.executable, "-c", PROGRAM, *words), env=ENVIRONMENT, capture_output=True, text=True
        )
        stranger = subprocess.run(
            hosts[0].on(sys.executable, "-c", PROGRAM, *words),
            env=ENVIRONMENT | {"RAY_AUTH_TOKEN": "cd" * 32},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert stranger.returncode == 1
    assert "srlm.errors.EngineError: engine.ray.address 10.83.0.1:6379: " in stranger.stderr
    both = "10.83.0.1 10.83.0.2"
    # Ray's own words of the lost node and its worker are between ours.
    said = [line for line in done.stdout.splitlines() if line.startswith("10.")]
    assert said == [both, "10.83.0.1" if lost else both]
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()
