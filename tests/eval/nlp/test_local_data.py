"""Data of tasks from a folder: what is found, what is refused, and that the questions are those of lm-eval."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.nlp.tasks import AskedTask, prepare
from srlm.errors import DataError, SettingsError
from srlm.settings.nlp import TASKS, NlpSettings
from tests.eval.nlp import tiny_run


def asked(data: Path, *tasks: str, **more: Any) -> dict[str, AskedTask]:
    return {one.name: one for one in prepare(NlpSettings(tasks=tasks, data=str(data), **more))}


def questions(task: AskedTask) -> list[str]:
    """What lm-eval would put to a model for the first document, each choice behind it."""
    leaf = next(iter(task.leaves.values()))
    leaf.set_fewshot_seed(seed=1234)
    leaf.build_all_requests(limit=1)
    return ["".join(one for one in request.args if isinstance(one, str)) for request in leaf.instances]


def test_every_file_that_was_looked_for_is_named(tmp_path: Path) -> None:
    tiny_run.arc(2)(tmp_path)
    with pytest.raises(DataError) as said:
        asked(tmp_path, *TASKS)
    assert "hellaswag (hellaswag/validation.jsonl)" in str(said.value)
    assert "social_iqa (social_iqa/validation.jsonl or llm_foundry/siqa.jsonl)" in str(said.value)
    assert "gsm8k (gsm8k/test.jsonl), gsm8k (gsm8k/train.jsonl)" in str(said.value)
    assert "arc_easy" not in str(said.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        asked(tmp_path / "elsewhere", "arc_easy")


def test_a_task_without_a_place_in_the_folder_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="winogrande: has no place in"):
        asked(tmp_path, "winogrande")


def test_a_packed_file_is_as_good(tmp_path: Path) -> None:
    plain = tiny_run.arc(3)(tmp_path)
    plain.with_name("test.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert asked(tmp_path, "arc_easy")["arc_easy"].total == 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param(
            {"question": "Why?", "answerKey": "A"}, "test.jsonl:2: a row of arc_easy needs choices", id="field"
        ),
        pytest.param(
            {"question": 3, "choices": {"text": ["a"], "label": ["A"]}, "answerKey": "A"},
            "test.jsonl:2: `question` of arc_easy is a int, not str",
            id="type",
        ),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = tiny_run.arc(1)(tmp_path)
    tiny_run.lines(path.with_name("more.jsonl"), [row])
    path.write_text(path.read_text() + path.with_name("more.jsonl").read_text())
    with pytest.raises(DataError, match=said):
        asked(tmp_path, "arc_easy")


def test_an_answer_that_is_no_choice_is_refused(tmp_path: Path) -> None:
    row = {"query": "Question: Why?", "choices": ["so", "not"], "gold": 2}
    tiny_run.lines(tmp_path / "llm_foundry" / "piqa.jsonl", [row])
    with pytest.raises(DataError, match=r"piqa\.jsonl:1: `gold` must be 0 to 1"):
        asked(tmp_path, "piqa")


def test_mmlu_is_asked_by_subject_with_five_examples_of_it(tmp_path: Path) -> None:
    tiny_run.mmlu(tmp_path)
    task = asked(tmp_path, "mmlu")["mmlu"]
    assert list(task.leaves) == ["mmlu_anatomy", "mmlu_astronomy", "mmlu_virology"]
    assert (task.total, task.shots, task.main) == (9, 5, "acc")
    first = questions(task)[0]
    assert first.startswith("The following are multiple choice questions (with answers) about anatomy.\n\n")
    assert [f"dev {n} of anatomy?" in first for n in range(5)] == [True] * 5
    assert first.endswith("test 0 of anatomy?\nA. one\nB. two\nC. three\nD. four\nAnswer: A")


def test_a_limit_is_spread_over_the_subjects(tmp_path: Path) -> None:
    tiny_run.mmlu(tmp_path)
    task = asked(tmp_path, "mmlu", limit=5)["mmlu"]
    assert task.documents == {"mmlu_anatomy": 2, "mmlu_astronomy": 2, "mmlu_virology": 1}
    assert "the first 5 of 9 documents" in task.notes


def test_a_subject_that_mmlu_does_not_have_is_refused(tmp_path: Path) -> None:
    tiny_run.mmlu(tmp_path, ("anatomy", "phrenology"))
    with pytest.raises(DataError, match="subjects that MMLU does not have: phrenology"):
        asked(tmp_path, "mmlu")


def test_examples_are_the_tasks_own_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    tiny_run.gsm8k(tmp_path)
    assert asked(tmp_path, "gsm8k")["gsm8k"].shots == 5
    task = asked(tmp_path, "gsm8k", shots={"gsm8k": 2})["gsm8k"]
    assert questions(task)[0].count("Question:") == 3
    (tmp_path / "gsm8k" / "train.jsonl").unlink()
    assert asked(tmp_path, "gsm8k", shots={"gsm8k": 0})["gsm8k"].shots == 0
    with pytest.raises(DataError, match=r"gsm8k \(gsm8k/train.jsonl\)"):
        asked(tmp_path, "gsm8k")


def test_examples_for_a_task_that_is_not_asked_are_refused(tmp_path: Path) -> None:
    tiny_run.arc(2)(tmp_path)
    with pytest.raises(SettingsError, match="shots: gsm8k: not among the tasks"):
        asked(tmp_path, "arc_easy", shots={"gsm8k": 2})


def test_prompted_questions_are_lm_evals_own(tmp_path: Path) -> None:
    """The text of llm-foundry's ARC, asked as lm-eval asks the Hub's."""
    tiny_run.arc(1)(tmp_path / "hub")
    row = {
        "query": "Question: Which colour is number 0?",
        "choices": list(tiny_run.COLOURS[:4]),
        "gold": 0,
    }
    tiny_run.lines(tmp_path / "prompted" / "llm_foundry" / "arc_easy.jsonl", [row])
    hub, prompted = (asked(tmp_path / name, "arc_easy")["arc_easy"] for name in ("hub", "prompted"))
    assert questions(hub) == questions(prompted)
    assert questions(hub)[1] == "Question: Which colour is number 0?\nAnswer: green"


def test_real_files_are_read_and_altered_sets_say_so(shared: Path) -> None:
    data = shared / "data" / "nlp_benchmarks"
    found = asked(data, "arc_easy", "social_iqa", "commonsense_qa", "nq_open", limit=2)
    assert {name: one.total for name, one in found.items()} == {
        "arc_easy": 2376, "social_iqa": 1954, "commonsense_qa": 1221, "nq_open": 3610,
    }  # fmt: skip
    altered = {name: [said for said in one.notes if "not comparable" in said] for name, one in found.items()}
    assert altered == {
        "arc_easy": [],
        "social_iqa": ["2 choices, not the original's 3: not comparable with published scores"],
        "commonsense_qa": ["4 choices, not the original's 5: not comparable with published scores"],
        "nq_open": [],
    }
