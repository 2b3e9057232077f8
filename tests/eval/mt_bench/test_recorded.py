"""`mt-bench --judgments`: FastChat's averages, read from the judge's words again; what is told, and what is refused."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.cli import main
from eval.data import mt_bench
from eval.data.mt_bench_prompts import prompt_name, single_values
from eval.records import MetricValue
from srlm.data.lines import rows
from tests.eval.mt_bench import place

Figures = dict[tuple[str, str], MetricValue]


def measured(out: Path, *words: object, code: int = 0) -> Figures:
    """Means by model and metric; a difference under `MODEL minus BASELINE`."""
    with pytest.raises(SystemExit) as left:
        main(["mt-bench", *map(str, words), "--out", str(out)])
    assert (left.value.code or 0) == code
    found = [MetricValue.model_validate(one) for one in json.loads(out.read_text())] if out.exists() else []
    assert len({(m.model, m.metric, m.baseline) for m in found}) == len(found)
    return {(m.model if m.baseline is None else f"{m.model} minus {m.baseline}", m.metric): m for m in found}


def row(question: int, turn: int, says: str, score: object = -1, model: str | None = "m", **more: object) -> place.Json:
    judge = ["gpt-4", "single-v1"]
    return {
        "question_id": question,
        "model": model,
        "judge": judge,
        "judgment": says,
        "score": score,
        "turn": turn,
    } | more


@pytest.fixture
def of(tmp_path: Path) -> Callable[..., Figures]:
    """Figures of a file with these rows."""

    def run(*found: place.Json) -> Figures:
        return measured(tmp_path / "m.json", "--judgments", place.lines(tmp_path / "judged.jsonl", found))

    return run


# The real file --------------------------------------------------------------------------------------------------------


def test_real_judgments_read_again_from_their_words_have_fastchats_averages(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The averages were computed independently. One model has two sets of answers there, and one judgment failed."""
    found = measured(tmp_path / "m.json", "--judgments", shared / "data/mt_bench/gpt-4_single.jsonl.gz")
    averages = {
        "mistral-orpo-trl": (7.73125, 6.6, 7.165625),
        "mistral-orpo-capybara": (7.125, 6.5125, 6.81875),
        "mistral-orpo-mix": (6.43125, 5.575, 6.003125),
        "mistral-orpo": (6.675, 5.037736, 5.858934),
    }
    for model, values in averages.items():
        own = [found[model, name] for name in ("turn_1", "turn_2", "overall")]
        assert [one.value for one in own] == [pytest.approx(value, abs=1e-6) for value in values]
        assert all(one.low is not None and one.high is not None and one.low < values[-1] + 1 for one in own)
    assert found["mistral-orpo-trl", "overall"].note == "judge gpt-4; 80 questions, 80 of turn 1 and 80 of turn 2"
    failed = found["mistral-orpo", "overall"]
    assert (failed.n, failed.unscored) == (319, 1) and failed.note.endswith("unscored: no score 1")
    assert found["mistral-orpo-trl", "category: writing"].value == pytest.approx(8.775)
    assert found["mistral-orpo-trl", "math_coding_reasoning"].n == 60
    said = capsys.readouterr().out
    assert (
        "800 judgments; rows on an answer judged before, counted again 160; judgments without a score (-1) 1\n" in said
    )
    assert "mistral-orpo: 160 answers are judged more than once; every judgment counts, as in FastChat" in said


def test_prompts_are_those_that_gpt_4_was_asked_with_byte_for_byte(shared: Path) -> None:
    """mistral-orpo's answers are those of its second half; of the first half the answers are in its prompts alone."""
    bench = mt_bench.read(str(shared / "data/nlp_benchmarks/prompts"))
    questions = {one.id: one for one in bench.questions}
    folder, answers = shared / "data/mt_bench", dict[tuple[str, str], tuple[str, str]]()
    for path in folder.glob("answers.*.jsonl.gz"):
        answers |= {
            (one.value["model_id"], str(one.value["question_id"])): mt_bench.both_turns(one) for one in rows(path)
        }
    equal, older = 0, []
    for one in rows(folder / "gpt-4_single.jsonl.gz"):
        value = one.value
        question = questions[str(value["question_id"])]
        reference = bench.reference(question)
        name = prompt_name("single", value["turn"], reference is not None)
        assert name == value["judge"][1]
        given = single_values(question.turns, answers[value["model"], question.id], reference, value["turn"])
        same = bench.prompts[name].user(given) == value["user_prompt"]
        equal += same
        if not same:
            assert value["model"] == "mistral-orpo"
            slots = [key for key in given if key.startswith("answer")]
            told = bench.prompts[name].user(given | {key: f"<<{key}>>" for key in slots})
            before, *_ = told.partition(f"<<{slots[0]}>>")
            behind = told.rpartition(f"<<{slots[-1]}>>")[2]
            older.append(value["user_prompt"].startswith(before) and value["user_prompt"].endswith(behind))
    assert (equal, len(older), all(older)) == (640, 160, True)


# Files of all kinds ---------------------------------------------------------------------------------------------------


def test_scores_that_contradict_the_words_are_told_and_the_words_count(
    of: Callable[..., Figures], capsys: pytest.CaptureFixture[str]
) -> None:
    found = of(
        row(81, 1, "Rating: [[4]]", 9),
        row(82, 1, "Rating: [[8]]", -1),
        row(83, 1, "no rating", 5),
        row(84, 1, "Rating: [[6]]", 6),
    )
    whole = found["m", "overall"]
    assert whole.value == pytest.approx((4 + 8 + 6) / 3)
    assert (whole.n, whole.unscored) == (3, 1)
    said = capsys.readouterr().out
    assert "stored scores that differ from the judge's words, which count 3" in said
    for line, stored, read in ((1, "9", "4"), (2, "none", "8"), (3, "5", "none")):
        assert f"judged.jsonl:{line}: score {stored}, but the judge's words say {read}" in said


def test_failures_and_scores_off_the_scale_are_counted_and_never_averaged(of: Callable[..., Figures]) -> None:
    found = of(
        row(81, 1, "Rating: [[5]]", 5),
        row(81, 2, "I refuse.", -1),
        row(82, 1, "Rating: [[0]]", 0),
        row(82, 2, "<think>[[9]]", 9),
        row(83, 1, "<think>perhaps [[9]]</think>Rating: [[7]]", 7),
    )
    whole = found["m", "overall"]
    assert (whole.value, whole.n, whole.unscored) == (6.0, 2, 3)
    assert (
        whole.note
        == "judge gpt-4; 2 questions; unscored: no score 1; unscored: not on the scale 1; unscored: open thought 1"
    )
    assert (found["m", "turn_2"].value, found["m", "turn_2"].unscored) == (None, 2)


def test_rows_without_words_have_their_stored_scores(
    of: Callable[..., Figures], capsys: pytest.CaptureFixture[str]
) -> None:
    bare = [
        {key: value for key, value in row(81 + n, 1, "", score).items() if key != "judgment"}
        for n, score in enumerate((8, -1, 11))
    ]
    whole = of(*bare)["m", "overall"]
    assert (whole.value, whole.n, whole.unscored) == (8.0, 1, 2)
    assert "judgments without the judge's words, their stored scores taken 3" in capsys.readouterr().out


def test_the_order_of_rows_changes_nothing(of: Callable[..., Figures]) -> None:
    found = [
        row(81 + n, turn, f"[[{1 + n % 9}]]", 1 + n % 9, model) for model in "ab" for n in range(80) for turn in (1, 2)
    ]
    assert of(*found)["b", "category: math"] == of(*found[:160], *reversed(found[160:]))["b", "category: math"]


def test_a_question_with_one_turn_counts_with_that_turn(
    of: Callable[..., Figures], capsys: pytest.CaptureFixture[str]
) -> None:
    found = of(row(81, 1, "[[4]]", 4), row(81, 2, "[[6]]", 6), row(82, 2, "[[9]]", 9))
    assert [found["m", name].value for name in ("turn_1", "turn_2", "overall")] == [4, 7.5, pytest.approx(19 / 3)]
    assert found["m", "overall"].note == "judge gpt-4; 2 questions, 1 of turn 1 and 2 of turn 2"
    assert "m: 1 of 2 questions are judged at one turn only" in capsys.readouterr().out


def test_several_judges_are_never_averaged_together(of: Callable[..., Figures]) -> None:
    found = of(row(81, 1, "[[4]]", 4), row(81, 1, "[[8]]", 8, judge=["claude", "single-v1"]), row(82, 1, "[[6]]", 6))
    assert found["m (judge gpt-4)", "overall"].value == 5 and found["m (judge claude)", "overall"].value == 8
    assert not [model for model, _ in found if "minus" in model]


def test_successive_models_are_compared_on_the_questions_that_both_have(of: Callable[..., Figures]) -> None:
    first = [row(81 + n, turn, "[[4]]", 4, "a") for n in range(80) for turn in (1, 2)]
    second = [row(81 + n, turn, f"[[{5 + n % 2}]]", 5 + n % 2, "b") for n in range(79) for turn in (1, 2)]
    found = of(*first, *second, row(160, 1, "no rating", -1, "b"))
    change = found["b minus a", "overall"]
    assert change.value == pytest.approx((40 * 1 + 39 * 2) / 79)
    assert (change.n, change.unscored) == (158, 2)
    assert change.p is not None and change.p < 0.001 and change.low is not None and change.low > 1
    assert {metric for model, metric in found if model == "b minus a"} == {
        "overall", "turn_1", "turn_2", "math_coding_reasoning", "other_categories",
        *(f"category: {name}" for name in place.CATEGORIES),
    }  # fmt: skip


def test_judgments_made_without_a_reference_are_told(
    of: Callable[..., Figures], capsys: pytest.CaptureFixture[str]
) -> None:
    of(row(111, 1, "[[4]]", 4), row(112, 1, "[[4]]", 4, judge=["gpt-4", "single-math-v1"]))
    assert "1 judgment of math, reasoning, coding without a reference answer (first:" in capsys.readouterr().out


def test_questions_of_other_numbers_have_the_categories_of_their_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = place.lines(tmp_path / "judged.jsonl", [row(1, 1, "[[4]]", 4), row(2, 1, "[[6]]", 6)])
    found = measured(tmp_path / "m.json", "--judgments", judged)
    assert set(found) == {("m", "overall"), ("m", "turn_1"), ("m", "turn_2")}
    assert "questions without a category: 2 (--files names the questions)" in capsys.readouterr().out
    files = place.fastchat(tmp_path / "files", questions=[place.question(1, "math"), place.question(2, "poetry")])
    found = measured(tmp_path / "m.json", "--judgments", judged, "--files", files)
    assert (found["m", "category: math"].value, found["m", "category: poetry"].value) == (4, 6)


def test_packed_files_a_byte_order_mark_and_a_list_are_read_alike(tmp_path: Path) -> None:
    given = [row(81, 1, "[[4]]", 4), row(82, 1, "[[6]]", 6)]
    text = "".join(json.dumps(one) + "\n" for one in given)
    contents = {
        "a.jsonl": text.encode(),
        "b.jsonl": b"\xef\xbb\xbf" + text.encode(),
        "c.jsonl.gz": gzip.compress(text.encode()),
        "d.json": json.dumps(given).encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert measured(tmp_path / "m.json", "--judgments", tmp_path / name)["m", "overall"].value == 5


def test_several_files_are_read_together_and_none_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = place.lines(tmp_path / "one.jsonl", [row(81, 1, "[[4]]", 4)])
    two = place.lines(tmp_path / "two.jsonl", [row(81, 1, "[[8]]", 8, "n")])
    found = measured(tmp_path / "m.json", "--judgments", one, "--judgments", two)
    assert (found["m", "overall"].value, found["n", "overall"].value) == (4, 8)
    measured(tmp_path / "n.json", "--judgments", one, "--judgments", one, code=2)
    assert "given twice; its judgments would count twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param('{"question_id": 81, "model": "m", "sco', "judged.jsonl:2: ", id="damaged"),
        pytest.param("[1]", "judged.jsonl:2: a JSON list, not an object", id="a list"),
        pytest.param(json.dumps(row(82, 3, "[[4]]", 4)), "`turn` must be 1 or 2, found 3", id="a third turn"),
        pytest.param(json.dumps(row(82, 1, "[[4]]", "4")), "`score` must be a number, found '4'", id="a text as score"),
        pytest.param(json.dumps(row(82, 1, "[[4]]", None)), "`score` must be a number, found None", id="no score"),
        pytest.param(json.dumps(row(82, 1, "[[4]]", True)), "`score` must be a number, found True", id="yes as score"),
        pytest.param(json.dumps(row(82, 1, "", 4, judgment=4)), "`judgment` must be the judge's words", id="no words"),
        pytest.param(json.dumps(row(82, 1, "[[4]]", 4, model=None)), "`model` must be text", id="no model"),
        pytest.param('{"model": "m"}', "needs question_id, score, turn, judge", id="another form"),
    ],
)
def test_a_bad_line_is_refused_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text(json.dumps(row(81, 1, "[[4]]", 4)) + "\n" + line + "\n")
    measured(tmp_path / "m.json", "--judgments", path, code=2)
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert not (tmp_path / "m.json").exists()


def test_pairs_and_other_commands_files_are_sent_where_they_belong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = {"question_id": 81, "model_1": "a", "model_2": "b", "g1_winner": "tie", "g2_winner": "tie", "judge": "j"}
    path = place.lines(tmp_path / "pair.jsonl", [pair])
    measured(tmp_path / "m.json", "--judgments", path, code=2)
    assert "mt_bench_pair, not grades of single answers" in capsys.readouterr().err
    measured(tmp_path / "m.json", code=2)
    assert "give either --run FILE or --judgments FILE" in capsys.readouterr().err
