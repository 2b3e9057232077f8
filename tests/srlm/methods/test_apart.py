"""What a judge is measured on is not what it is trained on: evaluation prompts, held-out sets, MT-Bench's questions."""

import json
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import DataError
from srlm.methods import start
from srlm.methods.autorater import held_out_sets, training_examples
from srlm.methods.checks import check_files
from srlm.methods.run import Run
from srlm.records import Count, Demonstration, SeedData, Step
from srlm.run_file import load

TINY = Path(__file__).resolve().parents[3] / "tests/tiny.yaml"
M2, M3, M4 = (Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in (2, 3, 4))
FIRST, SECOND = "Compose a travel blog post about a recent trip to Hawaii.", "Rewrite your previous response as a poem."


def ranking(prompt: str, before: str | None = None) -> dict[str, Any]:
    turns = [{"role": "user", "content": before}, {"role": "assistant", "content": "Aloha!"}] if before else []
    asked: Any = [*turns, {"role": "user", "content": prompt}] if turns else prompt
    return {"prompt": asked, "responses": ["A long answer.", "No."], "ranks": [0, 1]}


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one question of MT-Bench as FastChat has it."""
    question = {"question_id": 81, "category": "writing", "turns": [FIRST, SECOND]}
    lines(tmp_path / "fastchat/data/mt_bench/question.jsonl", question)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(*more: str, step: Step = M2) -> tuple[list[Demonstration], dict[str, Count], SeedData]:
    """A step's examples and counts."""
    settings = load(TINY, ["method.name=autorater", "method.sets={a: {path: a.jsonl, format: own}}", *more])
    run = Run(settings)
    with run.held():
        data = start.seed_data(run)
        held, counts = held_out_sets(run, data)
        every = [one for own in held.values() for one in own]
        examples, more_counts = training_examples(run, step, data, every)
    return examples, {**counts, **more_counts}, data


MT_BENCH = "evaluation.mt_bench.files=fastchat"


def test_no_question_of_mt_bench_is_trained_on_in_either_turn(place: Path) -> None:
    lines(
        place / "a.jsonl",
        ranking(FIRST.upper()),
        ranking(SECOND, before=FIRST),
        ranking(SECOND, before="Name five fruits that grow in cold places!"),
        ranking("How do bees find their way home?"),
    )
    examples, counts, _ = made(MT_BENCH)
    assert [("bees" in one.prompt, "poem" in one.prompt) for one in examples] == [(True, False)]
    assert counts["a: dropped: a judge is measured on its prompt"] == 3
    assert counts["looked for: questions of MT-Bench"] == 1
    inputs = json.loads((place / "runs/tiny/inputs.json").read_text())["inputs"]
    assert list(inputs["evaluation.mt_bench.files"]["files"]) == ["question.jsonl"]


def test_without_its_files_nothing_is_known_of_mt_bench_and_the_counts_say_so(place: Path) -> None:
    lines(place / "a.jsonl", ranking(FIRST))
    examples, counts, _ = made()
    assert (len(examples), counts["looked for: questions of MT-Bench"]) == (1, 0)


def test_a_folder_without_the_questions_is_refused_before_anything_runs(place: Path) -> None:
    lines(place / "a.jsonl", ranking(FIRST))
    settings = load(TINY, ["method.name=autorater", "method.sets={a: a.jsonl}", "evaluation.mt_bench.files=runs"])
    with pytest.raises(DataError, match=r"no such folder; set evaluation\.mt_bench\.files"):
        check_files(settings, 2)


def test_no_prompt_of_the_run_s_own_evaluation_is_trained_on(place: Path) -> None:
    lines(place / "a.jsonl", ranking("How do bees find their way home?"))
    data = made()[2]
    measured = [data.evaluation_prompts[0], data.heldout_sets[0].prompt]
    lines(place / "b.jsonl", ranking("How do bees find their way home?"), *(ranking(one.text) for one in measured))
    examples, counts, _ = made("name=other", "method.sets={b: {path: b.jsonl, format: own}}")
    assert [("bees" in one.prompt) for one in examples] == [True]
    assert counts["b: dropped: a judge is measured on its prompt"] == 2
    assert counts["looked for: prompts of the run's evaluation"] == 8 + 6  # evaluation prompts and held-out sets


def test_every_model_is_trained_on_the_portion_behind_that_of_the_model_before(place: Path) -> None:
    """Four examples, of which each model takes two: M3 has the two that M2 has not, M4 begins the next pass."""
    lines(place / "a.jsonl", *(ranking(f"How do {who} find their way?") for who in ("bees", "ants", "eels", "owls")))
    second, third, fourth = ({one.prompt for one in made("method.examples=2", step=step)[0]} for step in (M2, M3, M4))
    assert (len(second), len(third), len(fourth)) == (2, 2, 2)
    assert len(second | third) == 4
    assert fourth < second | third


def test_what_the_seed_data_has_is_no_held_out_set(place: Path) -> None:
    """M1 was trained on the IFT examples and on the EFT sets."""
    lines(
        place / "a.jsonl", ranking("How do bees find their way home?"), ranking("Name five fruits, please, in French.")
    )
    data = made()[2]
    seen = [ranking(data.ift[0].prompt), ranking(data.eft_sets[0].prompt.text)]
    lines(place / "held.jsonl", *seen, ranking("Name five fruits, please, in French!"))
    chosen = ("name=other", "method.heldout={h: {path: held.jsonl, format: own}}")
    examples, counts, _ = made(*chosen)
    assert [("bees" in one.prompt) for one in examples] == [True]
    assert counts["held out, h: rankings"] == 1
    assert counts["held out, h: dropped: the run's seed data has its prompt"] == 2
    assert counts["looked for: prompts of method.heldout"] == 1
    lines(place / "held.jsonl", *seen)
    with pytest.raises(
        DataError, match=r"^method\.heldout\.h: held\.jsonl has 2 rankings, all of prompts that the run"
    ):
        made("name=third", *chosen[1:])
