"""A run that reads the hub stays at the commits it began with, whatever is published meanwhile.

There is no hub here: the cache that its client keeps (HF_HOME) is laid out by hand, and the client works offline.
"""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from srlm.contents import weights_digest
from srlm.engines.weights import save
from srlm.settings import ScratchModel
from srlm.training import scratch
from srlm.worlds.beads import program
from tests.forks.command import Ended, Forks

CHECKOUT = Path(__file__).resolve().parents[3]
FIRST, SECOND = "a" * 40, "b" * 40
RUN = """
name: hub
threads: 1
iterations: 2
model: {base: org/model}
data: {kind: beads, base_lines: 10, ift: 16, eft_sets: 4, heldout_sets: 4, evaluation_prompts: 4}
engine: {batch_size: 8}
sft: {max_steps: 2, batch_size: 4, micro_batch_size: 4, learning_rate: 1.0e-3}
dpo: {max_steps: 2, batch_size: 2, micro_batch_size: 2, learning_rate: 1.0e-3}
eft: {writer: reviews}
prompts: {writer: fixed, model: org/writer, count: 2, max_attempts: 16, sampling: {max_new_tokens: 8}}
judge: {template: beads}
"""


class Hub:
    """The client's cache of a hub on which each name has a newest commit."""

    def __init__(self, home: Path, forks: Forks) -> None:
        self.home, self._forks = home, forks

    def publish(self, name: str, commit: str, model: Path) -> None:
        """A model's folder as the newest commit of a name."""
        place = self.home / "hub" / f"models--{name.replace('/', '--')}"
        shutil.copytree(model, place / "snapshots" / commit)
        (place / "refs").mkdir(exist_ok=True)
        (place / "refs/main").write_text(commit)

    def run(self, *words: str, cwd: Path) -> Ended:
        """A process that was started with this cache: the client reads the environment when it is imported."""
        return self._forks.run(*words, cwd=cwd)


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Forks of a process that has imported the client with a cache of these tests' own."""
    folder = tmp_path_factory.mktemp("hub")
    found = Forks(folder, {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")})
    yield found
    found.close()


@pytest.fixture
def hub(forks: Forks) -> Hub:
    home = Path(forks.environment["HF_HOME"])
    shutil.rmtree(home, ignore_errors=True)
    return Hub(home, forks)


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the bead model's shape and with other weights."""
    torch.set_num_threads(1)
    words = scratch.tokenizer(program.vocabulary())
    shape = ScratchModel(width=32, layers=1, heads=2, feed_forward=64, max_positions=96)
    folder = tmp_path_factory.mktemp("other model") / "model"
    save(scratch.random_model(shape, words, seed=2), words, folder)
    return folder


def test_what_is_published_in_mid_run_changes_nothing(
    hub: Hub, bead_model: Path, other_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.yaml").write_text(RUN)
    for name in ("org/model", "org/writer"):
        hub.publish(name, FIRST, bead_model)
    train = ("srlm", "train", "--run", str(tmp_path / "run.yaml"), "--to", "M1")
    for where in ("peace", "disturbed"):
        (tmp_path / where).mkdir()
    done = hub.run("-m", *train, cwd=tmp_path / "peace")
    assert done.returncode == 0, done.stderr
    killed = (str(CHECKOUT / "tests/srlm/methods/killed.py"), "9", "rename", "SFT/manifest.json", "1")
    assert hub.run(*killed, *train, cwd=tmp_path / "disturbed").returncode == -signal.SIGKILL
    for name in ("org/model", "org/writer"):
        hub.publish(name, SECOND, other_model)
    done = hub.run("-m", *train, cwd=tmp_path / "disturbed")
    assert done.returncode == 0, done.stderr
    made = {where: tmp_path / where / "runs/hub" for where in ("peace", "disturbed")}
    for name in ("inputs.json", "M0/manifest.json", "SFT/manifest.json", "M1/manifest.json"):
        assert (made["disturbed"] / name).read_bytes() == (made["peace"] / name).read_bytes()
    assert weights_digest(made["disturbed"] / "M1/model") == weights_digest(made["peace"] / "M1/model")
    inputs = json.loads((made["peace"] / "inputs.json").read_text())["inputs"]
    for setting, name in (("model.base", "org/model"), ("prompts.model", "org/writer")):
        assert inputs[setting] == {"name": name, "revision": None, "files": {}, "size": None, "commit": FIRST}
    assert json.loads((made["peace"] / "M0/manifest.json").read_text())["checkpoint"]["digest"] == (
        f"hub:org/model@{FIRST}"
    )


WRITER = """
import sys
from pathlib import Path
from srlm.contents import weights_digest
from srlm.methods.run import Run
from srlm.methods.stages import open_prompt_writer
from srlm.records import Checkpoint
from srlm.run_file import load

run = Run(load(Path("run.yaml"), sys.argv[1:]))
with run.held():
    engine = open_prompt_writer(run, Checkpoint(name="M1", parent=None, path="none", digest=""))
    print(engine.model.name_or_path, run.settings.model.revision, run.settings.prompts.revision)
    print(engine.model.get_input_embeddings().weight.sum().item())
"""


def test_the_prompt_writer_has_a_revision_of_its_own(
    hub: Hub, bead_model: Path, other_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.yaml").write_text(RUN)
    hub.publish("org/model", FIRST, bead_model)
    hub.publish("org/writer", FIRST, bead_model)
    hub.publish("org/writer", SECOND, other_model)
    from srlm.engines.weights import load_model
    from srlm.settings import ModelSettings

    def summed(folder: Path) -> float:
        model = load_model(folder, ModelSettings(base=str(folder)), "cpu")
        return float(model.get_input_embeddings().weight.sum().item())

    for wanted, commit, folder in ((None, SECOND, other_model), (FIRST, FIRST, bead_model)):
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        settings = [] if wanted is None else [f"prompts.revision={wanted}"]
        done = hub.run("-c", WRITER, *settings, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        revisions, weight = done.stdout.splitlines()
        assert revisions.split()[1:] == [FIRST, commit]
        assert float(weight) == summed(folder)


def test_another_revision_asked_for_in_mid_run_is_refused(hub: Hub, bead_model: Path, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(RUN)
    for name in ("org/model", "org/writer"):
        hub.publish(name, FIRST, bead_model)
        hub.publish(name, SECOND, bead_model)
    train = ("srlm", "train", "--run", "run.yaml", "--to", "M1")
    killed = (str(CHECKOUT / "tests/srlm/methods/killed.py"), "9", "rename", "M0/manifest.json", "1")
    assert hub.run(*killed, *train, "--set", f"model.revision={SECOND}", cwd=tmp_path).returncode == -signal.SIGKILL
    (tmp_path / "runs/hub/M0/begun").touch()  # M0 of the hub is its manifest alone
    done = hub.run("-m", *train, "--set", f"model.revision={FIRST}", cwd=tmp_path)
    assert done.returncode == 2
    assert f"model.revision: '{SECOND}' -> '{FIRST}'" in done.stderr


DATA = """
from srlm.data import hub
from srlm.errors import DataError

print(hub.commit_of("hub:org/set", None))
for revision in (None, "{first}", "{second}", "v1"):
    try:
        print([row.value["text"] for row in hub.rows("hub:org/set", hub.Part(revision=revision))])
    except DataError as error:
        print(error)
"""
CACHED = """
import sys
from datasets import load_dataset
load_dataset("json", data_files={"train": sys.argv[1]}, cache_dir=sys.argv[2])
"""


def test_a_data_set_is_read_at_its_commit_or_not_at_all(hub: Hub, tmp_path: Path) -> None:
    for commit in (FIRST, SECOND):
        (tmp_path / "rows.jsonl").write_text(json.dumps({"text": commit[0]}) + "\n")
        done = hub.run("-c", CACHED, str(tmp_path / "rows.jsonl"), str(tmp_path / commit), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (made,) = (tmp_path / commit).glob("json/*/*/*/")
        place = Path(shutil.copytree(made, hub.home / "datasets/org___set/default/0.0.0" / commit))
        (place / "json-train.arrow").rename(place / "set-train.arrow")
        about = json.loads((place / "dataset_info.json").read_text()) | {"dataset_name": "set"}
        (place / "dataset_info.json").write_text(json.dumps(about))
    done = hub.run("-c", DATA.format(first=FIRST, second=SECOND), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    newest, unasked, first, second, tag = done.stdout.splitlines()
    assert (newest, unasked, second) == (SECOND, "['b']", "['b']")
    for said, revision in ((first, FIRST), (tag, "v1")):
        assert said.startswith(
            f"hub:org/set: revision {revision} is not available: the Hub cannot be reached, and the cache contains "
            f"{SECOND}; "
        )
