"""Reward models and online training in several processes; the process that has launched them rewards the answers."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.base import Engine
from srlm.engines.weights import load_chat
from srlm.errors import LaunchError, ModelError
from srlm.records import user
from srlm.run_file import load
from srlm.settings import Settings
from srlm.training import launch, online, reward_model
from srlm.training.asked import Asked, AskingScorer
from tests.forks.command import Forks
from tests.srlm.training.test_launch import LOOPBACK, TOLERANCE, furthest, processes_of, wait_until_none_is_left

PAIRS = [
    reward_model.RankedExample([2, 4, 16, 5, 26, 30 + number, 3], [2, 4, 16, 5, 26, 50 + number, 27, 3])
    for number in range(16)
]
"""Two whole batches: of a last one that is not whole, two processes make another one (docs/scale.md)."""
TEXTS = ("a black b white mate", "a green copy", "b gold a red mate", "a blue b gray c red copy")


@pytest.fixture
def command(forks: Forks) -> tuple[str, ...]:
    """A launcher of two processes that have imported everything before."""
    return (*LOOPBACK, *forks.launcher())


def settings(tiny: Path, *command: str) -> Settings:
    steps = ["batch_size=8", "micro_batch_size=2", "learning_rate=1e-3", "save_steps=2"]
    words = [f"{part}.{step}" for part in ("reward_model", "online") for step in steps]
    own = ["reward_model.max_steps=4", "online.epochs=2", "online.beta=0", "candidates.count=4"]
    return load(tiny, [*words, *own, f"launch.command=[{', '.join(command)}]"])


class Shortness:
    """Rewards of a few tokens; keeps what it is asked. With `stop`, a fault in the middle of the training."""

    def __init__(self, stop: int = -1) -> None:
        self._stop = stop
        self.sampled: dict[int, list[online.Sampled]] = {}
        self.advantages: dict[int, list[float]] = {}

    def rewards(self, step: int, sampled: Sequence[online.Sampled], policy: Engine | None) -> list[float | None]:
        if step == self._stop:
            raise ModelError("the judge is gone")
        self.sampled[step] = list(sampled)
        return [None if number == 0 else -float(one.written.tokens or 0) for number, one in enumerate(sampled)]

    def keep(self, step: int, advantages: Sequence[float]) -> None:
        self.advantages[step] = list(advantages)


def learn(model: Path, wanted: Settings, folder: Path, scorer: Shortness) -> None:
    chat = load_chat(model, wanted.model)
    asked = [online.Asked(place, chat.prompt_ids(user(text))) for place, text in enumerate(TEXTS)]
    places: dict[str, Any] = {"work": folder / "training", "target": folder / "model"}
    plan = online.Plan(asked, 4, wanted.candidates.sampling, 16)
    launch.learn(model, None, plan, scorer, wanted, name="M2", seed=3, report=lambda done, total: None, **places)


def test_launched_processes_sample_and_this_one_rewards(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    """Eight answers a step, four of each process; four prompts with four answers, twice: four steps."""
    wanted = settings(tiny, *command)
    with pytest.raises(ModelError, match="the judge is gone"):
        learn(bead_model, wanted, tmp_path / "run", Shortness(stop=3))
    assert processes_of(tmp_path / "run") == []
    scores = Shortness()
    learn(bead_model, wanted, tmp_path / "run", scores)
    assert sorted(scores.sampled) == sorted(scores.advantages) == [2, 3]  # it went on from its checkpoint
    for step, sampled in scores.sampled.items():
        places = [one.place for one in sampled]
        assert len(places) == 8 and places[:4] == [places[0]] * 4 and places[4:] == [places[4]] * 4
        # Of the second prompt all answers are scored: each against the mean of the three others.
        lengths = [-float(one.written.tokens or 0) for one in sampled[4:]]
        expected = [length - (sum(lengths) - length) / 3 for length in lengths]
        assert scores.advantages[step][4:] == pytest.approx(expected, abs=1e-5)
        assert scores.advantages[step][0] == 0.0  # it has no reward
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["model", "training.json"]


class Slow(Shortness):
    """Rewards no answers before the processes that wait for it have given up."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def rewards(self, step: int, sampled: Sequence[online.Sampled], policy: Engine | None) -> list[float | None]:
        wait_until_none_is_left(self._folder)
        return super().rewards(step, sampled, policy)


def test_processes_wait_as_long_for_a_judge_as_the_setting_says_and_tell_what_they_waited_for(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    """PyTorch's own patience would be half an hour."""
    wanted = settings(tiny, *command)
    assert wanted.launch.timeout == 86400
    brief = wanted.model_copy(update={"launch": wanted.launch.model_copy(update={"timeout": 5})})
    with pytest.raises(LaunchError) as error:
        learn(bead_model, brief, tmp_path / "run", Slow(tmp_path / "run/launch"))
    assert "the last lines of its output" in str(error.value)
    assert "5000ms" in str(error.value)


def test_a_first_process_on_another_machine_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        LaunchError, match=r"cannot ask `srlm train` for rewards \(No such file or directory\); have both"
    ):
        AskingScorer(str(tmp_path / "rewards")).keep(0, [0.5])


def test_a_path_that_is_too_long_for_a_socket_is_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with (
        pytest.raises(LaunchError, match=r"cannot listen at .*: AF_UNIX path too long; set TMPDIR"),
        Asked(Shortness()),
    ):
        pass
    assert list(long.iterdir()) == []


@pytest.mark.soak
def test_a_reward_model_of_two_processes_is_that_of_one(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    for name, launcher in (("one", ()), ("two", command)):
        wanted = settings(tiny, *launcher)
        places: dict[str, Any] = {"work": tmp_path / name / "training", "target": tmp_path / name / "model"}
        launch.fit_reward_model(bead_model, PAIRS, wanted, seed=3, report=lambda done, total: None, **places)
    assert furthest(tmp_path / "one/model", tmp_path / "two/model") < TOLERANCE


@pytest.mark.soak
def test_launched_online_training_samples_other_answers_than_one_process_and_the_same_each_time(
    command: tuple[str, ...], tiny: Path, bead_model: Path, tmp_path: Path
) -> None:
    """Each process draws its share of the answers from a seed of its own: the model is one of another seed."""
    for name, launcher in (("one", ()), ("two", command), ("again", command)):
        learn(bead_model, settings(tiny, *launcher), tmp_path / name, Shortness())
    assert furthest(tmp_path / "two/model", tmp_path / "again/model") < TOLERANCE
    assert furthest(tmp_path / "two/model", tmp_path / "one/model") > 100 * TOLERANCE
