"""Nodes of a real cluster on this machine (127.0.0.1), each with a model: they write what one process writes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.base import Engine, Request
from srlm.engines.open import open_folder
from srlm.engines.plain_text import TextPair, text_of
from srlm.engines.ray import RayEngine, Worker, _of_a_worker
from srlm.errors import EngineError, ModelError
from srlm.records import Prompt, Response, seed_for, user
from srlm.settings import Sampling, Settings
from srlm.store import files

CHECKOUT = Path(__file__).resolve().parents[3]
KILLED = CHECKOUT / "tests/srlm/methods/killed.py"
SAMPLING = Sampling(temperature=1, top_p=1, max_new_tokens=8)
PROMPTS = [Prompt.of(f"a gold b red c blue copy {number}", "test") for number in range(120)]


def settings(model: Path, worker: str = "transformers", **ray: Any) -> Settings:
    """Of a run on one thread whose stages cut their work into blocks of 8 sequences."""
    kind = {"kind": "ray", "worker": worker, "ray": ray} if ray else {"kind": worker}
    engine = {**kind, "batch_size": 2, "vllm": {"enforce_eager": True}}
    return Settings.model_validate(
        {"name": "x", "threads": 1, "model": {"base": str(model)}, "data": {"kind": "beads"}, "engine": engine}
    )


def answers(
    engine: Engine, path: Path, report: Callable[[int, int], None] = lambda done, total: None
) -> list[Response]:
    """A stage as the loop writes them: two answers to each prompt, four prompts a block."""

    def work(chunk: Any, index: int) -> list[Response]:
        requests = [Request(messages=user(prompt.text), draws=2) for prompt in chunk]
        drawn = engine.generate(requests, SAMPLING, seed_for(1, index))
        return [
            Response.of(prompt.id, completion.text, engine.id, draw, completion.finish)
            for prompt, completions in zip(chunk, drawn, strict=True)
            for draw, completion in enumerate(completions)
        ]

    made = files.resumable(
        path, Response, PROMPTS, work, per_item=2, block=4, report=report, concurrency=lambda: engine.concurrency
    )
    return list(made)


@pytest.fixture(scope="module")
def alone(bead_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process writes."""
    path = tmp_path_factory.mktemp("alone") / "responses.jsonl"
    engine = open_folder(settings(bead_model), str(bead_model), "M1")
    answers(engine, path)
    engine.close()
    return path


def test_plain_text_on_a_pool_is_that_of_one_process(cluster: Any, bead_model: Path) -> None:
    one = open_folder(settings(bead_model), str(bead_model), "M1")
    pool = open_folder(settings(bead_model, address=cluster.address, workers=2), str(bead_model), "M1")
    pairs = [TextPair(f"a gold b red c blue copy {number}", text) for number in range(3) for text in (" red", " gold")]
    prompts, greedy = [pair.context for pair in pairs], Sampling(temperature=0, max_new_tokens=8)
    try:
        assert text_of(pool).likelihoods(pairs) == text_of(one).likelihoods(pairs)
        assert text_of(pool).rolling(prompts) == text_of(one).rolling(prompts)
        assert text_of(pool).write(prompts, ["red"], greedy, 1) == text_of(one).write(prompts, ["red"], greedy, 1)
    finally:
        pool.close()
        one.close()


def test_two_nodes_write_what_one_process_writes(cluster: Any, bead_model: Path, alone: Path, tmp_path: Path) -> None:
    one = open_folder(settings(bead_model), str(bead_model), "M1")
    two = open_folder(settings(bead_model, address=cluster.address), str(bead_model), "M1")
    try:
        assert two.id == "M1"
        assert two.concurrency == 2
        answers(two, tmp_path / "responses.jsonl")
        assert (tmp_path / "responses.jsonl").read_bytes() == alone.read_bytes()
        assert os.listdir(tmp_path) == ["responses.jsonl"]
        request = Request(messages=user("a gold b red copy"), prefix="1 gold")
        assert two.loglikelihood([request], [["2 red", "2 gold ."]]) == one.loglikelihood(
            [request], [["2 red", "2 gold ."]]
        )
    finally:
        two.close()


def test_one_engine_closed_leaves_another_at_work(cluster: Any, bead_model: Path) -> None:
    there = settings(bead_model, address=cluster.address, workers=1)
    chat, plain = (open_folder(there, str(bead_model), "M0", plain) for plain in (False, True))
    alone = open_folder(settings(bead_model), str(bead_model), "M0", plain=True)
    request = Request(messages=user("a gold b red copy"))
    try:
        chat.close()
        chat.close()
        assert plain.generate([request], SAMPLING, 3) == alone.generate([request], SAMPLING, 3)
    finally:
        plain.close()


@pytest.mark.soak  # by default: a node that is lost half-way (below), and kills of runs in one process (test_kill)
def test_a_run_killed_on_a_cluster_goes_on_there_and_ends_with_the_bytes_of_one_process(
    cluster: Any, tiny: Path, trained: Path, tmp_path: Path, srlm: Callable[..., Any], monkeypatch: Any
) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs/tiny/M2")
    monkeypatch.chdir(tmp_path)
    words = ["train", "--run", str(tiny), "--set", "engine.kind=ray", "--set", f"engine.ray.address={cluster.address}"]
    place = ["9", "open", "M2/responses.jsonl.part", "2"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, str(KILLED), *place, "srlm", *words], env=environment)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "runs/tiny/M2/responses.jsonl.part").exists()
    said = srlm(*words)
    assert said.exit_code == 0, said.stderr
    for path in sorted((trained / "runs/tiny/M2").rglob("*")):
        if path.is_file() and path.name not in ("timings.json", "usage.json"):
            there = tmp_path / "runs/tiny/M2" / path.relative_to(trained / "runs/tiny/M2")
            assert there.read_bytes() == path.read_bytes(), path.name


def test_a_worker_that_hangs_does_not_hold_up_the_end_of_a_stage(
    cluster: Any, bead_model: Path, alone: Path, tmp_path: Path
) -> None:
    import ray

    engine = RayEngine(settings(bead_model, address=cluster.address), str(bead_model), "M1")
    hung = ray.get(engine._workers[0].__ray_call__.remote(lambda worker: os.getpid()))
    rescue = threading.Timer(60, os.kill, (hung, signal.SIGCONT))  # a stage that waits for it ends, and the test fails

    def half_way(done: int, total: int) -> None:
        if done * 2 == total:
            os.kill(hung, signal.SIGSTOP)
            rescue.start()

    try:
        made = answers(engine, tmp_path / "responses.jsonl", half_way)
        assert Path(f"/proc/{hung}/stat").read_text().split()[2] == "T"  # it hangs still
        assert len({record.id for record in made}) == 240
        assert (tmp_path / "responses.jsonl").read_bytes() == alone.read_bytes()
        assert engine._free.get() == 1
        assert engine._free.empty()
        os.kill(hung, signal.SIGCONT)
        assert engine._free.get(timeout=60) == 0  # its answer, too late, made it free
    finally:
        rescue.cancel()
        engine.close()


# What the user can mend -----------------------------------------------------------------------------------------------


def refused(folder: Path, path: str, **ray: Any) -> str:
    """The one line that a call to an engine with these settings ends with."""
    engine = None
    with pytest.raises((EngineError, ModelError)) as error:
        try:
            engine = open_folder(settings(folder, **ray), path, "M1")
            engine.generate([Request(messages=user("gold"))], SAMPLING, 1)
        finally:
            if engine is not None:
                engine.close()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_address_where_nobody_listens_is_said_at_once(bead_model: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can be there meanwhile
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refused(bead_model, str(bead_model), address=address)
    assert said.startswith(f"engine.ray.address {address}: cannot be reached (")


def test_what_is_no_address_is_named(bead_model: Path) -> None:
    said = refused(bead_model, str(bead_model), address="ray://head")
    assert said == "engine.ray.address ray://head: not an address; write HOST:PORT, as in 10.0.0.1:6379, or auto"


def test_a_worker_that_cannot_load_the_model_says_why(cluster: Any, bead_model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    shutil.copytree(bead_model, broken)
    (broken / "tokenizer.json").unlink()
    said = refused(bead_model, str(broken), address=cluster.address, workers=1)
    assert said.startswith(f"{broken}: ")


def test_a_cluster_without_room_says_what_it_has(cluster: Any, bead_model: Path) -> None:
    said = refused(bead_model, str(bead_model), address=cluster.address, gpus_per_worker=1, patience=0.1)
    assert said.startswith(
        "ray: no worker after 0.1 s; each needs 1 CPU and 1 GPU, and all nodes together have 2 CPU and 0 GPU"
    )


def test_a_node_that_does_not_see_the_folder_says_so(bead_model: Path) -> None:
    there = Worker(settings(bead_model), "/elsewhere/runs/x/M1/model", "M1", plain=False, is_folder=True)
    with pytest.raises(EngineError, match=r"^/elsewhere/runs/x/M1/model: not visible from the node .* all nodes"):
        there.ready()


def test_a_node_lost_half_way_loses_and_doubles_nothing(
    cluster: Any, bead_model: Path, alone: Path, tmp_path: Path
) -> None:
    engine = open_folder(settings(bead_model, address=cluster.address), str(bead_model), "M1")
    lost = next(iter(cluster.worker_nodes))

    def half_way(done: int, total: int) -> None:
        if done * 2 == total:
            cluster.remove_node(lost, allow_graceful=False)

    try:
        made = answers(engine, tmp_path / "responses.jsonl", half_way)
    finally:
        engine.close()
    assert lost not in cluster.worker_nodes
    assert len({record.id for record in made}) == 240
    assert (tmp_path / "responses.jsonl").read_bytes() == alone.read_bytes()


# A cluster of our own -------------------------------------------------------------------------------------------------

OWN = """
import sys, psutil
from pathlib import Path
from srlm.engines.base import Request
from srlm.engines.open import open_folder
from srlm.records import user
from srlm.run_file import load
from srlm.settings import Sampling

settings = load(Path(sys.argv[1]), ["engine.kind=ray", "engine.ray.workers=1"])
engine = open_folder(settings, sys.argv[2], "M1")
engine.generate([Request(messages=user("gold"))], Sampling(max_new_tokens=2), 1)
import ray
logs = Path(ray._private.worker._global_node.get_session_dir_path())
processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
open_ports = {found.laddr.ip.removeprefix("::ffff:") for process in processes
              for found in process.net_connections(kind="inet") if found.status == "LISTEN"}
print(len(processes) > 3, *sorted(open_ports))
engine.close()
psutil.wait_procs(processes[1:], timeout=60)
print(len(psutil.Process().children(recursive=True)))
try:
    engine.generate([Request(messages=user("gold"))], Sampling(max_new_tokens=2), 1)
except Exception as error:
    print(error)
print([path.name for path in logs.rglob("*") if path.is_file() and b"k3y-nobody" in path.read_bytes()])
"""


def test_a_cluster_of_our_own_listens_on_loopback_logs_no_key_and_ends_with_the_engine(
    bead_model: Path, tiny: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OPENAI_API_KEY": "k3y-nobody-may-read"}
    del environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"]  # the engine's own doing
    done = subprocess.run(
        [sys.executable, "-c", OWN, str(tiny), str(bead_model)], env=environment, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["True 127.0.0.1", "0", "the ray engine is closed", "[]"], done.stderr


@pytest.mark.parametrize(("gpus", "seen"), [(0, ""), (0.5, "3")])
def test_a_worker_without_a_gpu_sees_none(
    gpus: float, seen: str, bead_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray hides the GPUs of others from an actor that has one, and none from an actor that has none."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    local = _of_a_worker(settings(bead_model, gpus_per_worker=gpus))
    Worker(local, str(bead_model), "M1", plain=False, is_folder=True).ready()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen
