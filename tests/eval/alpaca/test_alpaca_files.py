"""alpaca_eval's files and folder: joined by prompt, told where they are broken, the same after a round trip."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from eval.data.alpaca_eval import AlpacaEval
from eval.data.alpaca_files import read_annotations, read_outputs, write_outputs
from eval.data.alpaca_rows import write_annotations
from srlm.errors import DataError
from srlm.records import Prompt

PROMPTS = tuple(Prompt.of(text, "alpaca_eval", "vicuna") for text in ("Name a fruit.", "Name a tree.", "Name a fish."))


def answer(instruction: str = "Name a fruit.", output: object = "Plum.", **changes: Any) -> dict[str, Any]:
    return {"instruction": instruction, "output": output, "generator": "m", **changes}


def annotation(instruction: str = "Name a fruit.", preference: object = 1.25, **changes: Any) -> dict[str, Any]:
    sides = {"output_1": "A pear.", "generator_1": "base", "output_2": "Plum.", "generator_2": "m"}
    return {"instruction": instruction, **sides, "annotator": "j", "preference": preference, **changes}


def file(folder: Path, content: object) -> Path:
    path = folder / "rows.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_outputs_are_joined_by_their_instruction_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    rows = [
        answer("Name a fish.", "Eel."),
        answer("Name a bird.", "Owl."),
        answer("Name a fruit.", "Plum."),
        answer("Name a fruit.", "Plum."),
        answer("Name a tree.", None),
    ]
    found = read_outputs(file(tmp_path, rows), PROMPTS)
    assert found.model == "m"
    assert {id: response.text for id, response in found.responses.items()} == {
        PROMPTS[2].id: "Eel.",
        PROMPTS[0].id: "Plum.",
    }
    assert found.account == {"rows of other instructions": 1, "repeated rows": 1, "rows without output": 1}


def test_an_empty_output_is_an_output(tmp_path: Path) -> None:
    found = read_outputs(file(tmp_path, [answer(output="")]), PROMPTS)
    assert found.responses[PROMPTS[0].id].text == ""
    assert found.account == {"prompts without row": 2}


def test_outputs_without_a_generator_take_the_name_that_is_given(tmp_path: Path) -> None:
    path = file(tmp_path, [{"instruction": "Name a fruit.", "output": "Plum."}])
    assert read_outputs(path, PROMPTS, "mine").model == "mine"
    with pytest.raises(DataError, match=r"row 1: `generator` must be text; the row has `instruction`, `output`"):
        read_outputs(path, PROMPTS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", r": not JSON: Expecting value at column 1; the file must be one list", id="empty"),
        pytest.param(b'[{"instruction": "a"},\n {', r": not JSON: .* at line 2, column 3", id="cut-off"),
        pytest.param(b'{"instruction": "a"}', r": a JSON dict; the file must be one list of objects", id="one-object"),
        pytest.param([answer(), 3], r": row 2: a JSON int, not an object", id="a-number-among-rows"),
        pytest.param(gzip.compress(b"[]" * 500)[:20], r": cannot be read: .*; is the file whole\?", id="half-a-gz"),
        pytest.param(b"\xff\xfe[]", r": not UTF-8 text", id="utf-16"),
        pytest.param(b'[{"instruction": "\\ud83d"}]', r": contains half a character", id="half-a-character"),
        pytest.param(
            b"[" + b"9" * 5000 + b"]",
            r": not JSON: a whole number of thousands of digits",
            id="a-number-of-5000-digits",
        ),
        pytest.param(b"[" * 100_000, r": (JSON nested too deep|not JSON)", id="nested-too-deep"),
        pytest.param([], r": every row needs the same `\w+`; found 0: no rows", id="no-rows"),
        pytest.param([{"prompt": "a"}], r"row 1: `\w+` must be text; the row has `prompt`", id="wrong-columns"),
    ],
)
def test_a_file_that_is_no_list_of_rows_is_told(tmp_path: Path, content: object, message: str) -> None:
    path = file(tmp_path, content)
    for read in (read_outputs, read_annotations):
        with pytest.raises(DataError, match=message) as error:
            read(path, PROMPTS)
        assert str(error.value).startswith(str(path))


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: no such file"):
        read_outputs(tmp_path / "none.json", PROMPTS)
    with pytest.raises(DataError, match=r"cannot be read: .*directory"):
        read_annotations(tmp_path, PROMPTS)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([answer(), answer(generator="n")], r"the same `generator`; found 2: m, n", id="two-models"),
        pytest.param([answer(), answer(output="Fig.")], r"row 2: a second, different output to \"Name a f", id="two"),
        pytest.param([answer("Name a bird.")], r"1 row, but no output for any of the 3 prompts", id="other-prompts"),
        pytest.param([answer(output=3)], r"row 1: `output` must be text", id="a-number-as-output"),
        pytest.param([answer() | {"instruction": None}], r"row 1: `instruction` must be text", id="no-instruction"),
    ],
)
def test_outputs_that_cannot_be_used_are_told(tmp_path: Path, rows: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_outputs(file(tmp_path, rows), PROMPTS)


@pytest.mark.parametrize("preference", [0.5, 2.0001, -1, True, "1.5", 10**400, float("inf"), [1.5]])
def test_a_preference_that_is_none_is_told(tmp_path: Path, preference: object) -> None:
    with pytest.raises(
        DataError, match=r"row 2: invalid preference .*; use 1 = the baseline, 2 = the model, 1\.5 = draw"
    ):
        read_annotations(file(tmp_path, [annotation(), annotation("Name a tree.", preference)]), PROMPTS)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([annotation(), annotation(generator_2="n")], r"same `generator_2`; found 2: m, n", id="models"),
        pytest.param([annotation(), annotation(annotator="k")], r"same `annotator`; found 2: j, k", id="judges"),
        pytest.param(
            [annotation(), annotation(output_2="x")], r"row 2: a different output than an earlier", id="outputs"
        ),
        pytest.param([annotation("Name a bird.")], r"no annotation for any of the 3 prompts", id="other-prompts"),
    ],
)
def test_annotations_that_cannot_be_used_are_told(tmp_path: Path, rows: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_annotations(file(tmp_path, rows), PROMPTS)


@pytest.mark.parametrize(
    ("preference", "raw", "expected", "missing"),
    [
        pytest.param(1, "x", 0.0, None, id="the-baseline"),
        pytest.param(2, "x", 1.0, None, id="the-model"),
        pytest.param(1.25, "x", 0.25, None, id="between"),
        pytest.param(0, "x", 0.5, None, id="draw-in-older-files"),
        pytest.param(None, "I like both", None, "parse", id="words-that-say-none"),
        pytest.param(float("nan"), None, None, "api", id="no-words"),
    ],
)
def test_preferences_are_read_on_a_scale_from_0_to_1(
    tmp_path: Path, preference: object, raw: str | None, expected: float | None, missing: str | None
) -> None:
    rows = [annotation(preference=preference, raw_completion=raw)]
    (read,) = read_annotations(file(tmp_path, rows), PROMPTS).annotations
    assert (read.preference, read.missing, read.raw) == (expected, missing, raw)


def test_several_annotations_of_one_prompt_are_draws_and_a_row_that_is_there_twice_is_not(tmp_path: Path) -> None:
    first, second = (annotation(preference=p, time_per_example=t) for p, t in ((1.25, 0.51), (1.75, 0.49)))
    found = read_annotations(file(tmp_path, [first, second, first]), PROMPTS)
    assert [(a.draw, a.preference) for a in found.annotations] == [(0, 0.25), (1, 0.75)]
    assert len({a.id for a in found.annotations}) == 2
    assert found.account == {
        "repeated rows": 1,
        "prompts without row": 2,
        "prompts annotated several times, whose mean counts": 1,
    }


def test_draws_without_times_that_say_the_same_are_all_kept(tmp_path: Path) -> None:
    found = read_annotations(file(tmp_path, [annotation(preference=p) for p in (1, 1, 2)]), PROMPTS)
    assert [a.preference for a in found.annotations] == [0, 0, 1]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rows = [annotation(preference=1.25, price_per_example=0.01, raw_completion="M"), annotation("Name a fish.", None)]
    first = read_annotations(file(tmp_path, rows), PROMPTS)
    write_annotations(tmp_path / "again.json", PROMPTS, first)
    assert read_annotations(tmp_path / "again.json", PROMPTS) == first
    outputs = read_outputs(file(tmp_path, [answer("Name a fish.", "\u2028 eel"), answer()]), PROMPTS)
    write_outputs(tmp_path / "outputs.json", PROMPTS, outputs.responses, "m")
    assert read_outputs(tmp_path / "outputs.json", PROMPTS) == outputs


# The folder -----------------------------------------------------------------------------------------------------------

DIFFICULTY = "index,instruction_difficulty\n0,0.5\n1,-1\n2,2\n"
GAMED = "model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline\nv,0.8,0,-1.5,0.5,False\n"


def folder_with(folder: Path, **contents: str) -> AlpacaEval:
    names = {"difficulty": "instruction_difficulty.csv", "gamed": "df_gamed.csv"}
    (folder / "prompts.jsonl").write_text("".join(json.dumps({"instruction": p.text}) + "\n" for p in PROMPTS))
    for key, text in {"difficulty": DIFFICULTY, "gamed": GAMED, **contents}.items():
        (folder / names[key]).write_text(text)
    return AlpacaEval(folder)


def test_the_difficulty_of_a_position_becomes_that_of_its_prompt(tmp_path: Path) -> None:
    found = folder_with(tmp_path).glm
    assert found.difficulty == {PROMPTS[0].id: 0.5, PROMPTS[1].id: -1.0, PROMPTS[2].id: 2.0}
    assert (found.gamed.file, found.gamed.preference.tolist()) == ("df_gamed.csv", [0.8])


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        pytest.param({"difficulty": "index\n0\n"}, r"no column instruction_difficulty; its columns", id="no-column"),
        pytest.param(
            {"difficulty": DIFFICULTY + "3,1\n"}, r":5: index 3 is not a position of the 3 prompts", id="too-many"
        ),
        pytest.param({"difficulty": DIFFICULTY[:-4]}, r": 1 prompt without a difficulty", id="too-few"),
        pytest.param({"difficulty": DIFFICULTY + "0,9\n"}, r":5: index 0 has two difficulties", id="two-values"),
        pytest.param({"difficulty": DIFFICULTY + "0\n"}, r":5: a row whose length differs", id="short-row"),
        pytest.param({"difficulty": "index,instruction_difficulty\n0,nan\n"}, r":2: .* not a finite number", id="nan"),
        pytest.param({"gamed": GAMED.replace("0.8", "1.8")}, r"a preference .* is outside 0\.\.1", id="preference"),
        pytest.param({"gamed": ""}, r"df_gamed\.csv: no column preference, .*; its columns are none", id="empty"),
        pytest.param({"gamed": GAMED.splitlines()[0]}, r"contains no annotated rows", id="header-alone"),
    ],
)
def test_tables_of_the_glm_that_cannot_be_used_are_told(tmp_path: Path, contents: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        _ = folder_with(tmp_path, **contents).glm


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLM_ALPACA_DIR", str(tmp_path / "none"))
    with pytest.raises(DataError, match=r"none: no such folder; give a checkout of tatsu-lab/alpaca_eval"):
        AlpacaEval.open(None)


def test_what_a_folder_lacks_is_asked_of_the_hub_and_told_without_a_connection(tmp_path: Path) -> None:
    # tests/conftest.py sets HF_HUB_OFFLINE=1
    with pytest.raises(DataError, match=r"is not in .* and could not be downloaded from the Hub .*set --alpaca-dir"):
        _ = AlpacaEval(tmp_path).prompts


def test_the_real_folder_holds_805_prompts_and_every_models_rows_are_joined(shared: Path) -> None:
    data = AlpacaEval(shared / "data" / "alpaca_eval")
    assert len(data.prompts) == len(data.baseline.responses) == len(data.glm.difficulty) == 805
    assert len(data.glm.gamed.preference) == 1610
    found = read_annotations(
        data.results() / "gpt35_turbo_instruct/weighted_alpaca_eval_gpt4_turbo/annotations.json", data.prompts
    )
    assert found.account == {"prompts without row": 1}
    assert found.baseline_outputs.items() <= {id: r.text for id, r in data.baseline.responses.items()}.items()
