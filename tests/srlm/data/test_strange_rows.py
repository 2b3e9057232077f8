"""Every format with every field replaced by something else: read or refused in one line, never a traceback."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from srlm.data import rankings
from srlm.data.lines import every_row
from srlm.errors import DataError

PAGE = Path(__file__).parents[3] / "docs" / "rankings.md"
EXAMPLES = re.findall(r"```json (\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
OTHERS: tuple[Any, ...] = (None, 3, "3", "a\nb\x1b[31m", [], ["a"], {"a": 1}, True, float("nan"), [{"role": ["a"]}])


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if before:
        yield before
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from places(one, (*before, key))


def changed(row: dict[str, Any], place: tuple[Any, ...], other: Any) -> dict[str, Any]:
    whole: Any = copy.deepcopy(row)
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = other
    return dict(whole)


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[f"{name}-{n}" for n, (name, _) in enumerate(EXAMPLES)])
def test_a_row_with_another_value_in_it_is_read_or_refused_in_one_line(name: str, text: str, tmp_path: Path) -> None:
    rows, file = [json.loads(line) for line in text.strip().splitlines()], tmp_path / "rows.jsonl"
    tried = 0
    for place in places(rows[-1]):
        for other in OTHERS:
            file.write_text("\n".join(json.dumps(row) for row in [*rows, changed(rows[-1], place, other)]))
            tried += 1
            try:
                rankings.read(str(file), name)
            except DataError as error:
                assert str(error).isprintable()
                assert str(error).startswith(str(file))
    assert tried >= 2 * len(OTHERS)


def test_a_number_that_no_float_holds_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "p", "response": "r", "helpfulness": ' + "9" * 400 + "}\n")
    with pytest.raises(DataError) as error:
        rankings.read(str(file))
    assert str(error.value) == f"{file}:1: `helpfulness` must be a number, found {'9' * 40}"


def test_votes_on_a_question_without_a_name_are_not_put_together(tmp_path: Path) -> None:
    row = json.loads(dict(EXAMPLES)["mt_bench"])
    file = tmp_path / "votes.jsonl"
    file.write_text(json.dumps(row | {"question_id": None}))
    with pytest.raises(DataError) as error:
        rankings.read(str(file))
    assert str(error.value) == f"{file}:1: `question_id` must be text or a whole number, found None"


@pytest.mark.parametrize(
    ("text", "ranks"),
    [
        pytest.param("input,output_1,output_2,label\np,4,5,2\n", (1, 0), id="llmbar"),
        pytest.param("prompt,response,helpfulness\np,4,1\np,5,3.0\n", (1, 0), id="helpsteer"),
        pytest.param("instruction,output_1,output_2,preference\np,4,5,1.25\np,6,7,\n", (0, 1), id="alpaca_eval"),
        pytest.param("prompt,chosen,rejected,score_chosen,score_rejected\np,4,5,8.5,8.5\n", (0, 0), id="preferences"),
        pytest.param(
            "idx,instruction,response1,response2,annotator1,annotator2,annotator3\n7,p,4,5,2,2,0\n",
            (1, 0),
            id="pandalm",
        ),
    ],
)
def test_a_csv_file_holds_numbers_as_text(text: str, ranks: tuple[int, ...], tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(text)
    [one] = rankings.read(str(file)).sets
    assert one.ranked.ranks == ranks
    assert [response.text for response in one.ranked.responses] == ["4", "5"]


def test_line_ends_inside_a_csv_cell_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b'prompt,chosen,rejected\r\np,"two\r\nlines","one\rand\nthree"\r\n')
    [one] = rankings.read(str(file)).sets
    assert [response.text for response in one.ranked.responses] == ["two\r\nlines", "one\rand\nthree"]


@pytest.mark.parametrize(
    ("rows", "account"),
    [
        pytest.param(
            [{"input": "p", "output_1": "x", "output_2": "y", "label": label} for label in (1, 2, 1)],
            {"dropped: stands twice": 1, "sets whose answers another set ranks otherwise": 2},
            id="labels-that-contradict",
        ),
        pytest.param(
            [
                {"instruction": "p", "output_1": "x", "output_2": "y", "preference": said, "annotator_index": 1}
                for said in (1, 1, 2)
            ],
            {
                "dropped rows: a second, equal opinion of the same annotator": 1,
                "dropped rows: a second, other opinion of the same annotator": 1,
            },
            id="opinions-of-one-person",
        ),
        pytest.param(
            [json.loads(dict(EXAMPLES)["mt_bench"]) | {"winner": said} for said in ("model_a", "model_a", "tie")],
            {
                "dropped votes: a second, equal vote of the same person": 1,
                "dropped votes: a second, other vote of the same person": 1,
            },
            id="votes-of-one-person",
        ),
    ],
)
def test_rows_that_stand_again_are_counted(rows: list[dict[str, Any]], account: dict[str, int], tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows))
    assert rankings.read(str(file)).account == account


def test_messages_that_a_csv_file_turned_into_text_are_no_answers(tmp_path: Path) -> None:
    file = tmp_path / "Rows.CSV"
    cell = "\"[{'role': 'user', 'content': 'p'}, {'role': 'assistant', 'content': 'x'}]\""
    file.write_text(f"prompt,chosen,rejected\np,{cell},{cell}\n")
    with pytest.raises(DataError, match=r"Rows\.CSV:2: `chosen` and `rejected` are lists of messages written as text"):
        rankings.read(str(file))


def test_a_csv_file_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("prompt,chosen,chosen,rejected\np,x,y,z\n")
    with pytest.raises(DataError, match="several columns are named chosen; keep one of each"):
        rankings.read(str(file))


def test_a_folder_that_is_not_fairevals_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        rankings.read(str(tmp_path))
    assert str(error.value) == (
        f"{tmp_path}: a folder without question.jsonl; only FairEval's is read as a folder: give a file"
    )


def test_a_tree_that_gives_no_set_is_counted(tmp_path: Path) -> None:
    tree = json.loads(dict(EXAMPLES)["oasst"])
    one_answer = tree | {"prompt": tree["prompt"] | {"replies": tree["prompt"]["replies"][:1]}}
    unranked = tree | {"prompt": tree["prompt"] | {"replies": [{"role": "assistant", "text": "x"}] * 2}}
    file = tmp_path / "trees.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in (tree, one_answer, unranked)))
    found = rankings.read(str(file))
    assert len(found.sets) == 1
    assert found.account == {"dropped: trees without two ranked answers to a prompt": 2}


def test_a_directory_is_no_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        every_row(tmp_path)
    assert str(error.value) == f"{tmp_path}: cannot be read: it is a directory; give a file in it"


@pytest.mark.parametrize("strength", [-4, 3.5, -100])
@pytest.mark.parametrize(
    ("name", "column"), [("helpsteer_preferences", "preference_strength"), ("helpsteer3", "overall_preference")]
)
def test_a_strength_out_of_range_is_no_preference(name: str, column: str, strength: float, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(json.loads(dict(EXAMPLES)[name]) | {column: strength}))
    with pytest.raises(DataError, match=f"`{column}` must be -3"):
        rankings.read(str(file))


def test_an_answer_that_is_null_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"prompt": "p", "chosen": null, "rejected": "b"}\n')
    with pytest.raises(DataError, match=r"pairs\.jsonl:1: `chosen` is null; write its text, or remove the row"):
        rankings.read(str(path), "preferences")
