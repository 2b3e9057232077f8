"""HellaSwag, SIQA, PIQA and OpenBookQA in the form that the Hub has them: asked as by lm-eval, and refused by row."""

from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.nlp.tasks import prepare
from eval.benchmarks.table import chosen
from eval.run import measure
from srlm.cli.main import quiet
from srlm.errors import DataError
from srlm.settings.nlp import NlpSettings
from tests.eval.nlp import tiny_run

COLOURS = tiny_run.COLOURS
FILES = {
    "hellaswag": "hellaswag/validation.jsonl",
    "social_iqa": "social_iqa/validation.jsonl",
    "piqa": "piqa/validation.jsonl",
    "openbookqa": "openbookqa/test.jsonl",
    "arc_challenge": "arc_challenge/test.jsonl",
}


def row(task: str, n: int = 0) -> dict[str, Any]:
    """The n-th question of a task, its choices of different lengths."""
    some = [COLOURS[(n + k) % 8] for k in range(4)]
    match task:
        case "hellaswag":
            return {
                "ctx_a": f"A man paints wall {n}.", "ctx_b": "he", "activity_label": "Painting",
                "endings": [f"takes {one} [step] paint." for one in some], "label": str(n % 4),
            }  # fmt: skip
        case "social_iqa":
            answers = {f"answer{letter}": one for letter, one in zip("ABC", some, strict=False)}
            return {"context": f"Kim likes {n}.", "question": "What will Kim buy?", **answers, "label": str(n % 3 + 1)}
        case "piqa":
            return {"goal": f"paint wall {n}", "sol1": some[0], "sol2": some[1], "label": n % 2}
    choices = {"text": some, "label": list("ABCD")}
    return {"question_stem": f"Wall {n} is", "question": f"{n}?", "choices": choices, "answerKey": "ABCD"[n % 4]}


def write(data: Path, task: str, *rows: dict[str, Any]) -> None:
    tiny_run.lines(data / FILES[task], rows)


def test_each_is_measured_and_has_lm_evals_own_accuracy(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The same weights by lm-eval's `hf` model: the same log-likelihood of each choice, the same accuracy."""
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM

    from eval.benchmarks.nlp.library import lm_eval_at_work

    tasks = ("hellaswag", "social_iqa", "piqa", "openbookqa")
    for task in tasks:
        write(tmp_path / "data", task, *(row(task, n) for n in range(6)))
    folder = tiny_run.made(tiny_run.settings(tmp_path, tasks=tasks), ("SFT",))
    quiet(1)
    capfd.readouterr()
    figures = measure(folder.settings, folder, chosen(["nlp"]), tiny_run.opening(folder))
    assert "Map" not in capfd.readouterr().err
    found = {m.metric: m for m in figures if m.benchmark == "nlp" and m.model == "SFT"}
    with lm_eval_at_work():
        theirs = HFLM(pretrained=str(folder.path / "SFT" / "model"), device="cpu", dtype="float32", batch_size=4)
        leaves = {name: leaf for one in prepare(folder.settings.evaluation.nlp) for name, leaf in one.leaves.items()}
        expected = evaluate(theirs, {"tasks": leaves}, bootstrap_iters=0)["results"]
    for task in tasks:
        for metric in ("acc",) if task == "social_iqa" else ("acc", "acc_norm"):
            ours = found[f"{task}.{metric}"]
            assert (ours.value, ours.n, ours.unscored) == (expected[task][f"{metric},none"], 6, 0)
            assert "not comparable with published scores" in ours.note  # six rows are not the whole set


def test_questions_are_written_as_by_lm_eval(tmp_path: Path) -> None:
    for task in ("hellaswag", "social_iqa"):
        write(tmp_path, task, row(task))
    found = {one.name: one for one in prepare(NlpSettings(tasks=("hellaswag", "social_iqa"), data=str(tmp_path)))}
    texts = {}
    for name, one in found.items():
        leaf = one.leaves[name]
        leaf.build_all_requests()
        texts[name] = [" | ".join(request.args) for request in leaf.instances]
    # The bracketed words of WikiHow are taken out.
    assert texts["hellaswag"][1] == "Painting: A man paints wall 0. He |  takes green paint."
    assert texts["social_iqa"] == [
        f"Q: Kim likes 0. What will Kim buy?\nA: |  {colour}" for colour in ("red", "green", "blue")
    ]


@pytest.mark.parametrize(
    ("task", "wrong", "said"),
    [
        pytest.param(
            "hellaswag", {"label": ""}, "`label` '', which is none of its choices; expected 0 to 3", id="empty"
        ),
        pytest.param("hellaswag", {"label": "4"}, "expected 0 to 3", id="the fifth of four endings"),
        pytest.param("hellaswag", {"label": -1}, "`label` -1", id="unlabelled ending"),
        pytest.param("hellaswag", {"endings": ["one"]}, "two choices or more", id="one ending"),
        pytest.param("hellaswag", {"endings": ["one", None]}, "two choices or more", id="an ending that is none"),
        pytest.param("social_iqa", {"label": ""}, "expected 1, 2 or 3", id="empty"),
        pytest.param("social_iqa", {"label": "0"}, "`label` '0'", id="counted from 0"),
        pytest.param("social_iqa", {"label": 4}, "expected 1, 2 or 3", id="a fourth answer"),
        pytest.param(
            "piqa", {"label": -1}, "`label` -1, which is none of its choices; expected 0 or 1", id="unlabelled"
        ),
        pytest.param("piqa", {"label": 2}, "expected 0 or 1", id="a third solution"),
        pytest.param("openbookqa", {"answerKey": "E"}, "expected one of A, B, C, D", id="another letter"),
        pytest.param("openbookqa", {"choices": {"text": ["a", "b"], "label": ["A"]}}, "two choices", id="letters lack"),
        pytest.param("arc_challenge", {"answerKey": ""}, "`answerKey` ''", id="no letter"),
    ],
)
def test_a_row_without_a_right_choice_is_refused_wherever_it_stands(
    tmp_path: Path, task: str, wrong: dict[str, Any], said: str
) -> None:
    write(tmp_path, task, row(task, 0), row(task, 1), {**row(task, 2), **wrong})
    with pytest.raises(DataError) as error:
        prepare(NlpSettings(tasks=(task,), data=str(tmp_path)))
    assert said in str(error.value)
    assert ":3: " in str(error.value)  # its line
