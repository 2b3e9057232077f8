"""Rule-based rewards in the small: from which pairs the weights come, what is added up, and what a kill leaves."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import DataError, SettingsError, StoreError
from srlm.judge.grades import Grade
from srlm.judge.pointwise import Answered
from srlm.methods.base import Generation, Lengths, method_of
from srlm.methods.checks import check_files
from srlm.methods.rule_based_rewards import (
    Ordered,
    RuleBasedRewardsSettings,
    ordered_pairs,
    weights_of,
)
from srlm.methods.run import Run
from srlm.methods.train import train
from srlm.records import AnswerReward, Judgement, Prompt, RankedSet, Response
from srlm.rewards.rbr import Measured, RuleWeights, likeliest, total
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import files
from srlm.text.propositions import read_propositions
from tests.forks.command import Forks
from tests.srlm.methods.test_kill import contents, start

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "tests/tiny.yaml"
PLAIN = """
question: "review : {prompt} response : {response} {question}"
propositions: [{name: correct, question: correct}, {name: clean, question: clean}]
"""
"""Two questions that a model of the bead world is asked without a review; it has learnt nothing, and answers."""


def own(runs: Path, *overrides: str) -> list[str]:
    path = runs / "propositions.yaml"
    if not path.exists():
        path.write_text(PLAIN)
    return [
        f"runs={runs}",
        "model.date=2026-02-03",  # as runs that are killed have it
        "method.name=rule_based_rewards",
        f"method.propositions={path}",
        "method.penalty=0",
        *overrides,
    ]


def settings(runs: Path, *overrides: str) -> Settings:
    return load(TINY, own(runs, *overrides))


@pytest.fixture(scope="module")
def finished(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run to M2, from the M1 of the tiny run."""
    runs = tmp_path_factory.mktemp("rules")
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(trained / "runs/tiny" / step, runs / "tiny" / step)
    train(Run(settings(runs)), 2)
    return runs / "tiny"


def test_the_reward_is_the_judge_s_mean_score_and_the_weighted_grades(finished: Path) -> None:
    (weights,) = files.read(finished / "M2/rule_weights.jsonl", RuleWeights)
    scores: dict[str, list[float]] = {}
    for judgement in files.read(finished / "M2/judgements.jsonl", Judgement):
        if judgement.score is not None:
            scores.setdefault(judgement.response_id, []).append(judgement.score)
    grades: dict[str, dict[str, float | None]] = {}
    for grade in files.read(finished / "M2/grades.jsonl", Grade):
        grades.setdefault(grade.of, {})[grade.about] = grade.yes
    rows = files.read(finished / "M2/rewards.jsonl", AnswerReward)
    known = 0
    for row in rows:
        own_grades, own_scores = grades[row.response_id], scores.get(row.response_id)
        correct, clean = own_grades["correct"], own_grades["clean"]
        if own_scores is None or correct is None or clean is None:
            assert row.reward is None
            continue
        known += 1
        mean = sum(own_scores) / len(own_scores)
        assert row.reward == pytest.approx(mean + weights.weights[0] * correct + weights.weights[1] * clean)
    assert len(rows) == 48 and known > 20


def test_the_manifest_says_on_how_many_pairs_the_weights_stand_and_what_they_do_to_the_order(finished: Path) -> None:
    (weights,) = files.read(finished / "M2/rule_weights.jsonl", RuleWeights)
    counts = json.loads((finished / "M2/manifest.json").read_text())["counts"]
    assert counts["rules: any: pairs"] == weights.pairs > 0
    assert counts["rules: any: weight of clean"] == weights.by_name["clean"]
    assert weights.hinge is not None and weights.hinge_before is not None
    assert weights.hinge <= weights.hinge_before + 1e-9
    assert counts["rules: any: heldout_error"] == weights.heldout_error
    # 12 ranked sets, of which a fifth (rounded: 2) are left out; two grades an answer.
    assert len(files.read(finished / "M2/fit_grades.jsonl", Grade)) == 12 * 4 * 2
    assert weights.fault() is None
    assert weights.model_copy(update={"pairs": 1}).fault() == "its id is not that of its content"


def test_pairs_are_of_answers_that_people_ranked_apart_and_the_last_sets_are_held_out() -> None:
    sets = [ranked("a", (0, 1, 1)), ranked("b", (2, 0, 1))]
    assert ordered_pairs(sets, 1) == [
        Ordered(0, 1, False), Ordered(0, 2, False),
        Ordered(4, 3, True), Ordered(4, 5, True), Ordered(5, 3, True),
    ]  # fmt: skip


def ranked(text: str, ranks: tuple[int, ...]) -> RankedSet:
    prompt = Prompt.of(text, "test")
    answers = tuple(Response.of(prompt.id, f"{text}{n}", "human", n) for n in range(len(ranks)))
    return RankedSet.of(prompt, answers, ranks)


def test_weights_follow_from_known_numbers_alone() -> None:
    """Better minus worse: phi .5 with r .2, so w must be (1 - .2) / .5 = 1.6 for the margin; the pair with an answer
    that nobody could grade has no part in it."""
    one = ranked("a", (0, 1, 2))
    answered = [Answered(prompt=one.prompt, response=response) for response in one.responses]
    measured = Measured(
        helpful=[3.2, 3.0, 1.0],
        features=[{"kind": 0.75}, {"kind": 0.25}, {"kind": None}],
        types={one.prompt.id: "any"},
        counts={},
    )
    found = read_propositions(
        'question: "{prompt} {response} {question}"\npropositions: [{name: kind, question: q}]', "x"
    )
    (weights,) = weights_of(found, answered, measured, ordered_pairs([one], 0), RuleBasedRewardsSettings(penalty=0.0))
    assert weights.by_name == {"kind": pytest.approx(1.6, abs=1e-6)}
    assert (weights.pairs, weights.heldout_pairs, weights.heldout_error) == (1, 0, None)
    assert weights.hinge_before == pytest.approx(0.8)
    assert weights.hinge == pytest.approx(0.0, abs=1e-8)
    assert (weights.error_before, weights.error) == (0.0, 0.0)


def test_held_out_sets_have_no_part_in_the_weights_and_are_measured_with_them() -> None:
    """In the fit phi is .5 apart and helpfulness equal: w = 1 / .5 = 2. The set held out has phi .25 apart the other
    way, r 0: with its pair the fit would be another, and w = 2 orders it wrongly, -.5, where helpfulness ties."""
    sets = [ranked("a", (0, 1)), ranked("b", (0, 1))]
    answered = [Answered(prompt=one.prompt, response=response) for one in sets for response in one.responses]
    measured = Measured(
        helpful=[3.0, 3.0, 1.0, 1.0],
        features=[{"kind": 0.75}, {"kind": 0.25}, {"kind": 0.25}, {"kind": 0.5}],
        types={one.prompt.id: "any" for one in sets},
        counts={},
    )
    found = read_propositions(
        'question: "{prompt} {response} {question}"\npropositions: [{name: kind, question: q}]', "x"
    )
    (weights,) = weights_of(found, answered, measured, ordered_pairs(sets, 1), RuleBasedRewardsSettings(penalty=0.0))
    assert weights.by_name == {"kind": pytest.approx(2.0, abs=1e-6)}
    assert (weights.pairs, weights.heldout_pairs) == (1, 1)
    assert (weights.error, weights.heldout_error_before, weights.heldout_error) == (0.0, 0.5, 1.0)


def test_the_total_is_helpfulness_plus_weighted_grades_and_none_where_one_is_not_known() -> None:
    assert total(3.0, {"a": 0.5, "b": 0.75, "c": None}, {"a": 2.0, "b": -4.0}) == 1.0  # 3 + 2 * .5 - 4 * .75
    assert total(3.0, {"a": 0.5, "c": None}, {"c": 1.0}) is None
    assert total(None, {"a": 0.5}, {"a": 1.0}) is None
    assert total(3.0, {"a": 0.5}, None) is None


def test_a_prompt_is_of_the_likeliest_type_and_of_none_where_the_grader_leaves_it_open() -> None:
    """A grader without log-probabilities may say yes to both."""
    assert likeliest({"refuse": 0.25, "comply": 0.5}) == "comply"
    assert likeliest({"refuse": 1.0, "comply": 1.0}) is None
    assert likeliest({"refuse": 0.25, "comply": None}) is None
    assert likeliest({}) is None


def test_explain_shows_the_grades_of_each_answer(finished: Path, srlm: Any) -> None:
    words = [word for one in own(finished.parent) for word in ("--set", one)]
    grade = files.read(finished / "M2/grades.jsonl", Grade)[0]
    told = srlm("explain", grade.id, "--run", TINY, *words)
    assert told.exit_code == 0, told
    (weights,) = files.read(finished / "M2/rule_weights.jsonl", RuleWeights)
    weighed = f"{grade.about}: P(yes) {grade.yes:.3f} by M1, weight {weights.by_name[grade.about]:+.4g}"
    assert weighed in told.stdout
    assert "plus weighted probabilities of propositions; best against worst" in told.stdout


def test_what_it_takes_counts_a_reading_for_each_proposition_of_each_answer(tmp_path: Path) -> None:
    run = settings(tmp_path)
    work = {one.name: one for one in method_of(run).work(run, Lengths(10, 8, 8))}
    fit, grades = work["M2: fit, grades"], work["M2: grades"]
    assert isinstance(fit, Generation) and isinstance(grades, Generation)
    assert (fit.calls, grades.calls) == (12 * 4 * 2, 24 * 2 * 2)
    reasons = load(TINY, own(tmp_path, "method.propositions=beads"))
    named = [one.name for one in method_of(reasons).work(reasons, Lengths(10, 8, 8))]
    assert "M2: fit, grades, reasons" in named and "M2: grades, reasons" in named


def test_a_changed_file_of_propositions_and_one_that_is_gone_are_refused(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.parent, tmp_path / "runs")
    path = tmp_path / "runs/propositions.yaml"
    path.write_text(PLAIN.replace("question: clean", "question: count"))
    shutil.rmtree(tmp_path / "runs/tiny/M2")
    for name in ("settings.json", "inputs.json"):
        (tmp_path / "runs/tiny" / name).unlink()
    with Run(settings(tmp_path / "runs")).held():
        pass
    path.write_text(PLAIN)
    with pytest.raises(StoreError, match=r"method\.propositions .*propositions\.yaml has changed"):
        train(Run(settings(tmp_path / "runs")), 2)
    with pytest.raises(SettingsError, match=r"method\.propositions: gone\.yaml is neither a readable file"):
        check_files(load(TINY, own(tmp_path / "runs", "method.propositions=gone.yaml")), 2)


def test_a_grader_that_answers_nothing_stops_the_run_with_the_counts(finished: Path, tmp_path: Path) -> None:
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(finished / step, tmp_path / "tiny" / step)
    # No question fits the 128 tokens of the tiny model's context.
    (tmp_path / "propositions.yaml").write_text(PLAIN.replace("review :", "review " * 130))
    with pytest.raises(DataError, match=r"M2: none of 12 ranked sets has two answers .*no room"):
        train(Run(settings(tmp_path)), 2)


@pytest.mark.parametrize("name", ["rule_based_rewards", "rule_based_rewards-smollm2"])
def test_the_run_files_can_be_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLM_TREES", "trees.jsonl")
    found = load(ROOT / f"configs/methods/{name}.yaml")
    assert found.name == name
    check_files(found, found.iterations)


KILLS = [("open", "M2/fit_grades.jsonl.part", 2), ("rename", "M2/rewards.jsonl", 1)]
MORE_KILLS = [
    ("rename", "M2/fit_judgements.jsonl", 1),
    ("rename", "M2/rule_weights.jsonl", 1),
    ("open", "M2/grades.jsonl.part", 2),
    ("rename", "M2/grades.jsonl", 1),
    ("rename", "M2/pairs.jsonl", 1),
]


def killed_and_resumed(forks: Forks, finished: Path, where: Path, places: list[tuple[str, str, int]]) -> None:
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(finished / step, where / "runs/tiny" / step)
    # The name of the file is a setting, and part of the manifest's digest of them.
    chosen = [word for one in own(finished.parent)[1:] for word in ("--set", one)]
    for place in places:
        status, said = start(forks, where, "srlm", "train", *chosen, at=place)
        assert status == -signal.SIGKILL, f"never came to {place}: {said}"
    status, said = start(forks, where, "srlm", "train", *chosen)
    assert status == 0, said
    assert contents(where / "runs/tiny/M2") == contents(finished / "M2")


def test_a_run_killed_within_its_own_stages_ends_with_the_same_bytes(
    forks: Forks, finished: Path, tmp_path: Path
) -> None:
    killed_and_resumed(forks, finished, tmp_path, KILLS)


@pytest.mark.soak
def test_a_run_killed_at_every_other_place_ends_with_the_same_bytes(
    forks: Forks, finished: Path, tmp_path: Path
) -> None:
    killed_and_resumed(forks, finished, tmp_path, MORE_KILLS)
