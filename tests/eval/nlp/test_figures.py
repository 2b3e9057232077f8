"""Figures from documents on disk: shares, instructions, groups, the average, differences with Holm, the page."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from eval.benchmarks.measuring import resampling
from eval.benchmarks.nlp.benchmark import Nlp
from eval.benchmarks.nlp.figures import compared, figures
from eval.benchmarks.nlp.known import KNOWN, OF_THE_PAPER
from eval.benchmarks.nlp.measure import Failed, Kept
from eval.benchmarks.nlp.record import Measured, NlpDocument, document_id
from eval.benchmarks.nlp.text import failures, table
from eval.data import published
from eval.metrics import write
from eval.records import MetricValue
from eval.report import page
from srlm.settings import EvaluationSettings, ModelSettings, OasstData, Settings
from srlm.settings.nlp import NlpSettings
from tests.eval.report import small

SETTINGS = Settings(name="t", runs="runs", model=ModelSettings(base="scratch"), data=OasstData(path="trees.jsonl"))


def of(model: str, task: str, values: Sequence[float | tuple[float, ...] | None], **more: object) -> Kept:
    """A model's answers to a task, by its main metric."""
    main = KNOWN[task].main if task in KNOWN else "acc"
    question = {"lm_eval": "0.4.13", "tasks": {task: {"shots": 0}}, "documents": {task: len(values)}, "chat": False}
    asked = {"task": task, "model": {}, "question": question, "answers": "", "main": main} | {
        "aggregates": {}, "means": (main,),
    }  # fmt: skip
    documents = [
        NlpDocument(id=document_id(task, place, "a document"), task=task, place=place, values={main: value})
        for place, value in enumerate(values)
    ]
    return Kept(model, Measured.model_validate({**asked, **more}), documents)


def by_name(kept: list[Kept], failed: list[Failed] | None = None) -> dict[tuple[str, str, str | None], MetricValue]:
    return {(m.metric, m.model, m.baseline): m for m in figures(resampling(SETTINGS), kept, failed or [])}


def test_a_share_of_documents_has_an_exact_interval_and_counts_what_has_no_score() -> None:
    found = by_name([of("M1", "arc_easy", [1, 1, 0, 1, None])])["arc_easy.acc_norm", "M1", None]
    assert (found.value, found.n, found.unscored, found.unit) == (0.75, 4, 1, "documents")
    assert found.method == "share; 95% Blaker"
    assert found.note == "0-shot; plain text; lm-eval 0.4.13"


def test_instructions_are_counted_within_their_document() -> None:
    """3 of 4 instructions in 2 documents: the document is what was sampled."""
    found = by_name([of("M1", "ifeval", [(1.0,), (1.0, 1.0, 0.0)])])["ifeval.prompt_level_strict_acc", "M1", None]
    assert (found.value, found.n) == (0.75, 2)
    assert "over prompts" in found.method


def test_a_balanced_group_is_the_mean_of_its_tasks_means() -> None:
    own = of("M1", "group", [1, 1, 0, 1], balanced=True)
    halves = [one.model_copy(update={"task": "a" if one.place < 3 else "b"}) for one in own.documents]
    found = by_name([own._replace(documents=halves)])["group.acc", "M1", None]
    assert found.value == pytest.approx((2 / 3 + 1) / 2)
    assert found.method.startswith("mean of 2 tasks' means")


def test_a_metric_that_is_no_mean_is_lm_evals_own_without_an_interval() -> None:
    own = of("M1", "wikitext", [None, None], main="word_perplexity", means=(), aggregates={"word_perplexity": 42.5})
    found = by_name([own])["wikitext.word_perplexity", "M1", None]
    assert (found.value, found.low, found.unscored) == (42.5, None, 0)
    assert "no interval: not a mean of documents" in found.method


def test_each_model_is_compared_with_the_one_before_it_and_with_sft() -> None:
    assert compared(["M0", "SFT", "M1", "M2"]) == [("SFT", "M0"), ("M1", "SFT"), ("M2", "M1"), ("M2", "SFT")]


def test_differences_are_paired_by_document_with_holm_over_the_tasks() -> None:
    kept = [
        of("SFT", "arc_easy", [1] * 8 + [0] * 2),
        of("SFT", "piqa", [1, 0] * 5),
        of("M1", "arc_easy", [0] * 8 + [0] * 2),
        of("M1", "piqa", [1, 0] * 4 + [1, 1]),
    ]
    found = by_name(kept)
    lost, same = found["arc_easy.acc_norm", "M1", "SFT"], found["piqa.acc_norm", "M1", "SFT"]
    assert lost.value == pytest.approx(-0.8)
    assert lost.p == pytest.approx(2 / 2**8)
    assert lost.p_adjusted == pytest.approx(4 / 2**8)
    assert same.value == pytest.approx(0.1)
    assert (same.p, same.p_adjusted) == (1.0, 1.0)
    assert lost.unit == "documents"
    assert re.match(r"no difference shown: 10 \w+ show one of \d\d\.\d points with 80% power", same.note)


def test_documents_that_only_one_model_was_asked_are_left_out_of_the_difference() -> None:
    found = by_name([of("SFT", "piqa", [1, 0, 1, 0]), of("M1", "piqa", [0, 0])])
    assert found["piqa.acc_norm", "M1", "SFT"].n == 2
    assert found["piqa.acc_norm", "M1", "SFT"].value == -0.5


def test_models_that_were_asked_otherwise_are_not_compared() -> None:
    chat = of("M1", "piqa", [1, 0])
    question = {**chat.asked.question, "chat": True}
    chat = chat._replace(asked=chat.asked.model_copy(update={"question": question}))
    found = by_name([of("SFT", "piqa", [1, 1]), chat])["piqa.acc_norm", "M1", "SFT"]
    assert found.value is None
    assert found.note == "M1 was asked by chat template, SFT by plain text: not compared"


def test_models_that_saw_other_examples_are_not_compared() -> None:
    more = of("M1", "piqa", [1, 0])
    question = {**more.asked.question, "tasks": {"piqa": {"shots": 3}}}
    more = more._replace(asked=more.asked.model_copy(update={"question": question}))
    found = by_name([of("SFT", "piqa", [1, 1]), more])["piqa.acc_norm", "M1", "SFT"]
    assert found.note == "M1 and SFT were not asked the same (examples, data or version): measure both again"


def test_the_average_is_of_the_papers_nine_and_says_what_is_missing() -> None:
    kept = [of("M1", task, [1, 0, 0, 0]) for task in OF_THE_PAPER]
    whole = by_name([*kept, of("M1", "ifeval", [1, 1])])["average", "M1", None]
    assert (whole.value, whole.n, whole.note) == (0.25, 36, "")
    part = by_name(kept[:2])["average", "M1", None]
    assert part.note == "without HellaSwag, SIQA, PIQA, GSM8K, MMLU, OBQA, NQ: not an average of the nine"


def test_a_task_that_failed_stands_there_with_its_reason() -> None:
    found = by_name([of("M1", "piqa", [1, 0])], [Failed("M1", "gsm8k", KNOWN["gsm8k"].main, "KeyError: 'answer'")])
    failed = found["gsm8k.exact_match.strict-match", "M1", None]
    assert (failed.value, failed.n) == (None, 0)
    assert failures(list(found.values())) == [failed]
    assert "could not be measured: KeyError: 'answer'" in table(list(found.values()))


def test_the_papers_values_stand_for_all_nine() -> None:
    paper = published.nlp()
    assert [row.model for row in paper.rows] == ["M0", "SFT", "M1", "M2", "M3"]
    assert all(set(row.values) == set(OF_THE_PAPER) for row in paper.rows)
    assert paper.rows[4].values["gsm8k"] == 0.577


def test_the_page_has_a_table_with_the_papers_and_a_picture_of_the_tax(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    kept = [of(model, "arc_easy", [1, 1, 0, 1] * 3) for model in ("M0", "SFT")]
    kept += [of(model, "arc_easy", [0, 1, 0, 0] * 3) for model in ("M1", "M2")]
    write(folder.step("evaluation") / "metrics.json", figures(resampling(folder.settings), kept))
    text = page.write(folder.settings, folder, "command").read_text(encoding="utf-8")
    assert '<a href="#nlp">NLP</a>' in text
    assert '<h2 id="nlp">NLP benchmarks</h2>' in text
    assert "(paper 76.5%)" in text  # SFT's ARC-E
    assert "Alignment tax of M2: its score minus SFT&#39;s" in text
    assert "others unknown" in text
    assert "Not comparable:</strong> model scratch, not Llama-2-70B" in text


def test_what_will_be_asked_is_known_before_anything_is_loaded() -> None:
    wanted = NlpSettings(tasks=("arc_easy", "gsm8k", "own.yaml"), limit=100, shots={"gsm8k": 2})
    settings = SETTINGS.model_copy(update={"evaluation": EvaluationSettings(nlp=wanted)})
    arc, gsm8k, own = Nlp().asked(settings, ["M1"])
    assert (arc.model, arc.requests, arc.writes) == ("M1", 400, 0)
    assert (gsm8k.requests, gsm8k.writes) == (100, 256)
    assert gsm8k.reads == 1030 - 3 * 171
    assert (own.requests, own.what) == (0, "own.yaml: its size is known when its data are read")
