"""Votes on two models' conversations, in every form that arenas and MT-Bench publish them in."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from srlm.data import rankings
from srlm.data.ranked import seed_data
from srlm.data.rankings import Rankings
from srlm.errors import DataError
from srlm.settings import RankedData

Json = dict[str, Any]


def talk(*texts: str) -> list[Json]:
    return [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(texts)]


def parts(*texts: str) -> list[Json]:
    """As the 140k votes have them: a content is a list of parts."""
    return [
        {"role": turn["role"], "content": [{"type": "text", "text": turn["content"], "image": None, "mimeType": None}]}
        for turn in talk(*texts)
    ]


V33 = {"question_id": "58", "model_a": "koala", "model_b": "vicuna", "judge": "arena_user_973", "turn": 1}
V33 |= {"anony": True, "language": "English", "tstamp": 1682351591.1, "toxic_chat_tag": {}}
V33 |= {"conversation_a": talk("Which is larger?", "The sea."), "conversation_b": talk("Which is larger?", "A pond.")}
V140 = {"id": "c4", "model_a": "x", "model_b": "y", "evaluation_session_id": "s1", "evaluation_order": 1}
V140 |= {"full_conversation": [], "conv_metadata": {}, "language": "en", "is_code": False, "timestamp": "2025-06-01"}
V140 |= {"conversation_a": parts("Which?", "The sea."), "conversation_b": parts("Which?", "A pond.")}
V55 = {"id": 30192, "model_a": "x", "model_b": "y", "prompt": '["Which?"]'}
V55 |= {"response_a": '["The sea."]', "response_b": '["A pond."]'}
COMPARIA = {"model_a_name": "x", "model_b_name": "y", "both_equal": False, "chosen_model_name": "y"}
COMPARIA |= {"conversation_a": talk("Which?", "The sea."), "conversation_b": talk("Which?", "A pond.")}
MT = {"question_id": 81, "model_a": "x", "model_b": "y", "judge": "expert_0", "turn": 2, "winner": "model_a"}
MT |= {"conversation_a": talk("Q1", "a1", "Q2", "a2"), "conversation_b": talk("Q1", "b1", "Q2", "b2")}


def read(folder: Path, *rows: Json) -> Rankings:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rankings.read(str(path))


def one_hot(a: object, b: object, tie: object) -> Json:
    return {"winner_model_a": a, "winner_model_b": b, "winner_tie": tie}


@pytest.mark.parametrize(
    ("row", "format", "ranks"),
    [
        pytest.param(V33 | {"winner": "model_a"}, "arena", (0, 1), id="33k-a"),
        pytest.param(V33 | {"winner": "model_b"}, "arena", (1, 0), id="33k-b"),
        pytest.param(V33 | {"winner": "tie"}, "arena", (0, 0), id="33k-tie"),
        pytest.param(V33 | {"winner": "tie (bothbad)"}, "arena", (0, 0), id="33k-both-bad"),
        pytest.param(V140 | {"winner": "model_b"}, "arena", (1, 0), id="140k"),
        pytest.param(V140 | {"winner": "both_bad"}, "arena", (0, 0), id="140k-both-bad"),
        pytest.param(V55 | one_hot(1, 0, 0), "arena_texts", (0, 1), id="55k"),
        pytest.param(V55 | one_hot(0, 0, 1), "arena_texts", (0, 0), id="55k-tie"),
        pytest.param(V55 | one_hot("0", "1", "0"), "arena_texts", (1, 0), id="55k-from-csv"),
        pytest.param(V55 | one_hot(False, True, False), "arena_texts", (1, 0), id="55k-truth-values"),
        pytest.param(COMPARIA, "comparia", (1, 0), id="comparia"),
        pytest.param(COMPARIA | {"both_equal": True, "chosen_model_name": None}, "comparia", (0, 0), id="comparia-tie"),
    ],
)
def test_each_form_of_an_arenas_votes_is_a_pair(tmp_path: Path, row: Json, format: str, ranks: tuple[int, int]) -> None:
    found = read(tmp_path, row)
    (one,) = found.sets
    assert (found.format, one.ranked.ranks) == (format, ranks)
    assert [response.text for response in one.ranked.responses] == ["The sea.", "A pond."]
    assert found.account == ({"ties in which both are bad": 1} if "bad" in str(row.get("winner")) else {})


def test_kaggles_csv_is_read_with_its_long_texts(tmp_path: Path) -> None:
    long = 'A long answer, with a line\nand a "quote". ' * 5000
    rows = [V55 | one_hot(1, 0, 0), V55 | one_hot(0, 1, 0) | {"prompt": '["Why?"]', "response_a": json.dumps([long])}]
    with (tmp_path / "train.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    found = rankings.read(str(tmp_path / "train.csv"))
    assert [one.ranked.ranks for one in found.sets] == [(0, 1), (1, 0)]
    assert found.sets[1].ranked.responses[0].text == long
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress((tmp_path / "train.csv").read_bytes()))
    assert rankings.read(str(tmp_path / "train.csv.gz")) == found


def test_conversations_of_several_turns_are_judged_whole_and_not_trained_on(tmp_path: Path) -> None:
    row = V33 | {"winner": "model_a", "turn": 2}
    row |= {"conversation_a": talk("Q1", "a1", "Q2", "a2"), "conversation_b": talk("Q1", "b1", "Q2", "b2")}
    (one,) = read(tmp_path, row).sets
    assert one.ranked.prompt.text == "Q1\n\nQ2"
    assert one.ranked.responses[1].text == "b1\n\nUser: Q2\n\nAssistant: b2"
    texts = V55 | one_hot(1, 0, 0) | {"prompt": '["Q1", "Q2"]', "response_a": '["a1", "a2"]'}
    (same,) = read(tmp_path, texts | {"response_b": '["b1", null]'}).sets
    assert same.ranked.responses[0].text == one.ranked.responses[0].text
    assert same.ranked.responses[1].text == "b1\n\nUser: Q2\n\nAssistant: "  # null: the model said nothing
    with pytest.raises(DataError, match="its answers are conversations of their own 1"):
        seed_data(RankedData(path=str(tmp_path / "rows.jsonl"), ift=1, eft_sets=0, heldout_sets=0), 1)


def test_what_an_arena_holds_and_no_judge_can_be_asked_is_left_out_and_counted(tmp_path: Path) -> None:
    image = parts("Which?", "The sea.")
    image[0]["content"].append({"type": "image", "image": "x.png", "text": None})
    found = read(
        tmp_path,
        V33 | {"winner": "tie"},
        V33 | {"winner": None},
        V33 | {"winner": "model_a", "conversation_b": talk("Another question", "A pond.")},
        V33 | {"winner": "model_a", "conversation_b": talk("Which is larger?")},
        V33 | {"winner": "model_a", "conversation_a": [{"role": "system", "content": "Be brief."}, *talk("Q", "a")]},
        V140 | {"winner": "model_a", "conversation_a": image},
    )
    assert len(found.sets) == 1
    assert found.account == {
        "dropped: no winner": 1,
        "dropped: the user said other things to the two models": 1,
        "dropped: does not end with an answer": 1,
        "dropped: turns do not alternate": 1,
        "dropped: an image in the conversation": 1,
    }


def test_votes_of_one_session_are_resampled_together(tmp_path: Path) -> None:
    longer = V140 | {"winner": "tie", "evaluation_order": 2}
    longer |= {
        "conversation_a": parts("Which?", "Sea.", "And?", "1"),
        "conversation_b": parts("Which?", "P", "And?", "2"),
    }
    found = read(tmp_path, V140 | {"winner": "model_a"}, longer)
    assert {one.group for one in found.sets} == {"session s1"}


def test_half_a_character_in_kaggles_lists_costs_that_row(tmp_path: Path) -> None:
    half = V55 | one_hot(1, 0, 0) | {"response_a": '["\\ud83d cut"]'}
    found = read(tmp_path, V55 | one_hot(1, 0, 0), half)
    assert found.account == {"dropped: half a character, which no text file can hold": 1}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        pytest.param(
            V33 | {"winner": "Model A"}, "rows.jsonl:1: `winner` must be model_a, model_b or tie", id="winner"
        ),
        pytest.param(V55 | one_hot(1, 1, 0), "winner_model_a and winner_model_b are both 1", id="two-winners"),
        pytest.param(V55 | one_hot(0.4, 0, 0), "`winner_model_a` must be 0 or 1, found 0.4", id="a-share"),
        pytest.param(V55 | one_hot(1, 0, 0) | {"response_a": '["a", "b"]'}, "lists of equally many turns", id="turns"),
        pytest.param(
            V33 | {"winner": "tie", "conversation_a": "none"}, "`conversation_a` must be a list", id="no-list"
        ),
        pytest.param(
            V33 | {"winner": "tie", "conversation_a": [{"role": "user"}]}, "turn 1 must be a message", id="no-content"
        ),
        pytest.param(MT | {"turn": 3}, "`turn` must be 1 or 2, found 3; votes of an arena are", id="mt-bench-turn"),
        pytest.param(MT | {"conversation_a": talk("Q1", "a1")}, "at least 4 turns: found 2", id="mt-bench-short"),
        pytest.param(MT | {"judge": ["gpt-4", "pair-v2"]}, "every vote is a model's .*--judge file:PATH", id="machine"),
    ],
)
def test_what_is_no_vote_is_refused_with_its_place(tmp_path: Path, row: Json, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(tmp_path, row)


def test_mt_benchs_people_are_read_and_its_models_votes_are_counted(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        MT,
        MT | {"judge": "author_2", "winner": "tie"},
        MT | {"judge": "expert_9"},
        MT | {"judge": "gpt4_pair", "winner": "model_b"},
        MT | {"judge": ["gpt-4", "pair-v2"], "winner": "model_b"},
    )
    (one,) = found.sets
    assert (found.format, found.account) == ("mt_bench", {"dropped votes: a model's": 2})
    assert one.annotators == {"expert_0": (0, 1), "author_2": (0, 0), "expert_9": (0, 1)}
    assert (one.key, one.group, one.ranked.ranks) == ("81/2", "question 81", (0, 1))
    assert one.ranked.responses[0].text == "a1\n\nUser: Q2\n\nAssistant: a2"


def test_a_conversation_as_json_text_is_the_conversation(tmp_path: Path) -> None:
    row = V140 | {"winner": "model_a"}
    text = row | {name: json.dumps(row[name]) for name in ("conversation_a", "conversation_b")}
    assert read(tmp_path, text).sets == read(tmp_path, row).sets
