"""A run's own files as seed data: what is measured on is apart from what is trained on, across all files."""

import json
from pathlib import Path
from typing import Any

import pytest

from srlm.data.overlap import overlapping
from srlm.data.own_files import seed_data
from srlm.errors import DataError
from srlm.records import SeedData
from srlm.settings import FilesData

Json = dict[str, Any]
ANIMALS = ("otter", "heron", "lynx", "newt", "wren", "mole", "stoat", "hare", "carp", "toad")
PLANTS = ("oak", "fern", "moss", "rose", "lily", "reed", "flax", "hops", "rye", "yew")
VERBS = ("Describe", "Draw", "Praise", "Compare", "Count", "Sell", "Hide", "Paint", "Weigh", "Name")
IFT = [
    {"q": f"{verb} the {thing} for me, please", "a": f"an {thing}"} for verb, thing in zip(VERBS, ANIMALS, strict=True)
]
PAIRS = [
    {"prompt": f"{verb} a {thing} in your own words now", "chosen": f"good {thing}", "rejected": f"bad {thing}"}
    for verb, thing in zip(VERBS, PLANTS, strict=True)
]
COLUMNS = {"instruction": "q", "output": "a"}


def saved(folder: Path, name: str, rows: list[Json]) -> str:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / name)


def drawn(folder: Path, examples: list[Json] | None = IFT, pairs: list[Json] | None = PAIRS, **more: Any) -> SeedData:
    sources: Json = dict(more.pop("sources", {}))
    if examples is not None:
        sources["ift"] = {"path": saved(folder, "ift.jsonl", examples), "format": "alpaca", "columns": COLUMNS}
    if pairs is not None:
        sources["rankings"] = {"path": saved(folder, "pairs.jsonl", pairs), "format": "preferences"}
    ranked = "rankings" in sources
    given = {"sources": sources, "evaluation_prompts": 3, "ift": 7, "eft_sets": 8 * ranked, "heldout_sets": 2 * ranked}
    given |= more
    return seed_data(FilesData.model_validate(given), seed=1)


def prompts_of(data: SeedData) -> tuple[set[str], set[str]]:
    """Texts that are trained on, and texts that are measured on."""
    trained = {one.prompt for one in data.ift} | {one.prompt.text for one in data.eft_sets}
    measured = {one.text for one in (*data.evaluation_prompts, *data.validation_prompts)}
    return trained, measured | {one.prompt.text for one in data.heldout_sets}


def test_each_file_gives_its_own_set_and_evaluation_prompts_are_set_aside_from_ift(tmp_path: Path) -> None:
    data = drawn(tmp_path, ift=6, validation_prompts=1)
    assert {one.response for one in data.ift} <= {row["a"] for row in IFT}
    assert [one.text for one in data.seed_prompts] == [one.prompt for one in data.ift]
    assert [len(part) for part in (data.heldout_sets, data.evaluation_prompts, data.validation_prompts)] == [2, 3, 1]
    assert (len(data.ift), len(data.eft_sets)) == (6, 8)
    trained, measured = prompts_of(data)
    assert not trained & measured
    assert {one.text for one in data.evaluation_prompts} <= {row["q"] for row in IFT}
    assert data == drawn(tmp_path, ift=6, validation_prompts=1)


def test_a_file_that_holds_less_than_is_asked_gives_each_set_its_share(tmp_path: Path) -> None:
    data = drawn(tmp_path, ift=60, evaluation_prompts=20)
    assert (len(data.ift), len(data.evaluation_prompts)) == (7, 3)  # 10 x 60/80 and 10 x 20/80: 7.5 and 2.5
    assert (data.account["ift: wanted"], data.account["ift: got"]) == (60, 7)


def test_a_given_evaluation_prompt_is_trained_on_in_no_file_drawn_or_not(tmp_path: Path) -> None:
    asked = [{"instruction": IFT[0]["q"].upper()}, {"instruction": PAIRS[1]["prompt"] + "!"}]
    asked += [{"instruction": f"What is {number} times {number + 1} in Roman numerals?"} for number in range(9)]
    source = {"path": saved(tmp_path, "asked.jsonl", asked), "format": "alpaca"}
    data = drawn(tmp_path, sources={"evaluation_prompts": source}, evaluation_prompts=2, ift=9)
    assert len(data.evaluation_prompts) == 2
    assert (len(data.ift), len(data.eft_sets) + len(data.heldout_sets)) == (9, 9)
    trained, _ = prompts_of(data)
    assert IFT[0]["q"] not in trained and PAIRS[1]["prompt"] not in trained
    assert data.account["ift file: dropped: is an evaluation prompt"] == 1
    assert data.account["rankings: dropped: is an evaluation prompt"] == 1
    assert data.account["evaluation prompts: found"] == 11


def test_an_ift_example_that_resembles_a_held_out_set_is_left_out(tmp_path: Path) -> None:
    ift = [{"q": f"Oh, {row['prompt'].lower()} ...", "a": "x"} for row in PAIRS] + IFT
    data = drawn(tmp_path, ift, evaluation_prompts=1, ift=19)
    assert len(data.heldout_sets) == 2
    assert not overlapping(data.seed_prompts, [one.prompt for one in data.heldout_sets])
    assert data.account["ift file: dropped: is nearly an evaluation prompt"] >= 1
    # A prompt may be trained on in both ways.
    both = overlapping(data.seed_prompts, [one.prompt for one in data.eft_sets])
    assert len(both) >= 6


def test_a_conversation_is_not_parted_from_its_beginning(tmp_path: Path) -> None:
    def turns(row: Json) -> list[Json]:
        said = [row["q"], row["a"], f"And {row['a']} again?", "Yes."]
        return [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(said)]

    path = saved(tmp_path, "chats.jsonl", [{"messages": turns(row)} for row in IFT])
    source = {"path": path, "format": "messages", "turns": "all"}
    data = drawn(tmp_path, None, sources={"ift": source}, ift=14, evaluation_prompts=6)
    begun = [{one.messages[0].content for one in part} for part in (data.ift, data.evaluation_prompts)]
    assert not begun[0] & begun[1]
    assert len(data.ift) == 2 * len(begun[0])


def test_without_ift_examples_the_best_answers_are_learnt(tmp_path: Path) -> None:
    data = drawn(tmp_path, None, ift=3, eft_sets=3, evaluation_prompts=2)
    assert len(data.ift) == 3 and all(one.response.startswith("good ") for one in data.ift)
    trained, measured = prompts_of(data)
    assert (len(trained), len(measured), len(trained & measured)) == (6, 4, 0)


def test_without_ranked_answers_there_is_no_eft(tmp_path: Path) -> None:
    data = drawn(tmp_path, pairs=None)
    assert (len(data.ift), len(data.eft_sets), len(data.heldout_sets)) == (7, 0, 0)


def test_rows_in_another_language_are_left_out(tmp_path: Path) -> None:
    ift = [row | {"language": ("en", "de")[number % 2]} for number, row in enumerate(IFT)]
    data = drawn(tmp_path, ift, language="en", evaluation_prompts=1, ift=4)
    assert (len(data.ift), data.account["ift file: dropped: other language"]) == (4, 5)


def test_ranked_answers_may_have_other_columns(tmp_path: Path) -> None:
    rows = [{"ask": row["prompt"], "good": row["chosen"], "bad": row["rejected"]} for row in PAIRS]
    columns = {"prompt": "ask", "chosen": "good", "rejected": "bad"}
    source = {"path": saved(tmp_path, "rows.jsonl", rows), "format": "preferences", "columns": columns}
    data = drawn(tmp_path, pairs=None, sources={"rankings": source}, eft_sets=3, heldout_sets=2)
    assert [one.ranks for one in data.eft_sets] == [(0, 1)] * 3
    source["columns"] = columns | {"rejected": "worse"}
    with pytest.raises(DataError, match=r"rows\.jsonl:1: no column `worse`, which data\.sources\.rankings\.columns"):
        drawn(tmp_path, pairs=None, sources={"rankings": source}, eft_sets=3, heldout_sets=2)


def test_a_format_is_named_and_one_that_looks_right_is_proposed(tmp_path: Path) -> None:
    rows = [{"prompt": "a", "responses": ["b", "c"], "ranks": [0, 1]}]
    source = {"path": saved(tmp_path, "rows.jsonl", rows)}
    with pytest.raises(
        DataError, match=r"^data\.sources\.rankings\.format is not set; .*:1: looks like own: set format"
    ):
        drawn(tmp_path, pairs=None, sources={"rankings": source}, eft_sets=1)


def test_too_few_rows_are_refused_with_the_account(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none left for data\.evaluation_prompts \(ift file: found 1, "):
        drawn(tmp_path, IFT[:1], evaluation_prompts=1)


def test_columns_of_our_own_format_that_are_not_read_are_counted_and_slips_refused(tmp_path: Path) -> None:
    rows: list[Json] = [
        {"id": number, "prompt": row["prompt"], "responses": [row["chosen"], row["rejected"]], "ranks": [0, 1]}
        for number, row in enumerate(PAIRS)
    ]
    source = {"path": saved(tmp_path, "rows.jsonl", rows), "format": "own"}
    data = drawn(tmp_path, pairs=None, sources={"rankings": source}, eft_sets=3)
    assert data.account["rankings: columns that are not read"] == 10
    rows[4]["review"] = ["a", "b"]
    source["path"] = saved(tmp_path, "rows.jsonl", rows)
    with pytest.raises(DataError, match=r"rows\.jsonl:5: unknown column `review`; did you mean `reviews`\?"):
        drawn(tmp_path, pairs=None, sources={"rankings": source}, eft_sets=3)
