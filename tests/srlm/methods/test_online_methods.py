"""Self-rewarding RL and RLHF from end to end on the tiny run, killed and resumed, and as the commands show them."""

import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import SettingsError
from srlm.judge.reward_model import RewardModel
from srlm.methods.base import Generation, Lengths, Optimisation, find_method, method_of, run_folder
from srlm.methods.checks import check_files
from srlm.methods.run import Run
from srlm.methods.stages_online import reference_folder
from srlm.methods.verify import verify
from srlm.records import AnswerReward, Judgement, PreferencePair, Prompt, Response, Sample
from srlm.run_file import load
from srlm.settings import ModelSettings
from srlm.store import files
from tests.forks.command import Forks
from tests.srlm.methods.test_kill import contents, start

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "tests/tiny.yaml"
CONFIGS = sorted(
    path for name in ("rlhf", "self_rewarding_rl") for path in (ROOT / "configs/methods").glob(f"{name}*.yaml")
)
SMALL = (
    *("online.batch_size=16", "online.micro_batch_size=8", "online.learning_rate=1e-3", "online.save_steps=2"),
    *("reward_model.batch_size=8", "reward_model.micro_batch_size=4", "reward_model.save_steps=2"),
)
RLHF = ("method=rlhf", *SMALL)
LIVE = ("method=self_rewarding_rl", "online.algorithm=grpo", "online.judge=policy", "judge.draws=1", *SMALL)


def words(settings: tuple[str, ...]) -> list[str]:
    return [word for one in settings for word in ("--set", one)]


@pytest.fixture(scope="module")
def first_models(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with M1 and what comes before it; all methods here go on from its steps."""
    where = tmp_path_factory.mktemp("first models")
    status, said = start(forks, where, "srlm", "train", "--to", "M1")
    assert status == 0, said
    return where / "runs/tiny"


def begun(where: Path, first_models: Path) -> Path:
    """A run below `where` that has the steps up to M1."""
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(first_models / step, where / "runs/tiny" / step)
    return where / "runs/tiny"


@pytest.fixture(scope="module")
def rlhf(forks: Forks, first_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed RLHF run up to M2."""
    where = tmp_path_factory.mktemp("rlhf")
    run = begun(where, first_models)
    status, said = start(forks, where, "srlm", "train", *words(RLHF))
    assert status == 0, said
    return run


def killed(
    forks: Forks, where: Path, first_models: Path, settings: tuple[str, ...], place: tuple[str, str, int]
) -> Path:
    """A run that was killed at a place and started again."""
    run = begun(where, first_models)
    status, said = start(forks, where, "srlm", "train", *words(settings), at=place)
    assert status == -signal.SIGKILL, f"never came to {place}: {said}"
    status, said = start(forks, where, "srlm", "train", *words(settings))
    assert status == 0, said
    return run


def test_rlhf_killed_after_its_last_checkpoint_samples_the_same_answers_again(
    forks: Forks, first_models: Path, rlhf: Path, tmp_path: Path
) -> None:
    run = killed(forks, tmp_path, first_models, RLHF, ("rename", "M2/sampled/000002/samples.jsonl", 1))
    assert contents(run) == contents(rlhf)


@pytest.mark.soak
@pytest.mark.parametrize(
    "place",
    [
        ("rename", "RM/pairs.jsonl", 1),
        ("open", "RM/training/checkpoint-4/trainer_state.json", 1),
        ("rename", "RM/model", 1),
        ("rename", "RM/manifest.json", 1),
        ("rename", "M2/sampled/000001/responses.jsonl", 1),
        ("open", "M2/sampled/000001/rewards.jsonl.part", 1),
        ("open", "M2/training/checkpoint-2/config.json", 1),
        ("rename", "M2/training.json", 1),
        ("rename", "M2/rewards.jsonl", 1),
        ("rename", "M2/samples.jsonl", 1),
        ("rename", "M2/manifest.json", 1),
    ],
    ids=lambda place: place[1].replace("/", "-"),
)
def test_rlhf_killed_anywhere_ends_with_the_same_bytes(
    forks: Forks, first_models: Path, rlhf: Path, tmp_path: Path, place: tuple[str, str, int]
) -> None:
    assert contents(killed(forks, tmp_path, first_models, RLHF, place)) == contents(rlhf)


def test_a_model_that_judges_itself_in_training_is_killed_and_resumes(
    forks: Forks, first_models: Path, tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole = begun(tmp_path / "whole", first_models)
    status, said = start(forks, tmp_path / "whole", "srlm", "train", *words(LIVE))
    assert status == 0, said
    place = ("open", "M2/sampled/000002/judgements.jsonl.part", 1)
    assert contents(killed(forks, tmp_path / "cut", first_models, LIVE, place)) == contents(whole)
    responses = {one.id: one for one in files.read(whole / "M2/responses.jsonl", Response)}
    judgements = files.read(whole / "M2/judgements.jsonl", Judgement)
    # Each answer was written and judged by the model in training as it was at that step.
    assert {one.judge for one in judgements} == {"M2"}
    assert {one.author for one in responses.values()} == {"M2@0", "M2@1", "M2@2"}
    samples = files.read(whole / "M2/samples.jsonl", Sample)
    score = {one.response_id: one.score for one in judgements}
    assert {one.response_id: one.reward for one in samples} == score
    assert all(one.advantage == 0 for one in samples if one.reward is None)


def test_what_rlhf_has_made(rlhf: Path) -> None:
    counts = {name: json.loads((rlhf / name / "manifest.json").read_text())["counts"] for name in ("RM", "M2")}
    assert counts["RM"]["held-out: sets"] == 6
    assert counts["RM"]["held-out: pairs"] == counts["RM"]["held-out: pairs scored"] > 6
    assert 0 <= counts["RM"]["held-out: accuracy"] <= 1
    assert counts["RM"]["reward model: pairs"] == len(files.read(rlhf / "RM/pairs.jsonl", PreferencePair))
    # 24 prompts with 2 answers each, 16 answers a step: 3 steps.
    samples = files.read(rlhf / "M2/samples.jsonl", Sample)
    assert [one.step for one in samples] == [0] * 16 + [1] * 16 + [2] * 16
    assert counts["M2"]["responses"] == counts["M2"]["responses scored"] == 48
    # The kept rewards are those of the reward model in the run's folder, as anybody reads it.
    prompts = {one.id: one for one in files.read(rlhf / "M2/prompts.jsonl", Prompt)}
    responses = files.read(rlhf / "M2/responses.jsonl", Response)
    model = RewardModel.load(str(rlhf / "RM/model"), ModelSettings(base="unused"), 16)
    scores = model.scores([(prompts[one.prompt_id].messages, one.text) for one in responses])
    model.close()
    rewards = files.read(rlhf / "M2/rewards.jsonl", AnswerReward)
    assert [one.reward for one in rewards] == pytest.approx(scores, abs=1e-5)
    assert {one.source for one in rewards} == {"RM"}
    # What training wrote and read is counted, though TRL's trainer has it written.
    used = json.loads((rlhf / "M2/usage.json").read_text())["online training"]
    assert used["examples"] == 48
    assert used["generation"]["requests"] == 24
    assert 48 <= used["generation"]["written"] <= 48 * 8
    assert used["judgement"]["requests"] == 48
    # In the first step the model is M1, from which the KL divergence is 0: advantages are differences of rewards.
    first, second = samples[:2]
    assert first.reward is not None and second.reward is not None
    assert first.advantage == pytest.approx(first.reward - second.reward, abs=1e-5)


def test_the_commands_know_a_run_of_rlhf(rlhf: Path, srlm: Any) -> None:
    chosen = ["--run", TINY, *words((*RLHF, f"runs={rlhf.parent}"))]
    response = files.read(rlhf / "M2/responses.jsonl", Response)[0]
    sample = files.read(rlhf / "M2/samples.jsonl", Sample)[0]
    told = srlm("explain", response.id, *chosen).stdout
    assert f"response {response.id} by M2@0: reward {sample.reward:.3f}" in told
    assert f"sampled for optimiser step 1, advantage {sample.advantage:+.3f}" in told
    assert "reward = the output of the reward model RM; RLOO" in told and "0.05 x KL from M1" in told
    pair = files.read(rlhf / "RM/pairs.jsonl", PreferencePair)[0]
    told = srlm("explain", pair.id[:12], *chosen).stdout
    assert f"RM, pair {pair.id}: {pair.chosen_score:g} against {pair.rejected_score:g}" in told
    assert "people ranked the chosen answer above the rejected one" in told
    status = srlm("status", *chosen).stdout
    assert re.search(r"RM +\u2502 done +\u2502", status)
    settings = load(TINY, [*RLHF, f"runs={rlhf.parent}"])
    assert verify(run_folder(settings)).sound
    folder = run_folder(settings)
    assert [checkpoint.name for checkpoint in folder.measured()] == ["SFT", "M1", "M2"]  # a reward model writes nothing


def test_a_reward_model_that_has_changed_is_noticed_before_training_goes_on(
    rlhf: Path, forks: Forks, tmp_path: Path
) -> None:
    shutil.copytree(rlhf, tmp_path / "runs/tiny")
    weights = tmp_path / "runs/tiny/RM/model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    status, said = start(forks, tmp_path, "srlm", "train", "--set", "iterations=3", *words(RLHF))
    assert status == 2
    assert "RM/model/model.safetensors has changed since RM was finished" in said


@pytest.mark.soak
def test_dpo_on_the_human_pairs_from_end_to_end(forks: Forks, first_models: Path, tmp_path: Path, srlm: Any) -> None:
    run, settings = begun(tmp_path, first_models), ("method=rlhf", "method.training=dpo")
    status, said = start(forks, tmp_path, "srlm", "train", "--set", "iterations=3", *words(settings))
    assert status == 0, said
    manifests = {name: json.loads((run / name / "manifest.json").read_text()) for name in ("M2", "M3")}
    assert [one["checkpoint"]["parent"] for one in manifests.values()] == ["M1", "M2"]
    pairs = files.read(run / "M3/pairs.jsonl", PreferencePair)
    assert manifests["M3"]["counts"]["dpo: pairs"] == len(pairs)
    chosen = ["--run", TINY, *words((*settings, f"runs={tmp_path}/runs"))]
    told = srlm("explain", pairs[0].id, *chosen).stdout
    assert f"M2, pair {pairs[0].id}" in told and f"M3, pair {pairs[0].id}" in told
    assert verify(run_folder(load(TINY, [*settings, f"runs={tmp_path}/runs"]))).sound


def test_the_steps_of_rlhf_and_where_its_reward_model_comes_from() -> None:
    for base in ("M1", "SFT"):
        settings = load(TINY, ["method=rlhf", f"reward_model.base={base}"])
        steps = find_method("rlhf").steps(settings, 3)
        assert [(step.name, step.parent, step.role) for step in steps[4:]] == [
            ("RM", base, "intermediate"),
            ("M2", "M1", "iteration"),
            ("M3", "M2", "iteration"),
        ]
    settings = load(TINY, ["method=rlhf", "method.training=dpo"])
    assert [step.name for step in find_method("rlhf").steps(settings, 3)] == ["data", "M0", "SFT", "M1", "M2", "M3"]


def test_the_kl_divergence_is_from_m1_or_from_the_model_that_training_starts_from(trained: Path) -> None:
    """Of a training from M2, which makes M3: in one from M1 both are the same."""
    runs = f"runs={trained}/runs"
    for changes, expected in (
        ([], "M1"),
        (["online.reference=first"], "M1"),
        (["online.reference=parent"], "M2"),
        (["online.beta=0"], None),
    ):
        run = Run(load(TINY, [*RLHF, runs, *changes]))
        model = next(one for one in run.folder.checkpoints() if one.name == "M2")
        found = reference_folder(run, model)
        assert found == (None if expected is None else trained / "runs/tiny" / expected / "model")


def test_what_online_methods_take() -> None:
    """24 prompts with 2 answers each: 3 steps of 16 answers; 12 EFT sets of a answers have 12 a (a - 1) / 2 pairs."""
    work = list(method_of(load(TINY, RLHF)).work(load(TINY, RLHF), Lengths(10, 8, 8)))
    later = [one for one in work if one.name.startswith(("RM", "M2"))]
    assert [one.name for one in later] == [
        *("RM: reward model", "RM: held-out rewards", "M2: samples", "M2: rewards", "M2: online training")
    ]
    model, _, samples, rewards, training = later
    assert isinstance(model, Optimisation) and (model.pairs, model.reference) == (True, False)
    assert isinstance(samples, Generation) and samples[1:5] == (24, 2, 10, 8)
    assert isinstance(rewards, Generation) and (rewards.calls * rewards.draws, rewards.writes) == (48, 0)
    assert isinstance(training, Optimisation) and training.reference and training.training.steps_for(48) == 3
    settings = load(TINY, LIVE)
    judged = [one for one in method_of(settings).work(settings, Lengths(10, 8, 8)) if one.name.startswith("M2")]
    assert [one.name for one in judged] == ["M2: samples", "M2: judgements", "M2: online training"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_run_files_are_whole(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SRLM_TREES", str(tmp_path / "trees.jsonl"))
    settings = load(path)
    assert settings.method.name == path.stem.removesuffix("-smollm2")
    check = method_of(settings)
    assert [step.name for step in check.steps(settings, 2)][-1] == "M2"
    check_files(settings.model_copy(update={"report_to": ()}), 2)


def test_four_run_files_are_there() -> None:
    assert len(CONFIGS) == 4


def test_settings_that_online_training_cannot_have_are_refused_before_anything_runs() -> None:
    for method in ("rlhf", "self_rewarding_rl"):
        with pytest.raises(SettingsError, match=r"online\.batch_size 64 is no multiple of candidates\.count 3"):
            check_files(load(TINY, [f"method={method}", "candidates.count=3"]), 2)
    check_files(load(TINY, ["method=rlhf", "method.training=dpo", "candidates.count=3"]), 2)  # nothing is sampled
