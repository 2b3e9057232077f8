"""Training in several processes: the weights of one, nothing left running after a stop, faults told in words."""

import json
import os
import re
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from srlm.engines.weights import load_model
from srlm.errors import LaunchError
from srlm.records import Response
from srlm.run_file import load
from srlm.settings import LoraSettings, Settings
from srlm.store import files
from srlm.training import choice, dpo, launch, sft
from srlm.training.confidence import ConfidenceSettings
from tests.forks.command import Forks

CHECKOUT = Path(__file__).resolve().parents[3]
DYING = CHECKOUT / "tests/srlm/methods/killed.py"
# The processes talk to each other on loopback. (`accelerate launch` starts one process where there is no GPU.)
LOOPBACK = ("env", "GLOO_SOCKET_IFNAME=lo")
TORCHRUN = (*LOOPBACK, "torchrun", "--standalone", "--nproc-per-node=2")
TOLERANCE = 1e-6
"""Largest difference of a weight, where training moves weights by 1e-2: two processes add up in another order."""
ROWS = [
    sft.Example([2, 4, 16 + number % 3, 5, 26, 6 + number, *([27] * (number % 4)), 3], [-100] * 4 + labels, weight)
    for number in range(12)
    for labels, weight in [([26, 6 + number, *([27] * (number % 4)), 3], 3.0 if number % 2 else 1.0)]
]
PAIRS = [dpo.PairExample([2, 4, 16, 5], [26, 6 + number, 3], [26, 17 - number, 27, 3]) for number in range(12)]

LABELLED = [pair._replace(label_weight=0.6 + number / 30) for number, pair in enumerate(PAIRS)]
CHOICES = [choice.ChoiceExample([2, 4, 16, 5, 6 + number], 17, 18, number / 11) for number in range(12)]


@pytest.fixture
def command(forks: Forks) -> tuple[str, ...]:
    """A launcher of two processes that have imported everything before: seconds less than torchrun's take."""
    return (*LOOPBACK, *forks.launcher())


class Stopped(Exception):
    """The training is stopped here."""


def silent(done: int, total: int) -> None:
    """Say nothing."""


def stopped_at(step: int) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        assert total == 8
        if done == step:
            raise Stopped

    return report


def settings(tiny: Path, *command: str) -> Settings:
    steps = ["batch_size=8", "micro_batch_size=2", "max_steps=8", "save_steps=3", "learning_rate=1e-3"]
    words = [f"{part}.{step}" for part in ("sft", "dpo") for step in steps]
    return load(tiny, [*words, f"launch.command=[{', '.join(command)}]"])


def supervised(model: Path, wanted: Settings, folder: Path, report: Callable[[int, int], None] = silent) -> None:
    places: dict[str, Any] = {"work": folder / "training", "target": folder / "model"}
    launch.fine_tune(model, ROWS, wanted, seed=3, report=report, **places)


def preferences(model: Path, wanted: Settings, folder: Path, report: Callable[[int, int], None] = silent) -> None:
    places: dict[str, Any] = {"work": folder / "training", "target": folder / "model"}
    launch.optimise(model, PAIRS, ROWS, wanted, seed=3, report=report, **places)


def labelled(model: Path, wanted: Settings, folder: Path, report: Callable[[int, int], None] = silent) -> None:
    """Pairs whose labels have weights (`cream`, `constitutional`), with a margin for length (`length_regularised`)."""
    places: dict[str, Any] = {"work": folder / "training", "target": folder / "model"}
    own = wanted.model_copy(update={"dpo": wanted.dpo.model_copy(update={"length_margin": 0.05})})
    launch.optimise(model, LABELLED, ROWS, own, seed=3, report=report, **places)


def choices(model: Path, wanted: Settings, folder: Path, report: Callable[[int, int], None] = silent) -> None:
    """Half of the loss is on predictions that are hardened at a threshold of the whole batch."""
    places: dict[str, Any] = {"work": folder / "training", "target": folder / "model"}
    launch.choose(model, CHOICES, wanted, ConfidenceSettings(warm_up=0), seed=3, report=report, **places)


def furthest(one: Path, other: Path) -> float:
    """Largest difference of any weight of two model folders."""
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def processes_of(folder: Path) -> list[int]:
    """Processes that have a folder among the words they were started with."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes()
        except OSError:
            continue  # ended meanwhile
        if str(folder).encode() in words:
            found.append(int(place.parent.name))
    return found


def wait_until_none_is_left(folder: Path) -> None:
    """Wait for the end of every process that has a folder among its words; a minute each."""
    while left := processes_of(folder):
        for pid in left:
            try:
                watched = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            ends = select.poll()
            ends.register(watched)
            found = ends.poll(60_000)
            os.close(watched)
            assert found, f"process {pid} does not end"


@pytest.mark.parametrize("training", [supervised, preferences, labelled, pytest.param(choices, marks=pytest.mark.soak)])
def test_two_processes_give_the_weights_of_one_even_when_stopped_half_way(
    training: Callable[..., None], command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    wanted = settings(tiny, *(TORCHRUN if training is preferences else command))
    training(bead_model, settings(tiny), tmp_path / "one")
    two = tmp_path / "two"
    with pytest.raises(Stopped):
        training(bead_model, wanted, two, stopped_at(4))
    assert processes_of(two) == []
    # Until they are ended the processes go on: they may have come to the next checkpoint, or into the middle of it.
    whole = {int(path.parent.name.removeprefix("checkpoint-")) for path in two.glob("training/checkpoint-*/whole")}
    assert whole in ({3}, {3, 6})
    steps: list[int] = []
    training(bead_model, wanted, two, lambda done, total: steps.append(done))
    assert steps == list(range(max(whole) + 1, 9))
    assert furthest(tmp_path / "one/model", two / "model") < TOLERANCE
    assert furthest(bead_model, two / "model") > 1000 * TOLERANCE
    assert sorted(path.name for path in two.iterdir()) == ["model", "training.json"]


def test_what_two_processes_began_one_ends(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    supervised(bead_model, settings(tiny), tmp_path / "one")
    with pytest.raises(Stopped):
        supervised(bead_model, settings(tiny, *command), tmp_path / "two", stopped_at(4))
    steps: list[int] = []
    supervised(bead_model, settings(tiny), tmp_path / "two", lambda done, total: steps.append(done))
    assert steps[0] in (4, 7)
    assert furthest(tmp_path / "one/model", tmp_path / "two/model") < TOLERANCE


def test_when_the_run_is_killed_its_processes_end_and_the_run_can_go_on(
    forks: Forks, command: tuple[str, ...], tiny: Path, tmp_path: Path
) -> None:
    def words(launcher: tuple[str, ...]) -> list[str]:
        return ["srlm", "train", "--run", str(tiny), "--to", "M1", "--set", f"launch.command=[{', '.join(launcher)}]"]

    place = [str(int(signal.SIGKILL)), "open", "SFT/launch/said.txt", "1"]
    assert forks.run(str(DYING), *place, *words(TORCHRUN), cwd=tmp_path).returncode == -signal.SIGKILL
    wait_until_none_is_left(tmp_path / "runs/tiny/SFT/launch")
    again = forks.run("-m", *words(command), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "runs/tiny/M1/manifest.json").exists()
    assert not (tmp_path / "runs/tiny/SFT/launch").exists()


def test_a_launcher_that_is_not_there_is_named(tiny: Path, bead_model: Path, tmp_path: Path) -> None:
    with pytest.raises(LaunchError) as error:
        supervised(bead_model, settings(tiny, "accelerat", "launch"), tmp_path)
    assert str(error.value) == "launch.command: cannot start accelerat: No such file or directory"


def test_what_failed_processes_said_is_shown(tiny: Path, bead_model: Path, tmp_path: Path) -> None:
    with pytest.raises(LaunchError) as error:
        supervised(bead_model, settings(tiny, "ls", "--no-such-option"), tmp_path)
    assert re.search(r"^`ls --no-such-option -m srlm worker .*` ended with status 2; the last lines", str(error.value))
    assert "  ls: unrecognized option '--no-such-option'" in str(error.value).splitlines()


def test_no_key_that_launched_processes_print_is_kept_or_shown(
    tiny: Path, bead_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "Canary_7Qx2-0aZ9")
    with pytest.raises(LaunchError) as error:
        supervised(bead_model, settings(tiny, "printenv", "WANDB_API_KEY", "HOME"), tmp_path)
    assert "Canary" not in str(error.value)
    assert "  ***" in str(error.value).splitlines()
    (said,) = tmp_path.rglob(launch.SAID)
    assert said.read_text().startswith("***\n")


def test_a_batch_that_processes_cannot_share_is_refused(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    wanted = load(tiny, ["sft.batch_size=3", "sft.micro_batch_size=3", f"launch.command=[{', '.join(command)}]"])
    with pytest.raises(LaunchError, match="batch_size 3 cannot be divided among 2 processes in micro batches of 3"):
        supervised(bead_model, wanted, tmp_path)


def contested(model: Path, wanted: Settings, folder: Path, nets: dict[int, float]) -> dict[int, str]:
    """DPO of eight steps with a checkpoint at 3 and 6, whose contests come out as `nets` says; what was compared."""
    compared: dict[int, str] = {}

    def contest(trained: Path, step: int) -> float:
        assert processes_of(folder) == []
        compared[step] = f"{trained.relative_to(folder)}, {type(load_model(trained, wanted.model)).__name__}"
        return nets[step]

    places: dict[str, Any] = {"work": folder / "training", "target": folder / "model"}
    launch.optimise(model, PAIRS, ROWS, wanted, seed=3, report=silent, contest=contest, **places)
    return compared


def plain(step: int) -> str:
    """What `contested` compares at a step."""
    return f"training/checkpoint-{step}/plain, LlamaForCausalLM"


def lora(tiny: Path, *command: str) -> Settings:
    wanted = settings(tiny, *command)
    dpo = wanted.dpo.model_copy(update={"lora": LoraSettings(rank=2, alpha=4), "learning_rate": 1e-2})
    return wanted.model_copy(update={"dpo": dpo})


@pytest.mark.parametrize("wanted", [settings, lora], ids=["all weights", "adapters"])
def test_a_lost_contest_gives_back_the_checkpoint_before(
    wanted: Callable[[Path], Settings], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    won: dict[int, bytes] = {}

    def contest(trained: Path, step: int) -> float:
        won[step] = (trained / "model.safetensors").read_bytes()
        return 0.25 if step == 3 else 0.0  # a draw is no win

    places: dict[str, Any] = {"work": tmp_path / "training", "target": tmp_path / "model"}
    launch.optimise(bead_model, PAIRS, ROWS, wanted(tiny), seed=3, report=silent, contest=contest, **places)
    assert list(won) == [3, 6]
    assert (tmp_path / "model/model.safetensors").read_bytes() == won[3] != won[6]
    kept = "generation_config.json"
    assert (tmp_path / "model" / kept).read_bytes() == (bead_model / kept).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "training.json"]


@pytest.mark.parametrize("wanted", [settings, lora], ids=["all weights", "adapters"])
def test_the_end_is_compared_with_the_last_checkpoint(
    wanted: Callable[[Path], Settings], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    preferences(bead_model, wanted(tiny), tmp_path / "undisturbed")
    won, lost = tmp_path / "won", tmp_path / "lost"
    assert contested(bead_model, wanted(tiny), won, {3: 1, 6: 1, 8: 0.1}) == {n: plain(n) for n in (3, 6, 8)}
    assert list(contested(bead_model, wanted(tiny), lost, {3: 1, 6: 1, 8: 0})) == [3, 6, 8]
    assert list(contested(bead_model, wanted(tiny), tmp_path / "at 6", {3: 1, 6: 0})) == [3, 6]
    undisturbed = (tmp_path / "undisturbed/model/model.safetensors").read_bytes()
    assert (won / "model/model.safetensors").read_bytes() == undisturbed
    assert (lost / "model/model.safetensors").read_bytes() != undisturbed
    for folder in (won, lost):
        assert [line["step"] for line in json.loads((folder / "training.json").read_text())] == [*range(1, 9)]


def test_an_end_without_a_checkpoint_before_it_stays(tiny: Path, bead_model: Path, tmp_path: Path) -> None:
    wanted = settings(tiny)
    wanted = wanted.model_copy(update={"dpo": wanted.dpo.model_copy(update={"save_steps": 10})})
    preferences(bead_model, wanted, tmp_path / "undisturbed")
    assert contested(bead_model, wanted, tmp_path / "lost", {8: -1}) == {8: plain(8)}
    assert furthest(tmp_path / "undisturbed/model", tmp_path / "lost/model") == 0


def test_a_lost_contest_ends_launched_training_as_it_ends_one_process(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    nets = {3: 0.5, 6: -0.1}
    assert contested(bead_model, settings(tiny), tmp_path / "one", nets) == {3: plain(3), 6: plain(6)}
    two = tmp_path / "two"
    with pytest.raises(KeyError):  # stopped at the second contest, which is held again
        contested(bead_model, settings(tiny, *command), two, {3: 0.5})
    assert contested(bead_model, settings(tiny, *command), two, {6: -0.1}) == {6: plain(6)}
    assert furthest(tmp_path / "one/model", two / "model") < TOLERANCE
    assert furthest(bead_model, two / "model") > 1000 * TOLERANCE
    assert sorted(path.name for path in two.iterdir()) == ["model", "training.json"]
    before, after = (json.loads((folder / "training.json").read_text()) for folder in (tmp_path / "one", two))
    assert [line["step"] for line in after] == [line["step"] for line in before] == [1, 2, 3, 4, 5, 6]


def test_the_first_checkpoint_is_kept_though_it_loses(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    for name, launcher in (("one", ()), ("two", command)):
        assert list(contested(bead_model, settings(tiny, *launcher), tmp_path / name, {3: 0.0})) == [3]
    assert furthest(tmp_path / "one/model", tmp_path / "two/model") < TOLERANCE


def test_won_contests_change_nothing_and_launched_training_goes_on_from_one_process(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    preferences(bead_model, settings(tiny), tmp_path / "one")
    two = tmp_path / "two"
    with pytest.raises(KeyError):
        contested(bead_model, settings(tiny), two, {3: 1.0})
    assert (two / "training/checkpoint-3/whole").exists()
    assert list(contested(bead_model, settings(tiny, *command), two, {6: 1.0, 8: 1.0})) == [6, 8]
    assert furthest(tmp_path / "one/model", two / "model") < TOLERANCE


def test_what_was_begun_without_contests_is_begun_anew(tiny: Path, bead_model: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        preferences(bead_model, settings(tiny), tmp_path, stopped_at(5))
    assert (tmp_path / "training/checkpoint-3/whole").exists()
    assert list(contested(bead_model, settings(tiny), tmp_path, {3: 1.0, 6: 0.0})) == [3, 6]


def test_between_launches_the_engine_of_the_run_answers_for_the_contest(
    command: tuple[str, ...], srlm: Any, tiny: Path, tmp_path: Path
) -> None:
    wanted = [f"runs={tmp_path}", "dpo.early_stop=pairwise", "data.validation_prompts=4"]
    words = ["train", "--run", tiny, *(word for setting in wanted for word in ("--set", setting))]
    for more in (["--to", "M1"], ["--to", "M2", "--set", f"launch.command=[{', '.join(command)}]"]):
        said = srlm(*words, *more)
        assert said.exit_code == 0, said.stderr
    kept = files.read(tmp_path / "tiny/M2/validation/validation-000002.jsonl", Response)
    assert [(answer.author, answer.draw) for answer in kept] == [("M2", 0)] * 4
