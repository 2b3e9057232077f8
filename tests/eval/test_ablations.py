"""Ablations: what two runs share, runs of their own that resume, their figures, and two prompts of one judge."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.ablations.running import ablate
from eval.benchmarks.ablations import measure as figures
from eval.benchmarks.ablations.arms import ARMS, JUDGE_PROMPT, NAMES, Arm, chosen, inapplicable
from eval.benchmarks.base import RunData
from eval.benchmarks.table import WORDS
from eval.benchmarks.table import chosen as benchmarks
from eval.cli import app
from eval.metrics import merge
from eval.records import MetricValue
from eval.report import paper
from eval.run import measure, opened_run
from srlm.engines.base import Engine, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import EngineError, SettingsError, StoreError
from srlm.methods.base import run_folder
from srlm.methods.run import Run
from srlm.methods.sharing import shareable, take_over
from srlm.records import Checkpoint
from srlm.run_file import load, overridden
from srlm.settings import JudgeSettings, Settings
from srlm.store import files
from tests.eval.report import small

CHECKOUT = Path(__file__).resolve().parents[2]
LLAMA = CHECKOUT / "configs" / "llama3-8b.yaml"


def arm(name: str) -> Arm:
    return next(one for one in ARMS if one.name == name)


@pytest.fixture
def given(trained: Path, tmp_path: Path, tiny: Path) -> Settings:
    """The tiny run, trained to M2, in a place of its own."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    return load(tiny, [f"runs={tmp_path}/runs"])


def values(found: Sequence[MetricValue], metric: str) -> dict[str, float | None]:
    return {one.model: one.value for one in found if one.metric == metric and one.baseline is None}


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        pytest.param("positive_only", ["data", "M0", "SFT", "M1"], id="another-method-from-the-same-M1"),
        pytest.param("ift_only", ["data", "M0", "SFT"], id="another-M1"),
        pytest.param("own_prompts", ["data", "M0", "SFT", "M1"], id="other-prompts"),
    ],
)
def test_an_ablation_shares_what_its_settings_do_not_shape(name: str, steps: list[str]) -> None:
    given = load(LLAMA, ["prompts.writer=fixed", "prompts.model=M0"])
    assert [step.name for step in shareable(given, arm(name).settings(given))] == steps
    assert arm(name).settings(given).name == f"llama3-8b-ablation-{name}"


def test_a_changed_seed_or_model_shares_nothing() -> None:
    given = load(LLAMA)
    assert shareable(given, overridden(given, ["seed=2"])) == []
    assert shareable(given, overridden(given, ["model.dtype=float32"])) == [
        step for step in shareable(given, given) if step.name == "data"
    ]
    assert [step.name for step in shareable(given, overridden(given, ["sft.epochs=9"]))] == ["data", "M0"]


def test_an_ablation_that_is_the_run_itself_or_means_nothing_to_it_is_told() -> None:
    given = load(LLAMA)
    assert inapplicable("own_prompts", given) == "the run itself is trained like that (prompts.writer=self)"
    assert inapplicable("ift_only", given) == ""
    world = load(CHECKOUT / "tests" / "tiny.yaml")
    assert inapplicable(JUDGE_PROMPT, world) == "the models of beads read no English rubric"
    assert chosen([]) == list(NAMES)
    assert chosen(["own_prompts", JUDGE_PROMPT]) == [JUDGE_PROMPT, "own_prompts"]
    with pytest.raises(SettingsError, match=r"no_dpo: no such ablation; the ablations are judge_prompt, positive_only"):
        chosen(["no_dpo"])


def test_shared_steps_are_taken_over_whole_and_checked_like_the_runs_own(given: Settings) -> None:
    other = arm("ift_only").settings(given)
    folder = run_folder(other)
    # What a kill in the midst of it left.
    part = folder.path.with_name(f"{folder.path.name}.SFT.part")
    part.mkdir()
    (part / "half.txt").write_text("half")
    assert take_over(given, other) == ["data", "M0", "SFT"]
    assert not part.exists()
    assert [step.name for step in folder.steps()] == ["data", "M0", "SFT"]
    assert take_over(given, other) == ["data", "M0", "SFT"]
    with Run(other).held():
        pass
    own, theirs = run_folder(given), run_folder(other)
    assert own.checkpoint("SFT") == theirs.checkpoint("SFT")
    damaged = theirs.step("SFT") / "model" / "config.json"
    damaged.write_text(damaged.read_text() + " ")
    with pytest.raises(StoreError, match=r"config\.json"), Run(other).held():
        pass
    with Run(given).held():  # which has its own copy
        pass


def test_what_a_shared_model_answered_comes_along_where_it_would_be_asked_the_same(given: Settings) -> None:
    asked: list[str] = []

    def judged(settings: Settings) -> None:
        with opened_run(settings) as (run, folder, open_engine):

            def noted(checkpoint: Checkpoint, plain: bool = False) -> Engine:
                asked.append(checkpoint.name)
                return open_engine(checkpoint, plain)

            measure(run, folder, benchmarks(["judge_agreement"]), noted)

    judged(given)
    assert sorted(asked) == ["M1", "M2", "SFT"]
    asked.clear()
    other = arm("positive_only").settings(given)
    assert take_over(given, other) == ["data", "M0", "SFT", "M1"]
    judged(other)
    assert asked == []
    answers = other.folder / "evaluation" / "M1" / "judgements.jsonl"
    made = (given.folder / "evaluation" / "M1" / "judgements.jsonl").read_bytes()
    assert answers.read_bytes() == made
    assert not list(other.folder.parent.glob("*.part"))

    twice = overridden(other, ["name=twice", "evaluation.judge_draws=2"])
    assert "M1" in take_over(given, twice)
    judged(twice)
    assert sorted(asked) == ["M1", "SFT"]
    asked.clear()

    # What is damaged there is not taken, but asked again; what is sound is.
    shutil.rmtree(other.folder / "evaluation")
    (other.folder / "seals.json").unlink()
    damaged = given.folder / "evaluation" / "M1" / "judgements.jsonl"
    damaged.write_bytes(made.replace(b"M1", b"M2"))
    judged(other)
    assert asked == ["M1"]
    assert answers.read_bytes() == made


def test_what_was_made_with_other_settings_than_the_run_file_now_has_is_not_shared(given: Settings) -> None:
    # The run was trained before the file was edited; both runs have the new rate today.
    now = overridden(given, ["sft.learning_rate=0.001"])
    other = arm("positive_only").settings(now)
    assert [step.name for step in shareable(now, other)] == ["data", "M0", "SFT", "M1"]
    assert take_over(now, other) == ["data", "M0"]
    assert [step.name for step in run_folder(other).steps()] == ["data", "M0"]


def test_nothing_is_trained_beside_a_run_that_cannot_be_compared_with(given: Settings) -> None:
    now = overridden(given, ["sft.learning_rate=0.001"])
    with pytest.raises(StoreError, match=r"was made with other settings \(sft\.learning_rate: 0\.002 -> 0\.001\)"):
        ablate(now, ["positive_only"])
    assert not arm("positive_only").settings(now).folder.exists()


def test_a_run_that_began_on_another_day_shares_data_alone(given: Settings) -> None:
    other = arm("ift_only").settings(given)
    files.write_json(run_folder(other).path / "inputs.json", {"date": "2001-02-03", "inputs": {}})
    assert take_over(given, other) == ["data"]


def test_no_model_is_shared_behind_one_that_the_other_run_made_itself(given: Settings) -> None:
    other = arm("ift_only").settings(given)
    assert take_over(given, other) == ["data", "M0", "SFT"]
    folder = run_folder(other)
    manifest = folder.manifest("M0")
    assert manifest is not None and manifest.checkpoint is not None
    shutil.rmtree(folder.step("SFT"))
    with folder.held():
        folder.finish(
            manifest.model_copy(update={"checkpoint": manifest.checkpoint.model_copy(update={"digest": "other"})})
        )
    assert take_over(given, other) == ["data"]
    assert not folder.step("SFT").exists()


def test_a_folder_that_cannot_be_written_is_an_error_of_one_line(given: Settings) -> None:
    other = arm("ift_only").settings(given)
    Path(other.runs, other.name).write_text("a file")
    with pytest.raises(StoreError, match="cannot create it: File exists"):
        take_over(given, other)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_ablations_are_trained_measured_and_compared_and_a_second_start_does_nothing_again(given: Settings) -> None:
    found, stopped = ablate(given, ["ift_only"])
    assert stopped == []
    own = run_folder(given).manifest("M2")
    other = run_folder(arm("ift_only").settings(given)).manifest("M2")
    assert own is not None
    assert other is not None
    assert values(found, "pairs") == {"M2": own.counts["pairs"], "ift_only/M2": other.counts["pairs"]}
    assert {"M1", "M2", "ift_only/M1", "ift_only/M2"} == set(values(found, "win"))
    paired = [one for one in found if one.baseline is not None]
    assert {(one.model, one.baseline) for one in paired} == {("ift_only/M2", "M2")}
    assert "beads/correct" in {one.metric for one in paired}
    assert all(one.n + one.unscored == 8 for one in paired if one.metric == "beads/correct")
    assert WORDS.label(next(one for one in paired if one.metric == "beads/correct")) == "bead world, correct answers"
    run = RunData(given, run_folder(given))
    parts = {part.place: part for part in paper.gather(run, "x")["parts"]}
    rows = {row.label: row for row in parts["ablation: no EFT data"].rows}
    assert rows["M2, ablation"].cells[0].published == "541"
    assert rows["M2, ablation"].cells[0].ours.value == other.counts["pairs"]
    place = run_folder(arm("ift_only").settings(given)).path
    written = {path: path.stat().st_mtime_ns for path in place.rglob("*") if path.suffix in (".jsonl", ".safetensors")}
    assert {"M2/model/model.safetensors", "M2/pairs.jsonl", "evaluation/M2/responses.jsonl"} <= {
        path.relative_to(place).as_posix() for path in written
    }
    again, stopped = ablate(given, ["ift_only"])
    assert (again, stopped) == (found, [])
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_why_an_ablation_stopped_stands_on_the_page(given: Settings) -> None:
    folder = run_folder(given)
    files.write_json(folder.step("evaluation") / figures.STOPPED, {"own_prompts": "no usable prompt by M1"})
    merge(folder, figures.figures(RunData(given, folder)), ["ablations"])
    parts = {part.place: part for part in paper.gather(RunData(given, folder), "x")["parts"]}
    assert parts["appendix A.5"].notes == ["The run tiny-ablation-own_prompts stopped: no usable prompt by M1"]


def test_what_would_be_trained_is_told_and_nothing_is_done(tmp_path: Path) -> None:
    words = ["ablations", "--dry-run", "--run", str(LLAMA), "--set", f"runs={tmp_path}"]
    hardware = CHECKOUT / "configs" / "hardware" / "8xh100.yaml"
    shape = CHECKOUT / "configs" / "shapes" / "llama-3-8b.json"
    said = CliRunner().invoke(app, [*words, "--hardware", str(hardware), "--shape", str(shape)])
    assert said.exit_code == 0, said.output
    told = " ".join(said.output.split())
    assert "positive_only: SFT on answers that the model scored 5, no pairs; method=positive_sft" in told
    assert "own_prompts: left out: the run itself is trained like that" in told
    assert "GPU hours" in told
    assert os.listdir(tmp_path) == []


def test_the_baseline_judges_with_both_prompts_once_and_their_difference_is_paired(tmp_path: Path) -> None:
    folder = small.run(tmp_path, judge=JudgeSettings(template="additive"))
    baseline = folder.checkpoint("SFT")
    assert baseline is not None
    asked: list[str] = []

    def judge(request: Request, seed: int) -> str:
        asked.append(request.messages[-1].content)
        better = "\ngood\n" in request.messages[-1].content
        # The additive prompt is understood; the other is answered the wrong way round.
        right = "adding up points" in request.messages[-1].content
        return f"Because.\nScore: {4 if better == right else 2}"

    def open_engine(checkpoint: Checkpoint, plain: bool = False) -> Engine:
        return ScriptedEngine(judge, checkpoint.name)

    def refuse(checkpoint: Checkpoint, plain: bool = False) -> Engine:
        raise EngineError("asked again")

    figures.ask_rubrics(folder.settings, folder, baseline, open_engine)
    assert len(asked) == 2 * 2 * 3  # two prompts, two answers, three judgements
    figures.ask_rubrics(folder.settings, folder, baseline, refuse)
    found = figures.rubrics_on_disk(folder.settings, folder)
    assert values(found, "pairwise_accuracy") == {"SFT, additive": 1.0, "SFT, multiple_choice": 0.0}
    (difference,) = [one for one in found if one.baseline is not None and one.metric == "pairwise_accuracy"]
    assert (difference.model, difference.baseline, difference.value) == ("SFT, multiple_choice", "SFT, additive", -1.0)
    (folder.step("evaluation") / "SFT" / "judgements-multiple_choice.jsonl").unlink()
    assert figures.rubrics_on_disk(folder.settings, folder) == []
