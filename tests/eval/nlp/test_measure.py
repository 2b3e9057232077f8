"""A run's checkpoints measured with real tiny models: the whole way to metrics.json, resumed, widened, broken off."""

import datetime
import random
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from eval.benchmarks.base import OpenEngine, RunData
from eval.benchmarks.nlp.measure import FOLDER, kept, models_of
from eval.benchmarks.nlp.record import NlpDocument
from eval.benchmarks.table import chosen
from eval.records import MetricValue
from eval.run import measure
from srlm.cli.main import quiet
from srlm.contents import sha256_of
from srlm.engines.base import Engine
from srlm.errors import EngineError, SettingsError
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, RunInputs, Taken
from srlm.settings import ModelSettings
from srlm.store import files, seals
from srlm.store.folder import RunFolder
from srlm.worlds.beads.settings import BeadsData
from tests.eval.nlp import tiny_run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    place = tmp_path / "data"
    tiny_run.arc(8)(place)
    return place


Found = dict[tuple[str, str, str | None], MetricValue]
"""Figures by metric, model and baseline."""


def nlp(folder: RunFolder, open_engine: OpenEngine) -> Found:
    found = measure(folder.settings, folder, chosen(["nlp"]), open_engine)
    return {(m.metric, m.model, m.baseline): m for m in found if m.benchmark == "nlp"}


def run_of(tmp_path: Path, names: tuple[str, ...] = ("M0", "SFT", "M1"), **wanted: Any) -> RunFolder:
    return tiny_run.made(tiny_run.settings(tmp_path, **wanted), names)


def documents(folder: RunFolder, model: str, task: str) -> list[NlpDocument]:
    return list(files.read(folder.step("evaluation") / model / FOLDER / f"{task}.jsonl", NlpDocument))


class Whole(NamedTuple):
    """A run measured on ARC and IFEval."""

    folder: RunFolder
    opened: list[str]
    found: Found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    place = tmp_path_factory.mktemp("nlp")
    tiny_run.arc(8)(place / "data")
    folder, opened = run_of(place, ("M0", "SFT"), tasks=("arc_easy", tiny_run.ifeval(place))), list[str]()
    return Whole(folder, opened, nlp(folder, tiny_run.opening(folder, opened)))


def test_every_checkpoint_is_measured_and_asked_once(whole: Whole) -> None:
    assert whole.opened == ["M0", "SFT", "SFT"]  # plain text and chat; the base knows no chat
    for model in ("M0", "SFT"):
        accuracy = whole.found["arc_easy.acc_norm", model, None]
        assert (accuracy.n, accuracy.unit, accuracy.unscored) == (8, "documents", 0)
        assert accuracy.low is not None
        assert "0-shot; plain text; lm-eval" in accuracy.note
        assert whole.found["ifeval.inst_level_strict_acc", model, None].n == 2
        form = "plain text" if model == "M0" else "chat template"
        assert form in whole.found["ifeval.prompt_level_strict_acc", model, None].note
    again = nlp(whole.folder, tiny_run.opening(whole.folder, whole.opened))
    assert whole.opened == ["M0", "SFT", "SFT"]
    assert again == whole.found


def test_values_by_document_are_the_figures(whole: Whole) -> None:
    (benchmark,) = chosen(["nlp"])
    series = {(m.metric, m.model): m for m in benchmark.per_prompt(RunData(whole.folder.settings, whole.folder))}
    assert set(series) == {(metric, model) for metric, model, baseline in whole.found if baseline is None}
    for (metric, model), one in series.items():
        weights = one.weights or (1.0,) * len(one.values)
        total = sum(value * weight for value, weight in zip(one.values, weights, strict=True) if value is not None)
        assert total / sum(weights) == pytest.approx(whole.found[metric, model or "", None].value)


def test_tasks_measured_before_keep_their_figures(whole: Whole, tmp_path: Path) -> None:
    """Another task of the same run: ARC's and IFEval's figures stay, and nothing of them is asked."""
    shutil.copytree(whole.folder.path, tmp_path / "runs" / "tiny")
    tiny_run.arc(4, "arc_challenge")(tmp_path / "data")
    folder = run_folder(tiny_run.settings(tmp_path, tasks=("arc_challenge",)))
    found = nlp(folder, tiny_run.opening(folder))
    before = {key: one for key, one in whole.found.items() if one.baseline is None}
    assert {key: found[key] for key in before} == before
    assert found["arc_challenge.acc_norm", "SFT", None].n == 4


def test_scores_are_lm_evals_own(tmp_path: Path, data: Path) -> None:
    """The same weights by lm-eval's `hf` model: the same accuracy, from the same choices."""
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM

    from eval.benchmarks.nlp.library import lm_eval_at_work
    from eval.benchmarks.nlp.tasks import prepare

    folder = run_of(tmp_path, ("SFT",), tasks=("arc_easy",))
    found = nlp(folder, tiny_run.opening(folder))
    (task,) = prepare(folder.settings.evaluation.nlp)
    with lm_eval_at_work():
        theirs = HFLM(pretrained=str(folder.path / "SFT" / "model"), device="cpu", dtype="float32", batch_size=4)
        expected = evaluate(theirs, {"tasks": dict(task.leaves)}, bootstrap_iters=0, log_samples=True)
    for metric in ("acc", "acc_norm"):
        assert found[f"arc_easy.{metric}", "SFT", None].value == expected["results"]["arc_easy"][f"{metric},none"]
    asked = expected["samples"]["arc_easy"]
    for ours, one in zip(documents(folder, "SFT", "arc_easy"), asked, strict=True):
        assert ours.log_likelihoods == pytest.approx([said[0][0] for said in one["resps"]], abs=1e-3)


def test_more_documents_ask_only_for_those(tmp_path: Path, data: Path) -> None:
    folder = run_of(tmp_path, ("SFT",), tasks=("arc_easy",), limit=3)
    some = nlp(folder, tiny_run.opening(folder))["arc_easy.acc_norm", "SFT", None]
    assert (some.n, "the first 3 of 8 documents" in some.note) == (3, True)
    few = documents(folder, "SFT", "arc_easy")
    before = (folder.step("evaluation") / "SFT" / "nlp.jsonl").read_text(encoding="utf-8").splitlines()
    folder = run_of(tmp_path, ("SFT",), tasks=("arc_easy",))
    all_of_them = nlp(folder, tiny_run.opening(folder))["arc_easy.acc_norm", "SFT", None]
    after = (folder.step("evaluation") / "SFT" / "nlp.jsonl").read_text(encoding="utf-8").splitlines()
    assert (all_of_them.n, "the first" in all_of_them.note) == (8, False)
    assert after[: len(before)] == before
    assert documents(folder, "SFT", "arc_easy")[:3] == few


def test_fewer_documents_than_before_leave_the_figure_as_it_is(whole: Whole, tmp_path: Path) -> None:
    shutil.copytree(whole.folder.path, tmp_path / "runs" / "tiny")
    tiny_run.arc(8)(tmp_path / "data")
    folder, opened = run_folder(tiny_run.settings(tmp_path, tasks=("arc_easy",), limit=2)), list[str]()
    assert nlp(folder, tiny_run.opening(folder, opened))["arc_easy.acc_norm", "SFT", None].n == 8
    assert opened == []


def test_other_weights_are_measured_again(tmp_path: Path, data: Path) -> None:
    folder, opened = run_of(tmp_path, ("SFT",), tasks=("arc_easy",)), list[str]()
    nlp(folder, tiny_run.opening(folder, opened))
    manifest = folder.manifest("SFT")
    assert manifest is not None and manifest.checkpoint is not None
    other = manifest.checkpoint.model_copy(update={"digest": "other weights"})
    folder.finish(manifest.model_copy(update={"checkpoint": other}))
    warned: list[str] = []
    assert kept(models_of(folder), warned.append) == []
    assert "measured of other weights than SFT has now" in warned[0]


def test_what_was_answered_before_a_fault_is_not_asked_again(tmp_path: Path, data: Path) -> None:
    """The second model cannot be opened: the first one's answers stay."""
    folder, opened = run_of(tmp_path, ("SFT", "M1"), tasks=("arc_easy",)), list[str]()

    def fails(checkpoint: Checkpoint, plain: bool = False) -> Engine:
        if checkpoint.name == "M1":
            raise EngineError("the power is gone")
        return tiny_run.opening(folder, opened)(checkpoint, plain)

    with pytest.raises(EngineError, match="the power is gone"):
        nlp(folder, fails)
    nlp(folder, tiny_run.opening(folder, opened))
    assert opened == ["SFT", "M1"]


def test_a_task_whose_own_code_fails_costs_that_task(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tiny_run.lines(tmp_path / "own.jsonl", [{"question": f"Number {n} is"} for n in range(3)])
    (tmp_path / "own.yaml").write_text(
        f"task: own\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {rows}}}}}\ntest_split: test\n"
        "output_type: multiple_choice\ndoc_to_text: '{{question}}'\ndoc_to_choice: [red, green]\ndoc_to_target: 0\n"
        "process_results: !function own.scores\n"
        "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n",
        encoding="utf-8",
    )
    (tmp_path / "own.py").write_text("def scores(doc, results):\n    raise KeyError('no such thing')\n")
    folder = run_of(tmp_path, ("SFT", "M1"), tasks=(str(tmp_path / "own.yaml"), "arc_easy"))
    found = nlp(folder, tiny_run.opening(folder))
    failed = found["own.acc", "SFT", None]
    assert (failed.value, failed.note) == (None, "could not be measured: KeyError: 'no such thing'")
    assert "M1: own could not be measured: KeyError: 'no such thing'" in capsys.readouterr().err
    assert found["arc_easy.acc_norm", "M1", None].n == 8


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        # lm-eval itself tries the first document while it loads the task.
        pytest.param(
            "doc_to_text: !function questions.asked\ndoc_to_choice: [red, green]",
            "KeyError: 'Number 1 is'",
            id="a later question",
        ),
        pytest.param(
            "doc_to_text: '{{question}}'\ntarget_delimiter: ''\n"
            "doc_to_choice: \"{{['red', 'green' if '0' in question else '']}}\"",
            "nothing to score: '' adds no token to the text before it",
            id="an empty choice",
        ),
    ],
)
def test_a_task_with_a_fault_in_its_documents_costs_that_task(
    tmp_path: Path, data: Path, shape: str, said: str
) -> None:
    rows = tiny_run.lines(tmp_path / "own.jsonl", [{"question": f"Number {n} is"} for n in range(3)])
    (tmp_path / "own.yaml").write_text(
        f"task: own\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {rows}}}}}\ntest_split: test\n"
        f"output_type: multiple_choice\n{shape}\n"
        "doc_to_target: 0\nmetric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n",
        encoding="utf-8",
    )
    code = "def asked(doc):\n    return {'Number 0 is': 'Zero is'}[doc['question']]\n"
    (tmp_path / "questions.py").write_text(code, encoding="utf-8")
    folder = run_of(tmp_path, ("SFT",), tasks=(str(tmp_path / "own.yaml"), "arc_easy"))
    found = nlp(folder, tiny_run.opening(folder))
    assert found["own.acc", "SFT", None].note == f"could not be measured: {said}"
    assert found["arc_easy.acc_norm", "SFT", None].n == 8


def test_a_task_that_fails_when_it_is_asked_otherwise_leaves_nothing_of_before(tmp_path: Path, data: Path) -> None:
    """Neither a figure nor values by document, and nothing that a report would miss; the model's answers are kept."""
    rows = tiny_run.lines(tmp_path / "own.jsonl", [{"question": f"Number {n} is"} for n in range(4)])
    (tmp_path / "own.yaml").write_text(
        f"task: own\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {rows}}}}}\ntest_split: test\n"
        "output_type: multiple_choice\ndoc_to_text: '{{question}}'\ndoc_to_choice: [red, green]\ndoc_to_target: 0\n"
        "process_results: !function own.scores\n"
        "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n",
        encoding="utf-8",
    )
    (tmp_path / "own.py").write_text(
        "def scores(doc, results):\n    return {'acc': {'Number 3 is': []}.get(doc['question'], [1.0])[0]}\n"
    )
    tasks = (str(tmp_path / "own.yaml"), "arc_easy")
    few, opened = run_of(tmp_path, ("SFT",), tasks=tasks, limit=2), list[str]()
    with few.held():
        assert nlp(few, tiny_run.opening(few, opened))["own.acc", "SFT", None].value == 1.0
    all_of_them = run_folder(tiny_run.settings(tmp_path, tasks=tasks))
    with all_of_them.held():
        found = nlp(all_of_them, tiny_run.opening(all_of_them, opened))
    failed = found["own.acc", "SFT", None]
    assert (failed.value, failed.n) == (None, 0)
    assert failed.note == "could not be measured: IndexError: list index out of range"
    (benchmark,) = chosen(["nlp"])
    series = benchmark.per_prompt(RunData(all_of_them.settings, all_of_them))
    assert {one.metric for one in series} == {"arc_easy.acc", "arc_easy.acc_norm"}
    all_of_them.refuse_gone()
    with few.held():  # asked as before it has its figure, from the answers that are kept
        assert nlp(few, tiny_run.opening(few, opened))["own.acc", "SFT", None].value == 1.0
    assert opened == ["SFT", "SFT"]


def test_a_model_without_room_for_the_answers_costs_that_task(tmp_path: Path, data: Path) -> None:
    """GSM8K's answers may have 256 tokens."""
    tiny_run.gsm8k(data)
    wanted = tiny_run.settings(tmp_path, tasks=("gsm8k", "arc_easy"))
    folder = tiny_run.made(wanted, ("SFT",), max_positions=256)
    found = nlp(folder, tiny_run.opening(folder))
    assert found["arc_easy.acc_norm", "SFT", None].n == 8
    failed = found["gsm8k.exact_match.strict-match", "SFT", None]
    assert failed.value is None
    assert failed.note.startswith("could not be measured: 256 new tokens are asked for, but the model reads and writes")


def test_no_random_state_of_ours_is_touched_and_nothing_of_lm_eval_is_printed(
    tmp_path: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = run_of(tmp_path, ("SFT",), tasks=("arc_easy",))
    before = random.getstate()
    quiet(1)  # as for every command
    capfd.readouterr()
    nlp(folder, tiny_run.opening(folder))
    assert random.getstate() == before
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.partition(": done")[0] for line in err.splitlines()] == ["SFT: ARC-E ...", "SFT: ARC-E"]


def test_models_of_another_world_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    given = tiny_run.settings(tmp_path, tasks=("arc_easy",), data=None)  # whose data would come from the Hub
    of_beads = given.model_copy(update={"model": ModelSettings(base="scratch"), "data": BeadsData()})
    with pytest.raises(SettingsError, match="NLP benchmarks: does not apply: the models of beads read no English"):
        chosen(["nlp"])[0].check(RunData(of_beads, run_folder(of_beads)))


def test_a_model_of_another_alphabet_is_refused_before_it_is_asked(
    tmp_path: Path, data: Path, bead_model: Path
) -> None:
    folder = run_of(tmp_path, ("SFT",), tasks=("arc_easy",))
    for path in bead_model.iterdir():
        (folder.path / "SFT" / "model" / path.name).write_bytes(path.read_bytes())
    opened: list[str] = []
    with pytest.raises(SettingsError, match=r"do not apply to SFT: \d+% of the words .* vocabulary of 7\d"):
        nlp(folder, tiny_run.opening(folder, opened))
    assert opened == []


def test_a_run_asks_nothing_that_the_run_which_its_models_come_from_has_asked(data: Path, tmp_path: Path) -> None:
    asked, other = (
        tiny_run.made(tiny_run.settings(tmp_path, tasks=("arc_easy",)).model_copy(update={"name": name}), ("SFT", "M1"))
        for name in ("asked", "other")
    )
    with seals.held(asked.path, sha256_of):
        first = nlp(asked, tiny_run.opening(asked))
    taken = {
        name: Taken(run=str(asked.path), made_in=str(asked.path), manifest=sha256_of(other.step(name) / seals.MANIFEST))
        for name in ("SFT", "M1")
    }
    files.write_json(
        other.path / "inputs.json", RunInputs(date=datetime.date(2026, 1, 1), taken=taken).model_dump(mode="json")
    )
    opened: list[str] = []
    assert nlp(other, tiny_run.opening(other, opened)) == first
    assert opened == []
