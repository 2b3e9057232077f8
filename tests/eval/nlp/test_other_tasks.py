"""Tasks of lm-eval by name and YAML files of one's own: loaded, or refused in a sentence."""

from pathlib import Path

import pytest

from eval.benchmarks.nlp.tasks import prepare
from srlm.errors import DataError, SettingsError
from srlm.settings.nlp import NlpSettings
from tests.eval.nlp import tiny_run

TASK = """
task: colours
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: [red, green]
doc_to_target: {target}
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return tiny_run.lines(
        tmp_path / "colours.jsonl", [{"question": f"Number {n} is", "answer": n % 2} for n in range(4)]
    )


def own(tmp_path: Path, text: str) -> str:
    path = tmp_path / "own" / "colours.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_of_ones_own_is_a_task(tmp_path: Path, rows: Path) -> None:
    (task,) = prepare(NlpSettings(tasks=(own(tmp_path, TASK.format(file=rows, target="answer")),)))
    assert (task.name, task.total, task.main, task.chat) == ("colours", 4, "acc", False)


def test_examples_of_a_file_are_told_by_the_files_name_or_by_the_tasks(tmp_path: Path, rows: Path) -> None:
    path = own(tmp_path, TASK.format(file=rows, target="answer"))
    counts = [prepare(NlpSettings(tasks=(path,), shots={name: 2}))[0].shots for name in (path, "colours")]
    assert counts == [2, 2]


def test_code_beside_a_file_is_run_and_named(tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = own(tmp_path, TASK.format(file=rows, target="!function answers.last"))
    (tmp_path / "own" / "answers.py").write_text("def last(doc):\n    return 1\n", encoding="utf-8")
    (task,) = prepare(NlpSettings(tasks=(path,)))
    assert task.leaves["colours"].doc_to_target(task.leaves["colours"].task_docs[0]) == 1
    assert "runs code that stands beside it: answers.last" in capsys.readouterr().err


def test_code_of_included_files_and_of_a_groups_tasks_is_named(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own(tmp_path, "group: shades\ntask: [colours, tints]\naggregate_metric_list: [{metric: acc}]\n")
    text = TASK.format(file=rows, target="!function answers.last")
    (tmp_path / "own" / "one.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "own" / "shape.yml").write_text("doc_to_target: !function answers.first\n", encoding="utf-8")
    text = TASK.format(file=rows, target=0).replace("doc_to_target: 0\n", "").replace("colours\n", "tints\n")
    (tmp_path / "own" / "two.yaml").write_text(f"include: shape.yml\n{text}", encoding="utf-8")
    code = "def last(doc):\n    return 1\ndef first(doc):\n    return 0\n"
    (tmp_path / "own" / "answers.py").write_text(code, encoding="utf-8")
    (task,) = prepare(NlpSettings(tasks=(path,)))
    assert (task.name, list(task.leaves), task.total, task.balanced) == ("shades", ["colours", "tints"], 8, False)
    assert "runs code that stands beside it: answers.first, answers.last" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("just words", "not a task of lm-eval", id="no mapping"),
        pytest.param("dataset_path: json", "not a task of lm-eval", id="no name"),
        pytest.param("task: [", "not a task of lm-eval", id="no YAML"),
        pytest.param("task: [colours]", "not a task of lm-eval", id="a list, and no group"),
        pytest.param("group: shades\ntask: colours", "a group without tasks", id="a group of no list"),
        pytest.param(
            "task: a/b\ntest_split: test", "could not load it|not usable as a task's name", id="a path as name"
        ),
    ],
)
def test_a_file_that_is_no_task_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises((SettingsError, DataError), match=said):
        prepare(NlpSettings(tasks=(own(tmp_path, text),)))


def test_data_that_are_missing_are_told_with_the_file(tmp_path: Path) -> None:
    path = own(tmp_path, TASK.format(file=tmp_path / "gone.jsonl", target="answer"))
    with pytest.raises(DataError, match=r"colours.yaml: lm-eval could not load it: FileNotFoundError"):
        prepare(NlpSettings(tasks=(path,)))


def test_a_hub_that_cannot_be_reached_is_told_before_a_model_is_asked() -> None:
    with pytest.raises(DataError, match=r"arc_easy: its data \(allenai/ai2_arc\) could not be loaded"):
        prepare(NlpSettings(tasks=("arc_easy",)))


def test_a_task_that_runs_what_models_write_is_refused(tmp_path: Path, rows: Path) -> None:
    text = TASK.format(file=rows, target="answer") + "unsafe_code: true\n"
    with pytest.raises(SettingsError, match="colours: it executes code that models write"):
        prepare(NlpSettings(tasks=(own(tmp_path, text),)))


def test_answers_that_the_engines_cannot_write_are_refused(tmp_path: Path, rows: Path) -> None:
    text = f"task: colours\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {rows}}}}}\ntest_split: test\n"
    text += "output_type: generate_until\ndoc_to_text: '{{question}}'\ndoc_to_target: '{{answer}}'\n"
    text += "generation_kwargs: {until: ['.'], num_beams: 4}\nmetric_list: [{metric: exact_match}]\n"
    with pytest.raises(SettingsError, match="colours: a task asks for num_beams: 4"):
        prepare(NlpSettings(tasks=(own(tmp_path, text),)))


def test_no_task_is_asked_twice(tmp_path: Path, rows: Path) -> None:
    path = own(tmp_path, TASK.format(file=rows, target="answer"))
    again = tmp_path / "own" / "again.yaml"
    again.write_text(Path(path).read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(SettingsError, match="colours is named twice"):
        prepare(NlpSettings(tasks=(path, str(again))))
