"""A whole run, and every arm of it, from its own first model to M2."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from srlm.data.beads import parse_prompt, targets
from srlm.engines.weights import weights_digest
from srlm.records import Demonstration, Judgement, PreferencePair, Prompt, RankedSet, Response
from srlm.settings import load
from srlm.store import files
from srlm.store.folder import RunFolder

PROMPTS = 24
ANSWERS = PROMPTS * 2
READINGS = ANSWERS * 2
"""tests/tiny.yaml: prompts.count 24, candidates.count 2, judge.draws 2."""
RECORDS = {
    "data": {
        "ift.jsonl": 40,
        "seed_prompts.jsonl": 40,
        "eft_sets.jsonl": 12,
        "heldout_sets.jsonl": 6,
        "evaluation_prompts.jsonl": 8,
        "validation_prompts.jsonl": 0,
    },
    "M0": {},
    "SFT": {},
    "M1": {"eft_readings.jsonl": 48, "eft.jsonl": 48},
    "M2": {"prompts.jsonl": PROMPTS, "responses.jsonl": ANSWERS, "judgements.jsonl": READINGS},
}


@pytest.fixture
def run(trained: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """The undisturbed run; the working directory is the one it was made from."""
    monkeypatch.chdir(trained)
    return RunFolder(load(tiny))


def read(run: RunFolder, step: str, name: str, kind: Any) -> list[Any]:
    return files.read(run.step(step) / f"{name}.jsonl", kind)


def test_a_run_leaves_its_records_models_and_manifests_and_nothing_half_done(run: RunFolder) -> None:
    for step, records in RECORDS.items():
        found = {path.name for path in run.step(step).iterdir()}
        model = set() if step == "data" else {"model", "training.json"}
        paired = {"pairs.jsonl", "prompt_counts.json"} if step == "M2" else set()
        assert found == {*records, *model, *paired, "manifest.json", "timings.json"}
        for name, lines in records.items():
            assert len((run.step(step) / name).read_bytes().splitlines()) == lines
    assert {path.name for path in run.path.iterdir()} == {*RECORDS, ".lock", "log.txt", "settings.json"}


def test_a_manifest_tells_the_count_and_digest_of_every_file(run: RunFolder) -> None:
    for step, records in RECORDS.items():
        manifest = run.manifest(step)
        assert manifest is not None
        assert manifest.step == step
        assert manifest.seed == 1
        assert manifest.settings_digest == run.settings.digest
        listed = {path.name for path in run.step(step).glob("*.json*")} - {"manifest.json", "timings.json"}
        assert set(manifest.outputs) == listed
        for name, fact in manifest.outputs.items():
            assert files.fact(run.step(step) / name).sha256 == fact.sha256
            lines = len((run.step(step) / name).read_bytes().splitlines())
            assert fact.records == (lines if name.endswith(".jsonl") else None)
        assert {name: manifest.outputs[name].records for name in records} == records


def test_every_model_names_its_parent_and_the_parents_digest(run: RunFolder) -> None:
    parents = {"M0": None, "SFT": "M0", "M1": "M0", "M2": "M1"}
    assert [checkpoint.name for checkpoint in run.checkpoints()] == ["M0", "SFT", "M1", "M2"]
    digests = {checkpoint.name: checkpoint.digest for checkpoint in run.checkpoints()}
    assert len(set(digests.values())) == 4
    for name, parent in parents.items():
        manifest = run.manifest(name)
        assert manifest is not None and manifest.checkpoint is not None
        assert manifest.checkpoint.parent == parent
        assert manifest.checkpoint.digest == weights_digest(run.path / name / "model")
        inputs = {key: fact.sha256 for key, fact in manifest.inputs.items()}
        assert inputs == ({} if parent is None else {f"{parent} weights": digests[parent]})


def test_the_stages_come_in_the_papers_order(run: RunFolder) -> None:
    log = (run.path / "log.txt").read_text().splitlines()
    begun = [line.split(" ", 1)[1].removesuffix(": begins") for line in log if line.endswith(": begins")]
    assert begun == [
        "data: seed data",
        "M0: pretraining",
        "SFT: supervised fine-tuning",
        "M1: supervised fine-tuning",
        "M2: candidates",
        "M2: judgements",
        "M2: DPO",
    ]


def test_every_answer_is_judged_by_the_model_that_wrote_it_and_the_best_meets_the_worst(run: RunFolder) -> None:
    prompts: list[Prompt] = read(run, "M2", "prompts", Prompt)
    responses: list[Response] = read(run, "M2", "responses", Response)
    readings: list[Judgement] = read(run, "M2", "judgements", Judgement)
    pairs: list[PreferencePair] = read(run, "M2", "pairs", PreferencePair)
    assert [r.prompt_id for r in responses] == [p.id for p in prompts for _ in range(2)]
    assert [(j.response_id, j.draw) for j in readings] == [(r.id, draw) for r in responses for draw in range(2)]
    assert {r.author for r in responses} == {j.judge for j in readings} == {"M1"}
    assert pairs
    scores: dict[str, list[float]] = {}
    for reading in readings:
        assert reading.score is not None
        scores.setdefault(reading.response_id, []).append(reading.score)
    mean = {response: sum(points) / 2 for response, points in scores.items()}
    for pair in pairs:
        answers = [r.id for r in responses if r.prompt_id == pair.prompt_id]
        assert {pair.chosen_id, pair.rejected_id} == set(answers)
        assert pair.margin == mean[pair.chosen_id] - mean[pair.rejected_id] > 0


def test_no_prompt_is_trained_on_twice_or_measured(run: RunFolder) -> None:
    seeds = {prompt.id for prompt in read(run, "data", "seed_prompts", Prompt)}
    ranked = {one.prompt.id for one in read(run, "data", "eft_sets", RankedSet)}
    measured = {prompt.id for prompt in read(run, "data", "evaluation_prompts", Prompt)}
    heldout = {one.prompt.id for one in read(run, "data", "heldout_sets", RankedSet)}
    new = {prompt.id for prompt in read(run, "M2", "prompts", Prompt)}
    assert len(seeds | ranked | measured | heldout | new) == 40 + 12 + 8 + 6 + PROMPTS


@pytest.fixture
def arm(trained: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, srlm: Any) -> Callable[..., Any]:
    """`arm("flipped_pairs")` trains that arm to M2 from the data, M0, SFT and M1 of the undisturbed run.

    `first=False`: it makes its own M1. `keep`: files of M2 that stay; `prepare` may write others.
    """
    monkeypatch.chdir(tmp_path)

    def train(
        name: str,
        *more: str,
        first: bool = True,
        keep: Sequence[str] = (),
        prepare: Callable[[RunFolder], None] = lambda run: None,
    ) -> tuple[Any, RunFolder]:
        overrides = [f"--set={override}" for override in (f"arm={name}", f"name={name}", *more)]
        settings = load(tiny, [override.removeprefix("--set=") for override in overrides])
        shutil.copytree(trained / "runs" / "tiny", settings.folder)
        for step in ("M2",) if first else ("M1", "M2"):
            for path in (settings.folder / step).iterdir():
                if path.name not in keep:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        prepare(RunFolder(settings))
        # The steps that stay were shaped by no setting in which the arms differ.
        files.write_json(settings.folder / "settings.json", settings.model_dump(mode="json"))
        return srlm("train", "--run", tiny, *overrides), RunFolder(settings)

    return train


def test_an_arm_with_the_same_settings_makes_the_same_m2(arm: Callable[..., Any], run: RunFolder) -> None:
    expected = run.checkpoint("M2")
    digests = {path.name: path.read_bytes() for path in run.step("M2").glob("*.jsonl")}
    result, again = arm("self_rewarding")
    assert result.exit_code == 0
    assert again.checkpoint("M2") == expected
    assert {path.name: path.read_bytes() for path in again.step("M2").glob("*.jsonl")} == digests


def test_flipped_pairs_choose_the_worst(arm: Callable[..., Any], run: RunFolder) -> None:
    straight: list[PreferencePair] = read(run, "M2", "pairs", PreferencePair)
    kept = run.checkpoint("M2")
    result, flipped = arm("flipped_pairs")
    assert result.exit_code == 0
    turned = [(pair.rejected_id, pair.chosen_id, -pair.margin) for pair in read(flipped, "M2", "pairs", PreferencePair)]
    assert turned == [(pair.chosen_id, pair.rejected_id, pair.margin) for pair in straight]
    assert flipped.checkpoint("M2") != kept


def test_random_scores_ask_no_judge(arm: Callable[..., Any]) -> None:
    result, run = arm("random_scores")
    assert result.exit_code == 0
    assert read(run, "M2", "judgements", Judgement) == []
    pairs: list[PreferencePair] = read(run, "M2", "pairs", PreferencePair)
    assert pairs
    assert {pair.chosen_score for pair in pairs} | {pair.rejected_score for pair in pairs} <= {0, 1, 2, 3, 4, 5}
    assert all(pair.margin > 0 for pair in pairs)


def answered(run: RunFolder) -> None:
    """M2's first two stages as if M1 had answered each prompt once rightly and once not at all."""
    row = {prompt.id: parse_prompt(prompt.text) for prompt in read(run, "M2", "prompts", Prompt)}
    responses = []
    for id, beads in row.items():
        assert beads is not None
        items = [f"{number} {bead.colour}" for number, bead in enumerate(targets(beads), 1)]
        responses.append(Response.of(id, " ".join([*items, "."]), "M1", 0, "stop"))
        responses.append(Response.of(id, "well let me see", "M1", 1, "stop"))
    files.write(run.step("M2") / "responses.jsonl", responses)


def test_oracle_scores_are_those_of_the_exact_program(arm: Callable[..., Any]) -> None:
    result, run = arm("oracle_scores", keep=("prompts.jsonl", "prompt_counts.json"), prepare=answered)
    assert result.exit_code == 0
    assert read(run, "M2", "judgements", Judgement) == []
    pairs: list[PreferencePair] = read(run, "M2", "pairs", PreferencePair)
    assert [(pair.chosen_score, pair.rejected_score) for pair in pairs] == [(5, 0)] * PROMPTS


def test_without_a_pair_there_is_nothing_to_train_on(arm: Callable[..., Any]) -> None:
    # A model that has learnt nothing is never right: to the exact program all its answers are alike.
    result, run = arm("oracle_scores")
    assert result.exit_code == 2
    assert "M2: not one of 24 prompts gave a pair" in result.stderr
    assert run.checkpoint("M2") is None


def test_ift_only_trains_its_first_model_without_eft(arm: Callable[..., Any], run: RunFolder) -> None:
    other = run.checkpoint("M1")
    result, without = arm("ift_only", first=False)
    assert result.exit_code == 0
    assert not (without.step("M1") / "eft.jsonl").exists()
    manifest = without.manifest("M1")
    assert manifest is not None
    assert (manifest.counts["sft: ift examples"], manifest.counts["sft: eft examples"]) == (40, 0)
    assert without.checkpoint("M1") != other
    assert without.checkpoint("M2") is not None


def test_a_judge_that_names_no_score_stops_the_run(arm: Callable[..., Any]) -> None:
    result, run = arm("ift_only", "judge.complete=false", "judge.on_collapse=stop", first=False)
    assert result.exit_code == 2
    assert "M2: the judge collapsed: none of its readings holds a score" in result.stderr
    assert run.checkpoint("M1") is not None
    assert run.checkpoint("M2") is None
    assert not (run.step("M2") / "pairs.jsonl").exists()


def praised(run: RunFolder) -> None:
    """As `answered`; and M1 gave every right answer 5 points, every other one 4 and 5."""
    answered(run)
    readings = []
    for response in read(run, "M2", "responses", Response):
        for draw, score in enumerate((5, 5) if response.draw == 0 else (4, 5)):
            readings.append(Judgement.of(response.id, "M1", draw, f"score : {score}", score))
    files.write(run.step("M2") / "judgements.jsonl", readings)


def test_positive_only_fine_tunes_m0_on_seeds_and_on_answers_scored_five(arm: Callable[..., Any]) -> None:
    result, run = arm("positive_only", keep=("prompts.jsonl", "prompt_counts.json"), prepare=praised)
    assert result.exit_code == 0
    manifest = run.manifest("M2")
    assert manifest is not None and manifest.checkpoint is not None
    assert manifest.checkpoint.parent == "M0"
    assert manifest.counts["positive examples"] == PROMPTS
    assert manifest.counts["sft: ift examples"] == 40 + PROMPTS
    assert manifest.counts["sft: eft examples"] == len(read(run, "M1", "eft", Demonstration)) == 48
    m0 = run.checkpoint("M0")
    assert m0 is not None
    assert {name: fact.sha256 for name, fact in manifest.inputs.items()} == {"M0 weights": m0.digest}


def test_settings_json_keeps_what_the_run_was_made_with(run: RunFolder) -> None:
    assert json.loads((run.path / "settings.json").read_text()) == run.settings.model_dump(mode="json")
