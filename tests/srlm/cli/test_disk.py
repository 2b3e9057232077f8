"""The disk that a run needs: models and checkpoints in float32, and what has to be downloaded."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from srlm.cli import disk
from srlm.engines import hub
from srlm.engines.sizes import numbers_in
from srlm.run_file import load
from srlm.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[3]
RLHF = "method={name: rlhf}"
ADAPTERS = ("sft.lora={}", "reward_model.lora={}", "online.lora={}", "online.reference=parent")
MILLION = 1_000_000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with two files of half a million weights each, in 16 bits."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for number in (1, 2):
        weights = {"weight": torch.zeros(500, 1000, dtype=torch.bfloat16)}
        save_file(weights, folder / f"model-0000{number}-of-00002.safetensors")
    return folder


def run_of(tmp_path: Path, base: str, *settings: str) -> Settings:
    path = tmp_path / "run.yaml"
    path.write_text(
        f"name: disk\nruns: {tmp_path}/runs\niterations: 3\nmodel: {{base: {base}}}\ndata: {{kind: beads}}\n"
    )
    return load(path, settings)


def test_models_and_checkpoints_are_float32_whatever_the_model_is_published_in(model: Path, tmp_path: Path) -> None:
    """SFT, M1, M2, M3: 4 x 4 bytes; three checkpoints of weights and two moments: 3 x 12 bytes; 52 MB for a million."""
    for dtype in ("float32", "bfloat16"):
        need = disk._of_the_run(run_of(tmp_path, str(model), f"model.dtype={dtype}"), MILLION, tmp_path)
        assert need.size == 52 * MILLION
    (found,) = disk.space(run_of(tmp_path, str(model)))
    assert found[0] == "ok"
    assert found[1].endswith(
        "about 0.1 GB needed (0.1 GB for 4 models of 0.00 billion weights, 4 bytes each, and 3 training "
        "checkpoints, 12 bytes a weight)"
    )


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        pytest.param(["sft.lora={}"], 52, id="one-training-of-all-weights"),
        pytest.param(["sft.lora={}", "dpo.lora={}"], 16, id="adapters-alone"),
        pytest.param(["iterations=1"], 44, id="fewer-models"),
        pytest.param(["dpo.early_stop=pairwise", "data.validation_prompts=4"], 60, id="two-compared"),
        # SFT, M1, the reward model, M2 and M3: 5 x 4 bytes; DPO, of which early_stop speaks, is in none of them.
        pytest.param([RLHF, *ADAPTERS, "dpo.early_stop=pairwise", "data.validation_prompts=4"], 20, id="no-dpo"),
        pytest.param([RLHF, *ADAPTERS[:2], "online.reference=parent"], 56, id="online-of-all-weights"),
    ],
)
def test_what_is_trained_decides_the_checkpoints(model: Path, tmp_path: Path, settings: list[str], size: int) -> None:
    assert disk._of_the_run(run_of(tmp_path, str(model), *settings), MILLION, tmp_path).size == size * MILLION


def test_weights_are_counted_from_the_heads_of_their_files(model: Path) -> None:
    names = [path.name for path in sorted(model.glob("*.safetensors"))]
    assert numbers_in(model, names) == MILLION
    (model / names[0]).write_bytes(b"broken")
    assert numbers_in(model, names) is None


@pytest.mark.parametrize(
    ("names", "loaded"),
    [
        (["config.json", "model.safetensors"], ["model.safetensors"]),
        (
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "consolidated.safetensors"],
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
        (["a.safetensors", "original/model.safetensors"], ["a.safetensors"]),
        (["pytorch_model.bin"], []),
    ],
)
def test_weights_published_in_two_layouts_are_counted_once(names: list[str], loaded: list[str]) -> None:
    assert hub.weight_files(names) == loaded


ASK = """
import sys
from pathlib import Path
from srlm.cli import disk
from srlm.run_file import load

for state, line in disk.space(load(Path(sys.argv[1]), sys.argv[2:])):
    print(state, line)
"""


def asked(tmp_path: Path, *settings: str, **environment: str) -> list[str]:
    """The lines for a run of `org/model`, in a process of its own: the hub's client reads the environment once."""
    run_of(tmp_path, "org/model")
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path / "run.yaml"), *settings],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "HF_HOME": str(tmp_path / "home"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_hub_model_in_the_cache_is_counted_there_and_needs_no_download(model: Path, tmp_path: Path) -> None:
    place = tmp_path / "home/hub/models--org--model"
    shutil.copytree(model, place / "snapshots" / ("a" * 40))
    (place / "refs").mkdir()
    (place / "refs/main").write_text("a" * 40)
    (line,) = asked(tmp_path, HF_HUB_OFFLINE="1")
    assert line.startswith("ok disk: ")
    assert "(0.1 GB for 4 models of 0.00 billion weights" in line
    (place / "snapshots" / ("a" * 40) / "model-00002-of-00002.safetensors").unlink()  # half of a download
    (line,) = asked(tmp_path, HF_HUB_OFFLINE="1")
    assert line.startswith("warning disk: cannot tell how much the run needs: org/model: the Hub cannot be reached")


def test_without_hub_and_cache_the_need_is_not_known_and_one_line_says_so(tmp_path: Path) -> None:
    assert asked(tmp_path, HF_HUB_OFFLINE="1") == [
        "warning disk: cannot tell how much the run needs: org/model: the Hub cannot be reached, and the cache "
        "(HF_HOME) does not contain it"
    ]


class _Hub(BaseHTTPRequestHandler):
    """Knows one model: 8 billion weights in 16 bits, in two files and once more as one."""

    def do_GET(self) -> None:
        sizes = {"config.json": 700, "model-00001-of-00002.safetensors": 10_000_000_000}
        sizes |= {"model-00002-of-00002.safetensors": 6_000_000_000, "consolidated.safetensors": 16_000_000_000}
        about = {
            "id": "org/model",
            "sha": "a" * 40,
            "siblings": [{"rfilename": name, "size": size} for name, size in sizes.items()],
            "safetensors": {"parameters": {"BF16": 8_000_000_000}, "total": 8_000_000_000},
        }
        known = self.path.startswith("/api/models/org/model")
        text = json.dumps(about if known else {"error": "Repository not found"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if not known:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_model_that_has_to_be_downloaded_is_asked_for_its_size(endpoint: str, tmp_path: Path) -> None:
    """8 billion weights: 16 GB to download, 4 x 32 GB of models, 3 x 96 GB of checkpoints: 416 + 16 GB."""
    lines = asked(tmp_path, HF_HUB_OFFLINE="0", HF_ENDPOINT=endpoint)
    text = "\n".join(lines)
    assert "416.0 GB for 4 models of 8.00 billion weights" in text
    assert "16.0 GB to download org/model" in text


def test_a_name_that_the_hub_does_not_know_is_one_line(endpoint: str, tmp_path: Path) -> None:
    (line,) = asked(tmp_path, "model.base=org/nothing", HF_HUB_OFFLINE="0", HF_ENDPOINT=endpoint)
    assert line.startswith(
        "warning disk: cannot tell how much the run needs: org/nothing: could not be downloaded from the Hub ("
    )
