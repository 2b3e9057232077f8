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
from tests.srlm.engines.test_vllm import OF_VLLM, needs_vllm

pytestmark = OF_VLLM
PORT = 6379
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"},
    # Each program shows the cluster's token: a head asks for one where its user has one (~/.ray/auth_token).
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "ab" * 32,
    "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
    "VLLM_CPU_KVCACHE_SPACE": "1",
}
"""Without the variable by which all of Ray would listen on loopback (tests/conftest.py)."""
PROGRAM = """
import sys
from pathlib import Path
from srlm.engines.open import open_folder
from tests.hosts import Host
from tests.srlm.engines.test_ray import answers, settings

worker, model, to, address, *lost = sys.argv[1:]
engine = open_folder(settings(Path(model), worker, address=address), model, "M1")

def half_way(done, total):
    if done * 2 == total:
        import ray
        print(*sorted(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]), flush=True)
        for name in lost:
            Host(name, "").lose()

answers(engine, Path(to), half_way)
engine.close()
"""


@contextlib.contextmanager
def cluster(hosts: tuple[Host, Host]) -> Iterator[str]:
    """A head on the first host and a node on the second, with room for a worker each; the head's address."""
    first, second = hosts
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
            started = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
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
        there = [str(bead_model), str(tmp_path / "two.jsonl"), address, *([hosts[1].name] if lost else [])]
        words = ["transformers", *there]
        done = answered(hosts[0], words)
        stranger = subprocess.run(
            hosts[0].on(sys.executable, "-c", PROGRAM, *words),
            env=ENVIRONMENT | {"RAY_AUTH_TOKEN": "cd" * 32},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert stranger.returncode == 1
    assert "srlm.errors.EngineError: engine.ray.address 10.83.0.1:6379: " in stranger.stderr
    assert addresses(done) == "10.83.0.1 10.83.0.2"
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()


@needs_vllm
@pytest.mark.soak
def test_vllm_on_each_of_two_hosts_one_of_them_lost_writes_what_vllm_in_one_process_writes(
    hosts: tuple[Host, Host], wide_model: Path, tmp_path: Path
) -> None:
    engine = open_folder(settings(wide_model, "vllm"), str(wide_model), "M1")
    answers(engine, tmp_path / "alone.jsonl")
    engine.close()
    with cluster(hosts) as address:
        done = answered(hosts[0], ["vllm", str(wide_model), str(tmp_path / "two.jsonl"), address, hosts[1].name])
    assert done.returncode == 0, done.stderr
    assert addresses(done) == "10.83.0.1 10.83.0.2"
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "alone.jsonl").read_bytes()


def answered(host: Host, words: list[str]) -> "subprocess.CompletedProcess[str]":
    """PROGRAM, run on a host."""
    command = host.on(sys.executable, "-c", PROGRAM, *words)
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)


def addresses(done: "subprocess.CompletedProcess[str]") -> str:
    """Of the nodes alive half-way; Ray's own words of a lost node and its worker may follow."""
    (said,) = [line for line in done.stdout.splitlines() if line.startswith("10.")]
    return said
